"""One fault at a time; at rest the index must hold exactly what one plain run of pipeline/ gives.

`make faults` mixes them, at length.
"""

import json
import signal
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import psutil
import pytest

from claimstream.agents.health import STALLED
from claimstream.cli.embedded import free_port

from ..stream import Stream, Worker, children, until
from .articles import AUTHOR, articles
from .plain import EXACT, compare

KILLS = pytest.mark.real
"""The embedded Kafka keeps the partitions of a worker that died without leaving its group; Kafka itself does not."""


def assert_nothing_lost_nothing_twice(stream: Stream, values: list[bytes | None]) -> None:
    stream.wait()
    assert str(compare(stream, values)) == EXACT
    counts = Counter(ending.split(":")[0] for ending in stream.endings())
    assert sum(counts.values()) == stream.published == len(values)
    assert len(stream.dead_letters()) == counts["dead-lettered"]


def some_done(stream: Stream, share: float) -> None:
    until(lambda: len(stream.documents("outcomes")) >= stream.published * share, f"{share:.0%} of the outcomes")


@KILLS
def test_a_worker_killed_again_and_again(stream):
    values = list(articles(1, 150))
    stream.publish(values)
    for share in (0.1, 0.4, 0.7):
        worker = stream.start_worker()
        some_done(stream, share)
        mine = children(worker)
        worker.kill()
        worker.wait()
        assert not psutil.wait_procs(mine, 10)[1], "pool processes outlived their worker"
    stream.start_worker()
    assert_nothing_lost_nothing_twice(stream, values)


@KILLS
def test_two_workers_share_and_one_is_killed(stream):
    values = list(articles(2, 150))
    first = stream.start_worker()
    stream.wait_for_log(first, "working: ")
    stream.publish(values)
    some_done(stream, 0.1)
    second = stream.start_worker()
    stream.wait_for_log(second, "working")
    some_done(stream, 0.5)
    first.kill()
    assert_nothing_lost_nothing_twice(stream, values)


def test_pool_processes_killed_at_work(stream):
    values = list(articles(3, 100))
    stream.publish(values)
    worker = stream.start_worker()
    for share in (0.1, 0.3, 0.5, 0.7):
        some_done(stream, share)
        for process in children(worker):
            if "spawn_main" in " ".join(process.cmdline()):
                process.kill()
    assert_nothing_lost_nothing_twice(stream, values)
    assert worker.poll() is None


@pytest.mark.parametrize("server", ["kafka", "elasticsearch"])
def test_a_server_that_goes_away_and_comes_back(stream, servers, server):
    values = list(articles(4, 100))
    stream.publish(values[:90])
    worker = stream.start_worker()
    some_done(stream, 0.2)
    servers.stop(server)
    try:
        stream.wait_for_log(worker, "not available" if server == "elasticsearch" else "")
    finally:
        servers.start(server)
    stream.publish(values[90:])
    try:
        stream.wait()
    except AssertionError:
        if worker.poll() is None:
            raise
    if worker.poll() is not None:  # it may end, with a status that has its supervisor start it again
        assert worker.returncode == 1
        stream.start_worker()
    assert_nothing_lost_nothing_twice(stream, values)


def test_sigterm_leaves_within_ten_seconds_and_hands_back_the_rest(stream):
    values = list(articles(5, 150))
    stream.publish(values)
    worker = stream.start_worker()
    some_done(stream, 0.2)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert len(stream.documents("outcomes")) < len(values)
    stream.start_worker()
    assert_nothing_lost_nothing_twice(stream, values)


TEXT = "The ferry to Tarn will sail again next week, the harbour office announced on Monday, after both of its engines "
HANGS = json.dumps(
    {"id": "1", "text": f"{TEXT}had been seen.", "authors": [f"{AUTHOR} strip hang"], "fetched_at": "2026-10-01"}
).encode()


def start_hanging_worker(stream: Stream, **settings: str) -> Worker:
    """A worker at work, in which the next article hangs for longer than anybody will wait."""
    root = str(Path(__file__).parents[2])
    worker = stream.start_worker(
        program=("-m", "tests.faults.worker"), CLAIMSTREAM_LIMITS__SECONDS="3000", PYTHONPATH=root, **settings
    )
    for stage in ("strip", "extract", "index"):
        stream.wait_for_log(worker, f"{stage}: reads")
    stream.publish([HANGS])
    return worker


def test_sigterm_leaves_within_ten_seconds_whatever_hangs(stream):
    worker = start_hanging_worker(stream)
    until(lambda: any(one.lag for one in stream.lag()), "the article to arrive")
    mine = children(worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert not psutil.wait_procs(mine, 10)[1], "pool processes outlived their worker"
    stream.start_worker()  # in which it does not hang
    assert_nothing_lost_nothing_twice(stream, [HANGS])


@KILLS
def test_the_watchdog_ends_a_worker_that_stands_still_and_the_next_one_goes_on(stream):
    page = f"http://127.0.0.1:{(port := free_port())}/health"
    settings = {"CLAIMSTREAM_WORKER__STALL_SECONDS": "10", "CLAIMSTREAM_WORKER__WEB_PORT": str(port)}
    worker = start_hanging_worker(stream, **settings)
    until(lambda: status(page) == 503, "the page to say that strip stands still")
    until(lambda: worker.poll() is not None, "the end of the worker")
    assert worker.returncode == STALLED
    assert "strip: no progress for" in worker.log
    stream.start_worker()
    assert_nothing_lost_nothing_twice(stream, [HANGS])


def status(page: str) -> int:
    try:
        with urllib.request.urlopen(page) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
