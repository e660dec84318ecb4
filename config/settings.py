"""The one settings class: environment variables `CLAIMSTREAM_...` and a `.env` file.

A nested field is reached with two underscores: `CLAIMSTREAM_KAFKA__SERVERS`, `CLAIMSTREAM_LIMITS__MAX_HTML_BYTES`.
"""

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

MIB = 1024 * 1024

Stage = Literal["strip", "extract", "index"]
STAGES: tuple[Stage, ...] = ("strip", "extract", "index")

Prefix = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_.-]*$")]
SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:/,\[\]]+)(:\d{1,5})?")


class _Group(BaseModel):
    """Frozen, and an unknown name is an error: a misspelt variable must not pass in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Kafka(_Group):
    servers: str = Field("localhost:9092", description="Bootstrap servers, host:port, comma separated.")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="As a broker on this machine speaks; the SASL ones need username and password."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="The strongest of the three; only for the SASL protocols."
    )
    username: str | None = Field(None, description="For the SASL protocols.")
    password: SecretStr | None = Field(None, description="For the SASL protocols; never printed.")
    ca_file: Path | None = Field(None, description="Certificate authority of the brokers; the system's if unset.")
    certificate_file: Path | None = Field(None, description="Client certificate (PEM), for mutual TLS.")
    key_file: Path | None = Field(None, description="The client certificate's key, if it is not in the same file.")
    prefix: Prefix = Field("", description="Put before every topic and consumer group name.")
    backfill: bool = Field(
        False, description="Topics and groups of the back-fill, beside the live ones; `claimstream --backfill` sets it."
    )
    partitions: int = Field(6, ge=1, description="Per topic; more workers than this stay idle.")
    replication_factor: int = Field(1, ge=1, description="1 suits a single broker; use 3 on a cluster.")
    max_message_bytes: int = Field(
        16 * MIB,
        ge=64 * 1024,
        description="10 MiB of html, escaped as JSON, fits; Kafka's own default is 1 MiB.",
    )
    session_timeout: float = Field(
        30, gt=0, le=90, description="Seconds without a heartbeat until a worker counts as dead; Faust takes up to 90."
    )

    @field_validator("servers")
    @classmethod
    def _addresses(cls, servers: str) -> str:
        if not all(SERVER.fullmatch(server) for server in servers.split(",")):
            raise ValueError("give brokers as host:port, separated by commas alone, like broker-1:9092,broker-2:9092")
        return servers

    @model_validator(mode="after")
    def _sasl_needs_credentials(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.username and self.password):
            raise ValueError(f"security_protocol {self.security_protocol} needs username and password")
        return self


class Elasticsearch(_Group):
    url: str = Field("http://localhost:9200", description="One node or a load balancer, with scheme and port.")
    api_key: SecretStr | None = Field(None, description="Encoded API key; preferred over a user and password.")
    username: str | None = Field(None, description="Instead of api_key; needs password.")
    password: SecretStr | None = Field(None, description="Instead of api_key; never printed.")
    ca_file: Path | None = Field(None, description="Certificate authority; the system's if unset.")
    verify_certificates: bool = Field(True, description="False accepts any certificate: for trials only.")
    prefix: Prefix = Field("", description="Put before every index, alias and template name.")
    analyzer: str = Field("english", description="Analyzer of text fields; must exist on the server.")
    replicas: int = Field(0, ge=0, description="0 suits one node; 1 or more on a cluster.")
    request_timeout: float = Field(30, gt=0, description="Seconds; a bulk that takes longer is retried.")
    max_bulk_documents: int = Field(500, ge=1, description="Small bulks fail, and are retried, in small pieces.")
    max_bulk_bytes: int = Field(5 * MIB, ge=64 * 1024, description="Elasticsearch works best below some 10 MiB.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            complete = parts.scheme in {"http", "https"} and parts.hostname and parts.port
        except ValueError:  # a port that is no number
            complete = None
        if not complete:
            raise ValueError("give one address with scheme and port, like https://search:9200")
        if parts.username is not None:
            raise ValueError("an address is printed: give the login as username and password")
        return url

    @model_validator(mode="after")
    def _one_way_to_log_in(self) -> Self:
        if self.api_key and (self.username or self.password):
            raise ValueError("give either api_key or username and password, not both")
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password go together")
        return self


class Limits(_Group):
    """What one article may be and cost. Beyond it the article is refused or dead-lettered, never the worker hurt."""

    max_html_bytes: int = Field(10 * MIB, ge=1024, description="Beyond: refused as too-large.")
    max_text_chars: int = Field(
        300_000, ge=1000, description="Of the raw or stripped text; 50,000 words take extract some 10 s."
    )
    min_words: int = Field(25, ge=1, description="Shorter texts are captions, stubs and notices.")
    seconds: float = Field(30, gt=0, description="Per stage; the longest text allowed takes extract some 10.")
    memory_mib: int = Field(1024, ge=256, description="Per pool process; what it loads takes some 200.")
    clock_skew_hours: float = Field(24, ge=0, description="Dates further ahead of the message's arrival are errors.")


class Sites(_Group):
    """What is learned of sites: lines that stand on several articles of a site are not the article's."""

    settle_seconds: float = Field(
        60,
        ge=0,
        description="What a page teaches counts for pages that arrive so much later: by then every worker has heard of "
        "it, so that all judge alike, now and in a replay.",
    )
    most: int = Field(
        500, ge=1, description="Sites that are remembered, those seen last; each takes a worker up to 300 kB."
    )


