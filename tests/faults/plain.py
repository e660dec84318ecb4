"""What one plain run of pipeline/ gives, in one process and without Kafka, and how the index differs from it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from claimstream.config.settings import Limits, Sites
from claimstream.pipeline.documents import article_document, claim_document
from claimstream.pipeline.extract import extract
from claimstream.pipeline.outcomes import Refused
from claimstream.pipeline.records import Article, DeadLetter
from claimstream.pipeline.strip import strip
from claimstream.publishing.article import RawArticle
from claimstream.publishing.errors import Invalid

from ..stream import Stream
from .articles import AUTHOR, HURTS

FORGETFUL = Sites(settle_seconds=1e6)
"""A plain run has no memory of sites; so with these settings the stream makes no use of its own."""
Documents = dict[str, dict[str, Any]]
EXACT = "exactly what a plain run gives"


@dataclass
class Verdict:
    """How the index differs from a plain run."""

    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    @property
    def lost(self) -> int:
        return len(self.missing) + len(self.stale)

    def __str__(self) -> str:
        wrong = (f"{len(ids)} {name}, e.g. {ids[:3]}" for name, ids in vars(self).items() if ids)
        return "; ".join(wrong) or EXACT


def compare(stream: Stream, values: Iterable[bytes | None]) -> Verdict:
    """Hold the index against a plain run over the same messages."""
    verdict = Verdict()
    for kind, key, documents in zip(("articles", "claims"), ("article_id", "claim_id"), plain_run(values), strict=True):
        stored = {one[key]: comparable(one) for one in stream.documents(kind)}
        verdict.missing += [f"{kind}/{id_}" for id_ in documents.keys() - stored.keys()]
        verdict.extra += [f"{kind}/{id_}" for id_ in stored.keys() - documents.keys()]
        verdict.stale += [f"{kind}/{i}" for i in stored.keys() & documents.keys() if stored[i] != documents[i]]
    return verdict


def hurts(value: bytes | None) -> bytes:
    """The mark of an article that hurts its process, or nothing."""
    if f'["{AUTHOR} '.encode() not in (value or b""):
        return b""
    return json.loads(value or b"")["authors"][0].encode()


def death_of(value: bytes | None) -> tuple[bytes | None, str]:
    """What is found dead of an article that hurts, and of what."""
    _, stage, word = hurts(value).decode().split()
    return value if stage == "strip" else read(value).article_id.encode(), HURTS[word]


def died(letter: DeadLetter) -> bytes | None:
    """The message as it was published, or, once a stage has made another message of it, its article's id."""
    return letter.value if letter.stage == "strip" else Article.from_bytes(letter.value).id.encode()


def read(value: bytes | None) -> Any:
    try:
        raw = RawArticle.from_bytes(value)
        raw.check_dates(datetime.now(UTC), timedelta(hours=Limits().clock_skew_hours))
    except Invalid as invalid:
        return invalid
    return raw


def plain_run(values: Iterable[bytes | None]) -> tuple[Documents, Documents]:
    """The articles and claims, by id, that the newest versions give in one process without Kafka."""
    newest: dict[str, RawArticle] = {}
    for raw in map(read, values):
        if isinstance(raw, RawArticle):
            newest[raw.article_id] = max(newest.get(raw.article_id, raw), raw, key=lambda one: one.fetched_at)
    articles: Documents = {}
    claims: Documents = {}
    for id_, raw in newest.items():
        try:
            claim_set = extract(strip(raw, datetime.now(UTC), Limits()))
        except Refused:
            continue
        articles[id_] = comparable(article_document(claim_set, "", ()))
        claims |= {claim.id: comparable(claim_document(claim, claim_set)) for claim in claim_set.claims}
    return articles, claims


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Without what depends on the order in which things happened."""
    return json.loads(json.dumps({k: v for k, v in document.items() if k not in {"origin", "replaced_claim_ids"}}))
