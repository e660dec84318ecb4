"""Raw articles that Kafka still holds, sent through the back-fill: for a defect that is mended, an index that is lost.

They get the time at which they were received as `fetched_at`, if they have none of their own: else they would pass for
later versions than they are.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from claimstream.agents.connections import kafka_options
from claimstream.agents.provision import kafka_admin, kafka_trouble, partitions
from claimstream.agents.reading import received
from claimstream.config.settings import Kafka
from claimstream.config.topics import Topics

IN_FLIGHT = 200
"""Messages that are not confirmed yet."""


async def replay(kafka: Kafka, since: datetime, until: datetime, progress: Callable[[int], None]) -> int:
    """Publish what was received in [since, until) into the back-fill's topic, and return how many.

    `progress` is told the number after each batch. Raises Unavailable or Fatal.
    """
    source = Topics.of(kafka.model_copy(update={"backfill": False})).raw_articles
    backfill = kafka.model_copy(update={"backfill": True})
    target = Topics.of(backfill).raw_articles
    async with kafka_admin(kafka) as admin:
        await partitions(admin, [target], backfill)
    producer = AIOKafkaProducer(
        **kafka_options(kafka), acks="all", compression_type="zstd", max_request_size=kafka.max_message_bytes
    )
    sent = 0
    waiting: list[Awaitable[object]] = []
    try:
        await producer.start()
        async for record in received(kafka, source, since, until):
            waiting.append(await producer.send(target, with_time(record), key=record.key))
            if len(waiting) == IN_FLIGHT:
                sent += len(await asyncio.gather(*waiting))
                waiting.clear()
                progress(sent)
        sent += len(await asyncio.gather(*waiting))
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await producer.stop()
    return sent


def with_time(record: ConsumerRecord) -> bytes | None:
    """The message, with `fetched_at` if it is an article without one; what is no article stays as it is."""
    value: bytes | None = record.value
    try:
        fields = json.loads(value or b"")
    except ValueError:
        return value
    if not isinstance(fields, dict) or fields.get("fetched_at"):
        return value
    fetched_at = datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat()
    return json.dumps({**fields, "fetched_at": fetched_at}, ensure_ascii=False).encode("utf-8", "surrogatepass")
