"""extract: an article's text becomes claims, through a spaCy pipeline of our own components.

`spacy.load("claimstream")` gives the pipeline outside the stream. Its components write to `Doc._.attributions`, to
`Doc.ents` and, for displaCy, to `Doc.spans["claims"]`.
"""

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version

import spacy
from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract import (  # noqa: F401  # importing them registers their factories
    addressee,
    attribution,
    chains,
    owners,
    quotes,
    spans,
    speakers,
    stance,
    tokenizer,
)
from claimstream.pipeline.extract.attributions import Attribution, Offsets
from claimstream.pipeline.records import Article, Claim, ClaimSet, Entity, Span

COMPONENTS = ("quotes", "attribution", "owners", "addressee", "chains", "speakers", "stance", "spans")
"""In this order, each a module of this package."""
LONGEST_TEXT = 10_000_000
"""Characters; spaCy's own limit of a million guards the memory of models that do not run here."""


@cache
def load(weights: str | None = None) -> Language:
    """The pipeline, one a process; `weights` is a folder of others than those that come with the package."""
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "claimstream_tokenizer"}}})
    nlp.max_length = LONGEST_TEXT
    nlp.meta |= {"name": "claimstream", "version": version("claimstream")}
    for component in COMPONENTS:
        nlp.add_pipe(f"claimstream_{component}", config={"weights": weights} if component == "attribution" else {})
    return nlp


def extract(article: Article, nlp: Language | None = None) -> ClaimSet:
    """Every attributed statement of an article, in text order."""
    nlp = nlp or load()
    with nlp.memory_zone():
        claims = tuple(records(nlp(article.text), article))
    return ClaimSet(
        article=article,
        claims=claims,
        pipeline=version("claimstream"),
        model=model_of(nlp),
    )


def model_of(nlp: Language) -> str:
    """What finds the claims, so that a re-run can tell what changed: `attribution-` and digits of its weights."""
    finder = nlp.get_pipe("claimstream_attribution")
    return f"attribution-{finder.version}" if isinstance(finder, attribution.Attributions) else nlp.meta["name"]


def records(doc: Doc, article: Article) -> Iterator[Claim]:
    entities = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
    starts = [start for start, _, _ in entities]
    text = article.text

    def told(offsets: Offsets) -> tuple[Span, ...]:
        return tuple(Span(start=start, end=end, text=text[start:end]) for start, end in offsets)

    found: list[Attribution] = doc._.attributions
    for one in sorted(found, key=lambda a: a.content[0][0]):
        inner = (
            entity
            for start, end in one.content
            for entity in entities[bisect_left(starts, start) : bisect_left(starts, end)]
            if entity[1] <= end
        )
        yield Claim(
            article_id=article.id,
            source=told(one.source),
            cue=told(one.cue),
            content=told(one.content),
            speaker=one.speaker,
            via=one.via,
            addressee=" ".join(text[start:end] for start, end in one.addressee) or None,
            stance=one.stance,
            polarity=one.polarity,
            kind=one.kind,
            quotation=one.quotation,
            confidence=one.confidence,
            entities=tuple(Entity(start=a, end=b, text=text[a:b], label=label) for a, b, label in inner),
        )
