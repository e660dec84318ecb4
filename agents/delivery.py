"""The one place that acks, retries, dead-letters and blows the fuse.

    events ──► units, several handled at a time ──► produced and confirmed, in order ──► committed

Faust acks an event whose body raised and events that it skips after a rebalance (faust-streaming issue 315). So its
topics are declared without acks, and offsets.py commits what is finished here: an offset only after everything before
it in its partition is confirmed downstream.
"""

import asyncio
import logging
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import faust
from aiokafka.structs import TopicPartition

from claimstream.agents import metrics
from claimstream.agents.backoff import delays
from claimstream.agents.buffer import Buffer, size
from claimstream.agents.dead_letters import to_outgoing
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.messages import Message, Outgoing
from claimstream.agents.offsets import Offsets
from claimstream.agents.producer import produce
from claimstream.config.settings import Settings, Stage
from claimstream.config.topics import Topics
from claimstream.pipeline.messages import subject_of
from claimstream.pipeline.outcomes import OWN_FAULTS, Fault, Outcome, Refused, Subject, Undeliverable
from claimstream.pipeline.records import DeadLetter, Ending

log = logging.getLogger(__name__)

Verdict = Sequence[Outgoing] | Refused | Undeliverable
"""What to hand on, or why there is nothing to."""
Handle = Callable[[Sequence[Message]], Awaitable[Sequence[Verdict]]]
"""Takes messages to one verdict each."""

COMMIT_SECONDS = 1.0


def each(handle: Callable[[Message], Awaitable[Sequence[Outgoing]]]) -> Handle:
    """Handle messages one by one; what `handle` raises about a message is its verdict."""

    async def verdict(message: Message) -> Verdict:
        try:
            return await handle(message)
        except (Refused, Undeliverable) as raised:
            return raised

    async def one_by_one(messages: Sequence[Message]) -> Sequence[Verdict]:
        return [await verdict(message) for message in messages]

    return one_by_one


@dataclass(frozen=True)
class Unit:
    """Events that are handled, confirmed and committed together."""

    events: Sequence[Any]
    messages: Sequence[Message]
    verdicts: "asyncio.Task[Sequence[Verdict]]"


