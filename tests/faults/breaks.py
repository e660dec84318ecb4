"""What can be broken while a stream is at work."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING, Any

from ..stream import children, until
from .proxy import MISCHIEFS

if TYPE_CHECKING:
    from .proof import Proof

SESSION_SECONDS = 10.0
STOP_SECONDS = 10.0
FAULTS: dict[str, Callable[["Proof"], Any]] = {}
"""What can be broken, by name. It is broken inside of a `with` block and whole behind it."""


def fault(name: str) -> Callable[[Callable[["Proof"], Iterator[None]]], Any]:
    def add(breaks: Callable[["Proof"], Iterator[None]]) -> Any:
        FAULTS[name] = contextmanager(breaks)
        return FAULTS[name]

    return add


@fault("nothing")
def nothing(proof: "Proof") -> Iterator[None]:
    yield


NEED_EVICTION = {"worker killed (-9)", "all workers killed (-9)", "worker frozen past its session"}
"""The embedded Kafka keeps the partitions of a worker that is gone without a word; Kafka itself does not."""


@fault("worker killed (-9)")
def worker_killed(proof: "Proof") -> Iterator[None]:
    yield
    proof.kill(proof.any_worker())


@fault("all workers killed (-9)")
def workers_killed(proof: "Proof") -> Iterator[None]:
    yield
    for worker in list(proof.stream.workers):
        proof.kill(worker)


@fault("pool process killed (-9)")
def pool_process_killed(proof: "Proof") -> Iterator[None]:
    yield
    for process in children(proof.any_worker()):
        if "spawn_main" in " ".join(process.cmdline()):
            process.kill()


@fault("worker stopped (SIGTERM)")
def worker_stopped(proof: "Proof") -> Iterator[None]:
    yield
    worker = proof.any_worker()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(STOP_SECONDS) == 0


@fault("worker added, another stopped")
def rebalanced(proof: "Proof") -> Iterator[None]:
    proof.stream.wait_for_log(proof.start_worker(), "working")
    yield
    leaving = proof.any_worker()
    proof.stream.workers.remove(leaving)
    leaving.send_signal(signal.SIGTERM)
    assert leaving.wait(STOP_SECONDS) == 0


@fault("worker frozen past its session")
def worker_frozen(proof: "Proof") -> Iterator[None]:
    worker = proof.any_worker()
    os.killpg(worker.pid, signal.SIGSTOP)
    try:
        yield
        sleep(SESSION_SECONDS * 1.3)
    finally:
        os.killpg(worker.pid, signal.SIGCONT)


def _server_stopped(proof: "Proof", server: str, seconds: float) -> Iterator[None]:
    proof.servers.stop(server)
    try:
        yield
        proof.maybe_kill()
        sleep(seconds * proof.hold)
    finally:
        proof.servers.start(server)


@fault("Kafka stopped")
def kafka_stopped(proof: "Proof") -> Iterator[None]:
    yield from _server_stopped(proof, "kafka", 20)


@fault("Elasticsearch stopped")
def elasticsearch_stopped(proof: "Proof") -> Iterator[None]:
    yield from _server_stopped(proof, "elasticsearch", 40)


def _mischief(kind: Any) -> Callable[["Proof"], Iterator[None]]:
    def breaks(proof: "Proof") -> Iterator[None]:
        proof.proxy.mischief = kind
        hits = proof.proxy.hits
        try:
            yield
            until(lambda: proof.proxy.hits >= hits + 5 or proof.idle(), "requests that go wrong")
            proof.maybe_kill()
        finally:
            proof.proxy.mischief = None

    return breaks


TOLD = {
    "429": "Elasticsearch answers 429",
    "503": "Elasticsearch answers 503",
    "hang": "Elasticsearch does not answer",
    "reset": "Elasticsearch connections reset",
    "items": "Elasticsearch bulk items fail",
    "cut": "Elasticsearch answers cut",
}
for one in MISCHIEFS:
    fault(TOLD[one])(_mischief(one))
