"""How fast articles get in: ratios against bare peers in the same run.

On the embedded Kafka or, with --real, on Apache Kafka.

    python -m bench.publishing producer    AsyncPublisher against a bare aiokafka producer with the same settings
    python -m bench.publishing warc        articles out of WARC against a bare pass of warcio over the same file
    python -m bench.publishing memory      the most memory `claimstream publish` has for 10 MB, 100 MB and 1 GB of WARC
    python -m bench.publishing http        latency of `claimstream serve` at half of its full load, against that of a
                                           bare handler of aiohttp and aiokafka at the same rate

Each pair is run in turns; what is printed is the median of the rounds, by the processor time of this process, so that
a busy machine does not decide. `http` is by the clock.
"""

import argparse
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from aiokafka import AIOKafkaProducer
from warcio.archiveiterator import WARCIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from claimstream.agents.provision import create_topics
from claimstream.cli import embedded
from claimstream.config.settings import Intake, Kafka, Settings
from claimstream.publishing import AsyncPublisher
from claimstream.publishing.archives import read
from claimstream.publishing.producer import BATCH_BYTES, COMPRESSION
from tests.servers.real import RealServers, real_servers

ROUNDS = 7
ARTICLES = 200
REQUESTS = 1000
STEMS, ENDS = ("har", "fer", "bri", "min", "lor"), ("bour", "ry", "dge", "ister", "n")
WORDS = [stem + end for stem in STEMS for end in ENDS]
Article = dict[str, str]


def page(n: int, words: int = 10_000) -> str:
    """Some 100 kB of html, as news pages have, with typographic quotation marks; compresses about as well as these."""
    chosen = random.Random(n)
    text = " ".join(map("{}{}".format, chosen.choices(WORDS, k=words), chosen.choices(range(30), k=words)))
    return f"<html><body><article><p>“{text}” – {n}</p></article></body></html>"


def articles(count: int) -> list[Article]:
    return [{"url": f"https://bench.example/{n}", "html": page(n)} for n in range(count)]


def bare_producer(settings: Kafka) -> AIOKafkaProducer:
    return AIOKafkaProducer(
        bootstrap_servers=settings.servers,
        acks="all",
        enable_idempotence=True,
        compression_type=COMPRESSION,
        max_batch_size=BATCH_BYTES,
        linger_ms=5,
        max_request_size=settings.max_message_bytes,
    )


async def bare(settings: Kafka, batch: Sequence[Article]) -> float:
    """Articles a second of aiokafka by itself: encoded, sent, all confirmed."""
    async with bare_producer(settings) as producer:
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


def producer(settings: Kafka) -> None:
    batch = articles(ARTICLES)
    pairs = [(asyncio.run(bare(settings, batch)), asyncio.run(ours(settings, batch))) for _ in range(ROUNDS)]
    report("articles a second", "aiokafka", "AsyncPublisher", pairs)


def warc(_: Kafka) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.warc.gz"
        write_warc(file, articles(ARTICLES))
        print(f"{file.stat().st_size / 1e6:.0f} MB")
        pairs = [(bare_pass(file), our_pass(file)) for _ in range(ROUNDS)]
    report("records a second", "warcio", "read", pairs)


def write_warc(file: Path, pages: Iterable[Article]) -> None:
    with file.open("wb") as out:
        writer = WARCWriter(out, gzip=file.suffix == ".gz")
        for one in pages:
            headers = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            body = io.BytesIO(one["html"].encode())
            writer.write_record(writer.create_warc_record(one["url"], "response", body, http_headers=headers))


def memory(settings: Kafka) -> None:
    """Publish WARC by the command; tell how long it took, and the most memory that it had."""
    pages = articles(ARTICLES)
    environment = os.environ | Settings(kafka=settings).environment()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bench.warc"
        for size in (10_000_000, 100_000_000, 1_000_000_000):
            count = size // len(pages[0]["html"].encode())
            write_warc(file, (pages[n % ARTICLES] | {"url": f"https://bench.example/{n}"} for n in range(count)))
            for options in (["--dry-run"], []):
                command = [sys.executable, "-m", "claimstream.cli", "publish", *options, file.name]
                started = time.perf_counter()
                with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True) as run:
                    assert run.stdout is not None
                    told = run.stdout.read().strip().replace("\n", "; ")
                    _, run.returncode, used = os.wait4(run.pid, 0)
                seconds = time.perf_counter() - started
                print(f"{file.stat().st_size / 1e6:.0f} MB: {told}; {seconds:.0f} s, of processor time "
                      f"{used.ru_utime + used.ru_stime:.0f}; at the most {used.ru_maxrss / 1024:.0f} MiB",
                      flush=True)  # fmt: skip


