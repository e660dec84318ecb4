"""claimstream_attribution: what a small neural network (encoder/) finds in a text.

Statements with source, cue and content go to `Doc._.attributions`, those it is less sure of to `Doc._.doubtful`, and
named entities to `Doc.ents`. No other model runs: the entities come from the same reading of the text.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from claimstream.pipeline.extract import encoder
from claimstream.pipeline.extract.attributions import Attribution, Quotations, overlap, trimmed, without
from claimstream.pipeline.extract.encoder import Attributor
from claimstream.pipeline.extract.nested import Nested

ACCORDING = re.compile(r"according to\b", re.IGNORECASE)
ASKED = re.compile(r"(?:(?:when|if|being) )?asked(?: about)?")  # in the middle of a sentence, hence no capital


def according(text: str, found: encoder.Attribution) -> encoder.Attribution:
    """`according to a report by the board`: what follows these two words is the source, however the network cuts it."""
    (start, end), *_ = found.cue
    words = ACCORDING.match(text, start, end)
    if words is None or words.end() == end:
        return found
    stop = max([end, *(stop for begin, stop in found.source if begin >= end)])
    return replace(found, source=(trimmed(text, words.end(), stop, ",;"),), cue=((start, words.end()),))


def tidied(text: str, quotes: Quotations, found: encoder.Attribution) -> Attribution:
    """The content whole quotations, marks included, and nothing of who said it and how; empty if that is all."""
    found = according(text, found)
    taken = found.source + found.cue
    source = tuple(trimmed(text, start, end, ",;") for start, end in found.source)
    content: list[tuple[int, int]] = []
    for span in found.content:
        start, end = span
        for quote in quotes.between(start, end):
            if not overlap(((quote.start, quote.end),), taken):
                start, end = min(start, quote.start), max(end, quote.end)
        stop = text[end - 1] == "." and not any(quote.end == end for quote in quotes.between(start, end))
        content += [trimmed(text, *piece, ",;") for piece in without((start, end - stop), taken)]
    kept = tuple((start, end) for start, end in content if any(map(str.isalnum, text[start:end])))
    return Attribution(source, found.cue, kept, found.confidence)


def claims_something(text: str, found: Attribution) -> bool:
    """No content is none, and `said when asked about ...` is the occasion of a statement."""
    return bool(found.content and (found.source or not ASKED.fullmatch(text, *found.cue[0])))


def spans(doc: Doc, entities: Iterable[encoder.Entity]) -> list[Span]:
    """Widened to whole tokens; of two that then overlap, the longer."""
    found = (doc.char_span(e.start, e.end, label=e.label, alignment_mode="expand") for e in entities)
    return filter_spans(span for span in found if span is not None)


class Attributions:
    def __init__(self, weights: str | None) -> None:
        self.network = Attributor.load(None if weights is None else Path(weights))
        self.nested = Nested(self.network)
        self.version = self.network.version

    def __call__(self, doc: Doc) -> Doc:
        text, quotes = doc.text, doc._.quotes
        (found,) = self.network.predict([text])
        doc.ents = spans(doc, found.entities)
        sure, doubtful = (
            [one for one in (tidied(text, quotes, f) for f in some) if claims_something(text, one)]
            for some in (found.attributions, found.doubtful)
        )
        inner = [tidied(text, quotes, one) for outer in sure for one in self.nested(text, outer)]
        doc._.attributions = sure + [one for one in inner if one.content]
        doc._.doubtful = doubtful
        return doc


@Language.factory(
    "claimstream_attribution",
    default_config={"weights": None},
    requires=["doc._.quotes"],
    assigns=["doc.ents", "doc._.attributions", "doc._.doubtful"],
)
def make_attributions(nlp: Language, name: str, weights: str | None) -> Attributions:
    """weights: a folder that training.claims.export wrote; None for those that come with the package."""
    return Attributions(weights)
