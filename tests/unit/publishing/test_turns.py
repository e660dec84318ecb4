"""Articles wait for their turn in order, and not in aiokafka, which would give up some of a long queue."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from claimstream.publishing import AsyncPublisher, NotPublished, asynchronous
from claimstream.publishing.asynchronous import IN_FLIGHT

MANY = 3 * IN_FLIGHT
PLACE = SimpleNamespace(topic="raw-articles", partition=0, offset=0)


def publisher_that(send: Callable[[bytes, bytes], Awaitable[Any]], **options: Any) -> AsyncPublisher:
    publisher = AsyncPublisher(**options)
    publisher._producer = SimpleNamespace(send=send)
    return publisher


async def hand_over(publisher: AsyncPublisher) -> list[bytes]:
    """Send many articles; return their messages."""
    articles = [publisher.check({"id": str(n), "text": "words"}) for n in range(MANY)]
    for article, _ in articles:
        await publisher.send(article)
    return [value for _, value in articles]


async def test_few_articles_are_on_their_way_at_a_time_and_in_order():
    seen: list[bytes] = []
    on_their_way = 0
    most = 0

    async def send(_, value):
        nonlocal on_their_way, most
        on_their_way += 1
        most = max(most, on_their_way)
        seen.append(value)
        await asyncio.sleep(0)
        on_their_way -= 1
        return PLACE

    publisher = publisher_that(send)
    messages = await hand_over(publisher)
    await publisher.flush()
    assert most == IN_FLIGHT
    assert seen == messages


async def test_a_slow_kafka_is_no_outage(monkeypatch):
    """The last of a long queue waits for longer than anybody's patience, while those before it are confirmed."""
    now = 0.0
    monkeypatch.setattr(asynchronous, "monotonic", lambda: now)

    async def send(*_):
        nonlocal now
        now += 1
        await asyncio.sleep(0)
        return PLACE

    publisher = publisher_that(send, patience=IN_FLIGHT + 1)
    await hand_over(publisher)
    await publisher.flush()
    assert publisher.stats.published == MANY
    assert now == MANY


async def test_an_outage_ends_the_patience_of_the_whole_queue(monkeypatch):
    """Those without a turn are not tried, for the same time, one after another."""
    tried: list[bytes] = []
    now = 0.0
    monkeypatch.setattr(asynchronous, "monotonic", lambda: now)

    async def send(_, value):
        nonlocal now
        tried.append(value)
        try:
            await asyncio.Event().wait()
        finally:
            now = 0.1

    publisher = publisher_that(send, patience=0.1)
    messages = await hand_over(publisher)
    with pytest.raises(NotPublished) as raised:
        await publisher.flush()
    assert len(raised.value.articles) == publisher.stats.failed == MANY
    assert tried == messages[:IN_FLIGHT]


async def test_an_outage_and_its_end_are_logged_once(monkeypatch):
    monkeypatch.setattr(asynchronous, "QUIET_SECONDS", 0.01)
    logged: asyncio.Queue[str] = asyncio.Queue()
    monkeypatch.setattr(asynchronous.log, "warning", lambda words, *values: logged.put_nowait(words % values))
    again = asyncio.Event()

    async def send(*_):
        await again.wait()
        return PLACE

    publisher = publisher_that(send)
    publisher._outage.watch()
    await hand_over(publisher)
    assert f"{MANY} articles wait for it, each for up to 120 s" in await logged.get()
    again.set()
    await publisher.flush()
    assert await logged.get() == "Kafka confirms articles again"
    publisher._outage.ignore()
    assert logged.empty()
