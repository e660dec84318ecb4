"""The real servers as docker-compose.yml sets them up: TLS, logins, users who may do what they must and no more."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from claimstream.cli.embedded import free_port, wait_until_answering
from claimstream.config.secrets import make
from claimstream.config.settings import Elasticsearch, Kafka

from .. import compose
from .real import START_SECONDS, RealServers

PREFIX = "secured-"
SERVICES = compose.read(compose.SECURE)["services"]
ADMINISTRATOR = "admin"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"


class SecuredServers(RealServers):
    """Kafka by SASL_SSL with access control, and Elasticsearch by https.

    Settings, files and passwords are those of docker-compose.yml and `make secrets`; ports and folders differ.
    """

    quorum = ()  # docker-compose.yml names the voters

    def __init__(self, data: Path) -> None:
        self.folder = data / "checkout"
        """Where `make secrets` was called."""
        self.folder.mkdir()
        make(self.folder / "secrets", self.folder / ".env")
        self.ca_file = self.folder / "secrets/public/ca.pem"
        self._ports = {port: str(free_port()) for port in ("19092", "9092", "9093", "9094")}
        self.plain = f"localhost:{self._ports['9094']}"
        """Kafka for administrators: without login, found in the container only."""
        super().__init__(data)
        self.kafka = f"localhost:{self._ports['9092']}"
        self.elasticsearch = self.elasticsearch.replace("http://127.0.0.1", "https://localhost")

    def password(self, user: str) -> str:
        return (self.folder / "secrets/passwords" / user).read_text("utf-8")

    def kafka_settings(self, user: str = "claimstream", **settings: object) -> Kafka:
        return Kafka.model_validate(
            {
                "servers": self.kafka,
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN",
                "username": user,
                "password": self.password(user),
                "ca_file": self.ca_file,
                "prefix": PREFIX,
                "partitions": 2,
                **settings,
            }
        )

    def elasticsearch_settings(self, user: str = "claimstream", **settings: object) -> Elasticsearch:
        return Elasticsearch.model_validate(
            {
                "url": self.elasticsearch,
                "username": user,
                "password": self.password(user),
                "ca_file": self.ca_file,
                "prefix": PREFIX,
                "analyzer": self.analyzer,
                **settings,
            }
        )

    def grant(self) -> None:
        """What the service `rights` does."""
        rights = SERVICES["rights"]
        tool = shlex.join(self._java("org.apache.kafka.tools.AclCommand"))
        (script,) = rights["command"]
        script = self._local(compose.substituted(script)).replace("/opt/kafka/bin/kafka-acls.sh", tool)
        told = {
            name: compose.substituted(value, CLAIMSTREAM_KAFKA__PREFIX=PREFIX)
            for name, value in rights["environment"].items()
        }
        subprocess.run([*rights["entrypoint"], script], check=True, env=os.environ | told, stdout=subprocess.DEVNULL)

    def let_in_by_scram(self, user: str) -> None:
        secret = f"SCRAM-SHA-512=[password={self.password(user)}]"
        tool = self._java("kafka.admin.ConfigCommand", "--bootstrap-server", self.plain)
        change = ["--alter", "--add-config", secret, "--entity-type", "users", "--entity-name", user]
        subprocess.run([*tool, *change], check=True, stdout=subprocess.DEVNULL)

    def _local(self, value: str) -> str:
        """What docker-compose.yml says, with the ports of this machine."""
        for port, ours in self._ports.items():
            value = value.replace(f":{port}", f":{ours}")
        return value.replace("://:", "://localhost:").replace("://kafka:", "://localhost:")

    def _properties(self) -> dict[str, str]:
        """Made of the environment as the image does."""
        variables = compose.environment(SERVICES["kafka"], self.folder)
        del variables["KAFKA_HEAP_OPTS"]
        properties = {
            name.removeprefix("KAFKA_").lower().replace("_", "."): self._local(value)
            for name, value in variables.items()
        }
        scram = {  # the settings' default, which docker-compose.yml does without
            "listener.name.host.sasl.enabled.mechanisms": f"{properties['sasl.enabled.mechanisms']},SCRAM-SHA-512",
            "listener.name.host.scram-sha-512.sasl.jaas.config": f"{SCRAM} required;",
        }
        here = {
            "log.dirs": str(self.kafka_logs),
            "ssl.keystore.location": f"{self.folder}/secrets/kafka/keystore.pem",
        }
        few = dict.fromkeys(("offsets.topic.num.partitions", "transaction.state.log.num.partitions"), "1")
        assert set(here) <= set(properties)
        return properties | scram | here | few

    def _configure_elasticsearch(self) -> None:
        super()._configure_elasticsearch()
        inside = "/usr/share/elasticsearch/config/"
        for mount in SERVICES["elasticsearch"]["volumes"]:
            source, target, *_ = mount.split(":")
            if target.startswith(inside):
                path, place = self.folder / source, self._data / "config" / target.removeprefix(inside)
                if not path.exists():  # one that is not made, but part of the project
                    path = compose.ROOT / source
                (shutil.copytree if path.is_dir() else shutil.copy)(path, place)

    def _settings(self) -> dict[str, str]:
        variables = compose.environment(SERVICES["elasticsearch"])
        del variables["ES_JAVA_OPTS"], variables["path.repo"]  # in the data's folder here, too
        return super()._settings() | variables

    def _wait_until_answering(self, service: str, running: Callable[[], bool]) -> None:
        if service == "kafka":
            wait_until_answering(self.plain, running, START_SECONDS)
        else:
            wait_until_answering(
                self.elasticsearch,
                running,
                START_SECONDS,
                ca_certs=str(self.ca_file),
                basic_auth=(ADMINISTRATOR, self.password(ADMINISTRATOR)),
            )
