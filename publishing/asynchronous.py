"""The publisher for asyncio: each article checked before it is sent, and confirmed by all in-sync replicas."""

import asyncio
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import Any, Self

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from claimstream.publishing.article import RawArticle, checked
from claimstream.publishing.connecting import RETRY_SECONDS, require_topic, tls
from claimstream.publishing.errors import Misconfigured, NotPublished, PublishError, TooLarge, Unreachable
from claimstream.publishing.producer import Producer

log = logging.getLogger(__name__)

MIB = 1024 * 1024
IN_FLIGHT = 64
"""Articles that aiokafka has at a time: it gives up those that wait too long for a turn; here they wait in order."""
QUIET_SECONDS = 15.0
"""After so long without a confirmation an outage is logged."""
CLOCK_SKEW = timedelta(hours=24)
"""As `limits.clock_skew_hours` of the stream, which is what decides."""


@dataclass(frozen=True)
class Receipt:
    """Kafka has the article."""

    article_id: str
    origin: str
    """`topic/partition/offset`: what became of it stands in the index `outcomes` under this name."""


@dataclass
class Stats:
    """Counts since the start, for a scraper's own metrics."""

    published: int = 0
    published_bytes: int = 0
    """Of the messages before compression."""
    refused: int = 0
    """Neither sent nor to be sent: invalid or too large."""
    failed: int = 0
    """Sent, and not confirmed in time."""
    retried: int = 0
    """Tries repeated because Kafka was away."""
    waiting: int = field(default=0)
    """Handed over and neither confirmed nor failed."""


class AsyncPublisher:
    """Publishes raw articles to Kafka.

        async with AsyncPublisher("localhost:9092") as publisher:
            await publisher.publish({"url": "https://example.com/news/1", "html": page})

    `publish` waits for Kafka's confirmation, `send` only for room in the buffer; `flush`, and the end of the block,
    wait for the rest and raise what was not published.
    """

    def __init__(
        self,
        servers: str = "localhost:9092",
        *,
        topic: str = "raw-articles",
        patience: float = 120.0,
        buffer_memory: int = 32 * MIB,
        max_message_bytes: int = 16 * MIB,
        ca_file: str | os.PathLike[str] | None = None,
        **connection: Any,
    ) -> None:
        """Nothing is connected yet.

        servers            host:port, comma separated
        patience           seconds for which an article survives an outage of Kafka
        buffer_memory      bytes of articles on their way; beyond it `send` and `publish` wait
        max_message_bytes  kafka.max_message_bytes of the stream
        ca_file            certificate authority of the brokers, for TLS; by default the system's
        connection         as aiokafka takes them: security_protocol, sasl_mechanism, ...

        Raises Misconfigured.
        """
        if "SSL" in connection.get("security_protocol", ""):
            connection["ssl_context"] = connection.get("ssl_context") or tls(ca_file)
        self.stats = Stats()
        self.topic = topic
        self._patience = patience
        self._max_message_bytes = max_message_bytes
        self._servers = servers
        self._connection = connection
        self._producer = Producer(servers, topic, max_message_bytes, connection)
        self._outage = _Outage(self.stats, patience)
        self._turns = asyncio.Semaphore(IN_FLIGHT)
        self._buffer = _Buffer(max(buffer_memory, max_message_bytes))
        self._sending: set[asyncio.Task[Receipt]] = set()
        self._failed: list[tuple[RawArticle, PublishError]] = []

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        try:
            await self.stop()
        except NotPublished as error:
            if kind is None:
                raise
            log.error("%s", error)  # noqa: TRY400 - what ended the block says more than a second traceback

    async def start(self) -> None:
        """Connect. Raises Unreachable or Misconfigured."""
        await require_topic(self._servers, self.topic, **self._connection)
        await self._producer.start()
        self._outage.watch()

    async def stop(self) -> None:
        """Wait for what was handed over, then disconnect. Raises NotPublished."""
        try:
            await self.flush()
        finally:
            self._outage.ignore()
            await self._producer.stop()

    async def publish(self, article: RawArticle | Mapping[str, Any]) -> Receipt:
        """Return when Kafka has the article. Raises any PublishError."""
        since = monotonic()
        raw, value = self.check(article)
        await self._buffer.take(len(value))
        return await self._deliver(raw, value, since)

    async def send(self, article: RawArticle | Mapping[str, Any]) -> "asyncio.Task[Receipt]":
        """Hand an article over. Raises Invalid or TooLarge at once; the task, and `flush`, what comes later."""
        since = monotonic()
        raw, value = self.check(article)
        await self._buffer.take(len(value))
        task = asyncio.create_task(self._deliver(raw, value, since))
        self._sending.add(task)
        task.add_done_callback(lambda done: self._sent(raw, done))
        return task

    def _sent(self, raw: RawArticle, task: "asyncio.Task[Receipt]") -> None:
        self._sending.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), PublishError):
            self._failed.append((raw, error))

    async def flush(self) -> None:
        """Wait for all that was handed over. Raises NotPublished for what failed since the last time."""
        while self._sending:
            await asyncio.wait(self._sending)
        failed, self._failed = self._failed, []
        if failed:
            raise NotPublished(failed)

    def check(self, article: RawArticle | Mapping[str, Any]) -> tuple[RawArticle, bytes]:
        """Return the article and the message that would be sent. Raises Invalid or TooLarge. Needs no connection."""
        try:
            raw = article if isinstance(article, RawArticle) else checked(RawArticle, dict(article))
            raw.check_dates(datetime.now(UTC), CLOCK_SKEW)
            value = raw.to_bytes()
            if len(value) > self._max_message_bytes:
                raise TooLarge(
                    f"{len(value)} bytes are more than a message may have "
                    f"({self._max_message_bytes}, kafka.max_message_bytes)"
                )
        except PublishError:
            self.stats.refused += 1
            raise
        return raw, value

    async def _deliver(self, raw: RawArticle, value: bytes, since: float) -> Receipt:
        """Send until Kafka confirms; gives the room in the buffer back. Raises Unreachable, TooLarge, Misconfigured.

        While an article waits for its turn and others are confirmed, there is no outage, however slow Kafka is.
        """
        self._outage.waits()
        why: BaseException | None = None
        deadline: float | None = None
        try:
            while True:
                async with self._turns:
                    deadline = deadline or max(since, self._outage.confirmed_at) + self._patience
                    if (left := deadline - monotonic()) <= 0:
                        raise TimeoutError  # noqa: TRY301 - as the next line does
                    try:
                        async with asyncio.timeout(left):
                            place = await self._producer.send(raw.article_id.encode(), value)
                            break
                    except KafkaError as error:
                        _raise_if_final(error, self.topic)
                        why = error
                        self.stats.retried += 1
                await asyncio.sleep(RETRY_SECONDS)
        except TimeoutError:
            self.stats.failed += 1
            cause = f": {why!r}" if why else ""
            raise Unreachable(f"Kafka did not confirm the article within {self._patience:g} s{cause}") from why
        except (TooLarge, Misconfigured):
            self.stats.failed += 1
            raise
        finally:
            self.stats.waiting -= 1
            self._buffer.give(len(value))
        self._outage.ends()
        self.stats.published += 1
        self.stats.published_bytes += len(value)
        return Receipt(raw.article_id, f"{place.topic}/{place.partition}/{place.offset}")


