"""The pool's processes are real; what they run is built in, so that it can be pickled by name."""

import asyncio
import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator

import pytest

from claimstream.agents.errors import Fatal
from claimstream.agents.pool import Pool, _Worker
from claimstream.config.settings import Limits, Settings, Worker
from claimstream.pipeline.outcomes import Fault, Refusal, Refused, Subject, Undeliverable

REFUSE = """
from claimstream.pipeline.outcomes import *
raise Refused(Refusal.TOO_SHORT, "3 words", Subject("a1", "https://a.example", "a.example"))
"""
CRASH_ONCE = """
import os, pathlib, signal
marker = pathlib.Path({!r})
if not marker.exists():
    marker.touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@contextlib.contextmanager
def pool(seconds: float = 20, warm_up=int, **worker: int) -> Iterator[Pool]:
    settings = Settings(
        _env_file=None,
        limits=Limits(seconds=seconds, memory_mib=512),
        worker=Worker(**{"pool_processes": 1, **worker}),
    )
    with Pool(settings, warm_up) as running:
        yield running


async def test_runs_in_another_process():
    with pool() as running:
        assert await running.run(os.getpid) != os.getpid()


async def test_a_refusal_comes_back_whole():
    with pool() as running, pytest.raises(Refused) as raised:
        await running.run(exec, REFUSE)
    assert raised.value.args == (Refusal.TOO_SHORT, "3 words", Subject("a1", "https://a.example", "a.example"))


@pytest.mark.parametrize(
    ("function", "args", "fault"),
    [
        (time.sleep, (600,), Fault.TIMED_OUT),
        (os.abort, (), Fault.CRASHED),
        (bytearray, (2**31,), Fault.OUT_OF_MEMORY),
    ],
)
async def test_a_bad_article_is_undeliverable_and_the_next_one_is_not(function, args, fault):
    with pool(seconds=1) as running:
        with pytest.raises(Undeliverable) as raised:
            await running.run(function, *args)
        assert raised.value.fault is fault
        assert await running.run(len, "next") == 4


async def test_a_process_killed_at_work_costs_no_article(tmp_path):
    with pool() as running:
        await running.run(exec, CRASH_ONCE.format(str(tmp_path / "killed")))


async def test_a_process_killed_while_idle_costs_no_article():
    """It broke pools that share their pipes."""
    with pool() as running:
        for _ in range(3):
            os.kill(await running.run(os.getpid), signal.SIGKILL)
        assert await running.run(len, "next") == 4


async def test_a_process_is_replaced_after_so_many_articles():
    with pool(articles_per_process=2) as running:
        pids = [await running.run(os.getpid) for _ in range(5)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


async def test_calls_run_side_by_side():
    with pool(pool_processes=2) as running:
        barrier = multiprocessing.get_context("spawn").Manager().Barrier(2)
        assert sorted(await asyncio.gather(*(running.run(barrier.wait, 30) for _ in range(2)))) == [0, 1]


async def test_a_process_that_cannot_start_is_fatal():
    lacks_its_argument = os.strerror
    with pool(warm_up=lacks_its_argument) as running, pytest.raises(Fatal, match="does not start: TypeError"):
        await running.run(len, "")


async def test_what_cannot_be_sent_back_is_an_error():
    with pool() as running:
        with pytest.raises(RuntimeError, match="answer can't be sent"):
            await running.run(eval, "lambda: 0")
        assert await running.run(len, "next") == 4


async def test_processes_end_with_the_pool():
    with pool() as running:
        child = await running.run(os.getpid)
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_time_that_the_machine_was_frozen_is_not_the_articles():
    """Both processes stood still for an hour, and the answer came as soon as they went on."""

    class Pipe:
        frozen_once = False

        def poll(self, seconds: float) -> bool:
            awake, self.frozen_once = self.frozen_once, True
            return awake

        def recv(self):
            return True, "answer"

    worker = object.__new__(_Worker)
    worker._pipe = Pipe()
    assert worker._answer(seconds=10) == "answer"
