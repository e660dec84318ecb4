"""What is learned of a site while the stream runs, whoever strips and whatever becomes of them."""

import asyncio
import json
import signal
import time

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from claimstream.agents.reading import whole
from claimstream.agents.sites import read
from claimstream.config.settings import Sites
from claimstream.pipeline.records import Article
from claimstream.publishing.article import RawArticle

from ..conftest import own_settings
from ..stream import Stream, stop, until

SITE = "kessel.example"
ABOUT = "The Kessel Packet is published by the people of the island and has been printed on it since the year 1911."
PLACES = ("harbour", "market", "chapel", "school", "station", "library", "mill", "bakery", "lighthouse", "quarry")
NAMES = ("Mlinar", "Tiel", "Venn", "Lund", "Dorin", "Holm", "Aldane", "Brenning", "Halvard", "Marten")
SETTLE = 3.0


def page(n: int) -> dict:
    """An article with words of its own, and below it what the site says under each."""
    place, name = PLACES[n % 10], NAMES[n // 10 % 10]
    text = [
        f"The {place} of Kessel number {n} will be rebuilt within a year, the council decided on Monday.",
        f"“We have waited for the {place} for too long,” said {name}, who had asked for it {n} times and more.",
        f"A neighbour of the {place}, whom {name} had invited, doubted that the money of the island will do for it.",
        ABOUT,
    ]
    return {"url": f"https://{SITE}/{n}", "text": "\n".join(text)}


def publish(stream: Stream, pages, key) -> None:
    """All at once: pages that arrive together do not teach each other."""

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=stream.settings.kafka.servers) as kafka:
            await asyncio.gather(
                *(
                    kafka.send_and_wait(stream.topics.raw_articles, json.dumps(one).encode(), key=key(n))
                    for n, one in enumerate(pages)
                )
            )

    asyncio.run(send())
    stream.published += len(pages)


def stripped(stream: Stream) -> dict[str, set[str]]:
    """The texts that each page was stripped to, once all are, by address."""
    until(lambda: sum(one.lag for one in stream.lag() if one.stage == "strip") == 0, "strip is done")

    async def articles() -> list[Article]:
        return [Article.from_bytes(one.value) async for one in whole(stream.settings.kafka, stream.topics.articles)]

    found: dict[str, set[str]] = {}
    for article in asyncio.run(articles()):
        found.setdefault(article.url, set()).add(article.text)
    return found


def learned(stream: Stream) -> set[str]:
    """The articles that the memory of the site is made of."""
    _, sightings = asyncio.run(read(stream.settings, SITE))
    return {one.article_id for one in sightings}


def settled() -> None:
    """Wait until what was learned so far counts."""
    then = time.time() + SETTLE
    until(lambda: time.time() > then, "what was learned to settle")


def rewind(stream: Stream) -> None:
    """Have the strip stage, which must be at rest, begin anew."""

    async def reset() -> None:
        kafka = stream.settings.kafka
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.servers, group_id=stream.topics.group("strip"), enable_auto_commit=False
        )
        async with consumer:
            where = [TopicPartition(stream.topics.raw_articles, p) for p in range(kafka.partitions)]
            consumer.assign(where)
            await consumer.commit(dict.fromkeys(where, 0))

    asyncio.run(reset())


@pytest.fixture(scope="module")
def new_stream(servers, tmp_path_factory):
    streams = []

    def new() -> Stream:
        folder = tmp_path_factory.mktemp("stream")
        settings = own_settings(servers)
        kafka = settings.kafka.model_copy(update={"session_timeout": 10.0})
        settings = settings.model_copy(update={"kafka": kafka, "sites": Sites(settle_seconds=SETTLE)})
        streams.append(Stream(settings, folder))
        streams[-1].initialise()
        return streams[-1]

    yield new
    for one in streams:
        one.stop_workers()


@pytest.fixture(scope="module")
def plain(new_stream):
    """A stream with one worker to which nothing happens, and what becomes of the pages there."""
    stream = new_stream()
    worker = start(stream)
    found = taught(stream)
    stop(worker)
    return stream, found


