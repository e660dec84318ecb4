import os
import subprocess
import sys

import pytest

from claimstream.cli.demo import SAMPLES
from claimstream.config.indices import KINDS

from ..conftest import own_settings
from ..stream import Stream


@pytest.fixture(scope="session")
def run_cli():
    def run(stream, *arguments: str, status: int = 0, **options) -> "subprocess.CompletedProcess[str]":
        environment = os.environ | stream.settings.environment() | {"COLUMNS": "200"}
        command = [sys.executable, "-m", "claimstream.cli", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False, **options
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture(scope="session")
def samples(servers, tmp_path_factory) -> Stream:
    """A stream in which a worker has done the sample articles; nothing is to be changed in it."""
    stream = Stream(own_settings(servers), tmp_path_factory.mktemp("samples"))
    stream.initialise()
    stream.publish(SAMPLES)
    with stream.worker():
        stream.wait()
    for kind in KINDS:
        stream.documents(kind)  # which refreshes, so that others find them
    return stream
