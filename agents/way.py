"""Where an article is on its way: from what Elasticsearch knows of its endings, and what Kafka still holds."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from elasticsearch import ApiError, TransportError

from claimstream.agents.connections import elasticsearch_client, kafka_options
from claimstream.agents.lag import PartitionLag, read_lag
from claimstream.agents.messages import Message
from claimstream.agents.provision import kafka_trouble, translated
from claimstream.config.indices import Indices
from claimstream.config.settings import Settings
from claimstream.config.topics import Topics
from claimstream.pipeline.outcomes import Undeliverable
from claimstream.pipeline.records import Ending
from claimstream.publishing import Invalid, RawArticle

ENDINGS = 5
"""So many of an article's messages are looked up, the latest ones."""
SCAN = 20_000
"""Messages read of one partition; beyond that a step's time stays unknown."""
AFTER = timedelta(seconds=1)


@dataclass
class Way:
    """The way of one published message; a time is None where the step is not done, or not known."""

    origin: str
    received_at: datetime | None = None
    stripped_at: datetime | None = None
    extracted_at: datetime | None = None
    ending: Ending | None = None
    waits_for: str | None = None
    """The stage that has not finished with it."""

    def as_json(self) -> dict[str, Any]:
        ending = self.ending.model_dump(mode="json", exclude={"origin", "received_at"}) if self.ending else None
        return {**vars(self), "ending": ending}


@dataclass
class Whereabouts:
    """What is known of an article."""

    article_id: str
    document: dict[str, Any] | None
    """As it stands in the index, without its text."""
    ways: list[Way] = field(default_factory=list)
    """In the order in which its messages were received."""


async def whereabouts(settings: Settings, article_id: str) -> Whereabouts:
    """Find an article. Raises Unavailable or Fatal."""
    document, endings = await _indexed(settings, article_id)
    found = Whereabouts(article_id, document)
    ways: dict[str, Way] = defaultdict(lambda: Way(""))
    for ending in endings:
        ways[ending.origin] = Way(ending.origin, received_at=ending.received_at, ending=ending)
    try:
        await _travelled(settings, article_id, ways, await read_lag(settings.kafka))
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, settings.kafka) from error
    found.ways = sorted(ways.values(), key=lambda way: way.received_at or datetime.min.replace(tzinfo=UTC))
    return found


async def _indexed(settings: Settings, article_id: str) -> tuple[dict[str, Any] | None, list[Ending]]:
    client, indices = elasticsearch_client(settings.elasticsearch), Indices(settings.elasticsearch)
    try:
        await client.indices.refresh(index=indices.alias("outcomes"))
        articles = await client.search(
            index=indices.alias("articles"),
            query={"term": {"article_id": article_id}},
            source_excludes=["text", "removed", "claim_ids", "replaced_claim_ids"],
        )
        outcomes = await client.search(
            index=indices.alias("outcomes"),
            query={"term": {"article_id": article_id}},
            sort=[{"received_at": "desc"}],
            size=ENDINGS,
        )
    except (TransportError, ApiError) as error:
        raise translated(error, settings.elasticsearch.url) from error
    finally:
        await client.close()
    documents = [hit["_source"] for hit in articles["hits"]["hits"]]
    endings = [Ending.model_validate(hit["_source"]) for hit in outcomes["hits"]["hits"]]
    return documents[0] if documents else None, endings


async def _travelled(settings: Settings, article_id: str, ways: dict[str, Way], lags: Sequence[PartitionLag]) -> None:
    """Add what Kafka holds: messages that wait, and when those that ended passed each stage."""
    topics = Topics.of(settings.kafka)
    ended = [way.ending for way in ways.values() if way.ending]
    consumer = AIOKafkaConsumer(
        **kafka_options(settings.kafka),
        enable_auto_commit=False,
        max_partition_fetch_bytes=settings.kafka.max_message_bytes,
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        where = [TopicPartition(lag.topic, lag.partition) for lag in lags]
        consumer.assign(where)
        for tp in where:
            await consumer.position(tp)  # a seek must not race with the reset that assign begins
        for lag in lags:  # in the order of the stages
            tp = TopicPartition(lag.topic, lag.partition)
            waiting_from = lag.end - lag.lag
            ranges = [(waiting_from, lag.end)]
            if lag.topic in {topics.articles, topics.claims}:
                ranges += [await _between(consumer, tp, ending, lag.end) for ending in ended]
            async for message in _read(consumer, tp, ranges):
                if not _is_about(message, article_id, topics):
                    continue
                way = ways[message.origin]
                way.origin, way.received_at = message.origin, message.received_at
                at = datetime.fromtimestamp(message.timestamp, UTC)
                if lag.topic == topics.articles:
                    way.stripped_at = at
                elif lag.topic == topics.claims:
                    way.extracted_at = at
                if way.ending is None:
                    way.waits_for = lag.stage
    finally:
        await consumer.stop()


async def _between(consumer: AIOKafkaConsumer, tp: TopicPartition, ending: Ending, end: int) -> tuple[int, int]:
    """The offsets of what was produced while an article was on its way."""
    first, last = ending.received_at, ending.ended_at + AFTER
    begin = (await consumer.offsets_for_times({tp: int(first.timestamp() * 1000)}))[tp]
    until = (await consumer.offsets_for_times({tp: int(last.timestamp() * 1000)}))[tp]
    return begin.offset if begin else end, until.offset if until else end


async def _read(
    consumer: AIOKafkaConsumer, tp: TopicPartition, ranges: Sequence[tuple[int, int]]
) -> AsyncIterator[Message]:
    for begin, end in ranges:
        stop = min(end, begin + SCAN)
        if begin >= stop:
            continue
        consumer.seek(tp, begin)
        while (position := await consumer.position(tp)) < stop:
            records = (await consumer.getmany(tp, timeout_ms=5000)).get(tp, [])
            if not records and await consumer.position(tp) == position:
                break  # expired since
            for one in records:
                if one.offset < stop:
                    yield Message(
                        tp.topic, tp.partition, one.offset, one.key, one.value, one.timestamp / 1000, dict(one.headers)
                    )


def _is_about(message: Message, article_id: str, topics: Topics) -> bool:
    if message.topic in {topics.articles, topics.claims}:
        return message.key == article_id.encode()
    with suppress(Invalid, Undeliverable):
        if message.topic == topics.raw_articles:
            return RawArticle.from_bytes(message.value).article_id == article_id
        return Ending.from_bytes(message.value).article_id == article_id
    return False