def bare_pass(file: Path) -> float:
    started = time.process_time()
    with file.open("rb") as stream:
        count = sum(1 for record in WARCIterator(stream) if record.content_stream().read() is not None)
    return count / (time.process_time() - started)


def our_pass(file: Path) -> float:
    started = time.process_time()
    count = sum(1 for _, entry in read(file) if entry.article)
    return count / (time.process_time() - started)


def http(settings: Kafka) -> None:
    mine = os.environ | Settings(kafka=settings, intake=Intake(port=0)).environment()
    with (
        serving([sys.executable, "-m", "claimstream.cli", "serve"], mine) as ours,
        serving([sys.executable, "-m", "bench.publishing", "peer"], mine) as peer,
    ):
        asyncio.run(compared(peer, ours, [json.dumps(one).encode() for one in articles(ARTICLES)]))


@contextmanager
def serving(command: Sequence[str], environment: dict[str, str]) -> Iterator[str]:
    """Run a server; yield its address, which it prints."""
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().split(" at ")[1].strip()
        finally:
            server.terminate()


async def peer() -> None:
    """A handler of nothing but aiohttp and aiokafka: the body is JSON, and Kafka has it."""
    settings = Settings().kafka

    async def post(request: web.Request) -> web.Response:
        body = await request.read()
        await producer.send_and_wait("raw-articles", body, key=json.loads(body)["url"].encode())
        return web.json_response({}, status=202)

    async with bare_producer(settings) as producer:
        app = web.Application(client_max_size=settings.max_message_bytes)
        app.add_routes([web.post("/articles", post)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        print(f"peer at http://{host}:{port}/articles", flush=True)
        await asyncio.Event().wait()


async def compared(peer: str, ours: str, bodies: Sequence[bytes]) -> None:
    async with aiohttp.ClientSession() as client:
        await full_load(client, ours, bodies)  # what is loaded at the first request
        full = statistics.median([await full_load(client, ours, bodies) for _ in range(3)])
        many = [*bodies] * (REQUESTS // len(bodies))
        pairs = [(await at_rate(client, peer, many, full / 2), await at_rate(client, ours, many, full / 2))
                 for _ in range(3)]  # fmt: skip
    print(f"full load {full:.0f} requests/s; at half of it, aiohttp with aiokafka and `claimstream serve`:")
    for number in (50, 99):
        theirs, mine = ([statistics.quantiles(one[i], n=100)[number - 1] for one in pairs] for i in (0, 1))
        ratio = statistics.median(b / a for a, b in zip(theirs, mine, strict=True))
        print(f"p{number} {statistics.median(theirs) * 1000:.0f} ms and {statistics.median(mine) * 1000:.0f} ms, "
              f"ratio {ratio:.2f}")  # fmt: skip


async def full_load(client: aiohttp.ClientSession, address: str, bodies: Sequence[bytes]) -> float:
    """Requests a second as fast as 20 connections go."""
    started = time.perf_counter()
    waiting = iter(bodies)

    async def connection() -> None:
        for body in waiting:
            await post(client, address, body)

    await asyncio.gather(*(connection() for _ in range(20)))
    return len(bodies) / (time.perf_counter() - started)


async def at_rate(client: aiohttp.ClientSession, address: str, bodies: Sequence[bytes], rate: float) -> list[float]:
    """How long each takes, sent at a rate whatever the answers take."""
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for number, body in enumerate(bodies):
            await asyncio.sleep(max(0, started + number / rate - time.perf_counter()))
            tasks.append(group.create_task(post(client, address, body)))
    return [task.result() for task in tasks]


async def post(client: aiohttp.ClientSession, address: str, body: bytes) -> float:
    started = time.perf_counter()
    async with client.post(address, data=body, headers={"Content-Type": "application/json"}) as answer:
        assert answer.status == 202, await answer.text()
    return time.perf_counter() - started


def report(unit: str, peer: str, name: str, pairs: Sequence[tuple[float, float]]) -> None:
    theirs, mine = (statistics.median(one[i] for one in pairs) for i in (0, 1))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"{peer} {theirs:.0f} {unit}, {name} {mine:.0f}, ratio {ratio:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    benches: dict[str, Callable[[Kafka], None]] = {"producer": producer, "warc": warc, "memory": memory, "http": http}
    parser.add_argument("bench", choices=[*benches, "peer"])
    parser.add_argument("--real", action="store_true", help="on Apache Kafka, which Maven fetches")
    options = parser.parse_args()
    if options.bench == "peer":
        asyncio.run(peer())
        return
    with real_servers(RealServers, ["kafka"]) if options.real else embedded.temporary() as servers:
        settings = Kafka(servers=servers.kafka, partitions=2)
        asyncio.run(create_topics(settings))
        benches[options.bench](settings)


if __name__ == "__main__":
    main()
