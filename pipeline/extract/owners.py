"""claimstream_owners: no quotation is left to nobody.

A quotation of more than a few words that no statement holds belongs to a statement the network was less sure of, goes
on from the one before it (over sentences and paragraphs), stands before `― Jane Roe` or behind `Jane Roe:`.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract.attributions import Attribution, Offsets, Quotations, Quote, inside, overlap, trimmed

COLON = re.compile(r"(?P<source>[^\n.:;!?“”\"]{2,80}?)(?P<cue>(?:\s(?:said|says|added|wrote|tweeted))?\s*:)\s*")
SIGNATURE = re.compile(r"\s*(?P<cue>[―—–]|--)\s*(?P<source>[^\W\d_a-z][^\n“”\":;!?]{1,80}?)(?=[ .]*(?:\n|$))")
OF_A_COLON, OF_A_SIGNATURE = 0.5, 0.9
"""How often source and content are right that stand around them, measured on news articles."""


class Quoted:
    """The quotations of one Doc and whose they are."""

    def __init__(self, doc: Doc) -> None:
        self.text: str = doc.text
        self.quotes: Quotations = doc._.quotes
        self.attributions: list[Attribution] = doc._.attributions
        self.doubtful: list[Attribution] = sorted(doc._.doubtful, key=lambda a: -a.confidence)
        self.taken = bytearray(len(self.text))
        """1 where a character is somebody's content."""

    def find(self) -> list[Attribution]:
        self.sign()
        for attribution in self.attributions:
            self.take(attribution.content)
        for attribution in self.doubtful:
            self.second_look(attribution)
        self.run_up()
        self.run_on()
        return sorted(self.attributions, key=lambda a: (a.start, a.cue))

    def sign(self) -> None:
        """A quotation with a signature is the signer's, whatever is said inside it."""
        for quote in filter(self.is_speech, self.quotes):
            new = self.signed(quote)
            if new is None:
                continue
            others = [a for a in self.attributions if not inside(a.cue, new.content) and not overlap(a.cue, new.cue)]
            if not any(overlap(a.content, new.content) for a in others):
                self.attributions = [*others, new]

    def take(self, content: Offsets) -> None:
        for start, end in content:
            self.taken[start:end] = b"\x01" * (end - start)

    def free(self, quote: Quote) -> bool:
        return not any(self.taken[quote.start : quote.end])

    def is_speech(self, quote: Quote) -> bool:
        return quote.end - quote.start > 12 and len(self.text[quote.start : quote.start + 200].split()) > 3

    def speech(self, one: Attribution) -> Iterator[Quote]:
        """The quotations in the content that are more than a few words."""
        for start, end in one.content:
            yield from filter(self.is_speech, self.quotes.between(start, end))

    def second_look(self, doubtful: Attribution) -> None:
        """What the network was less sure of stands if a quotation would be nobody's without it."""
        said = list(self.speech(doubtful))
        if not said or not doubtful.source or not all(map(self.free, said)):
            return
        same = next((one for one in self.attributions if overlap(one.cue, doubtful.cue)), None)
        if same is None:
            self.attributions.append(doubtful)
        elif not any(self.speech(same)):
            same.content = doubtful.content
        else:
            return
        self.take(doubtful.content)

    def run_up(self) -> None:
        """A quotation over several paragraphs, named at its end (`... flight,” he said`), is theirs as a whole."""
        owners = sorted(self.attributions, key=lambda a: a.start)
        starts = [owner.start for owner in owners]
        paragraphs: list[Quote] = []
        for quote in self.quotes:
            if not quote.continues:
                paragraphs = []
            if self.free(quote):
                paragraphs.append(quote)
                continue
            first = bisect_left(starts, quote.start)
            if paragraphs and first < len(starts) and starts[first] < quote.end:
                owner = owners[first]
                owner.content = (*((one.start, one.end) for one in paragraphs), *owner.content)
                self.take(owner.content)
            paragraphs = []

    def run_on(self) -> None:
        """Quotations without a cue of their own go on from the statement before them."""
        owners = sorted(self.attributions, key=lambda a: a.content[-1][1])
        last: Attribution | None = None
        end = position = 0
        for quote in filter(self.is_speech, self.quotes):
            while position < len(owners) and owners[position].content[-1][1] <= quote.start:
                last = owners[position]
                end = max(stop for _, stop in last.source + last.cue + last.content)
                position += 1
            if not self.free(quote):
                continue
            if last is not None and (quote.continues or self.goes_on(last, end, quote)):
                self.extend(last, quote)
                end = quote.end
            elif (new := self.behind_colon(quote)) is not None:
                self.attributions.append(new)
                last, end = new, max(stop for _, stop in new.source + new.content)

    def goes_on(self, last: Attribution, end: int, quote: Quote) -> bool:
        """Behind another quotation in its line, right behind the statement, or as a paragraph after its one."""
        gap = self.text[end : quote.start]
        if "\n" not in gap:
            return self.ends_quote(last) or not gap.strip(" .")
        rest = self.text[quote.end : quote.end + 80].partition("\n")[0]
        paragraph = not gap.rpartition("\n")[2].strip() and not rest.strip(" .,;–—-")
        return (
            paragraph
            and "\n" not in gap.strip()
            and self.text[quote.start : quote.end].strip("“”\"'‘’ ")[-1:] in ".?!,…"
        )

    def signed(self, quote: Quote) -> Attribution | None:
        """`“...” ― Jane Roe, teacher`."""
        found = SIGNATURE.match(self.text, quote.end)
        if found is None:
            return None
        return Attribution((found.span("source"),), (found.span("cue"),), ((quote.start, quote.end),), OF_A_SIGNATURE)

    def behind_colon(self, quote: Quote) -> Attribution | None:
        """What `Jane Roe, the mayor: “...”` says."""
        line = self.text.rfind("\n", 0, quote.start) + 1
        found = COLON.fullmatch(self.text, line, quote.start) if quote.start - line < 100 else None
        if found is None:
            return None
        source, cue = (trimmed(self.text, *found.span(group), " ,") for group in ("source", "cue"))
        return Attribution((source,), (cue,), ((quote.start, quote.end),), OF_A_COLON)

    def ends_quote(self, attribution: Attribution) -> bool:
        start, end = attribution.content[-1]
        return any(self.is_speech(quote) for quote in self.quotes.between(start, end))

    def extend(self, attribution: Attribution, quote: Quote) -> None:
        """Join a quotation to the content, as one span if only blanks lie between."""
        start, end = attribution.content[-1]
        if not self.text[end : quote.start].strip(" "):
            attribution.content = (*attribution.content[:-1], (start, quote.end))
        else:
            attribution.content = (*attribution.content, (quote.start, quote.end))


class Owners:
    def __call__(self, doc: Doc) -> Doc:
        doc._.attributions = Quoted(doc).find()
        return doc


@Language.factory("claimstream_owners", requires=["doc._.quotes", "doc._.attributions", "doc._.doubtful"])
def make_owners(nlp: Language, name: str) -> Owners:
    return Owners()
