"""Versions of articles in Elasticsearch: what stands there after any order of arrivals, and after a crash."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from elasticsearch import AsyncElasticsearch

from claimstream.agents import index as index_module
from claimstream.agents.bulk import Bulk
from claimstream.agents.connections import elasticsearch_client
from claimstream.agents.delivery import Handle
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.index import index
from claimstream.agents.messages import Message
from claimstream.agents.provision import create_indices
from claimstream.config.indices import KINDS, Indices
from claimstream.config.settings import Settings
from claimstream.pipeline.outcomes import Fault, Undeliverable
from claimstream.pipeline.records import Article, Claim, ClaimSet, Span

START = datetime(2026, 10, 1, tzinfo=UTC)


def claim_set(*contents: str, hour: int = 0, article: str = "a1", pipeline: str = "1", **fields) -> ClaimSet:
    """An article in which Mlinar says each of `contents`, fetched at `hour`."""
    text = "\n".join(f"Mlinar said {content}." for content in contents)

    def span(piece: str, start: int = 0) -> tuple[Span]:
        at = text.index(piece, start)
        return (Span(start=at, end=at + len(piece), text=piece),)

    claims = tuple(
        Claim(
            article_id=article,
            source=span("Mlinar"),
            cue=span("said"),
            content=span(content),
            stance="asserts",
            confidence=0.9,
        )
        for content in contents
    )
    fetched = START + timedelta(hours=hour)
    stripped = Article(
        id=article, url=None, site="s", title="T", fetched_at=fetched, language="en", text=text, **fields
    )
    return ClaimSet(article=stripped, claims=claims, pipeline=pipeline, model="m")


class Elastic:
    """The index stage on a real index, driven message by message."""

    def __init__(self, handle: Handle, client: AsyncElasticsearch, settings: Settings) -> None:
        self.handle, self.client, self.settings = handle, client, settings
        self.indices = Indices(settings.elasticsearch)
        self.offset = 0

    def message(self, arrival: ClaimSet, offset: int | None = None) -> Message:
        """The next message, or the one at `offset` delivered again."""
        if offset is None:
            offset, self.offset = self.offset, self.offset + 1
        topic = f"{self.settings.kafka.prefix}claims"
        return Message(topic, 0, offset, arrival.article.id.encode(), arrival.to_bytes(), START.timestamp())

    async def arrive(self, *arrivals: ClaimSet) -> None:
        assert list(await self.handle([self.message(arrival) for arrival in arrivals])) == [()] * len(arrivals)

    async def documents(self, kind) -> list[dict]:
        await self.client.indices.refresh(index=self.indices.alias(kind))
        answer = await self.client.search(index=self.indices.alias(kind), size=1000)
        return [hit["_source"] for hit in answer["hits"]["hits"]]

    async def contents(self) -> list[str]:
        return sorted(document["content"] for document in await self.documents("claims"))

    async def outcomes(self) -> list[str]:
        """In the order of the messages."""
        endings = sorted(await self.documents("outcomes"), key=lambda ending: int(ending["origin"].rpartition("/")[2]))
        return [ending["outcome"] + (f": {ending['reason']}" if ending["reason"] else "") for ending in endings]


@pytest.fixture
async def elastic(settings: Settings) -> AsyncIterator[Elastic]:
    client = elasticsearch_client(settings.elasticsearch)
    await create_indices(client, Indices(settings.elasticsearch))
    yield Elastic(index(settings, client), client, settings)
    await client.indices.delete(index=[Indices(settings.elasticsearch).index(kind) for kind in KINDS])
    await client.close()


async def test_article_claims_and_outcome_stand_in_the_index(elastic):
    await elastic.arrive(claim_set("yes", "no"))
    (article,) = await elastic.documents("articles")
    assert await elastic.contents() == ["no", "yes"]
    assert article["claim_count"] == 2
    for claim in await elastic.documents("claims"):
        (span,) = claim["content_spans"]
        assert article["text"][span["start"] : span["end"]] == claim["content"]
        assert claim["content_hash"] == article["content_hash"]
    assert await elastic.outcomes() == ["indexed"]


async def test_a_redelivered_message_changes_nothing(elastic):
    message = elastic.message(claim_set("yes"))
    for _ in range(3):
        await elastic.handle([message])
    assert await elastic.contents() == ["yes"]
    assert await elastic.outcomes() == ["indexed"]


async def test_the_same_article_again_is_unchanged(elastic):
    await elastic.arrive(claim_set("yes"))
    await elastic.arrive(claim_set("yes"))
    await elastic.arrive(claim_set("yes", hour=1))
    assert await elastic.contents() == ["yes"]
    assert await elastic.outcomes() == ["indexed", "unchanged", "unchanged"]


async def test_a_newer_version_replaces_the_article_and_its_claims(elastic):
    await elastic.arrive(claim_set("yes", "perhaps"))
    await elastic.arrive(claim_set("perhaps", "no", hour=1))
    assert await elastic.contents() == ["no", "perhaps"]
    assert len(await elastic.documents("articles")) == 1
    assert await elastic.outcomes() == ["indexed", "indexed"]


async def test_an_older_version_never_overwrites_a_newer_one(elastic):
    await elastic.arrive(claim_set("new", hour=1))
    await elastic.arrive(claim_set("old", hour=0))
    assert await elastic.contents() == ["new"]
    assert await elastic.outcomes() == ["indexed", "refused: older-version"]


async def test_an_unchanged_refetch_outdates_what_was_fetched_in_between(elastic):
    await elastic.arrive(claim_set("right", hour=0), claim_set("right", hour=2))
    await elastic.arrive(claim_set("wrong", hour=1))
    assert await elastic.contents() == ["right"]


async def test_a_new_model_replaces_the_claims_of_the_same_version(elastic):
    await elastic.arrive(claim_set("yes"))
    again = claim_set("yes", pipeline="2")
    await elastic.arrive(again.model_copy(update={"claims": ()}))
    assert await elastic.contents() == []
    assert await elastic.outcomes() == ["indexed", "indexed"]


async def test_the_last_state_does_not_hang_on_the_order(elastic):
    """Four versions, two of them fetched at the same moment, one a mere repetition, in every order."""
    versions = [claim_set("a", "b"), claim_set("b", "c", hour=1), claim_set("d", hour=1), claim_set("a", "b", hour=1)]
    states = []
    for number, order in enumerate(itertools.permutations(versions)):
        for version in order:
            article = version.article.model_copy(update={"id": f"a{number}"})
            claims = tuple(claim.model_copy(update={"article_id": article.id}) for claim in version.claims)
            await elastic.arrive(version.model_copy(update={"article": article, "claims": claims}))
    claims = await elastic.documents("claims")
    for number in range(24):
        mine = [claim for claim in claims if claim["article_id"] == f"a{number}"]
        states.append(sorted((claim["content"], claim["fetched_at"], claim["context"]) for claim in mine))
    assert states[0]
    assert states == [states[0]] * 24


async def test_versions_in_one_batch_are_taken_in_turn(elastic):
    await elastic.arrive(
        claim_set("one"), claim_set("other", article="a2"), claim_set("two", hour=1), claim_set("0", hour=-1)
    )
    assert await elastic.contents() == ["other", "two"]
    assert await elastic.outcomes() == ["indexed", "indexed", "indexed", "refused: older-version"]


async def test_a_crash_between_article_and_claims_is_mended_by_the_redelivery(elastic, monkeypatch):
    await elastic.arrive(claim_set("old", "both"))
    newer = elastic.message(claim_set("both", "new", hour=1))
    write = Bulk.write

    async def crash_at_claims(self, actions):
        if any(action.index.endswith("claims") for action in actions):
            raise Unavailable("Elasticsearch", "gone")
        return await write(self, actions)

    with monkeypatch.context() as patch:
        patch.setattr(Bulk, "write", crash_at_claims)
        with pytest.raises(Unavailable):
            await elastic.handle([newer])
    assert await elastic.contents() == ["both", "old"]
    await elastic.handle([newer])
    assert await elastic.contents() == ["both", "new"]
    assert await elastic.outcomes() == ["indexed", "indexed"]


@pytest.mark.real  # the embedded Elasticsearch does not remember the versions of what was deleted
async def test_a_worker_that_lost_its_partition_cannot_bring_old_claims_back(elastic, monkeypatch):
    """It wrote the older article, was frozen, and goes on when the newer version already stands."""
    older = elastic.message(claim_set("old"))
    newer = elastic.message(claim_set("new", hour=1))
    write = Bulk.write

    async def overtaken(self, actions):
        if any(action.index.endswith("claims") for action in actions):
            monkeypatch.setattr(Bulk, "write", write)
            await elastic.handle([newer])
        return await write(self, actions)

    monkeypatch.setattr(Bulk, "write", overtaken)
    await elastic.handle([older])
    assert await elastic.contents() == ["new"]


async def test_a_document_at_fault_is_undeliverable_and_its_neighbours_are_written(elastic, monkeypatch):
    right = index_module.claim_document

    def wrong(claim, claims):
        return right(claim, claims) | ({"unknown": 1} if claim.content[0].text == "bad" else {})

    monkeypatch.setattr(index_module, "claim_document", wrong)
    verdicts = await elastic.handle(
        [elastic.message(claim_set("good")), elastic.message(claim_set("bad", article="a2"))]
    )
    assert verdicts[0] == ()
    assert isinstance(verdicts[1], Undeliverable)
    assert verdicts[1].fault is Fault.REJECTED
    assert "unknown" in verdicts[1].error
    assert await elastic.contents() == ["good"]


async def test_what_cannot_be_read_is_undeliverable(elastic):
    broken = Message(f"{elastic.settings.kafka.prefix}claims", 0, 0, b"a1", b"{", 0.0)
    (verdict,) = await elastic.handle([broken])
    assert isinstance(verdict, Undeliverable)
    assert verdict.fault is Fault.NOT_JSON


@pytest.mark.parametrize("kind", KINDS)
async def test_a_missing_index_is_fatal_and_is_not_created_by_the_way(elastic, kind):
    await elastic.client.indices.delete(index=elastic.indices.index(kind))
    with pytest.raises((Fatal, Unavailable)) as raised:
        await elastic.handle([elastic.message(claim_set("yes"))])
    assert not await elastic.client.indices.exists(index=elastic.indices.alias(kind))
    assert isinstance(raised.value, Fatal), raised.value
    assert "claimstream init" in str(raised.value)
    await elastic.client.indices.create(index=elastic.indices.index(kind))


async def test_init_is_safe_to_repeat(elastic):
    assert await create_indices(elastic.client, elastic.indices) == []