class Worker(_Group):
    pool_processes: int = Field(
        max(1, (os.cpu_count() or 2) - 1), ge=1, description="One core is left for the event loop."
    )
    articles_per_process: int = Field(
        2000, ge=1, description="A pool process is replaced after so many: lxml and spaCy leak a little."
    )
    buffer: int = Field(32, ge=1, le=4096, description="Messages read ahead per stage; each can be a whole page.")
    buffer_bytes: int = Field(
        32 * MIB, ge=1, description="Messages read ahead per stage, and a batch, end with the one that reaches it."
    )
    batch: int = Field(50, ge=1, description="Articles the index stage writes together.")
    fuse: int = Field(10, ge=1, description="Dead letters of the program's own making, in a row, that stop a worker.")
    stall_seconds: float = Field(
        300,
        gt=0,
        description="Lag without a commit for so long ends the process, for its supervisor to restart.",
    )
    shutdown_seconds: float = Field(
        8, gt=0, description="Grace for what is in flight; below the usual 10 s of SIGTERM."
    )
    web_host: str = Field("127.0.0.1", description="/health and /metrics; loopback unless a container says otherwise.")
    web_port: int = Field(6066, ge=0, le=65535, description="0 switches the web page off.")


class Intake(_Group):
    """The HTTP way in, `claimstream serve`."""

    host: str = Field("127.0.0.1", description="Loopback; any other address needs a token.")
    port: int = Field(6067, ge=0, le=65535, description="Beside the worker's; 0 takes a free one.")
    token: SecretStr | None = Field(
        None, min_length=16, description="Required as `Authorization: Bearer ...` if set; never printed."
    )
    max_requests: int = Field(100, ge=1, description="More of them at a time are answered 429.")
    max_body_bytes: int = Field(
        32 * MIB, ge=64 * 1024, description="Of one request; with max_requests, what bounds the memory."
    )

    @model_validator(mode="after")
    def _token_unless_on_loopback(self) -> Self:
        if self.token is None and not _is_loopback(self.host):
            raise ValueError(f"token: is missing; without one, host must be 127.0.0.1, not {self.host}")
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Environment(EnvSettingsSource):
    """Hands on our variables that name no setting, too, so that they are an error."""

    def __call__(self) -> dict[str, Any]:
        prefix = self.env_prefix.lower()
        ours = {name.removeprefix(prefix): text for name, text in self.env_vars.items() if name.startswith(prefix)}
        known = self.settings_cls.model_fields
        return super().__call__() | {name: text for name, text in ours.items() if name.partition("__")[0] not in known}


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="CLAIMSTREAM_",
        env_nested_delimiter="__",
        env_file=".env",
        dotenv_filtering="match_prefix",  # docker compose reads the same file
        extra="forbid",
        frozen=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls), dotenv_settings

    kafka: Kafka = Kafka()
    elasticsearch: Elasticsearch = Elasticsearch()
    limits: Limits = Limits()
    sites: Sites = Sites()
    worker: Worker = Worker()
    intake: Intake = Intake()
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="`debug` adds what Faust, aiokafka and the Elasticsearch client say."
    )

    def environment(self) -> dict[str, str]:
        """What was set, as variables for another process. Not for printing: secrets are in clear."""
        variables = {}
        for group in ("kafka", "elasticsearch", "limits", "sites", "worker", "intake"):
            for field, value in getattr(self, group).model_dump(exclude_unset=True, exclude_none=True).items():
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                variables[f"CLAIMSTREAM_{group}__{field}".upper()] = str(plain)
        return variables
