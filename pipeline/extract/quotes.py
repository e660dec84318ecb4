"""claimstream_quotes: quotations by their marks, in `Doc._.quotes`.

Works by lines (paragraphs). Marks that a writer forgot or mixed up cost at most the quotation they belong to:
nothing after the end of the paragraph is affected.
"""

import re
from collections.abc import Iterator

from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract.attributions import Quotations, Quote

MARK = re.compile("[\"“”„‟«»＂]|``|''|[‘’'‚‹›]")
OPENING = "“„‟«``"
CLOSING = "”»''"
ELISION = re.compile(r"['‘’](?:\d\ds?\b|em\b|tis\b|twas\b|til\b|cause\b|n['’]|bout\b|round\b)", re.IGNORECASE)
LONGEST_SINGLE = 4000
"""How far a single quotation mark is looked after, in characters; keeps 10,000 apostrophes linear."""

SPEECH = r"(?:said|says|added|told|explained|noted|wrote|continued|asked|replied|insisted|warned)"
FORGOTTEN_CLOSE = re.compile(
    rf"[,.?!…](?=\s+(?:{SPEECH}\s+(?:\w+['’.-]?\s*){{1,5}}|(?:(?:he|she|they|the|an?|[A-Z][\w.'’-]*)\s+)(?:[\w.'’-]+\s+){{0,4}}?{SPEECH})\b)"
)
"""Where a quotation whose closing mark is missing ends: before `, he said`."""


def opens(text: str, start: int, end: int) -> bool:
    """Whether a mark without direction stands where an opening mark would."""
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    return (before.isspace() or before in "([{-–—/:\"“‘'") and not after.isspace() and after not in ",;)]}"


def closing_single(text: str, start: int, limit: int) -> int | None:
    """End of the single quotation opened at `start`, or None if the mark is an apostrophe."""
    fallback: int | None = None
    position = start + 1
    while (position := min(_find(text, "’", position), _find(text, "'", position))) < limit:
        before, after = text[position - 1], text[position + 1 : position + 2]
        position += 1
        if before.isspace() or after.isalnum():
            continue
        if before in ",.?!…":
            return position
        if fallback is None or text[fallback - 2] in "sS":  # the workers' party: more likely a genitive
            fallback = position
    return fallback


def _find(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start, start + LONGEST_SINGLE)
    return found if found >= 0 else len(text)


def in_line(text: str, begin: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """The outermost quotations of a line as (start, end, closed)."""
    opened: int | None = None
    position = begin
    while (found := MARK.search(text, position, end)) is not None:
        mark, position = found.group(), found.end()
        single = mark in "‘’'‚‹›"
        if single:
            if opened is not None or not opens(text, *found.span()) or ELISION.match(text, found.start()):
                continue
            close = closing_single(text, found.start(), min(end, found.start() + LONGEST_SINGLE))
            if close is not None and text[found.start() + 1 : close - 1].strip():
                yield found.start(), close, True
                position = close
            continue
        starts = opens(text, *found.span())
        if opened is None:
            if mark in OPENING or starts or (mark not in CLOSING and found.start() == begin):
                opened = found.start()
        elif mark in CLOSING or (mark == "“" and text[opened] == "„") or not starts:
            if mark == "``" or (mark in "“„‟«" and starts):
                continue
            yield opened, found.end(), True
            opened = None
        elif mark in OPENING and text[opened] in OPENING and text[found.start() - 1].isspace():
            # A second opening mark: the first one's closing mark is missing.
            yield opened, forgotten_close(text, opened, found.start()), True
            opened = found.start()
    if opened is not None:
        yield opened, end, False


def forgotten_close(text: str, start: int, end: int) -> int:
    found = FORGOTTEN_CLOSE.search(text, start, end)
    return found.end() if found else len(text[:end].rstrip()) if end - start < 2000 else end


def quotes(text: str) -> list[Quote]:
    """Every quotation of `text`, in order, none overlapping."""
    found: list[Quote] = []
    pending: Quote | None = None
    """An unclosed quotation at the end of the line before."""
    begin = 0
    for line in text.splitlines(keepends=True):
        if not line.strip():
            begin += len(line)
            continue
        end = begin + len(line.rstrip())
        first = begin + len(line) - len(line.lstrip())
        here = list(in_line(text, first, end))
        continues = pending is not None and bool(here) and here[0][0] == first
        if pending is not None:
            stop = pending.end if continues else forgotten_close(text, pending.start, pending.end)
            found.append(Quote(pending.start, stop, pending.continues))
            pending = None
        for start, stop, closed in here:
            quote = Quote(start, stop, continues and start == first)
            if closed:
                found.append(quote)
            else:
                pending = quote
        begin += len(line)
    if pending is not None:
        found.append(Quote(pending.start, forgotten_close(text, pending.start, pending.end), pending.continues))
    return found


class Quotes:
    def __call__(self, doc: Doc) -> Doc:
        doc._.quotes = Quotations(quotes(doc.text))
        return doc


@Language.factory("claimstream_quotes", assigns=["doc._.quotes"])
def make_quotes(nlp: Language, name: str) -> Quotes:
    return Quotes()
