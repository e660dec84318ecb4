"""The producers of aiokafka that a publisher has, one after another: one that lost its way is replaced."""

import asyncio
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from claimstream.publishing.connecting import CONNECT_MILLISECONDS

COMPRESSION = "zstd"
"""A page of 87 kB takes .4 ms and becomes 22 kB; with gzip, as aiokafka uses it, 20 ms and 20 kB."""
BATCH_BYTES = 1024 * 1024
"""Of one request to a partition. With aiokafka's 16 kB, each page is a request of its own, and waits for the last."""


class Producer:
    """Sends to one topic: idempotent, and confirmed by all in-sync replicas."""

    def __init__(self, servers: str, topic: str, max_message_bytes: int, connection: dict[str, Any]) -> None:
        """Nothing is connected yet."""
        self._servers = servers
        self._topic = topic
        self._max_message_bytes = max_message_bytes
        self._connection = connection
        self._current: AIOKafkaProducer | None = None
        self._renewal = asyncio.Lock()

    async def start(self) -> None:
        self._current = await self._connect()

    async def stop(self) -> None:
        if self._current is not None:
            await _discard(self._current)
            self._current = None

    async def send(self, key: bytes, value: bytes) -> Any:
        """Send once and wait for the confirmation. Raises KafkaError."""
        producer = self._current
        if producer is None:
            raise RuntimeError("the publisher is not started: use it in an `async with` block")
        try:
            return await producer.send_and_wait(self._topic, value, key=key)
        except KafkaError as error:
            # After an outage the sequence numbers of an idempotent producer can be past mending (aiokafka issue 1017).
            if not error.retriable and not isinstance(error, MessageSizeTooLargeError):
                async with self._renewal:
                    if self._current is producer:
                        self._current = await self._connect()
                        await _discard(producer)
            raise

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers.split(","),
            **self._connection,
            acks="all",
            enable_idempotence=True,
            compression_type=COMPRESSION,
            max_batch_size=min(BATCH_BYTES, self._max_message_bytes),
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


async def _discard(producer: AIOKafkaProducer) -> None:
    """Stop a producer, and give up what it could not send: its own stop() would wait for that for ever."""
    await producer._sender.close()  # noqa: SLF001
    unsent = producer._message_accumulator  # noqa: SLF001
    batches = [batch for batches in unsent._batches.values() for batch in batches]  # noqa: SLF001
    unsent._pending_batches.update(batches)  # noqa: SLF001 - where a batch that waits for its second try is looked for
    unsent.fail_all(KafkaTimeoutError())
    for batch in batches:
        with suppress(KafkaError):
            await batch.wait_drain(0)  # or asyncio complains that nobody asked for the error
    await producer.stop()
