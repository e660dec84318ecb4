from datetime import UTC, datetime

import pytest

from claimstream.config.indices import KINDS, Indices, template
from claimstream.config.settings import Elasticsearch
from claimstream.pipeline.documents import article_document, claim_document, ending_document
from claimstream.pipeline.outcomes import Outcome
from claimstream.pipeline.records import Article, Claim, ClaimSet, Ending, Entity, Removed, Span, Speaker

TEXT = "A first paragraph.\nMlinar said on Tuesday: “It is so,” and left Kessel.\nA last one."


def span(text: str) -> Span:
    start = TEXT.index(text)
    return Span(start=start, end=start + len(text), text=text)


CLAIM = Claim(
    article_id="a1",
    source=(span("Mlinar"),),
    cue=(span("said"),),
    content=(span("“It is so,”"), span("Kessel")),
    speaker=Speaker(name="Jaro Mlinar", role="Colonel", type="person"),
    via=(Speaker(name="Port Herald", type="organization"),),
    addressee="reporters",
    stance="asserts",
    confidence=0.87654,
    entities=(
        Entity(**span("Kessel").model_dump(), label="GPE"),
        Entity(**span("Tuesday").model_dump(), label="DATE"),
    ),
)
ARTICLE = Article(
    id="a1",
    url="https://port-herald.example/a",
    site="port-herald.example",
    title="Title",
    authors=("Mira Holm",),
    dateline="KESSEL",
    fetched_at=datetime(2026, 10, 1, tzinfo=UTC),
    language="en",
    text=TEXT,
    removed=(Removed(text="Share", reason="share-box"),),
)
SET = ClaimSet(article=ARTICLE, claims=(CLAIM,), pipeline="1", model="m")
ENDING = Ending(
    origin="raw-articles/0/1",
    outcome=Outcome.INDEXED,
    stage="index",
    received_at=datetime(2026, 10, 1, tzinfo=UTC),
    ended_at=datetime(2026, 10, 1, tzinfo=UTC),
)
DOCUMENTS = {
    "articles": article_document(SET, "raw-articles/0/1", ["old"]),
    "claims": claim_document(CLAIM, SET),
    "outcomes": ending_document(ENDING),
}


def names(properties, prefix=""):
    for name, field in properties.items():
        yield prefix + name
        yield from names(field.get("properties", {}), f"{prefix}{name}.")


def used(document, prefix=""):
    for name, value in document.items():
        yield prefix + name
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from used(one, f"{prefix}{name}.")


@pytest.mark.parametrize("kind", KINDS)
def test_documents_and_template_have_the_same_fields(kind):
    mapping = template(kind)["template"]["mappings"]
    assert mapping["dynamic"] == "strict"
    unmapped = {"removed.text", "removed.reason", "removed.at"}  # kept with the article, not searched
    assert set(used(DOCUMENTS[kind])) - unmapped == set(names(mapping["properties"]))


def test_spans_point_into_the_stored_text():
    claim = DOCUMENTS["claims"]
    text = DOCUMENTS["articles"]["text"]
    for kind in ("source", "cue", "content"):
        pieces = [text[s["start"] : s["end"]] for s in claim[f"{kind}_spans"]]
        assert " … ".join(pieces) == claim[kind]


def test_context_is_the_claims_paragraph():
    assert DOCUMENTS["claims"]["context"] == TEXT.split("\n")[1]


def test_entities_stand_in_flat_fields_for_tables():
    claim = DOCUMENTS["claims"]
    assert (claim["places"], claim["dates"], claim["people"]) == (["Kessel"], ["Tuesday"], [])


def test_settings_reach_the_template():
    settings = Elasticsearch(prefix="t.", analyzer="standard", replicas=2)
    body = Indices(settings).index_template("claims")
    assert body["index_patterns"] == ["t.claims-v*"]
    assert body["template"]["settings"]["number_of_replicas"] == 2
    assert body["template"]["settings"]["analysis"]["analyzer"]["prose"] == {"type": "standard"}
    assert Indices(settings).index("claims") == "t.claims-v1"
