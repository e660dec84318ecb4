"""The publishers of scrapers: what they took is in Kafka, or is named."""

import asyncio
import json
import subprocess
import sys
import threading

import pytest
from aiokafka.errors import OutOfOrderSequenceNumber

from claimstream.cli.embedded import free_port
from claimstream.publishing import (
    AsyncPublisher,
    Invalid,
    Misconfigured,
    NotPublished,
    Publisher,
    RawArticle,
    TooLarge,
    Unreachable,
)

from ...stream import until


def article(n: int, **fields) -> dict:
    return {"url": f"https://kessel.example/{n}", "text": f"The ferry number {n} sails on Monday.", **fields}


def urls(published) -> list[str]:
    return sorted(json.loads(record.value)["url"] for record in published())


def test_what_is_published_is_in_kafka_under_its_id(settings, topic, published):
    async def run():
        async with AsyncPublisher(settings.kafka.servers, topic=topic) as publisher:
            receipt = await publisher.publish(article(1, authors=["Ada Brook"]))
            await publisher.send(RawArticle(**article(2)))
        return receipt, publisher.stats

    receipt, stats = asyncio.run(run())
    records = {f"{topic}/{one.partition}/{one.offset}": one for one in published()}
    assert len(records) == stats.published == 2
    assert stats.waiting == stats.failed == stats.refused == 0
    assert records[receipt.origin].key.decode() == receipt.article_id == RawArticle(**article(1)).article_id
    assert RawArticle.from_bytes(records[receipt.origin].value) == RawArticle(**article(1, authors=["Ada Brook"]))


def test_scripts_without_asyncio(settings, topic, published):
    with Publisher(settings.kafka.servers, topic=topic) as publisher:
        assert publisher.publish(article(0)).origin.startswith(f"{topic}/")
        threads = [
            threading.Thread(target=lambda t=t: [publisher.send(article(n)) for n in range(t, 100, 4)])
            for t in range(1, 5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        publisher.flush()
        assert publisher.stats.published == len(published()) == 100
    publisher.close()
    with pytest.raises(RuntimeError, match="closed"):
        publisher.send(article(1))


def test_an_article_that_is_none_is_named_and_not_sent(settings, topic, published):
    with Publisher(settings.kafka.servers, topic=topic, max_message_bytes=64 * 1024) as publisher:
        for wrong, words in (
            ({"text": "words"}, "url: is missing"),
            ({"url": "kessel.example", "text": "words"}, "url: must be an absolute"),
            (article(1, published_at="soon"), "published_at: is no date"),
            (article(1, fetched_at="2199-01-01"), "fetched_at: .* lies in the future"),
        ):
            with pytest.raises(Invalid, match=words):
                publisher.send(wrong)
        with pytest.raises(TooLarge, match=r"65536, kafka\.max_message_bytes"):
            publisher.publish(article(1, html="x" * 65536))
        publisher.publish(article(2))
    assert publisher.stats.refused == 5
    assert urls(published) == ["https://kessel.example/2"]


def test_an_outage_is_survived(settings, servers, topic, published):
    with Publisher(settings.kafka.servers, topic=topic) as publisher:
        publisher.publish(article(0))
        servers.stop("kafka")
        try:
            for n in range(1, 200):
                publisher.send(article(n))
            assert publisher.stats.waiting == 199
        finally:
            servers.start("kafka")
        publisher.flush()
        assert publisher.stats.published == 200
    assert set(urls(published)) == {article(n)["url"] for n in range(200)}


def test_what_an_outage_outlasts_is_named(settings, servers, topic, published, caplog):
    publisher = Publisher(settings.kafka.servers, topic=topic, patience=2)
    publisher.publish(article(0))
    servers.stop("kafka")
    try:
        for n in range(1, 4):
            publisher.send(article(n))
        with pytest.raises(Unreachable, match="did not confirm the article within 2 s"):
            publisher.publish(article(4))
        with pytest.raises(NotPublished, match=r"3 not published: https://kessel\.example/1: ") as raised:
            publisher.close()
    finally:
        servers.start("kafka")
    assert [one.url for one, _ in raised.value.articles] == [article(n)["url"] for n in range(1, 4)]
    assert publisher.stats.failed == 4
    assert not [record for record in caplog.records if record.name == "asyncio"]
    with Publisher(settings.kafka.servers, topic=topic) as again:
        for one, _ in raised.value.articles:
            again.send(one)
    assert set(urls(published)) >= {article(n)["url"] for n in range(4)}


def test_a_full_buffer_makes_the_scraper_wait(settings, servers, topic):
    size = len(RawArticle(**article(10, text="x" * 40_000)).to_bytes())
    with Publisher(
        settings.kafka.servers, topic=topic, buffer_memory=size * 2, max_message_bytes=size, patience=60
    ) as publisher:
        publisher.publish(article(10))
        servers.stop("kafka")
        try:
            scraper = threading.Thread(
                target=lambda: [publisher.send(article(n, text="x" * 40_000)) for n in range(10, 14)]
            )
            scraper.start()
            until(lambda: publisher.stats.waiting == 2, "two articles on their way")
            scraper.join(0.5)
            assert scraper.is_alive()
            assert publisher.stats.waiting == 2
        finally:
            servers.start("kafka")
        scraper.join()
        publisher.flush()
        assert publisher.stats.published == 5


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "raise OSError('the page is gone')"])
def test_what_was_handed_over_is_flushed_at_exit(settings, topic, published, ending):
    code = f"""
from claimstream.publishing import Publisher
publisher = Publisher({settings.kafka.servers!r}, topic={topic!r})
for n in range(50):
    publisher.send({{"url": f"https://kessel.example/{{n}}", "text": "words"}})
{ending}
"""
    subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert len(published()) == 50


def test_without_kafka_or_its_topic():
    with pytest.raises(Unreachable, match=r"no answer from 127\.0\.0\.1:"):
        Publisher(f"127.0.0.1:{free_port()}")


def test_a_missing_topic_is_not_created(settings):
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"lacks topic no-such-topic, or hides it .*: run `claimstream init`"):
            Publisher(settings.kafka.servers, topic="no-such-topic")


def test_a_producer_that_lost_its_way_is_replaced(settings, topic, published, monkeypatch):
    """An idempotent producer of aiokafka can be stuck after an outage: each try answers the same."""

    async def run():
        async with AsyncPublisher(settings.kafka.servers, topic=topic) as publisher:
            stuck = publisher._producer._current

            async def send_and_wait(*_, **__):
                raise OutOfOrderSequenceNumber

            monkeypatch.setattr(stuck, "send_and_wait", send_and_wait)
            for n in range(3):
                await publisher.send(article(n))
            await publisher.flush()
            assert publisher._producer._current is not stuck
            return publisher.stats

    stats = asyncio.run(run())
    assert (stats.published, stats.retried) == (3, 3)
    assert len(published()) == 3