class _Outage:
    """Knows when Kafka confirmed an article last, and logs when articles wait for that for long."""

    def __init__(self, stats: Stats, patience: float) -> None:
        self.confirmed_at = 0.0
        self._busy_since = 0.0
        self._confirmed = asyncio.Event()
        self._stats = stats
        self._patience = patience
        self._watching: asyncio.Task[None] | None = None

    def waits(self) -> None:
        """One more article waits."""
        if not self._stats.waiting:
            self._busy_since = monotonic()
        self._stats.waiting += 1

    def ends(self) -> None:
        """Kafka has confirmed an article."""
        self.confirmed_at = monotonic()
        self._confirmed.set()

    def watch(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    def ignore(self) -> None:
        if self._watching:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(QUIET_SECONDS / 2)
            begun = max(self.confirmed_at, self._busy_since)
            if not self._stats.waiting or monotonic() - begun < QUIET_SECONDS:
                continue
            log.warning(
                "Kafka has confirmed nothing for %.0f s; %d articles wait for it, each for up to %g s",
                monotonic() - begun, self._stats.waiting, self._patience,
            )  # fmt: skip
            self._confirmed.clear()
            await self._confirmed.wait()
            log.warning("Kafka confirms articles again")


class _Buffer:
    """Counts the bytes on their way."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._room = asyncio.Event()

    async def take(self, size: int) -> None:
        while self._free < min(size, self._size):
            self._room.clear()
            await self._room.wait()
        self._free -= size

    def give(self, size: int) -> None:
        self._free += size
        self._room.set()


def _raise_if_final(error: KafkaError, topic: str) -> None:
    match error:
        case MessageSizeTooLargeError():
            raise TooLarge(f"the topic {topic} takes no messages of this size (max.message.bytes)") from error
        case TopicAuthorizationFailedError() | ClusterAuthorizationFailedError():
            raise Misconfigured(f"Kafka forbids this user to write to {topic}") from error
