"""The whole way of articles, from a scraper's message to documents and outcomes, with a worker as a process."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaProducer

from claimstream.agents.dead_letters import to_outgoing
from claimstream.cli.demo import SAMPLES
from claimstream.pipeline.outcomes import Fault
from claimstream.pipeline.records import DeadLetter

from ..conftest import own_settings
from ..stream import Stream

WORDS = (
    "The harbour master of Kessel, Jaro Mlinar, said on Monday that the ferry will sail again next week, after the "
    "engineers had looked at both of its engines and at the hull. "
)

TOO_SHORT = "The ferry to Kessel will sail again next week, the harbour master said on Monday."


@pytest.fixture(scope="module")
def stream(servers, tmp_path_factory):
    one = Stream(own_settings(servers), tmp_path_factory.mktemp("stream"))
    one.initialise()
    with one.worker():
        yield one


def article(n: int, **fields) -> bytes:
    return json.dumps({"url": f"https://kessel.example/{n}", "text": WORDS * 2, **fields}).encode()


def test_sample_articles_become_claims_that_can_be_checked(stream):
    stream.publish(SAMPLES)
    stream.wait()
    assert stream.endings() == [
        "dead-lettered: invalid-record",
        *["indexed"] * 5,
        "refused: index-page",
        "refused: not-english",
        "refused: older-version",
        "unchanged",
    ]
    texts = {one["article_id"]: one["text"] for one in stream.documents("articles")}
    claims = stream.documents("claims")
    assert len(texts) == 4
    assert len({claim["claim_id"] for claim in claims}) == len(claims) > 15
    for claim in claims:
        for kind in ("source", "cue", "content"):
            pieces = [texts[claim["article_id"]][s["start"] : s["end"]] for s in claim[f"{kind}_spans"]]
            assert " … ".join(pieces) == claim[kind]
    said = {(claim["speaker"], claim["stance"]) for claim in claims}
    assert ("the dockers", "denies") in said
    assert any("Sanna Tiel" in (claim["speaker"] or "") for claim in claims)


BAD = {
    "not JSON": (b"<html>", "dead-lettered: not-json"),
    "binary": (gzip.compress(b"page"), "dead-lettered: not-json"),
    "no object": (b'["text"]', "dead-lettered: not-json"),
    "tombstone": (None, "dead-lettered: no-value"),
    "no url, no id": (b'{"text": "words"}', "dead-lettered: invalid-record"),
    "no text, no html": (b'{"id": "1"}', "dead-lettered: invalid-record"),
    "wrong types": (b'{"id": "1", "text": {}}', "dead-lettered: invalid-record"),
    "unreadable date": (article(1, published_at="yesterday-ish"), "dead-lettered: invalid-record"),
    "future date": (article(2, published_at="2199-01-01"), "dead-lettered: invalid-record"),
    "empty text": (article(3, text=""), "refused: empty"),
    "white space": (article(4, text=" \n\t "), "refused: empty"),
    "too short": (article(5, text=TOO_SHORT), "refused: too-short"),
    "10 MB of html": (
        json.dumps({"id": "big", "html": "<p>" + "x" * (10 * 1024 * 1024 + 1)}).encode(),
        "refused: too-large",
    ),
    "binary html": (json.dumps({"id": "bin", "html": "\x00\x01\x02\ufffd" * 50}).encode(), None),
    "deeply nested html": (json.dumps({"id": "deep", "html": "<div>" * 50_000 + WORDS}).encode(), None),
    "NUL bytes in an article": (article(6, text=WORDS.replace("ferry", "fer\x00ry") * 2), "indexed"),
    "lone surrogate in an article": (article(7, text=WORDS.replace("hull", "hu\ud800ll") * 2), "indexed"),
}


def test_each_bad_message_ends_in_its_outcome_and_none_is_lost(stream):
    before = len(stream.dead_letters())
    known = {one["origin"] for one in stream.documents("outcomes")}
    stream.publish(value for value, _ in BAD.values())
    stream.wait()
    new = [one for one in stream.documents("outcomes") if one["origin"] not in known]
    new.sort(key=lambda one: int(one["origin"].rpartition("/")[2]))  # one key, so one partition, so in order
    assert len(new) == len(BAD)
    for (name, (_, expected)), one in zip(BAD.items(), new, strict=True):
        ending = one["outcome"] + (f": {one['reason']}" if one["reason"] else "")
        assert ending == (expected or ending), name
        assert one["outcome"] != "dead-lettered" or one["reason"] != Fault.ERROR, (name, one["detail"])
    buried = [one.letter for one in stream.dead_letters()[before:]]
    died = [value for value, expected in BAD.values() if expected and expected.startswith("dead")]
    assert [letter.value for letter in buried] == died
    assert {letter.topic for letter in buried} == {stream.topics.raw_articles}
    assert "url: is missing" in " ".join(letter.error for letter in buried)


def test_a_replayed_dead_letter_comes_home(stream, run_cli):
    """Here the cause is gone at once: the letter holds a good article, written twice as by a worker that was killed."""
    now = datetime.now(UTC)
    letter = DeadLetter(
        value=article(8),
        stage="strip",
        fault=Fault.ERROR,
        error="Traceback\nKeyError: mended since",
        topic=stream.topics.raw_articles,
        partition=0,
        offset=0,
        origin="elsewhere/0/0",
        received_at=now,
        died_at=now,
    )
    bury(stream, letter)
    bury(stream, letter.model_copy(update={"died_at": now + timedelta(seconds=9)}))
    (one,) = [b for b in stream.dead_letters() if b.letter.fault is Fault.ERROR]
    listed = json.loads(run_cli(stream, "dead-letters", "list", "--fault", "error", "--json").stdout)
    assert [(row["id"], row["error"]) for row in listed] == [(one.id, letter.error)]
    assert "KeyError: mended since" in run_cli(stream, "dead-letters", "show", one.id).stdout
    assert run_cli(stream, "dead-letters", "replay", one.id).stdout == "replayed 1\n"
    stream.published += 1
    stream.wait()
    assert any(one["url"] == "https://kessel.example/8" for one in stream.documents("articles"))
    assert json.loads(run_cli(stream, "dead-letters", "list", "--fault", "error", "--json").stdout) == []


def bury(stream: Stream, letter: DeadLetter) -> None:
    async def send() -> None:
        message = to_outgoing(letter, stream.topics)
        async with AIOKafkaProducer(bootstrap_servers=stream.settings.kafka.servers) as kafka:
            await kafka.send_and_wait(message.topic, message.value, headers=list(message.headers.items()))

    asyncio.run(send())


def test_search_finds_by_words_speaker_site_stance_and_date(stream, run_cli):
    def found(*arguments):
        return json.loads(run_cli(stream, "search", *arguments, "--json").stdout)["claims"]

    assert {claim["speaker"] for claim in found("navy", "--stance", "denies")} == {"the dockers"}
    assert all(claim["polarity"] == "negative" for claim in found("--polarity", "negative"))
    assert any("no cooperation" in claim["content"] for claim in found("navy", "--polarity", "negative"))
    assert {claim["site"] for claim in found("--site", "ledger.example")} == {"ledger.example"}
    assert all("Dorin" in claim["speaker"] for claim in found("--source", "Dorin"))
    assert found("--source", "Dorin", "--since", "2026-12-01") == []
    assert "who" in run_cli(stream, "search", "navy").stdout
