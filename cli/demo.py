import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from elasticsearch import AsyncElasticsearch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from claimstream.agents.connections import elasticsearch_client
from claimstream.agents.lag import Reading
from claimstream.agents.provision import initialise
from claimstream.cli import embedded
from claimstream.cli.lag import totals_table
from claimstream.cli.leash import end, leashed
from claimstream.cli.output import Failed, console
from claimstream.cli.search import claims_table, find, query
from claimstream.config.indices import KINDS, Indices
from claimstream.config.settings import Elasticsearch, Kafka, Settings, Worker
from claimstream.config.topics import Topics
from claimstream.pipeline.outcomes import Outcome

SAMPLES = files("claimstream.cli").joinpath("samples", "articles.jsonl").read_bytes().splitlines()
"""Articles of invented outlets, as scrapers publish them, and what else a stream meets."""
SECONDS = 80
"""The demo gives up after so long; it takes some twenty."""


def demo() -> None:
    """Run the main job end to end on temporary embedded servers, show what comes out, and leave nothing behind."""
    with temporary_stream() as (settings, worker):
        asyncio.run(_show(settings, worker))


@contextmanager
def temporary_stream() -> Iterator[tuple[Settings, "WorkerProcess"]]:
    """Run a worker on temporary embedded servers."""
    with embedded.temporary() as servers:
        settings = Settings(
            kafka=Kafka(servers=servers.kafka, partitions=2),
            elasticsearch=Elasticsearch(url=servers.elasticsearch),
            worker=Worker(web_port=0),
        )
        asyncio.run(initialise(settings))
        with running_worker(settings) as worker:
            yield settings, worker


@contextmanager
def running_worker(settings: Settings) -> Iterator["WorkerProcess"]:
    """Run `claimstream worker` as a process of its own, as it would be run for real."""
    with tempfile.TemporaryDirectory(prefix="claimstream-") as folder:
        log = Path(folder) / "worker.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "claimstream.cli", "worker"]
            process = leashed(command, output, os.environ | settings.environment())
        try:
            yield WorkerProcess(process, log)
        finally:
            end(process)


class WorkerProcess:
    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log

    def check(self) -> None:
        """Raise Failed, with the end of its log, if the worker has ended."""
        if self._process.poll() is not None:
            lines = self._log.read_text("utf-8", "replace").strip().splitlines()
            raise Failed("the worker ended: " + " | ".join(lines[-3:]))


async def process_samples(settings: Settings, worker: WorkerProcess) -> tuple[int, Reading]:
    """Publish the sample articles, wait until each has its outcome, and make them searchable.

    Returns how many were published, and the lag then.
    """
    indices = Indices(settings.elasticsearch)
    client = elasticsearch_client(settings.elasticsearch)
    try:
        published = await _publish_samples(settings.kafka)
        await _wait_for_outcomes(client, indices.alias("outcomes"), published, worker)
        reading = await _wait_for_commits(settings.kafka)
        await client.indices.refresh(index=[indices.alias(kind) for kind in KINDS])
        return published, reading
    finally:
        await client.close()


async def _show(settings: Settings, worker: WorkerProcess) -> None:
    published, reading = await process_samples(settings, worker)
    outcomes = Indices(settings.elasticsearch).alias("outcomes")
    client = elasticsearch_client(settings.elasticsearch)
    try:
        _, claims = await find(settings, query(""), 100)
        claims.sort(key=lambda hit: (hit["_source"]["date"], hit["_source"]["position"]))
        console.print(claims_table(claims, "Claims"))
        for shown, wanted in (
            ("navy --stance denies", query("navy", exact=[("stance", "denies")])),
            ("--source Dorin", query("", source="Dorin")),
        ):
            total, hits = await find(settings, wanted, 10)
            console.print()
            console.print(claims_table(hits, f"claimstream search {shown}: {total} found"))
        console.print()
        console.print(outcomes_table(published, await count_outcomes(client, outcomes)))
        console.print()
        console.print(totals_table([reading]))
    finally:
        await client.close()


async def _publish_samples(kafka: Kafka) -> int:
    """Publish the sample articles as a scraper would: some lines of JSON, keyed by address."""
    async with AIOKafkaProducer(bootstrap_servers=kafka.servers) as producer:
        for line in SAMPLES:
            await producer.send_and_wait(Topics.of(kafka).raw_articles, line, key=b"scraper")
    return len(SAMPLES)


async def _wait_for_outcomes(client: AsyncElasticsearch, index: str, published: int, worker: WorkerProcess) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + SECONDS
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("articles with an outcome", total=published)
        while not progress.finished:
            worker.check()
            if time.monotonic() > deadline:
                raise Failed(
                    f"after {SECONDS} s only {int(progress.tasks[0].completed)} of {published} have an outcome"
                )
            await asyncio.sleep(0.2)
            await client.indices.refresh(index=index)
            progress.update(task, completed=(await client.count(index=index))["count"])


async def _wait_for_commits(kafka: Kafka) -> Reading:
    """Offsets are committed once a second."""
    for _ in range(20):
        reading = await Reading.of(kafka)
        if not any(one.lag for one in reading.partitions):
            break
        await asyncio.sleep(0.2)
    return reading


async def count_outcomes(client: AsyncElasticsearch, index: str) -> list[tuple[str, str, int]]:
    """Count the ended ways by outcome and reason."""
    answer = await client.search(
        index=index,
        size=0,
        aggs={
            "outcome": {
                "terms": {"field": "outcome", "size": 10},
                "aggs": {"reason": {"terms": {"field": "reason", "size": 50}}},
            }
        },
    )
    outcomes: list[dict[str, Any]] = answer["aggregations"]["outcome"]["buckets"]
    counts = []
    for outcome in sorted(outcomes, key=lambda bucket: list(Outcome).index(bucket["key"])):
        reasons = [(reason["key"], reason["doc_count"]) for reason in outcome["reason"]["buckets"]]
        without = outcome["doc_count"] - sum(count for _, count in reasons)
        counts += [(outcome["key"], reason, count) for reason, count in [*reasons, ("", without)] if count]
    return counts


def outcomes_table(published: int, counts: list[tuple[str, str, int]]) -> Table:
    """Published = indexed + unchanged + refused + dead-lettered."""
    table = Table("outcome", "reason", title="Outcomes", title_justify="left")
    table.add_column("articles", justify="right")
    for outcome, reason, count in counts:
        table.add_row(outcome, reason, str(count))
    table.add_section()
    table.add_row("published", "", str(published), style="bold")
    return table
