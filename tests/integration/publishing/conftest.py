import asyncio
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from claimstream.agents.provision import create_topics
from claimstream.config.settings import Settings
from claimstream.config.topics import Topics

Published = Callable[[], list[ConsumerRecord]]


@pytest.fixture
def topic(settings: Settings) -> str:
    """The raw articles' topic of this test."""
    asyncio.run(create_topics(settings.kafka))
    return Topics.of(settings.kafka).raw_articles


@pytest.fixture
def published(settings: Settings, topic: str) -> Published:
    """Read the topic from its beginning to its end."""

    async def read() -> list[ConsumerRecord]:
        where = [TopicPartition(topic, number) for number in range(settings.kafka.partitions)]
        found = []
        async with AIOKafkaConsumer(bootstrap_servers=settings.kafka.servers, enable_auto_commit=False) as consumer:
            consumer.assign(where)
            ends = await consumer.end_offsets(where)
            for tp in where:
                consumer.seek(tp, 0)
            while rest := [tp for tp in where if await consumer.position(tp) < ends[tp]]:
                for records in (await consumer.getmany(*rest, timeout_ms=5000)).values():
                    found += records
        return found

    return lambda: asyncio.run(read())
