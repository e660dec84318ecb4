"""claimstream_attribution: what a small neural network (encoder/) finds in a text.

Statements with source, cue and content go to `Doc._.attributions`, those it is less sure of to `Doc._.doubtful`, and
named entities to `Doc.ents`. No other model runs: the entities come from the same reading of the text.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from claimstream.pipeline.extract import encoder
from claimstream.pipeline.extract.attributions import Attribution, Offsets, Quotations, overlap, trimmed, without
from claimstream.pipeline.extract.encoder import Attributor
from claimstream.pipeline.extract.vocabulary import CUES, LEMMAS

RETOLD = 0.85
"""Share of a content that a statement inside it takes, if the content is nothing but that statement."""
SURE = 0.5
"""Least confidence of such a statement."""
LONGEST_RETOLD = 500
"""Characters: a sentence."""
SPEECH = re.compile(
    rf"\b(?:{'|'.join(form for form, verb in LEMMAS.items() if verb in CUES and CUES[verb].kind == 'speech')})\b",
    re.IGNORECASE,
)
ACCORDING = re.compile(r"according to\b", re.IGNORECASE)
RELAY = re.compile(r"\b(?:report|reveal|relay|cit|quot|recount)\w*|\b(?:wrote|writes)\b", re.IGNORECASE)
PRONOUN = re.compile(r"I|we|he|she|it|they|you|who|which|that|there", re.IGNORECASE)
"""Most often the outer speaker, and then no other statement."""


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


def spans(doc: Doc, entities: Iterable[encoder.Entity]) -> list[Span]:
    """Widened to whole tokens; of two that then overlap, the longer."""
    found = (doc.char_span(e.start, e.end, label=e.label, alignment_mode="expand") for e in entities)
    return filter_spans(span for span in found if span is not None)


def moved(found: encoder.Attribution, by: int) -> encoder.Attribution:
    def there(offsets: Offsets) -> Offsets:
        return tuple((start + by, end + by) for start, end in offsets)

    return encoder.Attribution(there(found.source), there(found.cue), there(found.content), found.confidence)


class Attributions:
    def __init__(self) -> None:
        self.network = Attributor.load()
        self.version = self.network.version

    def retold(self, text: str, outer: Attribution) -> Iterator[encoder.Attribution]:
        """What is nothing but another statement: `the Herald reported that | police said the road was closed`.

        The network was taught by a corpus in which statements hardly nest, so it reads the content on its own.
        """
        start, end = outer.content[0]
        start += len("that ") * text.startswith("that ", start)
        short = len(outer.content) == 1 and end - start < LONGEST_RETOLD
        if not (short and RELAY.search(text, *outer.cue[0]) and SPEECH.search(text, start, end)):
            return
        (found,) = self.network.predict([text[start:end]])
        for inner in (moved(one, start) for one in found.attributions if one.source and one.confidence >= SURE):
            spans = inner.source + inner.cue + inner.content
            told = max(e for _, e in spans) - min(s for s, _ in spans)
            other = not PRONOUN.fullmatch(text, *inner.source[0]) and SPEECH.search(text, *inner.cue[0])
            if other and told >= RETOLD * (end - start):
                yield inner

    def __call__(self, doc: Doc) -> Doc:
        text, quotes = doc.text, doc._.quotes
        (found,) = self.network.predict([text])
        doc.ents = spans(doc, found.entities)
        attributions = [one for one in (tidied(text, quotes, f) for f in found.attributions) if one.content]
        inner = [tidied(text, quotes, one) for outer in attributions for one in self.retold(text, outer)]
        doc._.attributions = attributions + [one for one in inner if one.content]
        doc._.doubtful = [one for one in (tidied(text, quotes, f) for f in found.doubtful) if one.content]
        return doc


@Language.factory(
    "claimstream_attribution", requires=["doc._.quotes"], assigns=["doc.ents", "doc._.attributions", "doc._.doubtful"]
)
def make_attributions(nlp: Language, name: str) -> Attributions:
    return Attributions()
