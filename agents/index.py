"""index: article with claims -> Elasticsearch, where a version replaces the last one as a whole.

The article's document goes first and carries the version: a worker that lost its partition meets a later version
there and writes nothing more. It also lists the article's claims and those of the version it replaced, so that
after a crash the redelivered message can finish the work.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from elasticsearch import ApiError, AsyncElasticsearch, TransportError

from claimstream.agents import metrics
from claimstream.agents.bulk import Action, Bulk, Rejected
from claimstream.agents.delivery import Handle, Verdict
from claimstream.agents.messages import Message
from claimstream.agents.provision import translated
from claimstream.config.indices import Indices
from claimstream.config.settings import Elasticsearch, Settings
from claimstream.config.topics import Topics
from claimstream.pipeline.documents import article_document, claim_document, ending_document
from claimstream.pipeline.outcomes import Fault, Outcome, Refusal, Undeliverable
from claimstream.pipeline.records import ClaimSet, Ending

STORED = ["fetched_at", "content_hash", "fingerprint", "origin", "claim_ids", "replaced_claim_ids"]


@dataclass(frozen=True)
class Arrival:
    message: Message
    claim_set: ClaimSet

    @property
    def article_id(self) -> str:
        return self.claim_set.article.id

    @property
    def version(self) -> int:
        """Milliseconds: Elasticsearch's external versions are whole numbers."""
        return round(self.claim_set.article.fetched_at.timestamp() * 1000)

    @property
    def order(self) -> tuple[int, str]:
        """Of two arrivals the greater stands, in whatever order they come; the hash settles a tie."""
        return self.version, self.claim_set.article.content_hash


@dataclass(frozen=True)
class Replacement:
    """An arrival that is to be written, and the claims that go with the version it replaces."""

    arrival: Arrival
    replaced: Sequence[str]
    outcome: Outcome


def index(settings: Settings, client: AsyncElasticsearch) -> Handle:
    topics = Topics.of(settings.kafka)
    writer = Writer(client, settings.elasticsearch)

    async def handle(messages: Sequence[Message]) -> Sequence[Verdict]:
        verdicts: dict[int, Verdict] = {}
        arrivals: dict[int, Arrival] = {}
        endings: dict[int, Ending] = {}
        for number, message in enumerate(messages):
            try:
                if message.topic == topics.outcomes:
                    endings[number] = Ending.from_bytes(message.value)
                else:
                    arrivals[number] = Arrival(message, ClaimSet.from_bytes(message.value))
            except Undeliverable as undeliverable:
                verdicts[number] = undeliverable
        for wave in waves(arrivals):
            written = await writer.replace(list(wave.values()))
            for number, result in zip(wave, written, strict=True):
                if isinstance(result, Undeliverable):
                    verdicts[number] = result
                else:
                    endings[number] = result
        for (number, end), rejected in zip(endings.items(), await writer.end(list(endings.values())), strict=True):
            verdicts[number] = rejected or ()
            if end.stage == "index" and not rejected:
                metrics.ARTICLES.labels("index", end.outcome, end.reason or "").inc()
        return [verdicts[number] for number in range(len(messages))]

    return handle


def waves(arrivals: dict[int, Arrival]) -> Iterator[dict[int, Arrival]]:
    """Split so that no wave holds two versions of an article, and the versions keep their order."""
    rest = arrivals
    while rest:
        seen: set[str] = set()
        wave = {}
        for number, arrival in rest.items():
            if arrival.article_id not in seen:
                seen.add(arrival.article_id)
                wave[number] = arrival
        yield wave
        rest = {n: a for n, a in rest.items() if n not in wave}


