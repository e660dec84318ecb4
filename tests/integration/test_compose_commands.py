"""The very commands of docker-compose.yml's services, run outside of containers: entrypoint, arguments, environment."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from claimstream.cli.demo import SAMPLES
from claimstream.cli.embedded import free_port
from claimstream.config.settings import Kafka, Settings, Worker

from .. import compose
from ..compose import DOCKERFILE
from ..servers.real import real_servers
from ..stream import Stream, stop, until


@pytest.fixture(params=["plain", pytest.param("secure", marks=pytest.mark.real)])
def arrangement(request, settings):
    """The services, the folder of their files, the settings of an administrator, and where the servers are."""
    if request.param == "plain":
        yield compose.read(compose.SECURE, compose.PLAIN)["services"], None, settings, settings.environment()
        return
    from ..servers.secured import PREFIX, SERVICES, SecuredServers

    with real_servers(SecuredServers) as secured:
        secured.grant()
        theirs = Settings(
            kafka=Kafka(servers=secured.plain, prefix=PREFIX, partitions=2),
            elasticsearch=secured.elasticsearch_settings("admin"),
            worker=Worker(pool_processes=1, web_port=0),
        )
        here = {
            "CLAIMSTREAM_KAFKA__SERVERS": secured.kafka,
            "CLAIMSTREAM_KAFKA__CA_FILE": str(secured.ca_file),
            "CLAIMSTREAM_KAFKA__PREFIX": PREFIX,
            "CLAIMSTREAM_KAFKA__PARTITIONS": "2",
            "CLAIMSTREAM_ELASTICSEARCH__URL": secured.elasticsearch,
            "CLAIMSTREAM_ELASTICSEARCH__CA_FILE": str(secured.ca_file),
            "CLAIMSTREAM_ELASTICSEARCH__PREFIX": PREFIX,
            "CLAIMSTREAM_ELASTICSEARCH__ANALYZER": secured.analyzer,
        }
        yield SERVICES, secured.folder, theirs, here


@pytest.fixture
def container(arrangement):
    """What a container of a service runs, with the test's servers in place of those of the file and nothing else."""
    services, folder, _, here = arrangement

    def command_and_environment(name: str) -> tuple[list[str], dict[str, str]]:
        program, *arguments = [*compose.entrypoint(), *services[name]["command"]]
        image = dict(re.findall(r"(PYTHON\w+)=(\w+)", DOCKERFILE))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        web = {"CLAIMSTREAM_WORKER__WEB_PORT": str(free_port()), "CLAIMSTREAM_WORKER__WEB_HOST": "127.0.0.1"}
        assert shutil.which(program, path=path)
        environment = compose.environment(services[name], folder)
        return [program, *arguments], {**image, **environment, **here, **web, "PATH": path}

    return command_and_environment


def test_init_and_worker_do_the_samples_and_the_health_check_sees_it(arrangement, container, tmp_path):
    folder = tmp_path / "tmp"  # all that a container can write to
    folder.mkdir()
    services, _, settings, _ = arrangement
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
    assert Settings().worker.shutdown_seconds < float(services["worker"]["stop_grace_period"].removesuffix("s"))
    assert list(folder.iterdir()) == [], "a read-only container has no other place to write to"
