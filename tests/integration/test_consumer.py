"""Where reading goes on after a rebalance."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from claimstream.agents.app import build_app
from claimstream.agents.provision import initialise
from claimstream.agents.reading import first_uncommitted
from claimstream.config.topics import Topics


async def publish(settings, topic: str, values) -> None:
    async with AIOKafkaProducer(bootstrap_servers=settings.kafka.servers) as kafka:
        for value in values:
            await kafka.send_and_wait(topic, value, partition=0)


async def test_reading_goes_back_where_nothing_was_committed_yet(settings):
    """As Faust seeks after each rebalance; what it had fetched by then it drops."""
    await initialise(settings)
    topic = Topics.of(settings.kafka).raw_articles
    await publish(settings, topic, [b"0", b"1"])
    app = build_app(settings, "strip")
    seen: asyncio.Queue[bytes] = asyncio.Queue()
    raw = app.topic(topic, value_type=bytes, value_serializer="raw", acks=False)

    async def body(stream) -> None:
        async for event in stream.noack().events():
            await seen.put(event.message.value)

    app.agent(raw, name="strip")(body)
    await app.start()
    try:
        assert [await asyncio.wait_for(seen.get(), 30) for _ in range(2)] == [b"0", b"1"]
        await app.consumer.perform_seek()
        assert [await asyncio.wait_for(seen.get(), 30) for _ in range(2)] == [b"0", b"1"]
    finally:
        await app.stop()


async def test_what_a_group_has_not_committed_is_found_behind_gaps(settings):
    await initialise(settings)
    kafka, topic = settings.kafka, Topics.of(settings.kafka).raw_articles
    tp = TopicPartition(topic, 0)
    await publish(settings, topic, [b"0", b"1", b"2"])
    assert await first_uncommitted(kafka, "group", tp, 2) == 0
    assert await first_uncommitted(kafka, "group", tp, 0) == 0
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.servers, group_id="group", enable_auto_commit=False)
    async with consumer:
        consumer.assign([tp])
        await consumer.commit({tp: 2})
    assert await first_uncommitted(kafka, "group", tp, 2) == 2
    assert await first_uncommitted(kafka, "group", tp, 0) == 2
