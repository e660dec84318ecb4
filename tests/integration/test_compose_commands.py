"""The very commands of docker-compose.yml's services, run outside of containers: entrypoint, arguments, environment."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from claimstream.cli.demo import SAMPLES
from claimstream.cli.embedded import free_port
from claimstream.config.settings import Settings

from ..stream import Stream, stop, until

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@pytest.fixture
def container(settings):
    """What a container of a service runs, with the test's servers in place of those of the file and nothing else."""
    ours = settings.environment()

    def command_and_environment(name: str) -> tuple[list[str], dict[str, str]]:
        service = SERVICES[name]
        entrypoint = json.loads(re.findall(r"^ENTRYPOINT (.*)", DOCKERFILE, re.MULTILINE)[0])
        program, *arguments = [*entrypoint, *service["command"]]
        environment = {
            variable: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value))
            for variable, value in service["environment"].items()
        }
        image = dict(re.findall(r"(PYTHON\w+)=(\w+)", DOCKERFILE))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        web = {"CLAIMSTREAM_WORKER__WEB_PORT": str(free_port()), "CLAIMSTREAM_WORKER__WEB_HOST": "127.0.0.1"}
        assert shutil.which(program, path=path)
        return [program, *arguments], {**image, **environment, **ours, **web, "PATH": path}

    return command_and_environment


def test_init_and_worker_do_the_samples_and_the_health_check_sees_it(settings, container, tmp_path):
    folder = tmp_path / "tmp"  # all that a container can write to
    folder.mkdir()
    stream = Stream(settings, tmp_path)
    for told in ("created", "nothing to create"):  # compose repeats it at every `up`
        command, environment = container("init")
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(told) == 2
    command, environment = container("worker")
    with (tmp_path / "worker-0.log").open("wb") as log:
        worker = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    try:
        stream.publish(SAMPLES)
        stream.wait()
        check = json.loads(re.findall(r"^HEALTHCHECK .*CMD (.*)", DOCKERFILE, re.MULTILINE)[0])
        until(
            lambda: subprocess.run(check, check=False, env=environment, capture_output=True).returncode == 0, "health"
        )
        assert worker.poll() is None
    finally:
        stop(worker)
    assert worker.returncode == 0
    assert Settings().worker.shutdown_seconds < float(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert list(folder.iterdir()) == [], "a read-only container has no other place to write to"
