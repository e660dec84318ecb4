"""Reading beside the agents: a topic, whole or of some time, or where a consumer group goes on."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from claimstream.agents.connections import kafka_options
from claimstream.agents.errors import Unavailable
from claimstream.agents.provision import kafka_admin, kafka_trouble, partitions
from claimstream.config.settings import Kafka

READ_MS = 5000
"""How long one reading waits for messages that should be there."""


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
        async for record in _up_to(consumer, ends):
            yield record


async def received(kafka: Kafka, topic: str, since: datetime, until: datetime) -> AsyncIterator[ConsumerRecord]:
    """The messages of a topic that Kafka received in [since, until). Raises Unavailable or Fatal."""
    async with from_beginning(kafka, topic) as (consumer, ends):
        first, last = [await _at(consumer, ends, moment) for moment in (since, until)]
        for tp, offset in first.items():
            consumer.seek(tp, offset)
        async for record in _up_to(consumer, last):
            yield record


async def _at(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], moment: datetime) -> dict[Any, int]:
    """The offset of the first message of each partition from `moment` on, or where it ends."""
    found = await consumer.offsets_for_times(dict.fromkeys(ends, round(moment.timestamp() * 1000)))
    return {tp: found[tp].offset if found.get(tp) else end for tp, end in ends.items()}


async def _up_to(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> AsyncIterator[ConsumerRecord]:
    while rest := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
        for records in (await consumer.getmany(*rest, timeout_ms=READ_MS)).values():
            for record in records:
                if record.offset < ends[TopicPartition(record.topic, record.partition)]:
                    yield record


async def first_uncommitted(kafka: Kafka, group: str, tp: TopicPartition, offset: int) -> int:
    """The offset of the first message of `tp` that the group has not committed; at most the one at `offset`, if it is.

    Offsets may have gaps, so what follows the committed one is not always the next number. Raises Unavailable or Fatal.
    """
    consumer = AIOKafkaConsumer(
        **kafka_options(kafka),
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1,  # one message, whatever its size
    )
    try:
        await consumer.start()
        consumer.assign([tp])
        committed: int = await consumer.position(tp)
        if committed >= offset:
            return committed
        for record in (await consumer.getmany(tp, timeout_ms=READ_MS, max_records=1)).get(tp, ()):
            return int(record.offset)
        raise Unavailable("Kafka", f"gives nothing of {tp.topic}/{tp.partition} from offset {committed}")
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await consumer.stop()