def start(stream: Stream):
    worker = stream.start_worker("--agents", "strip")
    stream.wait_for_log(worker, "working: ")
    return worker


FIRST = [page(n) for n in range(18)]
LATER = [page(n) for n in range(100, 106)]


def taught(stream: Stream) -> dict[str, set[str]]:
    """What becomes of pages that come together, and of those that come when these have been learned."""
    publish(stream, FIRST, lambda _: b"one key")
    publish(stream, FIRST[:5], lambda _: b"one key")  # fetched again: nothing new
    stripped(stream)
    assert learned(stream) == {RawArticle.model_validate(one).article_id for one in FIRST}
    settled()
    publish(stream, LATER, lambda _: b"one key")
    found = stripped(stream)
    assert [one["url"] for one in FIRST if found[one["url"]] != {one["text"]}] == []
    assert [one["url"] for one in LATER if found[one["url"]] != {one["text"].removesuffix("\n" + ABOUT)}] == []
    return found


BUSY = pytest.mark.real
"""The embedded Kafka may wait for ever for a worker that committed while another one left."""


@pytest.mark.parametrize(
    ("how", "when"),
    [
        (signal.SIGTERM, "at rest"),
        pytest.param(signal.SIGTERM, "at work", marks=BUSY),
        pytest.param(signal.SIGKILL, "at work", marks=BUSY),
    ],
)
def test_kills_rebalances_keys_and_replays_change_nothing(new_stream, plain, how, when):
    _, expected = plain
    stream = new_stream()
    first, second = start(stream), start(stream)
    stream.wait_until_shared("strip", workers=2)
    publish(stream, [*FIRST, *FIRST[:5]], lambda n: str(n).encode())
    until(lambda: learned(stream), "something is learned")
    if when == "at rest":
        stripped(stream)
    first.send_signal(how)
    stripped(stream)
    assert learned(stream) == {RawArticle.model_validate(one).article_id for one in FIRST}
    settled()
    publish(stream, LATER, lambda n: str(n).encode())
    assert stripped(stream) == expected

    stop(second)
    known = learned(stream)
    rewind(stream)
    start(stream)
    assert stripped(stream) == expected, "a replay gives the same"
    assert learned(stream) == known


def test_a_person_sees_forgets_and_pins_what_was_learned(plain, run_cli, tmp_path):
    stream, found = plain
    (listed,) = json.loads(run_cli(stream, "sites", "list", "--json").stdout)
    assert (listed["site"], listed["standing"], listed["pinned"]) == (SITE, 1, 0)
    assert SITE in run_cli(stream, "sites", "list").stdout
    shown = json.loads(run_cli(stream, "sites", "show", SITE, "--json").stdout)
    assert shown["lines"] == [{"text": ABOUT, "articles": 20, "verdict": "standing"}]
    assert ABOUT[:40] in run_cli(stream, "sites", "show", SITE).stdout

    file = tmp_path / "page.jsonl"
    file.write_text(json.dumps(LATER[0]))
    explained = json.loads(run_cli(stream, "explain", str(file), "--json").stdout)["article"]
    assert {explained["text"]} == found[LATER[0]["url"]]
    assert [one["reason"] for one in explained["removed"]] == ["standing"]

    own = page(200)["text"].splitlines()[1]
    run_cli(stream, "sites", "forget", SITE)
    run_cli(stream, "sites", "pin", SITE, own)
    settled()
    start(stream)
    publish(stream, [page(200)], lambda _: b"")
    (text,) = stripped(stream)[page(200)["url"]]
    assert ABOUT in text
    assert own not in text
    assert "nothing is known of no.example" in run_cli(stream, "sites", "show", "no.example", status=1).stderr
    assert "nothing is known" in run_cli(stream, "sites", "forget", "no.example", status=1).stderr
    assert "LINE: is empty" in run_cli(stream, "sites", "pin", SITE, " ", status=1).stderr
