"""Statements in the content of another: `search warrant documents say | the driver told investigators that ...`.

The network was taught by a corpus in which statements hardly nest, so it reads a content again on its own. What it
then finds is told where the outer source only hands it on, or where marks of quotation or a clause of its own show
that somebody else speaks; elsewhere (`the lawyer said | Holm believed ...`) the outer statement says it all.
"""

import re
from collections.abc import Iterator

from claimstream.pipeline.extract import encoder
from claimstream.pipeline.extract.attributions import Attribution, Offsets, words
from claimstream.pipeline.extract.encoder import Attributor
from claimstream.pipeline.extract.phrases import DOCUMENTS
from claimstream.pipeline.extract.vocabulary import CUES, LEMMAS

WHOLE = 0.85
"""Share of a content that a statement inside it takes, if the content is nothing but that statement."""
SURE, SURER = 0.5, 0.7
"""Least confidence of such a statement, and of one that no marks set apart from the rest of the content."""
LONGEST = 500
"""Characters: a sentence."""
SPEECH = frozenset(form for form, verb in LEMMAS.items() if verb in CUES and CUES[verb].kind == "speech")
WORD = re.compile(r"\w+")
BEFORE_QUOTE = re.compile(r"(\w+)\W{1,3}(?<=[“\"])")
RELAY = re.compile(r"\b(?:report|reveal|relay|cit|quot|recount)\w*|\b(?:wrote|writes)\b", re.IGNORECASE)
DOCUMENT = re.compile(rf"\b(?:{'|'.join(sorted(DOCUMENTS))})\b", re.IGNORECASE)
TELLS = re.compile(r"\b(?:says?|said|stat\w+|agree\w*|according to|show\w*|alleg\w+)\b", re.IGNORECASE)
"""What a document does that hands on what others said."""
PRONOUN = re.compile(r"I|we|he|she|it|they|you|who|which|that|there", re.IGNORECASE)
"""Most often the outer speaker, and then no other statement."""
QUOTE = re.compile('[“"]')
CLAUSE = re.compile(r",\s+(?:but|though|although|while|whereas)\s+", re.IGNORECASE)


class Nested:
    def __init__(self, network: Attributor) -> None:
        self.network = network

    def __call__(self, text: str, outer: Attribution) -> Iterator[encoder.Attribution]:
        """The statements in the content of `outer`; one in a clause of its own is cut out of that content."""
        start, end = outer.content[0]
        start += len("that ") * text.startswith("that ", start)
        if len(outer.content) > 1 or end - start >= LONGEST or not speaks(text, start, end):
            return
        relayed = RELAY.search(text, *outer.cue[0]) is not None
        document = TELLS.search(text, *outer.cue[0]) and DOCUMENT.search(words(text, outer.source))
        shout = any(match[1].lower() in SPEECH for match in BEFORE_QUOTE.finditer(text, start, end))
        if not (relayed or document or shout or CLAUSE.search(text, start, end)):
            return
        (found,) = self.network.predict([text[start:end]])
        for inner in (moved(one, start) for one in found.attributions if one.source and one.confidence >= SURE):
            spans = inner.source + inner.cue + inner.content
            first, last = min(s for s, _ in spans), max(e for _, e in spans)
            if not speaks(text, *inner.cue[0]):
                continue
            other = not PRONOUN.fullmatch(text, *inner.source[0])
            clause = next((c for c in CLAUSE.finditer(text, start, first) if c.end() == first), None)
            sure = inner.confidence >= SURER
            if clause and sure:
                outer.content = ((outer.content[0][0], clause.start()),)
                yield inner
            elif (
                (other and relayed and last - first >= WHOLE * (end - start))
                or (other and document and sure)
                or QUOTE.match(text, inner.content[0][0])
            ):
                yield inner


def speaks(text: str, start: int, end: int) -> bool:
    return any(word.lower() in SPEECH for word in WORD.findall(text, start, end))


def moved(found: encoder.Attribution, by: int) -> encoder.Attribution:
    def there(offsets: Offsets) -> Offsets:
        return tuple((start + by, end + by) for start, end in offsets)

    return encoder.Attribution(there(found.source), there(found.cue), there(found.content), found.confidence)
