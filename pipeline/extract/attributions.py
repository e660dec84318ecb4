"""What the components hand on: one attributed statement, as character offsets into the text of the Doc.

The component that finds spans fills `source`, `cue`, `content` and `confidence`; the ones behind it fill the rest.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from spacy.tokens import Doc

from claimstream.pipeline.records import Kind, Polarity, Quotation, Speaker, Stance

Offsets = tuple[tuple[int, int], ...]
"""Spans as (start, end) code point offsets, end exclusive, in text order; empty if there is none."""


@dataclass(slots=True)
class Attribution:
    source: Offsets
    cue: Offsets
    content: Offsets
    confidence: float = 1.0
    """Probability that source and content are right, 0 to 1."""
    addressee: Offsets = ()
    via_source: Offsets = ()
    """Who quotes the source in the same breath: `the Herald` in `the Herald reported, citing Roe`."""
    speaker: Speaker | None = None
    via: tuple[Speaker, ...] = ()
    """Through whom the speaker is quoted, nearest first."""
    stance: Stance = "asserts"
    polarity: Polarity = "affirmative"
    kind: Kind = "speech"
    quotation: Quotation = "indirect"

    @property
    def start(self) -> int:
        return self.content[0][0]


@dataclass(frozen=True, slots=True)
class Quote:
    """A quotation with its marks. One over several paragraphs is several, each but the first `continues`."""

    start: int
    end: int
    continues: bool = False


class Quotations(tuple[Quote, ...]):
    """All quotations of a text, in order, none overlapping another."""

    starts: list[int]
    ends: list[int]

    def __new__(cls, quotes: Iterable[Quote] = ()) -> "Quotations":
        self = super().__new__(cls, quotes)
        self.starts = [quote.start for quote in self]
        self.ends = [quote.end for quote in self]
        return self

    def between(self, start: int, end: int) -> tuple[Quote, ...]:
        """Those that share a character with the span."""
        return self[bisect_right(self.ends, start) : bisect_left(self.starts, end)]


if not Doc.has_extension("attributions"):
    Doc.set_extension("attributions", default=[])
    Doc.set_extension("doubtful", default=[])
    Doc.set_extension("quotes", default=Quotations())


def inside(inner: Offsets, outer: Offsets) -> bool:
    """Whether every span of `inner` lies in one of `outer`."""
    return all(any(a <= start and end <= b for a, b in outer) for start, end in inner)


def overlap(one: Offsets, other: Offsets) -> int:
    """Characters that stand in both."""
    return sum(max(0, min(end, b) - max(start, a)) for start, end in one for a, b in other)


def without(span: tuple[int, int], taken: Offsets) -> Offsets:
    """What is left of the span."""
    left, at = [], span[0]
    for start, end in sorted(taken):
        if start < span[1] and end > span[0]:
            left.append((at, start))
            at = max(at, end)
    return tuple((start, end) for start, end in [*left, (at, span[1])] if start < end)


def length(spans: Offsets) -> int:
    return sum(end - start for start, end in spans)


def words(text: str, spans: Offsets) -> str:
    return " ".join(text[start:end] for start, end in spans)


def trimmed(text: str, start: int, end: int, marks: str) -> tuple[int, int]:
    """The span without white space and `marks` at its ends."""
    while start < end and (text[start].isspace() or text[start] in marks):
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in marks):
        end -= 1
    return start, end
