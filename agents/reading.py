"""Reading a topic whole, without a consumer group."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from claimstream.agents.connections import kafka_options
from claimstream.agents.provision import kafka_admin, kafka_trouble, partitions
from claimstream.config.settings import Kafka


@asynccontextmanager
async def from_beginning(
    kafka: Kafka, topic: str
) -> AsyncIterator[tuple[AIOKafkaConsumer, Mapping[TopicPartition, int]]]:
    """A consumer at the beginning of each partition, and where each ends now. Raises Unavailable or Fatal."""
    async with kafka_admin(kafka) as admin:
        where = await partitions(admin, [topic], kafka)
    consumer = AIOKafkaConsumer(
        **kafka_options(kafka), enable_auto_commit=False, max_partition_fetch_bytes=kafka.max_message_bytes
    )
    try:
        await consumer.start()
        consumer.assign(where)
        ends = await consumer.end_offsets(where)
        for tp, offset in (await consumer.beginning_offsets(where)).items():
            consumer.seek(tp, offset)  # seek_to_beginning races with the reset that assign begins
        yield consumer, ends
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await consumer.stop()


async def whole(kafka: Kafka, topic: str) -> AsyncIterator[ConsumerRecord]:
    """The messages of a topic, up to where it ends now, in the order of each partition. Raises Unavailable or Fatal."""
    async with from_beginning(kafka, topic) as (consumer, ends):
        while rest := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
            for records in (await consumer.getmany(*rest, timeout_ms=5000)).values():
                for record in records:
                    yield record
