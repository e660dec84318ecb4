"""Messages that wait in a worker, bounded by number and by bytes."""

import asyncio
from collections import deque
from typing import Any

import faust
from mode.utils.queues import ThrowableQueue


def size(event: Any) -> int:
    return len(event.message.value or b"")


class Buffer(asyncio.Queue[Any]):
    """A queue of events that is full at so many messages or bytes: the message that fills it may go beyond."""

    _queue: deque[Any]

    def __init__(self, maxsize: int, *, most_bytes: int, **more: Any) -> None:
        super().__init__(maxsize, **more)
        self._most_bytes = most_bytes

    def full(self) -> bool:
        return super().full() or sum(map(size, self._queue)) >= self._most_bytes


class _FaustBuffer(Buffer, ThrowableQueue[Any]):
    pass


class App(faust.App):
    """A Faust app whose streams read ahead no more than so many bytes."""

    def __init__(self, *arguments: Any, buffer_bytes: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._buffer_bytes = buffer_bytes

    def FlowControlQueue(self, maxsize: int | None = None, *, clear_on_resume: bool = False) -> ThrowableQueue[Any]:  # noqa: N802 - Faust's name
        return _FaustBuffer(
            maxsize or 0,
            most_bytes=self._buffer_bytes,
            flow_control=self.flow_control,
            clear_on_resume=clear_on_resume,
        )
