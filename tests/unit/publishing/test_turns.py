"""Articles wait for their turn in order, and not in aiokafka, which would give up some of a long queue."""

import asyncio
from types import SimpleNamespace

from claimstream.publishing import AsyncPublisher
from claimstream.publishing.asynchronous import IN_FLIGHT


async def test_few_articles_are_on_their_way_at_a_time_and_in_order():
    publisher = AsyncPublisher()
    seen: list[bytes] = []
    on_their_way = 0
    most = 0

    async def send_and_wait(topic, value, *, key):
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        seen.append(value)
        await asyncio.sleep(0)
        on_their_way -= 1
        return SimpleNamespace(topic=topic, partition=0, offset=len(seen))

    publisher._producer = SimpleNamespace(send_and_wait=send_and_wait)
    articles = [publisher.check({"id": str(n), "text": "words"}) for n in range(3 * IN_FLIGHT)]
    for article, _ in articles:
        await publisher.send(article)
    await publisher.flush()
    assert most == IN_FLIGHT
    assert seen == [value for _, value in articles]
