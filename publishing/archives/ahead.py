"""Reading in a thread, so that sending goes on meanwhile."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")

AHEAD = 2
"""Each may have some 64 MiB."""


async def ahead(items: Iterator[Item]) -> AsyncIterator[Item]:
    """Yield what an iterator gives, read ahead by a thread.

    The thread does not keep the program: what reads from standard input cannot be interrupted, and nobody waits for it.
    """
    loop = asyncio.get_running_loop()
    read: asyncio.Queue[tuple[Item] | BaseException | None] = asyncio.Queue()
    room = threading.Semaphore(AHEAD)

    def put(one: tuple[Item] | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(read.put_nowait, one)

    def run() -> None:
        try:
            for item in items:
                room.acquire()
                put((item,))
            put(None)
        except BaseException as error:
            put(error)

    threading.Thread(target=run, name="claimstream-reading", daemon=True).start()
    while (one := await read.get()) is not None:
        if isinstance(one, BaseException):
            raise one
        room.release()
        yield one[0]
