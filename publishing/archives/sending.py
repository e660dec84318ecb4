"""Entries to Kafka, in the order of their files, and what became of them."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterator
from time import monotonic

from claimstream.publishing.archives.ahead import ahead
from claimstream.publishing.archives.bookmark import Bookmark
from claimstream.publishing.archives.entry import Entry
from claimstream.publishing.asynchronous import AsyncPublisher, Receipt
from claimstream.publishing.errors import Invalid, PublishError, TooLarge

MARK_SECONDS = 1.0
INTERRUPTED_SECONDS = 5.0
"""So long a run that is interrupted waits for what is on its way; the rest is not marked as published."""


class Sending:
    """Counts as it goes. Each entry is published, not published, something else, or skipped."""

    def __init__(
        self, publisher: AsyncPublisher, bookmark: Bookmark | None, refused: Callable[[str, PublishError], None]
    ) -> None:
        """`refused` hears at once of what is not published. Without a bookmark nothing is published at all."""
        self.published = 0
        self.not_published: Counter[str] = Counter()
        self.else_: Counter[str] = Counter()
        self.skipped = 0
        self.gave_up: PublishError | None = None
        """Why the run ended before its end."""
        self._publisher = publisher
        self._bookmark = bookmark
        self._refused = refused
        self._waiting: deque[tuple[str, int, str, asyncio.Task[Receipt] | None]] = deque()
        self._reached: dict[str, int] = {}
        self._marked_at = monotonic()

    async def run(self, entries: Iterator[tuple[str, Entry]], rate: float | None = None, *, resume: bool) -> None:
        """Publish the entries, each with its file's name, at most `rate` a second, until Kafka is away for too long."""
        done = self._bookmark.read() if self._bookmark and resume else {}
        number: Counter[str] = Counter()
        due = monotonic()
        try:
            async for file, entry in ahead(entries):
                number[file] += 1
                if number[file] <= done.get(file, 0):
                    self.skipped += 1
                    continue
                if rate and entry.article:
                    due = max(due + 1 / rate, monotonic())
                    await asyncio.sleep(due - monotonic())
                task = await self._hand_over(entry)
                self._waiting.append((file, number[file], entry.where, task))
                self._settle()
                if self.gave_up:
                    break
            await self._wait()
        except asyncio.CancelledError:
            await self._wait(INTERRUPTED_SECONDS)
            raise
        finally:
            self._settle()
            self._mark()
        if self._bookmark and not self.gave_up:
            self._bookmark.remove()

    async def _hand_over(self, entry: Entry) -> "asyncio.Task[Receipt] | None":
        if entry.error:
            self._refuse(entry.where, entry.error)
        elif entry.article is None:
            self.else_[entry.else_] += 1
        else:
            try:
                if self._bookmark:
                    return await self._publisher.send(entry.article)
                self._publisher.check(entry.article)
                self.published += 1
            except (Invalid, TooLarge) as error:
                self._refuse(entry.where, error)
        return None

    async def _wait(self, seconds: float | None = None) -> None:
        if tasks := [task for *_, task in self._waiting if task]:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()

    def _settle(self) -> None:
        """Take note of what is done, as far as everything before it is done, too."""
        while self._waiting and ((task := self._waiting[0][3]) is None or task.done()):
            if task and task.cancelled():
                break
            file, number, where, _ = self._waiting.popleft()
            error = task.exception() if task else None
            if isinstance(error, PublishError):
                self._refuse(where, error)
                self.gave_up = error if not isinstance(error, TooLarge) else self.gave_up
            elif task:
                self.published += 1
            if not self.gave_up:
                self._reached[file] = number
        if monotonic() - self._marked_at > MARK_SECONDS:
            self._mark()

    def _refuse(self, where: str, error: PublishError) -> None:
        self.not_published[error.reason] += 1
        self._refused(where, error)

    def _mark(self) -> None:
        if self._bookmark and self._reached:
            self._bookmark.add(self._reached.items())
        self._reached = {}
        self._marked_at = monotonic()
