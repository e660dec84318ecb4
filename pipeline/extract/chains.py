"""claimstream_chains: who is quoted through whom.

`The Herald reported, citing Roe` has one content: the source becomes Roe, in `via_source` stands the
Herald. A statement inside another one's content (`Reuters reported that officials said ...`) is said via the outer
source: claimstream_speakers reads that off `outer`.
"""

import re

from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract.attributions import Attribution, Offsets, inside, length, trimmed

CITING = re.compile(r"\s*,?\s*(?:and\s+)?\b(citing|quoting|who cited|which cited)\s+", re.IGNORECASE)
ASIDE = re.compile(r"\s*,\s*(?:citing|quoting)\s+(?P<source>[^,;:“”\"\n]+(?:,[^,;:“”\"\n]+)?),\s*\Z", re.IGNORECASE)
"""`the Herald, citing two officials, reported`: between source and cue."""
CITES = re.compile(r"\b(?:citing|quoting)\Z", re.IGNORECASE)
END = re.compile(
    r"[;:“”\"\n]|,\s+(?=that\b|(?:the|a|an)\s[\w -]+\s(?:was|is|were|are|has|had|will)\b)|,\s(?:said|says|reported)\b"
    r"|(?<![A-Z])(?<!Dr)(?<!Mr)(?<!St)\.(?:\s|$)"
)
"""Where the cited source's noun phrase ends."""
THINGS = re.compile(
    r"\b(concerns?|reasons?|lack|fears?|risks?|need|data|figures?|costs?|issues?|problems?|worries|evidence|security"
    r"|examples?|safety|health|threats?|grounds|statistics)(?:$|\s(?:about|over|of|for|that|from|in|with|to|such)\b)"
)
"""What is cited as a reason rather than as a source."""


def cited(text: str, attribution: Attribution) -> tuple[int, int] | None:
    """The span of the source cited behind cue and source, or between them, if any."""
    if not attribution.cue or not attribution.source:
        return None
    end, cue = attribution.source[-1][1], attribution.cue[0][0]
    aside = ASIDE.match(text, end, cue)
    if aside is not None and not THINGS.search(aside["source"].partition(",")[0]):
        return aside.span("source")
    end = max(attribution.cue[-1][1], attribution.source[-1][1])
    begin, last = attribution.content[0]
    found = CITING.match(text, end)
    if found is None and not (CITES.search(text, attribution.cue[0][0], end) and 0 <= begin - end <= 1):
        return None
    if found is None or found.end() == begin:  # citing an official, the road was closed
        stop = END.search(text, begin, last)
        limit = begin
    else:
        begin = found.end()
        behind = [start for start, _ in attribution.content if start >= begin]
        limit = min(*behind, begin + 250, len(text))
        stop = END.search(text, begin, limit)
    start, end = trimmed(text, begin, stop.start() if stop else limit, " ,.")
    if end <= start or THINGS.search(text[start:end].partition(",")[0]):
        return None
    return start, end


def without(text: str, content: Offsets, span: tuple[int, int]) -> Offsets:
    """The content without the cited source and the word `citing` before it."""
    kept: list[tuple[int, int]] = []
    for start, end in content:
        if end <= span[0] or start >= span[1]:
            kept.append((start, end))
            continue
        word = max(text.rfind(" ", 0, span[0] - 1) + 1, start)
        pieces = (trimmed(text, start, word, " ,"), trimmed(text, min(span[1], end), end, " ,"))
        kept += [piece for piece in pieces if piece[1] - piece[0] > 2]
    return tuple(kept)


def outer(attributions: list[Attribution]) -> dict[int, Attribution]:
    """For each index the smallest attribution in whose content it stands whole, if any. Near linear in practice."""
    found: dict[int, Attribution] = {}
    order = sorted(
        range(len(attributions)), key=lambda i: (attributions[i].content[0][0], -length(attributions[i].content))
    )
    opened: list[Attribution] = []
    for i in order:
        one = attributions[i]
        opened = [o for o in opened if o.content[-1][1] > one.content[0][0]][-20:]
        around = [o for o in opened if o is not one and inside(one.content + one.cue, o.content)]
        if around:
            found[i] = min(around, key=lambda o: length(o.content))
        opened.append(one)
    return found


class Chains:
    def __call__(self, doc: Doc) -> Doc:
        text = doc.text
        taken: set[tuple[int, int]] = set()
        for attribution in doc._.attributions:
            span = cited(text, attribution)
            if span is not None:
                attribution.via_source, attribution.source = attribution.source, (span,)
                attribution.content = without(text, attribution.content, span) or attribution.content
                taken.add(span)
        # What a finder made of the words `citing X` is told by the chain, and `reported` and `citing` tell it once.
        kept = [a for a in doc._.attributions if not any(inside(a.content, (span,)) for span in taken)]
        first = {(a.source, a.content): a for a in sorted(kept, key=lambda a: bool(a.via_source))}
        doc._.attributions = sorted(first.values(), key=lambda a: (a.start, a.cue))
        return doc


@Language.factory("claimstream_chains", requires=["doc._.attributions"])
def make_chains(nlp: Language, name: str) -> Chains:
    return Chains()
