"""What an article costs, for docs/operating.md: processor time and memory of each stage, bytes in the servers.

    python -m bench.sizing PAGES.jsonl.gz

PAGES holds one page a line with `html` and `url`. They are published three times, under different addresses, to the
real Kafka and Elasticsearch (tests/servers/real.py), for one worker with one pool process. Processor time is that of
the process that spends it, so that a busy machine does not decide.
"""

import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import psutil
from elasticsearch import Elasticsearch

from claimstream.config.indices import KINDS, Indices
from claimstream.config.settings import Elasticsearch as ElasticsearchSettings
from claimstream.config.settings import Kafka, Limits, Settings, Worker
from claimstream.pipeline.extract import load
from claimstream.pipeline.messages import Passed, extract_message, strip_message
from claimstream.pipeline.outcomes import Refused
from claimstream.pipeline.strip.standing import Standing
from tests.servers.real import real_servers
from tests.stream import Stream, children

COPIES = 3
MIB = 1024 * 1024


def pages(source: Path) -> list[bytes]:
    with gzip.open(source, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [
        json.dumps({"url": f"{row['url']}?copy={n}", "html": row["html"]}).encode()
        for n in range(COPIES)
        for row in rows
    ]


def stages(raw: list[bytes]) -> None:
    stripped: list[bytes] = []

    def strip_all() -> None:
        for value in raw:
            try:
                stripped.append(strip_message(value, datetime.now(UTC), Limits(), Standing()).value)
            except Refused:
                continue

    per_second("strip", len(raw), strip_all)
    load()
    extracted: list[Passed] = []
    per_second("extract", len(stripped), lambda: extracted.extend(map(extract_message, stripped)))
    print(f"{len(raw)} pages of {mean(raw):,} bytes; {len(stripped)} articles of {mean(stripped):,} bytes")
    print(f"memory of a process that does both: {psutil.Process().memory_info().rss // MIB} MiB")


def per_second(stage: str, articles: int, work: Callable[[], object]) -> None:
    started = time.process_time()
    work()
    print(f"{stage}: {articles / (time.process_time() - started):.1f} articles/s on a core")


def mean(values: Iterable[bytes]) -> int:
    sizes = list(map(len, values))
    return sum(sizes) // len(sizes)


def stream(raw: list[bytes]) -> None:
    with real_servers() as servers, tempfile.TemporaryDirectory() as folder:
        one = Stream(
            Settings(
                kafka=Kafka(servers=servers.kafka, partitions=2),
                elasticsearch=ElasticsearchSettings(url=servers.elasticsearch, analyzer=servers.analyzer),
                worker=Worker(pool_processes=1, web_port=0),
            ),
            Path(folder),
        )
        one.initialise()
        one.publish(raw)
        with one.worker() as worker:
            one.wait()
            main, pool = psutil.Process(worker.pid), children(worker)
            print(f"worker: {main.memory_info().rss // MIB} MiB, {seconds(main) * 1000 / len(raw):.0f} ms an article")
            print(f"its pool: {', '.join(f'{process.memory_info().rss // MIB} MiB' for process in pool)}")
        for topic in one.topics.all():
            print(f"Kafka, {topic}: {size(servers.kafka_logs, topic) // len(raw):,} bytes an article")
        with Elasticsearch(servers.elasticsearch) as client:
            for kind in KINDS:
                alias = Indices(one.settings.elasticsearch).alias(kind)
                client.indices.forcemerge(index=alias, max_num_segments=1)
                client.indices.flush(index=alias)
                stored = client.indices.stats(index=alias)["_all"]["primaries"]["store"]["size_in_bytes"]
                print(f"Elasticsearch, {kind}: {one.count(kind)} documents, {stored / len(raw):,.0f} bytes an article")


def seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def size(logs: Path, topic: str) -> int:
    """Of the messages; what Kafka sets aside for indices is left out."""
    return sum(file.stat().st_size for part in logs.glob(f"{topic}-[0-9]*") for file in part.glob("*.log"))


if __name__ == "__main__":
    raw = pages(Path(sys.argv[1]))
    stages(raw)
    stream(raw)
