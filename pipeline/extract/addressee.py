"""claimstream_addressee: to whom something was said, in `Attribution.addressee`; taken out of the content."""

import re

from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract.attributions import Attribution, trimmed, words

TELLING = re.compile(
    r"\b(?:tells?|told|telling|(?:inform|remind|warn)(?:s|ed|ing)?|assur(?:es?|ed|ing))$", re.IGNORECASE
)
STOP = re.compile(
    r"[,.;:?!“”\"‘«\n()–—]"
    r"|\s(?:that|on|in|at|by|during|after|before|when|while|how|what|why|who|whether|if|as|from|last|late|early|earlier"
    r"|recently|via|through|about|of his|of her|and added|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|yesterday|today"
    r"|there (?:is|are|was|were)|to (?!the\b|an?\b|[A-Z]))(?=[\s,.])"
)
"""Where the addressee's noun phrase ends."""
WHOM = r"\s+(?=[A-Z]|the\s|an?\s|reporters|journalists)"
BESIDE = re.compile(
    r"\b(?:[Ss]peaking|[Tt]alking|[Tt]alks|[Ss]poke|[Ss]aid|[Ss]ays|[Ww]rote|[Cc]omplained|[Ee]xplained|[Aa]nnounced)\s+to"
    + WHOM
    + r"|\b(?:[Ii]nterview|[Ll]etter|[Mm]essage|[Ee]mail|[Ss]tatement)\s+(?:with|to|for)"
    + WHOM
)
"""`Speaking to the Herald, ...`, `in an interview with the Tribune`."""
TOLD = re.compile(
    r"(?!(?:he|she|it|they|there|to|how|what)\b)((?:the |an? |his |her |their )?[\w.'’ -]{2,60}?)\s+"
    r"(?=that\s|to\s[a-z]|[“\"])"
)
SENTENCE = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bSt)(?<!\b[A-Z])[.!?]['”\"’)]*\s|\n")
"""A sentence's end; not the full stop of `Dr. Roe` or `J. Roe`."""
REACH = 400
"""How far from the cue an addressee is looked for, in characters."""
NOBODY = re.compile(r"^(?:a |the )?(joke|story|lie|truth|tale)s?\b", re.IGNORECASE)


def phrase(text: str, start: int, limit: int) -> tuple[int, int] | None:
    """The noun phrase at `start`, at most ten words."""
    limit = min(limit, start + 120)
    stop = STOP.search(text, start, limit)
    begin, end = trimmed(text, start, stop.start() if stop else limit, " ,")
    if end <= begin or len(text[begin:end].split()) > 10 or NOBODY.match(text[begin:end]):
        return None
    return begin, end


def addressee(text: str, attribution: Attribution) -> tuple[int, int] | None:
    if not attribution.cue:
        return None
    end = attribution.cue[-1][1]
    behind = next((start for start, _ in attribution.content if start >= end), None)
    if TELLING.search(words(text, attribution.cue)):
        if behind is None or text[end:behind].strip():
            source = next((start for start, _ in attribution.source if start >= end), len(text))
            return phrase(text, end, min(behind or len(text), source))
        return split_off(text, attribution, behind)
    # Elsewhere in the sentence, outside the content.
    low, high = max(0, attribution.cue[0][0] - REACH), end + REACH
    begin = max((found.end() for found in SENTENCE.finditer(text, low, attribution.cue[0][0])), default=low)
    stop = min(
        (at for mark in (". ", ".”", "\n") if (at := text.find(mark, end, high)) >= 0), default=min(high, len(text))
    )
    for found in BESIDE.finditer(text, begin, stop):
        if not any(start <= found.start() < last for start, last in attribution.content + attribution.source):
            return phrase(text, found.end(), stop)
    return None


def split_off(text: str, attribution: Attribution, behind: int) -> tuple[int, int] | None:
    """`told` followed at once by content: a name that opens it, before `that` or a new clause, is the addressee."""
    found = TOLD.match(text, behind)
    if found is None or len(found.group(1).split()) > 6:
        return None
    attribution.content = tuple(
        (found.end(), end) if start == behind else (start, end) for start, end in attribution.content
    )
    return behind, found.end(1)


class Addressees:
    def __call__(self, doc: Doc) -> Doc:
        text = doc.text
        for attribution in doc._.attributions:
            found = addressee(text, attribution)
            attribution.addressee = (found,) if found else ()
        return doc


@Language.factory("claimstream_addressee", requires=["doc._.attributions"])
def make_addressees(nlp: Language, name: str) -> Addressees:
    return Addressees()