class Delivery:
    """Takes the messages of one stage through `handle`, losing none."""

    def __init__(
        self,
        app: faust.App,
        stage: Stage,
        handle: Handle,
        settings: Settings,
        on_fatal: Callable[[Fatal], None],
        *,
        unit: int = 1,
        in_flight: int = 1,
    ) -> None:
        """Handle up to `unit` messages together and `in_flight` units at a time; call `on_fatal` when stuck."""
        self.stage = stage
        self.progress_at = monotonic()
        """When something was last committed, tried again, or found to be all done."""
        self._app = app
        self._handle = handle
        self._on_fatal = on_fatal
        self._topics = Topics.of(settings.kafka)
        self.offsets = Offsets(app, self._topics.group(stage), settings.kafka)
        self._fuse = settings.worker.fuse
        self._own_faults: Counter[str] = Counter()
        """In a row, by topic: that outcomes can be written says nothing about claims."""
        self._unit = unit
        self._free = asyncio.Semaphore(in_flight)
        self._buffer_bytes = settings.worker.buffer_bytes
        self._waiting = Buffer(unit, most_bytes=self._buffer_bytes)
        self._units: asyncio.Queue[Unit] = asyncio.Queue()
        self._starting: asyncio.Task[None] | None = None

    async def assigned(self, _: faust.App, partitions: Iterable[TopicPartition], **__: Any) -> None:
        """Say what is read here, or that this worker has nothing to do."""
        names = [f"{topic}/{number}" for topic, number in sorted(partitions)]
        if names:
            log.info("%s: reads %s", self.stage, ", ".join(names))
        else:
            log.warning("%s: other workers have all partitions (kafka.partitions), this one waits", self.stage)

    def input(self) -> faust.TopicT:
        """The stage's input as raw bytes: decoding can fail, so it is done inside the guard."""
        return self._app.topic(
            *self._topics.inputs(self.stage),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            acks=False,
        )

    async def run(self, stream: Any) -> None:
        """Deliver until the worker stops: the body of an agent."""
        self._starting = asyncio.create_task(self._start_units())
        tasks = [
            self._starting,
            *(asyncio.create_task(c) for c in (self._finish_units(), self._commit_regularly())),
        ]
        try:
            async for event in stream.noack().events():
                await self._waiting.put(event)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def drain(self) -> None:
        """Start nothing more, finish what has been started, commit it."""
        if self._starting:
            self._starting.cancel()
        await self._units.join()
        await self._commit()

    # ── starting and handling ────────────────────────────────────────────────────────────────────────────────────

    async def _start_units(self) -> None:
        try:
            await self._start_for_ever()
        except Fatal as fatal:
            self._on_fatal(fatal)
        except Exception as defect:  # without this the stage would stand still in silence
            log.exception("%s: defect in delivery", self.stage)
            self._on_fatal(Fatal(f"{self.stage}: defect in delivery: {defect!r}"))

    async def _start_for_ever(self) -> None:
        while True:
            events = [await self._waiting.get()]
            await self._free.acquire()
            while len(events) < self._unit and sum(map(size, events)) < self._buffer_bytes and self._waiting.qsize():
                events.append(self._waiting.get_nowait())
            events = [event for event in events if await self.offsets.take_on(event.message)]
            if not events:
                self._free.release()
                continue
            messages = [self._message(event.message) for event in events]
            metrics.IN_FLIGHT.labels(self.stage).inc()
            metrics.UNIT_ARTICLES.labels(self.stage).observe(len(messages))
            self._units.put_nowait(Unit(events, messages, asyncio.create_task(self._judge(messages))))

    def _message(self, record: Any) -> Message:
        # A scraper's own headers can't pretend to a history.
        headers = {} if self.stage == "strip" else dict(record.headers or ())
        return Message(
            record.topic, record.partition, record.offset, record.key, record.value, record.timestamp, headers
        )

    async def _judge(self, messages: Sequence[Message]) -> Sequence[Verdict]:
        """Handle messages until there is a verdict for each. Raises Fatal."""
        with metrics.HANDLING_SECONDS.labels(self.stage).time():
            for delay in delays():
                try:
                    return await self._handle(messages)
                except Unavailable as away:
                    await self._wait(delay, away)
                except Fatal:
                    raise
                except Exception:
                    if len(messages) > 1:  # one by one, to find the one at fault
                        return [(await self._judge([message]))[0] for message in messages]
                    log.exception("%s: defect at %s", self.stage, messages[0].origin)
                    return [Undeliverable(Fault.ERROR, traceback.format_exc())]
        raise AssertionError("delays() has no end")

    async def _wait(self, delay: float, why: Unavailable) -> None:
        log.warning("%s: %s; trying again in %.1f s", self.stage, why, delay)
        metrics.RETRIES.labels(why.server).inc()
        self.progress_at = monotonic()
        await asyncio.sleep(delay)

    # ── confirming, in order ─────────────────────────────────────────────────────────────────────────────────────

    async def _finish_units(self) -> None:
        while True:
            unit = await self._units.get()
            try:
                verdicts = await unit.verdicts
                await asyncio.gather(
                    *(self._confirm(m, v) for m, v in zip(unit.messages, verdicts, strict=True)),
                )
            except Fatal as fatal:
                self._on_fatal(fatal)
                return
            except Exception as defect:  # nothing may be committed past this unit, so nothing can go on
                log.exception("%s: defect in delivery", self.stage)
                self._on_fatal(Fatal(f"{self.stage}: defect in delivery: {defect!r}"))
                return
            for event in unit.events:
                self.offsets.finished(event.message)
            metrics.IN_FLIGHT.labels(self.stage).dec()
            self._free.release()
            self._units.task_done()

    async def _confirm(self, message: Message, verdict: Verdict) -> None:
        """Produce what follows from a verdict, and wait until Kafka has it. Raises Fatal."""
        match verdict:
            case Refused():
                await self._end(message, Outcome.REFUSED, verdict.refusal, verdict.detail, verdict.subject)
            case Undeliverable():
                await self._bury(message, verdict)
            case outgoing:
                self._own_faults[message.topic] = 0
                try:
                    await asyncio.gather(*(self._produce(one) for one in outgoing))
                except Undeliverable as too_large:
                    await self._bury(message, too_large)
                else:
                    if outgoing:
                        metrics.ARTICLES.labels(self.stage, "passed", "").inc()

    async def _bury(self, message: Message, verdict: Undeliverable) -> None:
        """Make a dead letter, unless too many in a row are of our own making."""
        if verdict.fault in OWN_FAULTS:
            self._own_faults[message.topic] += 1
            if self._own_faults[message.topic] >= self._fuse:
                raise Fatal(
                    f"{self.stage}: {self._own_faults[message.topic]} articles in a row failed ({verdict.fault}), last "
                    f"{message.origin}: {verdict.error.strip().splitlines()[-1]}. "
                    "Mend the defect or the index mapping, start the worker again, then replay the dead letters"
                )
        log.warning("%s: dead letter %s: %s", self.stage, message.origin, str(verdict).strip().splitlines()[-1])
        letter = DeadLetter(
            value=message.value,
            key=message.key,
            stage=self.stage,
            fault=verdict.fault,
            error=verdict.error,
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            origin=message.origin,
            received_at=message.received_at,
            died_at=datetime.now(UTC),
        )
        try:
            await self._produce(to_outgoing(letter, self._topics))
        except Undeliverable as too_large:  # what its own headers add can be too much
            where = f"{message.topic}/{message.partition}/{message.offset}"
            error = f"{letter.error}\nIts bytes are left at {where} for as long as Kafka keeps them: {too_large}"
            without = letter.model_copy(update={"value": None, "error": error})
            await self._produce(to_outgoing(without, self._topics))
        metrics.DEAD_LETTERS.labels(self.stage, verdict.fault).inc()
        if message.topic != self._topics.outcomes:  # an ending that can't be written has no ending of its own
            await self._end(message, Outcome.DEAD_LETTERED, verdict.fault, verdict.error)

    async def _end(
        self, message: Message, outcome: Outcome, reason: str, detail: str, subject: Subject | None = None
    ) -> None:
        if subject is None and self.stage == "strip":
            subject = subject_of(message.value)
        elif subject is None:  # past strip, messages are keyed by the article's id
            subject = Subject(article_id=message.key.decode() if message.key else None)
        ending = Ending(
            origin=message.origin,
            outcome=outcome,
            stage=self.stage,
            reason=reason,
            detail=detail[:1000] or None,
            article_id=subject.article_id,
            url=subject.url,
            site=subject.site,
            received_at=message.received_at,
            ended_at=datetime.now(UTC),
        )
        await self._produce(
            Outgoing(self._topics.outcomes, message.origin.encode(), ending.to_bytes(), message.history)
        )
        metrics.ARTICLES.labels(self.stage, outcome, reason).inc()

    async def _produce(self, outgoing: Outgoing) -> None:
        await produce(self._app, outgoing, self._wait)

    # ── committing ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._commit()

    async def _commit(self) -> None:
        if await self.offsets.commit():
            self.progress_at = monotonic()
