"""The memory of sites, kept in a compacted topic: one record for each article that it is made of.

Every worker that strips reads all of it and holds a copy. So it makes no difference which worker, or which partition, a
page comes to, and a worker that starts or takes over partitions has nothing to restore but what it reads. A record is
confirmed before the article's offset is committed; told twice, it changes nothing.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from claimstream.agents.backoff import delays
from claimstream.agents.connections import kafka_options
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.messages import Outgoing
from claimstream.agents.provision import kafka_trouble
from claimstream.agents.reading import from_beginning, whole
from claimstream.config.settings import Kafka, Settings
from claimstream.config.topics import Topics
from claimstream.pipeline.outcomes import Subject
from claimstream.pipeline.records import Mark, Sighting, SiteRecord
from claimstream.pipeline.strip.memory import Memory
from claimstream.pipeline.strip.standing import NOTHING, Standing
from claimstream.publishing.article import explain

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""Far less than a page waits before others are judged by it (sites.settle_seconds)."""


class Sites:
    """A worker's copy of the memory."""

    def __init__(self, settings: Settings) -> None:
        self._kafka = settings.kafka
        self._topic = Topics.of(settings.kafka).sites
        self._settle = timedelta(seconds=settings.sites.settle_seconds)
        self._memory = Memory(settings.sites.most)
        self._whole = asyncio.Event()
        self._needless: set[bytes] = set()
        """Keys of records that the topic need not keep: workers that learned at the same time told too much."""

    async def follow(self) -> None:
        """Read the topic for ever; from its beginning again if that fails, which does no harm."""
        for delay in delays():
            try:
                await self._read()
            except (Unavailable, Fatal) as away:
                log.warning("sites: %s; reading again in %.1f s", away, delay)
                await asyncio.sleep(delay)

    async def _read(self) -> None:
        async with from_beginning(self._kafka, self._topic) as (consumer, ends):
            while True:
                if not self._whole.is_set() and all([await consumer.position(tp) >= end for tp, end in ends.items()]):
                    self._whole.set()
                news = await consumer.getmany(timeout_ms=100)
                if self._whole.is_set() and not news:
                    # A server that answers at once that there is nothing would be asked thousands of times a second.
                    consumer.pause(*ends)
                    await asyncio.sleep(PAUSE_SECONDS)
                    consumer.resume(*ends)
                for records in news.values():
                    for record in records:
                        key = record.key or b""
                        self._needless.discard(key)
                        self._needless.update(learn(self._memory, key, parsed(record)))
                    await asyncio.sleep(0)

    async def standing(self, subject: Subject, at: datetime) -> Standing:
        """What is known of the site of an article that arrived at `at`. Waits until the topic has been read."""
        if subject.site is None:
            return NOTHING
        await self._whole.wait()
        return self._memory.standing(subject.site.lower(), at - self._settle, subject.article_id)

    def news(self, sighting: Sighting) -> list[Outgoing]:
        """What is to be written about an article."""
        needless, self._needless = self._needless, set()
        news = [*self._memory.news(sighting), *((key, None) for key in needless)]
        return [Outgoing(self._topic, key, value, {}) for key, value in news]


def learn(memory: Memory, key: bytes, told: Sighting | Mark | None) -> list[bytes]:
    """Take in what the topic has under `key`; return the keys of records that are no longer needed."""
    if told is None:
        memory.drop(key)
        return []
    return memory.learn(told)


def parsed(record: ConsumerRecord) -> Sighting | Mark | None:
    """What a message says; None if it takes its key back, or if no worker wrote it."""
    if not record.value:
        return None
    try:
        return SiteRecord.validate_json(record.value)
    except ValidationError as error:
        log.warning("sites: message %s is left out: %s", record.offset, explain(error))
        return None


async def read(settings: Settings, site: str | None = None) -> tuple[Memory, list[Sighting]]:
    """The memory as it is now, and the articles that it is made of; of one site only, if that is given.

    Raises Unavailable.
    """
    memory = Memory(settings.sites.most)
    sightings: dict[bytes, Sighting] = {}
    async for record in whole(settings.kafka, Topics.of(settings.kafka).sites):
        key = record.key or b""
        if site is not None and key.decode(errors="replace").rpartition(" ")[0] != site:
            continue
        told = parsed(record)
        sightings.pop(key, None)
        if isinstance(told, Sighting):
            sightings[key] = told
        for needless in learn(memory, key, told):
            sightings.pop(needless, None)
    return memory, sorted(sightings.values(), key=lambda one: (one.at, one.article_id))


async def mark(kafka: Kafka, marks: Sequence[Mark]) -> None:
    """Write down what a person said. Raises Unavailable or Fatal."""
    producer = AIOKafkaProducer(**kafka_options(kafka), acks="all", enable_idempotence=True)
    try:
        await producer.start()
        for one in marks:
            await producer.send_and_wait(Topics.of(kafka).sites, one.to_bytes(), key=one.key)
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await producer.stop()
