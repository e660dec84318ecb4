"""Memory of a worker that is busy for a long time: python -m tests.faults.soak --minutes 20 --real.

The generator's articles are published as fast as the worker takes them, its resident memory and that of its pool
process are read every few seconds, and at the end the growth from the second quarter of the time to the last is told.
With --picture the course is drawn (requirements-bench.txt).
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from time import monotonic, sleep

import psutil

from claimstream.config.settings import Elasticsearch, Kafka, Settings
from claimstream.config.settings import Worker as WorkerSettings

from ..servers.embedded import embedded_servers
from ..servers.real import real_servers
from ..stream import Stream, Worker, children
from .articles import articles

AHEAD = 200
"""Articles that wait for the worker, at least."""
EVERY = 5.0
"""Seconds between readings."""
Reading = tuple[float, float, float, int]
"""Minutes, MiB of the worker, MiB of its children, articles that have their outcome."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="on Apache Kafka and Elasticsearch")
    parser.add_argument("--picture", type=Path, help="file to draw, .svg")
    options = parser.parse_args()
    with (real_servers if options.real else embedded_servers)() as servers, tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None,
            kafka=Kafka(servers=servers.kafka, partitions=2),
            elasticsearch=Elasticsearch(url=servers.elasticsearch, analyzer=servers.analyzer),
            worker=WorkerSettings(pool_processes=1, web_port=0),
        )
        stream = Stream(settings, Path(folder))
        stream.initialise()
        with stream.worker() as worker:
            readings = soak(stream, worker, options)
            stream.wait()
    tell(readings)
    if options.picture:
        draw(readings, options.picture)


def soak(stream: Stream, worker: Worker, options: argparse.Namespace) -> list[Reading]:
    values = articles(options.seed, sys.maxsize)
    readings: list[Reading] = []
    began = monotonic()
    while (minutes := (monotonic() - began) / 60) < options.minutes:
        done = stream.count("outcomes")
        if stream.published - done < AHEAD:
            stream.publish(islice(values, AHEAD), key=None)
        own = psutil.Process(worker.pid).memory_info().rss
        pool = sum(map(resident, children(worker)))
        readings.append((minutes, own / 2**20, pool / 2**20, done))
        sleep(EVERY)
    return readings


def resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # replaced since
        return 0


def tell(readings: Sequence[Reading]) -> None:
    quarter = len(readings) // 4
    early, late = readings[quarter : 2 * quarter], readings[-quarter:]
    print(f"{readings[-1][3]} articles in {readings[-1][0]:.0f} minutes")
    for column, name in ((1, "worker"), (2, "pool process")):
        before, after = (median(one[column] for one in part) for part in (early, late))
        print(f"{name}: median {before:.0f} MiB in the second quarter, {after:.0f} MiB in the last")


def draw(readings: Sequence[Reading], picture: Path) -> None:
    from matplotlib import pyplot as plt  # requirements-bench.txt

    figure, axes = plt.subplots(figsize=(7, 3.2))
    minutes = [one[0] for one in readings]
    axes.plot(minutes, [one[2] for one in readings], label="pool process")
    axes.plot(minutes, [one[1] for one in readings], label="worker")
    axes.set(xlabel="minutes", ylabel="resident memory, MiB", ylim=(0, None), xlim=(0, None))
    right = axes.twinx()
    right.plot(minutes, [one[3] for one in readings], color="grey", linestyle="dotted")
    right.set(ylabel="articles done (dotted)", ylim=(0, None))
    axes.legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(picture)


if __name__ == "__main__":
    main()
