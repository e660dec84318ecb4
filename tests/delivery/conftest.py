"""A stage whose broker is a few lists: what is handed on, what is committed, and in which order things happen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import TopicPartition

from claimstream.agents import delivery, offsets, producer
from claimstream.agents.delivery import Delivery, Handle, each
from claimstream.agents.errors import Fatal
from claimstream.agents.messages import Message, Outgoing
from claimstream.config.settings import Settings, Worker

RAW = "raw-articles"
WORKER = Worker(fuse=3)


class Broker:
    """Stands where Faust's app, its producer and aiokafka's consumer stand."""

    def __init__(self) -> None:
        self.produced: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]] = []
        self.committed: dict[int, int] = {}
        self.assigned = {
            TopicPartition(topic, p) for topic in (RAW, "articles", "claims", "outcomes") for p in range(3)
        }
        self.send_errors: list[Exception] = []
        """Raised by the next sends, in turn."""
        self.commit_errors: list[Exception] = []
        self.accepting = asyncio.Event()
        self.accepting.set()
        self.consumer = SimpleNamespace(_thread=self, seek=self.seek)
        self.uncommitted: dict[int, int] = {}
        """By partition, the first message that the group has not committed; without one it is the first that is fed."""
        self.sought: list[tuple[int, int]] = []

    async def maybe_start_producer(self) -> "Broker":
        return self

    async def send_and_wait(self, topic, key, value, partition, timestamp, headers) -> None:
        await self.accepting.wait()
        if self.send_errors:
            raise self.send_errors.pop(0)
        self.produced.append((topic, key, value, headers))

    async def call_thread(self, function: Callable[[], Any]) -> None:
        await function()

    def _ensure_consumer(self) -> "Broker":
        return self

    def assignment(self) -> set[TopicPartition]:
        return self.assigned

    async def commit(self, offsets: dict[TopicPartition, Any]) -> None:
        if self.commit_errors:
            raise self.commit_errors.pop(0)
        self.committed |= {tp.partition: offset.offset for tp, offset in offsets.items()}

    async def seek(self, tp: TopicPartition, offset: int) -> None:
        self.sought.append((tp.partition, offset))

    async def first_uncommitted(self, kafka: Any, group: str, tp: TopicPartition, offset: int) -> int:
        return self.uncommitted.get(tp.partition, offset)

    def values(self, topic: str) -> list[bytes | None]:
        return [value for name, _, value, _ in self.produced if name == topic]


def event(offset: int, value: bytes | None = b"", partition: int = 0, topic: str = RAW) -> Any:
    message = SimpleNamespace(
        topic=topic,
        partition=partition,
        tp=TopicPartition(topic, partition),
        offset=offset,
        key=b"key",
        value=value if value != b"" else str(offset).encode(),
        timestamp=1_700_000_000.0,
        headers=[],
    )
    return SimpleNamespace(message=message)


@each
async def passing(message: Message) -> list[Outgoing]:
    return [Outgoing("articles", b"id", message.value, message.history)]


class Stream:
    """Yields the events it is fed, as `stream.noack().events()` does."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[Any]:
        while True:
            yield await self.queue.get()


class Running:
    def __init__(self, broker: Broker, delivery: Delivery, stream: Stream, fatals: list[Fatal]) -> None:
        self.broker, self.delivery, self.stream, self.fatals = broker, delivery, stream, fatals

    def feed(self, events: Iterable[Any]) -> None:
        for one in events:
            self.stream.queue.put_nowait(one)

    async def rebalance(self) -> None:
        await self.delivery.offsets.revoked(self.broker, set())  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Let everything run that can run without the world's help, then commit."""
        for _ in range(200):
            await asyncio.sleep(0)
        await self.delivery.offsets.commit()


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def run(broker: Broker, monkeypatch: pytest.MonkeyPatch):
    for module in (delivery, offsets, producer):
        monkeypatch.setattr(module, "delays", lambda: iter(lambda: 0, 1))
    monkeypatch.setattr(offsets, "first_uncommitted", broker.first_uncommitted)
    monkeypatch.setattr(offsets, "HANDING_ON_SECONDS", 0)

    @asynccontextmanager
    async def running(
        handle: Handle, *, stage: Any = "strip", worker: Worker = WORKER, **how: int
    ) -> AsyncIterator[Running]:
        fatals: list[Fatal] = []
        settings = Settings(_env_file=None, worker=worker)
        delivery = Delivery(broker, stage, handle, settings, fatals.append, **how)  # type: ignore[arg-type]
        stream = Stream()
        task = asyncio.create_task(delivery.run(stream))
        try:
            yield Running(broker, delivery, stream, fatals)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    return running
