"""How far each stage is behind: committed against end offsets, from Kafka itself, whether a worker runs or not.

read_lag   one look at Kafka: a PartitionLag each
Backlog    what one or two looks say of a partition, a topic or all together: age, rate, time to catch up
"""

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError, for_code

from claimstream.agents.backoff import delays
from claimstream.agents.connections import kafka_options
from claimstream.agents.provision import kafka_admin, kafka_trouble, partitions
from claimstream.config.settings import STAGES, Kafka, Stage
from claimstream.config.topics import Topics


@dataclass(frozen=True)
class PartitionLag:
    stage: Stage
    topic: str
    partition: int
    committed: int | None
    """None if the group has never committed here; it will begin at the partition's beginning."""
    end: int
    lag: int
    """Messages not yet processed."""
    oldest: datetime | None
    """When Kafka received the oldest message not yet processed."""
    owner: str | None
    """The client id, `host-process`, of the worker that the partition is assigned to."""

    @property
    def position(self) -> int:
        """The offset at which the group goes on."""
        return self.end - self.lag


async def read_lag(kafka: Kafka, stages: Sequence[Stage] = STAGES) -> list[PartitionLag]:
    """Read the lag of each partition, in the order of the stages. Raises Unavailable or Fatal."""
    topics = Topics.of(kafka)
    async with kafka_admin(kafka) as admin:
        # What is committed is read before the ends, so that no offset is committed past its end.
        committed = {stage: await _committed(admin, topics.group(stage)) for stage in stages}
        owners = {stage: await _owners(admin, topics.group(stage)) for stage in stages}
        where = {tp: stage for stage in stages for tp in await partitions(admin, topics.inputs(stage), kafka)}
    consumer = AIOKafkaConsumer(**kafka_options(kafka), enable_auto_commit=False)
    try:
        await consumer.start()
        first, end = await consumer.beginning_offsets(list(where)), await consumer.end_offsets(list(where))
        positions = {tp: position(committed[stage].get(tp), first[tp], end[tp]) for tp, stage in where.items()}
        oldest = await _received(consumer, {tp: offset for tp, offset in positions.items() if offset < end[tp]})
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await consumer.stop()
    return [
        PartitionLag(
            stage=stage,
            topic=tp.topic,
            partition=tp.partition,
            committed=committed[stage].get(tp),
            end=end[tp],
            lag=end[tp] - positions[tp],
            oldest=oldest.get(tp),
            owner=owners[stage].get(tp),
        )
        for tp, stage in where.items()
    ]


async def _committed(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    for delay in islice(delays(cap=1), 10):
        with suppress(GroupCoordinatorNotAvailableError):  # in a new cluster, asking makes Kafka find itself one
            return await _offsets(admin, group)
        await asyncio.sleep(delay)
    return await _offsets(admin, group)


async def _offsets(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    committed = await admin.list_consumer_group_offsets(group)
    return {tp: one.offset for tp, one in committed.items() if one.offset >= 0}


async def _owners(admin: AIOKafkaAdminClient, group: str) -> dict[TopicPartition, str]:
    """Which client has which partition; none in the midst of a rebalance."""
    (response,) = await admin.describe_consumer_groups([group])  # one at a time: aiokafka 0.14 misreads two
    (described,) = response.groups
    error, _, _, _, _, members = described[:6]
    if error:
        raise for_code(error)(group)
    return {
        tp: client
        for _, client, _, _, assignment in members
        if assignment
        for tp in ConsumerProtocolMemberAssignment.decode(assignment).partitions()
    }


def position(committed: int | None, first: int, end: int) -> int:
    """Where a group goes on: at the beginning if it is new, or its offset fell out of the topic on either side."""
    return committed if committed is not None and first <= committed <= end else first


async def _received(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> dict[TopicPartition, datetime]:
    """Look up the time of the messages at `offsets`, which exist."""
    if not offsets:
        return {}
    consumer.assign(list(offsets))
    for tp, offset in offsets.items():
        consumer.seek(tp, offset)
    found: dict[TopicPartition, datetime] = {}
    while len(found) < len(offsets):
        batches = await consumer.getmany(*(tp for tp in offsets if tp not in found), timeout_ms=5000, max_records=1)
        if not batches:
            break  # expired since, or the broker is slow: an unknown age, not an error
        found |= {tp: datetime.fromtimestamp(records[0].timestamp / 1000, UTC) for tp, records in batches.items()}
    return found


# ── what the numbers say ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reading:
    """One look at Kafka."""

    at: datetime
    partitions: Sequence[PartitionLag]

    @classmethod
    async def of(cls, kafka: Kafka, stages: Sequence[Stage] = STAGES) -> "Reading":
        """Raise Unavailable or Fatal."""
        lags = await read_lag(kafka, stages)
        return cls(datetime.now(UTC), lags)


@dataclass(frozen=True)
class Backlog:
    """How far one or several partitions are behind. Times are in seconds, rates in articles a second."""

    committed: int | None
    end: int
    lag: int
    age: float | None
    """How long the oldest article has waited; None if none waits, or nobody knows."""
    rate: float | None
    """Articles done a second; None without an earlier reading."""
    catch_up: float | None
    """Until nothing waits, at this rate and with what arrives meanwhile. If the lag does not shrink it is infinite, or,
    if all that waited at the earlier reading is done, until what waits now is."""
    owners: Sequence[str]

    @classmethod
    def over(cls, partitions: Sequence[PartitionLag], now: datetime, earlier: Reading | None = None) -> "Backlog":
        committed = [one.committed for one in partitions if one.committed is not None]
        lag = sum(one.lag for one in partitions)
        oldest = min((one.oldest for one in partitions if one.oldest), default=None)
        rate = catch_up = None
        if earlier:
            seconds = (now - earlier.at).total_seconds()
            before = {(one.topic, one.partition): one for one in earlier.partitions}
            pairs = [(before[key], one) for one in partitions if (key := (one.topic, one.partition)) in before]
            # Less than nothing is done when somebody sets offsets back or makes a topic anew: that is no rate.
            rate = max(0.0, sum(one.position - old.position for old, one in pairs) / seconds)
            falling = sum(old.lag - one.lag for old, one in pairs) / seconds
            if falling > 0:
                catch_up = lag / falling
            elif rate and all(one.position >= old.end for old, one in pairs):
                catch_up = lag / rate
            else:
                catch_up = math.inf
        return cls(
            committed=sum(committed) if committed else None,
            end=sum(one.end for one in partitions),
            lag=lag,
            age=max(0.0, (now - oldest).total_seconds()) if oldest else None,
            rate=rate,
            catch_up=catch_up if lag else 0.0,
            owners=sorted({one.owner for one in partitions if one.owner}),
        )
