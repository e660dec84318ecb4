"""How fast articles get in: ratios against bare peers in the same run, on the embedded servers.

    python -m bench.publishing producer    AsyncPublisher against a bare aiokafka producer with the same settings
    python -m bench.publishing warc        articles out of WARC against a bare pass of warcio over the same file
    python -m bench.publishing http        `claimstream serve`: requests a second, and latency at half of that

Each pair is run in turns; what is printed is the median of the rounds, by the processor time of this process, so that
a busy machine does not decide. `http` is by the clock.
"""

import asyncio
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaProducer
from warcio.archiveiterator import WARCIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from claimstream.agents.provision import create_topics
from claimstream.cli import embedded
from claimstream.config.settings import Intake, Kafka, Settings
from claimstream.publishing import AsyncPublisher
from claimstream.publishing.archives import read

ROUNDS = 3
ARTICLES = 200
STEMS, ENDS = ("har", "fer", "bri", "min", "lor"), ("bour", "ry", "dge", "ister", "n")
WORDS = [stem + end for stem in STEMS for end in ENDS]
Article = dict[str, str]


def page(n: int, words: int = 10_000) -> str:
    """Some 100 kB of html, as news pages have, that compresses somewhat worse than these do."""
    chosen = random.Random(n)
    text = " ".join(map("{}{}".format, chosen.choices(WORDS, k=words), chosen.choices(range(30), k=words)))
    return f"<html><body><article><p>{text}</p></article></body></html>"


def articles(count: int) -> list[Article]:
    return [{"url": f"https://bench.example/{n}", "html": page(n)} for n in range(count)]


@contextmanager
def kafka() -> Iterator[Kafka]:
    with embedded.temporary() as servers:
        settings = Kafka(servers=servers.kafka, partitions=2)
        asyncio.run(create_topics(settings))
        yield settings


async def bare(settings: Kafka, batch: Sequence[Article]) -> float:
    """Articles a second of aiokafka by itself: encoded, sent, all confirmed."""
    async with AIOKafkaProducer(
        bootstrap_servers=settings.servers,
        acks="all",
        enable_idempotence=True,
        compression_type="gzip",
        linger_ms=5,
        max_request_size=settings.max_message_bytes,
    ) as producer:
        started = time.process_time()
        sent = [await producer.send("raw-articles", json.dumps(one).encode(), key=one["url"].encode()) for one in batch]
        await asyncio.gather(*sent)
        return len(batch) / (time.process_time() - started)


async def ours(settings: Kafka, batch: Sequence[Article]) -> float:
    async with AsyncPublisher(settings.servers) as publisher:
        started = time.process_time()
        for one in batch:
            await publisher.send(one)
        await publisher.flush()
        return len(batch) / (time.process_time() - started)


def producer() -> None:
    batch = articles(ARTICLES)
    with kafka() as settings:
        pairs = [(asyncio.run(bare(settings, batch)), asyncio.run(ours(settings, batch))) for _ in range(ROUNDS)]
    report("articles a second", "aiokafka", "AsyncPublisher", pairs)


def warc() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.warc.gz"
        with file.open("wb") as out:
            writer = WARCWriter(out, gzip=True)
            for one in articles(ARTICLES):
                headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
                body = io.BytesIO(one["html"].encode())
                writer.write_record(writer.create_warc_record(one["url"], "response", body, http_headers=headers))
        print(f"{file.stat().st_size / 1e6:.0f} MB")
        pairs = [(bare_pass(file), our_pass(file)) for _ in range(ROUNDS)]
    report("records a second", "warcio", "read", pairs)


def bare_pass(file: Path) -> float:
    started = time.process_time()
    with file.open("rb") as stream:
        count = sum(1 for record in WARCIterator(stream) if record.content_stream().read() is not None)
    return count / (time.process_time() - started)


def our_pass(file: Path) -> float:
    started = time.process_time()
    count = sum(1 for _, entry in read(file) if entry.article)
    return count / (time.process_time() - started)


def http() -> None:
    with kafka() as settings:
        mine = Settings(kafka=settings, intake=Intake(port=0))
        command = [sys.executable, "-m", "claimstream.cli", "serve"]
        with subprocess.Popen(
            command, env=os.environ | mine.environment(), stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdout is not None
            address = server.stdout.readline().split(" at ")[1].strip()
            asyncio.run(load(address, [json.dumps(one).encode() for one in articles(ARTICLES)]))
            server.terminate()


async def load(address: str, bodies: Sequence[bytes]) -> None:
    """First as fast as 20 connections go, then at half that rate whatever the answers take."""
    took: list[float] = []

    async def post(client: aiohttp.ClientSession, body: bytes) -> None:
        started = time.perf_counter()
        async with client.post(address, data=body, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 202, await answer.text()
        took.append(time.perf_counter() - started)

    async def connection(client: aiohttp.ClientSession, waiting: Iterator[bytes]) -> None:
        for body in waiting:
            await post(client, body)

    async with aiohttp.ClientSession() as client:
        started = time.perf_counter()
        waiting = iter(bodies)
        await asyncio.gather(*(connection(client, waiting) for _ in range(20)))
        rate = len(bodies) / (time.perf_counter() - started)
        took.clear()
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, body in enumerate(bodies):
                await asyncio.sleep(max(0, started + 2 * number / rate - time.perf_counter()))
                group.create_task(post(client, body))
    percentiles = statistics.quantiles(took, n=100)
    print(f"full load {rate:.0f} requests/s; at half of it p50 {percentiles[49] * 1000:.1f} ms, "
          f"p99 {percentiles[98] * 1000:.1f} ms")  # fmt: skip


def report(unit: str, peer: str, name: str, pairs: Sequence[tuple[float, float]]) -> None:
    theirs, mine = (statistics.median(one[i] for one in pairs) for i in (0, 1))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{peer} {theirs:.0f} {unit}, {name} {mine:.0f}, ratio {ratio:.2f}")


if __name__ == "__main__":
    {"producer": producer, "warc": warc, "http": http}[sys.argv[1]]()
