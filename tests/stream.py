"""A stream of one's own for a test: topics, indices, workers as processes, and what comes out."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaProducer
from elasticsearch import Elasticsearch

from claimstream.agents.connections import elasticsearch_options
from claimstream.agents.dead_letters import Buried, read
from claimstream.agents.lag import PartitionLag, read_lag
from claimstream.agents.provision import initialise
from claimstream.agents.worker import FATAL
from claimstream.config.indices import Indices, Kind
from claimstream.config.settings import Settings, Stage
from claimstream.config.topics import Topics

SECONDS = 240
"""After so long, what was waited for will not come."""
PAGE = 10_000
"""Documents in one answer; Elasticsearch gives no more."""
KEYS: dict[Kind, str] = {"articles": "article_id", "claims": "claim_id", "outcomes": "origin"}


class Worker(subprocess.Popen[bytes]):
    """A worker with what is needed to read its log and to start it again."""

    def __init__(
        self, program: Sequence[str], arguments: Sequence[str], environment: dict[str, str], log: Path
    ) -> None:
        self.start = program, arguments, environment
        self._log = log
        command = [sys.executable, *program, "worker", *arguments]
        with log.open("wb") as output:
            super().__init__(command, env=environment, stdout=output, stderr=output, start_new_session=True)

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8")


class Stream:
    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.topics = Topics.of(settings.kafka)
        self.published = 0
        self.workers: list[Worker] = []
        """Those that run, or are to be started again."""
        self.restarts = 0
        self._folder = folder
        self._numbers = count()
        self._indices = Indices(settings.elasticsearch)
        self._client = Elasticsearch(
            settings.elasticsearch.url, request_timeout=30, **elasticsearch_options(settings.elasticsearch)
        )

    def initialise(self) -> None:
        asyncio.run(initialise(self.settings))

    # ── workers ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start_worker(
        self, *arguments: str, program: Sequence[str] = ("-m", "claimstream.cli"), **settings: str
    ) -> Worker:
        environment = os.environ | self.settings.environment() | settings
        return self._start(program, arguments, environment)

    def _start(self, *start: Any) -> Worker:
        worker = Worker(*start, self._folder / f"worker-{next(self._numbers)}.log")
        self.workers.append(worker)
        return worker

    def wait_for_log(self, worker: Worker, words: str) -> None:
        until(lambda: words in worker.log, f"{words!r} in the log of the worker")

    def wait_until_shared(self, stage: Stage, workers: int) -> None:
        """Wait until so many workers share the partitions of a stage, and none of them is about to join or to leave.

        The embedded Kafka may take one that leaves in between for the leader of the others, for good.
        """
        owners = {f"{socket.gethostname()}-{worker.pid}" for worker in self.workers if worker.poll() is None}
        assert len(owners) == workers
        until(
            lambda: {one.owner for one in self.lag() if one.stage == stage} == owners,
            f"{workers} workers to share the partitions of {stage}",
        )

    @contextmanager
    def worker(self, *arguments: str, **settings: str) -> Iterator[Worker]:
        running = self.start_worker(*arguments, **settings)
        try:
            yield running
        finally:
            stop(running)

    def supervise(self) -> None:
        """Start anew each worker that has ended, as its supervisor would, but not one that asks for a person."""
        for worker in [worker for worker in self.workers if worker.poll() is not None]:
            assert worker.returncode != FATAL, worker.log[-2000:]
            self.workers.remove(worker)
            self._start(*worker.start)
            self.restarts += 1

    def stop_workers(self) -> None:
        for worker in self.workers:
            stop(worker)
        self.workers.clear()

    # ── in and out ───────────────────────────────────────────────────────────────────────────────────────────────

    def publish(
        self,
        values: Iterable[bytes | None],
        topic: str | None = None,
        timestamp: Callable[[], int | None] = lambda: None,
        key: bytes | None = b"scraper",
    ) -> None:
        """Publish as any scraper may: with no key that means anything, in order unless it is None."""

        async def send() -> None:
            size = self.settings.kafka.max_message_bytes
            async with AIOKafkaProducer(bootstrap_servers=self.settings.kafka.servers, max_request_size=size) as kafka:
                for value in values:
                    name = topic or self.topics.raw_articles
                    await kafka.send_and_wait(name, value, key=key if value else b"scraper", timestamp_ms=timestamp())
                    self.published += topic is None

        asyncio.run(send())

    def count(self, kind: Kind) -> int:
        self._client.indices.refresh(index=self._indices.alias(kind))
        return int(self._client.count(index=self._indices.alias(kind))["count"])

    def documents(self, kind: Kind) -> list[dict]:
        alias = self._indices.alias(kind)
        self._client.indices.refresh(index=alias)
        hits: list[dict] = []
        while True:
            after = {"search_after": hits[-1]["sort"]} if hits else {}
            page = self._client.search(index=alias, size=PAGE, sort=[KEYS[kind]], **after)["hits"]["hits"]
            hits += page
            if len(page) < PAGE:
                return [hit["_source"] for hit in hits]

    def endings(self) -> list[str]:
        """What became of each published article, in no order: `refused: too-short`."""
        documents = self.documents("outcomes")
        return sorted(one["outcome"] + (f": {one['reason']}" if one["reason"] else "") for one in documents)

    def wait(self) -> None:
        """Wait until each published article has its outcome and nothing is left to do."""
        until(lambda: self.count("outcomes") >= self.published, f"{self.published} outcomes")
        until(lambda: sum(one.lag for one in self.lag()) == 0, "lag 0")

    def lag(self) -> list[PartitionLag]:
        return asyncio.run(read_lag(self.settings.kafka))

    def dead_letters(self) -> list[Buried]:
        return asyncio.run(read(self.settings.kafka))


def stop(worker: Worker) -> None:
    """End a worker and see that nothing of it is left."""
    mine = children(worker)
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
        try:
            worker.wait(15)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
            raise
    wait_for_end(mine)


def children(worker: Worker) -> Sequence[psutil.Process]:
    try:
        return psutil.Process(worker.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def wait_for_end(processes: Sequence[psutil.Process]) -> None:
    until(lambda: not any(alive(one) for one in processes), f"the end of {processes}")


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that has ended, but that nobody has reaped, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(true, what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited {SECONDS} s in vain for {what}"
        time.sleep(0.2)
