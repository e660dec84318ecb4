"""The servers that the tests run on: the very calls that the stream makes work on them, embedded or real."""

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from elasticsearch import Elasticsearch

from claimstream.config.settings import Settings


@pytest.fixture
async def topic(settings: Settings) -> str:
    name = f"{settings.kafka.prefix}articles"
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.servers)
    await admin.start()
    try:
        config = {"max.message.bytes": str(settings.kafka.max_message_bytes)}
        await admin.create_topics([NewTopic(name, 2, 1, topic_configs=config)])
    finally:
        await admin.close()
    return name


async def produce(settings: Settings, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.servers, max_request_size=2**24) as producer:
        for value in values:
            await producer.send_and_wait(topic, value)


async def consume(settings: Settings, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka.servers, group_id=f"{topic}-group", auto_offset_reset="earliest"
    )
    async with consumer:
        messages = [await asyncio.wait_for(anext(consumer), 30) for _ in range(count)]
        await consumer.commit()
    return [message.value for message in messages]


async def test_kafka_carries_large_messages_and_keeps_them_and_commits_over_a_restart(servers, settings, topic):
    large = b"x" * 10 * 1024 * 1024
    await produce(settings, topic, [large])
    assert await consume(settings, topic, 1) == [large]
    await produce(settings, topic, [b"second"])

    await asyncio.to_thread(servers.stop, "kafka")
    await asyncio.to_thread(servers.start, "kafka")

    assert await consume(settings, topic, 1) == [b"second"]


def test_elasticsearch_keeps_documents_over_a_restart_and_stems_where_it_can(servers, settings):
    index = f"{settings.elasticsearch.prefix}claims"
    text = {"type": "text", "analyzer": settings.elasticsearch.analyzer}
    with Elasticsearch(settings.elasticsearch.url) as client:
        client.indices.create(index=index, mappings={"properties": {"content": text}})
        client.index(index=index, id="1", document={"content": "The bridge was closed"}, refresh=True)

        servers.stop("elasticsearch")
        servers.start("elasticsearch")

        words = "closing bridges" if settings.elasticsearch.analyzer == "english" else "bridge closed"
        hits = client.search(index=index, query={"match": {"content": {"query": words, "operator": "and"}}})["hits"]
    assert [hit["_id"] for hit in hits["hits"]] == ["1"]


def test_each_test_has_names_of_its_own(settings, environment):
    assert settings.kafka.prefix
    assert environment["CLAIMSTREAM_KAFKA__PREFIX"] == settings.kafka.prefix
    assert environment["CLAIMSTREAM_ELASTICSEARCH__URL"] == settings.elasticsearch.url
