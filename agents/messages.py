"""A message as the agents see it, and the headers in which its history travels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

ORIGIN = "claimstream-origin"
RECEIVED_AT = "claimstream-received-at"


@dataclass(frozen=True)
class Message:
    """A consumed message."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: float
    """Unix seconds, as the broker has it."""
    headers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where the raw article was published; a raw article is its own origin."""
        stated = self.headers.get(ORIGIN)
        return stated.decode(errors="replace") if stated else f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def received_at(self) -> datetime:
        """When Kafka received the raw article; a clock that runs ahead does not count."""
        stated = self.headers.get(RECEIVED_AT, b"")
        milliseconds = int(stated) if stated.isdigit() else int(self.timestamp * 1000)
        now = int(datetime.now(UTC).timestamp() * 1000)
        return datetime.fromtimestamp(max(0, min(milliseconds, now)) / 1000, UTC)

    @property
    def history(self) -> dict[str, bytes]:
        """The headers that everything made of this message carries."""
        return {
            ORIGIN: self.origin.encode(),
            RECEIVED_AT: str(round(self.received_at.timestamp() * 1000)).encode(),
        }


@dataclass(frozen=True)
class Outgoing:
    """A message to be produced."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
