"""The publisher for asyncio: each article checked before it is sent, and confirmed by all in-sync replicas."""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from claimstream.publishing.article import RawArticle, checked
from claimstream.publishing.connecting import CONNECT_MILLISECONDS, RETRY_SECONDS, require_topic, tls
from claimstream.publishing.errors import Misconfigured, NotPublished, PublishError, TooLarge, Unreachable

log = logging.getLogger(__name__)

MIB = 1024 * 1024
IN_FLIGHT = 64
"""Articles that aiokafka has at a time: it gives up those that wait too long for a turn; here they wait in order."""
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
        self._producer: AIOKafkaProducer | None = None
        self._renewal = asyncio.Lock()
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
        self._producer = await self._connect()

    async def stop(self) -> None:
        """Wait for what was handed over, then disconnect. Raises NotPublished."""
        try:
            await self.flush()
        finally:
            if self._producer is not None:
                await _discard(self._producer)
                self._producer = None

    async def publish(self, article: RawArticle | Mapping[str, Any]) -> Receipt:
        """Return when Kafka has the article. Raises any PublishError."""
        raw, value = self.check(article)
        await self._buffer.take(len(value))
        return await self._deliver(raw, value)

    async def send(self, article: RawArticle | Mapping[str, Any]) -> "asyncio.Task[Receipt]":
        """Hand an article over. Raises Invalid or TooLarge at once; the task, and `flush`, what comes later."""
        raw, value = self.check(article)
        await self._buffer.take(len(value))
        task = asyncio.create_task(self._deliver(raw, value))
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

    async def _deliver(self, raw: RawArticle, value: bytes) -> Receipt:
        """Send until Kafka confirms; gives the room in the buffer back. Raises Unreachable, TooLarge, Misconfigured."""
        self.stats.waiting += 1
        why: BaseException | None = None
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    try:
                        async with self._turns:
                            place = await self._send(raw.article_id.encode(), value)
                    except KafkaError as error:
                        _raise_if_final(error, self.topic)
                        why = error
                        self.stats.retried += 1
                        await asyncio.sleep(RETRY_SECONDS)
                    else:
                        break
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
        self.stats.published += 1
        self.stats.published_bytes += len(value)
        return Receipt(raw.article_id, f"{place.topic}/{place.partition}/{place.offset}")

    async def _send(self, key: bytes, value: bytes) -> Any:
        """Send once and wait for the confirmation. A producer that lost its way is replaced. Raises KafkaError."""
        producer = self._producer
        if producer is None:
            raise RuntimeError("the publisher is not started: use it in an `async with` block")
        try:
            return await producer.send_and_wait(self.topic, value, key=key)
        except KafkaError as error:
            # After an outage the sequence numbers of an idempotent producer can be past mending (aiokafka issue 1017).
            if not error.retriable and not isinstance(error, MessageSizeTooLargeError):
                async with self._renewal:
                    if self._producer is producer:
                        self._producer = await self._connect()
                        await _discard(producer)
            raise

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers.split(","),
            **self._connection,
            acks="all",
            enable_idempotence=True,
            compression_type="gzip",
            linger_ms=5,
            max_request_size=self._max_message_bytes + 1024,  # the key and the frame come on top
            request_timeout_ms=CONNECT_MILLISECONDS,
        )
        try:
            await producer.start()
            await asyncio.sleep(0)  # its sender must have begun before it can be stopped
        except BaseException:
            await producer.stop()
            raise
        return producer


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


async def _discard(producer: AIOKafkaProducer) -> None:
    """Stop a producer, and give up what it could not send: its own stop() would wait for that for ever."""
    await producer._sender.close()  # noqa: SLF001
    unsent = producer._message_accumulator  # noqa: SLF001
    unsent.fail_all(KafkaTimeoutError())
    for batch in [batch for batches in unsent._batches.values() for batch in batches]:  # noqa: SLF001
        with suppress(KafkaError):
            await batch.wait_drain(0)  # or asyncio complains that nobody asked for the error
    await producer.stop()
