import pytest

from ..stream import Stream
from .plain import FORGETFUL


@pytest.fixture
def stream(settings, tmp_path):
    kafka = settings.kafka.model_copy(update={"session_timeout": 10.0})  # a killed worker is missed sooner
    one = Stream(settings.model_copy(update={"kafka": kafka, "sites": FORGETFUL}), tmp_path)
    one.initialise()
    yield one
    one.stop_workers()
