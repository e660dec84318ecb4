"""Which messages of a partition are taken on, and which of its offsets are committed.

Faust may hand on what it had fetched before a rebalance as if it had been read after it, and goes back to the committed
offset only then; and it commits past a gap (faust-streaming issue 606). To commit the offset of such a message is to
lose those before it. So whatever Faust hands on, a partition is taken on from the first message that its group has not
committed, and in order; what is finished is then finished without a gap.
"""

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import faust
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from claimstream.agents.backoff import delays
from claimstream.agents.errors import Unavailable
from claimstream.agents.reading import first_uncommitted
from claimstream.config.settings import Kafka

log = logging.getLogger(__name__)

COMMIT_TIMEOUT = 30.0
HANDING_ON_SECONDS = 0.05
"""After these Faust has noted what it handed on; it drops what lies before."""
LOOK_AGAIN_SECONDS = 5.0
"""The first message that was not committed may be deleted by Kafka (retention) before it is read."""


@dataclass
class TakenOn:
    """The messages of a partition that were taken on since the last rebalance."""

    first: int
    next: int
    looked_at: float = field(default_factory=monotonic)


class Offsets:
    """The offsets of one stage's partitions in this worker."""

    def __init__(self, app: faust.App, group: str, kafka: Kafka) -> None:
        self._app = app
        self._group = group
        self._kafka = kafka
        self._taken_on: dict[TopicPartition, TakenOn] = {}
        self._done: dict[TopicPartition, int] = {}
        self._rebalances = 0

    async def revoked(self, _: faust.App, __: object, **___: Any) -> None:
        """Forget everything: whoever has a partition now reads it from its committed offset."""
        self._rebalances += 1
        self._taken_on.clear()
        self._done.clear()

    async def take_on(self, message: Any) -> bool:
        """Whether a message, as Faust has it, is the next one of its partition; else it comes again, or has come."""
        tp = TopicPartition(message.topic, message.partition)
        rebalances = self._rebalances
        taken_on = self._taken_on.get(tp) or await self._look(tp, message.offset)
        if rebalances != self._rebalances:
            return False
        self._taken_on[tp] = taken_on
        if message.offset > taken_on.next == taken_on.first:
            await self._go_back(message.tp, taken_on)
            return False
        if message.offset < taken_on.next:
            return False
        taken_on.next = message.offset + 1
        return True

    async def _go_back(self, tp: Any, taken_on: TakenOn) -> None:
        log.info("%s: handed on past offset %s of %s/%s; reading goes back", self._group, taken_on.first, *tp)
        await asyncio.sleep(HANDING_ON_SECONDS)
        with contextlib.suppress(IllegalStateError):  # lost since
            await self._app.consumer.seek(tp, taken_on.first)
        if monotonic() - taken_on.looked_at > LOOK_AGAIN_SECONDS:
            self._taken_on.pop(tp, None)

    async def _look(self, tp: TopicPartition, offset: int) -> TakenOn:
        for delay in delays():
            try:
                first = await first_uncommitted(self._kafka, self._group, tp, offset)
            except Unavailable as away:
                log.warning("%s: committed offset unknown: %s; trying again in %.1f s", self._group, away, delay)
                await asyncio.sleep(delay)
            else:
                return TakenOn(first, first)
        raise AssertionError("delays() has no end")

    def finished(self, message: Any) -> None:
        """Note that a message and all taken on before it are confirmed downstream."""
        tp = TopicPartition(message.topic, message.partition)
        taken_on = self._taken_on.get(tp)
        if taken_on and taken_on.first <= message.offset < taken_on.next:
            self._done[tp] = message.offset + 1

    async def commit(self) -> bool:
        """Commit what is finished. A failure costs nothing: later commits cover it, or the new owner reads again."""
        done, self._done = self._done, {}
        if not done:
            return False
        thread: Any = self._app.consumer._thread  # type: ignore[attr-defined]  # noqa: SLF001 - no other way past Faust

        async def in_thread() -> None:
            consumer = thread._ensure_consumer()  # noqa: SLF001 - as above
            owned = consumer.assignment()
            offsets = {tp: OffsetAndMetadata(offset, "") for tp, offset in done.items() if tp in owned}
            if offsets:
                await consumer.commit(offsets)

        rebalances = self._rebalances
        try:
            await asyncio.wait_for(thread.call_thread(in_thread), COMMIT_TIMEOUT)
        except CommitFailedError:
            log.info("%s: rebalanced before the commit; what was done is read again", self._group)
        except (KafkaError, TimeoutError) as error:
            log.warning("%s: commit failed, next one follows: %r", self._group, error)
            if rebalances == self._rebalances:
                self._done = done | self._done
        else:
            return True
        return False
