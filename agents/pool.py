"""The killable process pool that runs `pipeline/` off the event loop.

Processes, not threads: lxml has crashed under threads, a hung article can be killed only with its process, and
memory is bounded for each. Each process has a pipe of its own: in a pool that shares its pipes, as the standard
library's and Pebble's do, a process killed at the wrong moment takes the pool with it.
"""

import asyncio
import ctypes
import multiprocessing
import resource
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import ceil
from multiprocessing.connection import Connection
from pickle import PicklingError
from typing import Any, Self, TypeVar

from claimstream.agents import metrics
from claimstream.agents.errors import Fatal
from claimstream.config.settings import Settings
from claimstream.pipeline.outcomes import Fault, Undeliverable

Result = TypeVar("Result")
WarmUp = Callable[[], object]

TRIES = 2
"""A process may be lost to what is not its article's fault, once."""
START_SECONDS = 120
TICK = 0.5
"""Seconds of one wait. If the machine freezes meanwhile, an article loses no more than this of its time."""
PR_SET_PDEATHSIG = 1

SPAWN = multiprocessing.get_context("spawn")
"""A fork would inherit the event loop's threads and sockets."""


class Pool:
    """Runs picklable functions in processes; a call that hangs, crashes or eats memory becomes Undeliverable."""

    def __init__(self, settings: Settings, warm_up: WarmUp = int) -> None:
        """`warm_up` is called first in each process, before the clock of any call runs."""
        size = settings.worker.pool_processes
        self._seconds = settings.limits.seconds
        self._threads = ThreadPoolExecutor(size, "pool")
        self._workers = [
            _Worker(settings.limits.memory_mib, settings.worker.articles_per_process, warm_up) for _ in range(size)
        ]
        self._free: asyncio.Queue[_Worker] = asyncio.Queue()
        for worker in self._workers:
            self._free.put_nowait(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()
        self._threads.shutdown()

    async def run(self, function: Callable[..., Result], *args: Any) -> Result:
        """Call `function(*args)` in a process.

        Raises what it raises, Undeliverable if it takes too long, too much memory, or its process with it, and
        Fatal if no process can be started.
        """
        for _ in range(TRIES):
            worker = await self._free.get()
            loop = asyncio.get_running_loop()
            call = loop.run_in_executor(self._threads, worker.call, function, args, self._seconds)
            call.add_done_callback(partial(self._release, worker))
            try:
                return await asyncio.shield(call)  # a cancelled caller leaves the worker busy until it answers
            except EOFError:
                metrics.POOL_RESTARTS.labels(Fault.CRASHED).inc()
                how = worker.last_exit
            except TimeoutError:
                metrics.POOL_RESTARTS.labels(Fault.TIMED_OUT).inc()
                raise Undeliverable(Fault.TIMED_OUT, f"took longer than limits.seconds, {self._seconds:g} s") from None
            except MemoryError:
                raise Undeliverable(Fault.OUT_OF_MEMORY, "needs more memory than limits.memory_mib") from None
        raise Undeliverable(Fault.CRASHED, f"took its process down {TRIES} times, last by {how}")

    def _release(self, worker: "_Worker", _: object) -> None:
        self._free.put_nowait(worker)


class _Worker:
    """A process and the pipe to it. Its methods block and are called from one thread at a time."""

    def __init__(self, memory_mib: int, calls: int, warm_up: WarmUp) -> None:
        self.last_exit = ""
        self._serve_args = (memory_mib, warm_up)
        self._calls = calls
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._pipe, far_end = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(far_end, *self._serve_args), daemon=True)
        self._process.start()
        far_end.close()  # so that the process's end is the pipe's end
        self._ready = False
        self._left = self._calls

    def call(self, function: Callable[..., Result], args: tuple[Any, ...], seconds: float) -> Result:
        """Raise EOFError if the process is lost, TimeoutError if it was killed after `seconds`."""
        if self._left == 0 or not self._process.is_alive():  # killed while idle: nobody's fault
            self.kill()
            self._start()
        self._left -= 1
        try:
            if not self._ready:
                self._answer(START_SECONDS)
                self._ready = True
            self._pipe.send((function, args))
            result: Result = self._answer(seconds)
        except (OSError, EOFError) as error:
            self.kill()
            code = self._process.exitcode or 0
            self.last_exit = signal.Signals(-code).name if code < 0 else f"status {code}"
            if isinstance(error, TimeoutError):
                raise
            raise EOFError from error
        return result

    def _answer(self, seconds: float) -> Any:
        for _ in range(ceil(seconds / TICK)):
            if self._pipe.poll(TICK):
                break
        else:
            raise TimeoutError
        succeeded, value = self._pipe.recv()
        if succeeded:
            return value
        raise value

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _serve(pipe: Connection, memory_mib: int, warm_up: WarmUp) -> None:
    """Answer calls until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which finishes what is in flight
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        limit = memory_mib * 1024 * 1024
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        warm_up()
    except Exception as error:
        pipe.send((False, Fatal(f"a pool process does not start: {error!r}")))
        return
    pipe.send((True, None))
    while True:
        try:
            function, args = pipe.recv()
        except EOFError:
            return
        try:
            answer = (True, function(*args))
        except Exception as error:
            answer = (False, error)
        try:
            pipe.send(answer)
        except (PicklingError, TypeError, AttributeError) as error:
            pipe.send((False, RuntimeError(f"answer can't be sent: {error!r}: {answer[1]!r}")))
