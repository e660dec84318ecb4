"""The real servers with security on: TLS, logins, and a user who may do no more than a worker must."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from claimstream.cli.embedded import free_port, wait_until_answering
from claimstream.config.settings import Elasticsearch, Kafka

from .real import START_SECONDS, RealServers

PASSWORD = "only-for-tests-8t2kq"
"""Of every user and key here; the tests look for it where no secret may be."""
PREFIX = "secured-"
ROLES = f"""
claimstream:
  cluster: [monitor]
  indices:
    - names: ["{PREFIX}articles*", "{PREFIX}claims*", "{PREFIX}outcomes*"]
      privileges: [read, index, delete, view_index_metadata, maintenance]
reader:
  cluster: [monitor]
  indices:
    - names: ["{PREFIX}*"]
      privileges: [read, view_index_metadata]
"""
"""What docs/security.md tells people to grant."""


class SecuredServers(RealServers):
    """Kafka by SASL_SSL with access control, and Elasticsearch by https; `admin` may do everything."""

    def __init__(self, data: Path) -> None:
        self.plain = f"127.0.0.1:{free_port()}"
        """Kafka for administrators: without login, never found outside of tests."""
        self.ca_file = data / "ca.pem"
        self._key_store = data / "keys.p12"
        super().__init__(data)
        self.elasticsearch = self.elasticsearch.replace("http:", "https:")

    def kafka_settings(self, user: str = "claimstream", **settings: object) -> Kafka:
        return Kafka.model_validate(
            {
                "servers": self.kafka,
                "security_protocol": "SASL_SSL",
                "username": user,
                "password": PASSWORD,
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
                "password": PASSWORD,
                "ca_file": self.ca_file,
                "prefix": PREFIX,
                "analyzer": self.analyzer,
                **settings,
            }
        )

    def grant(self) -> None:
        """Give the user `claimstream` what a worker, and the commands of a person, need."""
        tool = self._java("org.apache.kafka.tools.AclCommand", "--bootstrap-server", self.plain, "--add")
        to = ["--allow-principal", "User:claimstream", "--resource-pattern-type", "prefixed"]
        for operations, kind in (("read write", "--topic"), ("read", "--group")):
            flags = [flag for word in operations.split() for flag in ("--operation", word)]
            subprocess.run([*tool, *to, *flags, kind, PREFIX], check=True, stdout=subprocess.DEVNULL)

    def _make_keys(self) -> None:
        keytool = [str(self._java_home / "bin" / "keytool"), "-storepass", PASSWORD, "-keystore", str(self._key_store)]
        names = ["-dname", "CN=localhost", "-ext", "san=ip:127.0.0.1", "-ext", "bc:c=ca:true"]
        kind = ["-alias", "own", "-keyalg", "EC", "-validity", "2", "-storetype", "PKCS12"]
        subprocess.run([*keytool, "-genkeypair", *kind, *names], check=True, stderr=subprocess.DEVNULL)
        export = [*keytool, "-exportcert", "-rfc", "-alias", "own", "-file", str(self.ca_file)]
        subprocess.run(export, check=True, stderr=subprocess.DEVNULL)

    def _properties(self) -> dict[str, str]:
        plain = super()._properties()
        protocols = plain["listener.security.protocol.map"]
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return plain | {
            "listeners": plain["listeners"].replace(self.kafka, self.plain) + f",SECURE://{self.kafka}",
            "listener.security.protocol.map": f"{protocols},SECURE:SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.secure.scram-sha-512.sasl.jaas.config": module,
            "ssl.keystore.location": str(self._key_store),
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.password": PASSWORD,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def _format_kafka(self, *options: str) -> None:
        self._make_keys()
        users = [f"--add-scram=SCRAM-SHA-512=[name={n},password={PASSWORD}]" for n in ("claimstream", "stranger")]
        super()._format_kafka(*options, *users)

    def _configure_elasticsearch(self) -> None:
        super()._configure_elasticsearch()
        config = self._data / "config"
        shutil.copy(self._key_store, config)
        (config / "roles.yml").write_text(ROLES, "utf-8")
        for user, role in (("admin", "superuser"), ("claimstream", "claimstream"), ("reader", "reader")):
            tool = str(self._elasticsearch_home() / "bin" / "elasticsearch-users")
            add = self._as_nobody([tool, "useradd", user, "-p", PASSWORD, "-r", role])
            subprocess.run(add, check=True, env=self._environment(), stdout=subprocess.DEVNULL)

    def _settings(self) -> dict[str, str]:
        return super()._settings() | {
            "xpack.security.enabled": "true",
            "xpack.security.http.ssl.enabled": "true",
            "xpack.security.http.ssl.keystore.path": self._key_store.name,
            "xpack.security.http.ssl.keystore.password": PASSWORD,
        }

    def _wait_until_answering(self, service: str, running: Callable[[], bool]) -> None:
        if service == "kafka":
            wait_until_answering(self.plain, running, START_SECONDS)
        else:
            admin = self.elasticsearch_settings("admin")
            wait_until_answering(
                self.elasticsearch, running, START_SECONDS, ca_certs=str(admin.ca_file), basic_auth=("admin", PASSWORD)
            )
