"""claimstream_stance: stance, polarity, kind and quotation of each attribution, from its cue and content.

Stance is the source's to the content. What was said with a negated content is asserted, with negative polarity;
`denies` needs a cue of denial. To accuse is to assert; one's own plan is a promise; to ask somebody to do something
calls for it.
"""

import re

from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract.attributions import Attribution, length, overlap, words
from claimstream.pipeline.extract.vocabulary import CUES, LEMMAS, NOUNS, PHRASES, Cue
from claimstream.pipeline.records import Kind, Polarity, Quotation, Stance

TO_DO = frozenset({"tell", "ask", "order", "urge", "instruct", "beg", "request", "invite", "encourage"})
OPEN = frozenset({"say", "tell", "add", "write", "state", "announce", "explain", "note", "continue", "mention", "tweet",
                  "insist", "declare", "confirm", "reiterate", "stress", "conclude", "post", "respond", "reply",
                  "according", "report", "suggest"})  # fmt: skip
"""Cues that take their stance from what is said."""

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
BEGIN = r"^\W*(?:that\s+)?(?:\w+ly,?\s)?"
PLAN = re.compile(
    BEGIN + r"(?:(?:I|we)\s?(?:will|shall|['’]ll|['’](?:re|m) going to|(?:are|am) going to|plan to|intend to|promise)"
    r"|(?:he|she|they|it)\s(?:will|would|(?:plan(?:s|ned)?|intend(?:s|ed)?|(?:is|are|was|were) (?:planning|going)) to)"
    r"|plans? to\b)",
    re.IGNORECASE,
)
NO_PLAN = re.compile(r"(?:\bwould|\bwill|['’]ll) (?:not )?(?:be|have|like|take)\b|\bbe able\b", re.IGNORECASE)
DEMAND = re.compile(
    BEGIN + r"(?:[\w’'-]+\s){0,9}?(?:should|must|ought to)\b(?! have\b)|" + BEGIN + r"(?:let['’]?s|please)\b"
    r"|\b(?:I|we) (?:would )?(?:call (?:for|on|upon)|urge|demand|appeal)\b",
    re.IGNORECASE,
)
QUESTION = re.compile(
    r"^\W*(?:whether|if|how|why|what|who|when|where|is|are|do|does|did|can|could|will|would)\b", re.IGNORECASE
)

NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|without)\b|n['’]t\b", re.IGNORECASE
)
NO_NEGATION = re.compile(
    r"\bnot (?:only|just|merely|least)\b|\bno (?:doubt|matter|wonder|(?:longer|less|more) than)\b"
    r"|\bno\. ?\d|,\s+not\b",
    re.IGNORECASE,
)
CLAUSE = re.compile(
    r"[;:]|[.?!…][”\"’']?\s|,\s(?=(?:but|and|although|though|because|while|whereas|when|as|which|who|so)\b)"
    r"|\s(?:because|although|though|unless|if|when|which|who|but|where|that)\s",
    re.IGNORECASE,
)


def entry(cue: str) -> tuple[str, Cue | None]:
    """The lemma of the cue that the vocabulary knows: the last one (`began to doubt`), and what it says of it."""
    found: tuple[str, Cue | None] = ("", None)
    for word in WORD.findall(cue.lower()):
        lemma = LEMMAS.get(word, word)
        if lemma in CUES:
            found = (lemma, CUES[lemma])
        elif lemma in NOUNS and found[1] is None:
            found = (lemma, Cue(NOUNS[lemma], "speech"))
        elif lemma == "according" and found[1] is None:
            found = (lemma, Cue("asserts", "speech"))
    return found


def stance(text: str, attribution: Attribution) -> tuple[Stance, Kind]:
    cue, content = words(text, attribution.cue), words(text, attribution.content)
    for pattern, word, kind in PHRASES:
        if pattern.search(cue):
            return word, kind
    lemma, known = entry(cue)
    word, kind = (known.stance, known.kind) if known else ("asserts", "speech")
    bare = content.lstrip("“\"‘' ")
    negated = NEGATION.search(cue) is not None
    if lemma in TO_DO and re.match(r"(?:(?!that\b)[\w’'-]+\s){0,8}?to\s\w+", bare) and not bare.startswith("that "):
        word = "calls for"
    elif lemma in {"ask", "inquire", "query"}:
        follows = text[attribution.cue[-1][1] : attribution.cue[-1][1] + 5].strip()
        word = "calls for" if follows.startswith(("for", "that")) or bare.startswith(("that ", "for ")) else "asks"
    elif lemma in {"question", "wonder"}:
        word = "doubts"
    elif lemma in OPEN or not known:
        if PLAN.match(content) and not NO_PLAN.search(content[:80]):
            word = "promises"
        elif DEMAND.search(content[:400]):
            word = "calls for"
        elif content.rstrip("”\"’' ").endswith("?") and QUESTION.match(content):
            word = "asks"
    if negated and word == "supports":
        word = "opposes"
    return word, kind


def polarity(content: str) -> Polarity:
    """Of the content's main clause: the first one, after `that`."""
    start = re.match(r"[\W]*(?:that\s|(?:although|though|while|if|when|as)\s[^,]{3,120},\s)?", content, re.IGNORECASE)
    clause = content[start.end() if start else 0 :][:400]
    end = CLAUSE.search(clause, 8)
    clause = NO_NEGATION.sub("", clause[: end.start() if end else None])
    return "negative" if NEGATION.search(clause) else "affirmative"


def quotation(doc: Doc, attribution: Attribution) -> Quotation:
    """Direct if (nearly) all of the content stands in quotation marks, mixed if some does."""
    around = doc._.quotes.between(attribution.content[0][0], attribution.content[-1][1])
    marks = tuple((quote.start, quote.end) for quote in around)
    quoted = overlap(attribution.content, marks)
    if not quoted:
        return "indirect"
    return "direct" if quoted >= 0.9 * length(attribution.content) else "mixed"


class Stances:
    def __call__(self, doc: Doc) -> Doc:
        text = doc.text
        for attribution in doc._.attributions:
            attribution.stance, attribution.kind = stance(text, attribution)
            attribution.polarity = polarity(words(text, attribution.content))
            attribution.quotation = quotation(doc, attribution)
        return doc


@Language.factory("claimstream_stance", requires=["doc._.attributions", "doc._.quotes"])
def make_stances(nlp: Language, name: str) -> Stances:
    return Stances()
