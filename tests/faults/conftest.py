import pytest

from ..stream import Stream


@pytest.fixture
def stream(settings, tmp_path):
    kafka = settings.kafka.model_copy(update={"session_timeout": 10.0})  # a killed worker is missed sooner
    one = Stream(settings.model_copy(update={"kafka": kafka}), tmp_path)
    one.initialise()
    yield one
    one.stop_workers()
