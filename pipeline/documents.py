"""Records -> Elasticsearch documents: flat enough for a Kibana table, with the spans kept for checking.

The fields are those of the index templates in config/elasticsearch/; a test holds the two together.
"""

from collections.abc import Sequence
from typing import Any

from claimstream.pipeline.records import Article, Claim, ClaimSet, Ending, Span, joined

ENTITY_FIELDS = {
    "people": {"PERSON"},
    "organizations": {"ORG", "NORP"},
    "places": {"GPE", "LOC", "FAC"},
    "dates": {"DATE", "TIME"},
    "numbers": {"CARDINAL", "MONEY", "PERCENT", "QUANTITY", "ORDINAL"},
}
"""Keyword fields of a claim's document, by spaCy's labels."""

Document = dict[str, Any]


def article_document(claim_set: ClaimSet, origin: str, replaced: Sequence[str]) -> Document:
    """Describe an article; `replaced` are the claims of its last version, which go when this one is written."""
    article = claim_set.article
    return {
        **_where_and_when(article),
        "authors": list(article.authors),
        "dateline": article.dateline,
        "language": article.language,
        "text": article.text,
        "removed": [removed.model_dump() for removed in article.removed],
        "claim_count": len(claim_set.claims),
        "claim_ids": [claim.id for claim in claim_set.claims],
        "replaced_claim_ids": list(replaced),
        "content_hash": article.content_hash,
        "fingerprint": claim_set.fingerprint,
        "origin": origin,
        "pipeline": claim_set.pipeline,
        "model": claim_set.model,
    }


def stored_article(document: Document) -> Article:
    """Read an article back from its document."""
    return Article.model_validate({**document, "id": document["article_id"]})


def claim_document(claim: Claim, claim_set: ClaimSet) -> Document:
    article = claim_set.article
    speaker = claim.speaker
    return {
        **_where_and_when(article),
        "claim_id": claim.id,
        "speaker": speaker.name if speaker else None,
        "speaker_role": speaker.role if speaker else None,
        "speaker_type": speaker.type if speaker else None,
        "via": [one.name for one in claim.via],
        "addressee": claim.addressee,
        "source": joined(claim.source),
        "cue": joined(claim.cue),
        "content": joined(claim.content),
        "context": _context(article, claim),
        "stance": claim.stance,
        "polarity": claim.polarity,
        "kind": claim.kind,
        "quotation": claim.quotation,
        "confidence": round(claim.confidence, 4),
        **{
            name: sorted({entity.text for entity in claim.entities if entity.label in labels})
            for name, labels in ENTITY_FIELDS.items()
        },
        "entities": [entity.model_dump() for entity in claim.entities],
        "position": claim.content[0].start,
        "source_spans": _offsets(claim.source),
        "cue_spans": _offsets(claim.cue),
        "content_spans": _offsets(claim.content),
        "content_hash": article.content_hash,
        "pipeline": claim_set.pipeline,
        "model": claim_set.model,
    }


def ending_document(ending: Ending) -> Document:
    return {
        **ending.model_dump(mode="json"),
        "date": ending.received_at.isoformat(),
        "delay_seconds": (ending.ended_at - ending.received_at).total_seconds(),
    }


def _where_and_when(article: Article) -> Document:
    published = article.published_at
    return {
        "article_id": article.id,
        "url": article.url,
        "site": article.site,
        "title": article.title,
        "date": (published or article.fetched_at).isoformat(),
        "published_at": published.isoformat() if published else None,
        "fetched_at": article.fetched_at.isoformat(),
    }


def _offsets(spans: Sequence[Span]) -> list[dict[str, int]]:
    return [{"start": span.start, "end": span.end} for span in spans]


def _context(article: Article, claim: Claim) -> str:
    """Return the paragraphs that the claim stands in."""
    spans = (*claim.source, *claim.cue, *claim.content)
    start = article.text.rfind("\n", 0, min(span.start for span in spans)) + 1
    end = article.text.find("\n", max(span.end for span in spans))
    return article.text[start : end if end >= 0 else None]