class Writer:
    def __init__(self, client: AsyncElasticsearch, settings: Elasticsearch) -> None:
        self._client = client
        self._bulk = Bulk(client, settings)
        self._indices = Indices(settings)

    async def replace(self, arrivals: Sequence[Arrival]) -> list[Ending | Undeliverable]:
        """Write each article and its claims in place of its last version, unless that is the later one."""
        stored = await self._stored([arrival.article_id for arrival in arrivals])
        results: dict[str, Ending | Undeliverable] = {}
        replacements = []
        for arrival in arrivals:
            decided = decide(arrival, stored.get(arrival.article_id))
            if isinstance(decided, Replacement):
                replacements.append(decided)
            else:
                results[arrival.article_id] = decided
        verdicts = await self._bulk.write([self._article(replacement) for replacement in replacements])
        to_write = []
        for replacement, verdict in zip(replacements, verdicts, strict=True):
            arrival = replacement.arrival
            if verdict == "newer":
                results[arrival.article_id] = older_version(arrival)
            elif isinstance(verdict, Rejected):
                results[arrival.article_id] = Undeliverable(Fault.REJECTED, f"article: {verdict.error}")
            else:
                to_write.append(replacement)
        results |= await self._write_claims(to_write)
        return [results[arrival.article_id] for arrival in arrivals]

    async def _write_claims(self, replacements: Sequence[Replacement]) -> dict[str, Ending | Undeliverable]:
        results: dict[str, Ending | Undeliverable] = {}
        actions = [(r.arrival, action) for r in replacements for action in self._claims(r)]
        verdicts = await self._bulk.write([action for _, action in actions])
        for (arrival, action), verdict in zip(actions, verdicts, strict=True):
            if isinstance(verdict, Rejected):
                results[arrival.article_id] = Undeliverable(Fault.REJECTED, f"claim {action.id}: {verdict.error}")
        for replacement in replacements:
            results.setdefault(replacement.arrival.article_id, ending(replacement.arrival, replacement.outcome))
            metrics.CLAIMS.inc(len(replacement.arrival.claim_set.claims))
        return results

    async def end(self, endings: Sequence[Ending]) -> list[Undeliverable | None]:
        """Record how ways ended, under the place where each began.

        The first ending stands, whatever a redelivery finds; but a dead letter that was brought home ends anew.
        """
        alias = self._indices.alias("outcomes")
        verdicts = await self._bulk.write(
            [
                Action(
                    alias,
                    e.origin,
                    ending_document(e),
                    1 if e.outcome is Outcome.DEAD_LETTERED else 2,
                    "external",
                )
                for e in endings
            ]
        )
        return [Undeliverable(Fault.REJECTED, v.error) if isinstance(v, Rejected) else None for v in verdicts]

    async def _stored(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Read what stands in the index; by id, which sees every write at once, unlike a search."""
        if not ids:
            return {}
        try:
            answer = await self._client.mget(
                index=self._indices.alias("articles"), ids=list(ids), source_includes=STORED
            )
        except (TransportError, ApiError) as error:
            raise translated(error, self._indices.settings.url) from error
        for doc in answer["docs"]:
            if "error" in doc:
                raise self._bulk.misfortune(503, doc["error"])
        return {doc["_id"]: doc["_source"] for doc in answer["docs"] if doc.get("found")}

    def _article(self, replacement: Replacement) -> Action:
        arrival = replacement.arrival
        document = article_document(arrival.claim_set, arrival.message.origin, replacement.replaced)
        return Action(self._indices.alias("articles"), arrival.article_id, document, arrival.version)

    def _claims(self, replacement: Replacement) -> Iterable[Action]:
        arrival, alias = replacement.arrival, self._indices.alias("claims")
        for claim in arrival.claim_set.claims:
            yield Action(alias, claim.id, claim_document(claim, arrival.claim_set), arrival.version)
        for claim_id in replacement.replaced:
            yield Action(alias, claim_id, None, arrival.version)


def decide(arrival: Arrival, stored: dict[str, Any] | None) -> Replacement | Ending:
    """Hold an arrival against what stands in the index."""
    claims = {claim.id for claim in arrival.claim_set.claims}
    if stored is None:
        return Replacement(arrival, (), Outcome.INDEXED)
    version = round(datetime.fromisoformat(stored["fetched_at"]).timestamp() * 1000)
    if (version, stored["content_hash"]) > arrival.order:
        return older_version(arrival)
    if stored["fingerprint"] != arrival.claim_set.fingerprint:
        return Replacement(arrival, sorted(set(stored["claim_ids"]) - claims), Outcome.INDEXED)
    if stored["origin"] == arrival.message.origin:  # redelivered: the work may be half done
        return Replacement(arrival, stored["replaced_claim_ids"], Outcome.INDEXED)
    if version < arrival.version:  # only moves the version on: what was fetched in between is known to be older
        return Replacement(arrival, (), Outcome.UNCHANGED)
    return ending(arrival, Outcome.UNCHANGED)


def ending(arrival: Arrival, outcome: Outcome, reason: Refusal | None = None) -> Ending:
    article = arrival.claim_set.article
    return Ending(
        origin=arrival.message.origin,
        outcome=outcome,
        stage="index",
        reason=reason,
        article_id=article.id,
        url=article.url,
        site=article.site,
        received_at=arrival.message.received_at,
        ended_at=datetime.now(UTC),
        claims=len(arrival.claim_set.claims),
    )


def older_version(arrival: Arrival) -> Ending:
    return ending(arrival, Outcome.REFUSED, Refusal.OLDER_VERSION)
