"""One fault at a time; at rest the index must hold exactly what one plain run of pipeline/ gives.

`make faults` mixes them, at length.
"""

import signal
from collections import Counter

import psutil
import pytest

from ..stream import Stream, children, until
from .articles import articles
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
