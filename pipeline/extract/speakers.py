"""claimstream_speakers: who a source is, resolved within the article, in `Attribution.speaker` and `.via`.

Reads the source's words, the entities and the attributions; no parse.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator

from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract.attributions import Attribution, Offsets, Quotations, words
from claimstream.pipeline.extract.cast import TYPES, Cast, Member
from claimstream.pipeline.extract.chains import outer
from claimstream.pipeline.extract.phrases import (
    GENERIC,
    ORGANIZATIONS,
    Gender,
    Phrase,
    descriptor_type,
    is_name,
    is_title,
    names_organization,
    read,
    stem,
    stems,
)
from claimstream.pipeline.records import Speaker, SpeakerType

HE, SHE = frozenset({"he", "him", "his"}), frozenset({"she", "her"})
THEY, IT = frozenset({"they", "them", "their"}), frozenset({"it", "its"})
RELATIVE = frozenset({"who", "which", "that", "whom"})
SELF = frozenset({"i", "we", "us", "me"})
PRONOUNS = HE | SHE | THEY | IT | RELATIVE | SELF
DEFINITE = re.compile(r"(?:the|this|that|his|her|their|its)\s(?!own\b)|[^,]*['’]s?\s", re.IGNORECASE)
OWN = re.compile(r"^(?:its|their|his|her)\s+(?:own\s+)?")
SENTENCE = re.compile(r"[.?!]['”\"’)]*\s+(?=[A-Z“\"'‘])|\n")
ANTECEDENT = re.compile(
    r"(?:^|[,;:.]\s|\b(?:by|from|with|of|to|for|and|said|told|is|was|are)\s)([^,;:.]{2,80}?)(?:,[^,]{2,80})?,?\s$"
)
"""The noun phrase that a relative pronoun stands behind."""
NEAR = 3000
"""How far back a pronoun reaches, in characters."""


class Resolver:
    """Who speaks in one article. Sources are asked in text order, each with those before it in mind."""

    def __init__(self, doc: Doc) -> None:
        self.text: str = doc.text
        self.quotes: Quotations = doc._.quotes
        self.attributions: list[Attribution] = sorted(
            doc._.attributions, key=lambda a: (a.source or a.cue or a.content)[0]
        )
        self.cast = Cast(doc)
        self.entities = list(doc.ents)
        self.starts = [e.start_char for e in self.entities]
        self.spoken: list[tuple[int, Speaker, Member | None]] = []
        """Who has spoken so far: position, speaker, member of the cast."""
        self.met: list[tuple[Phrase, Speaker]] = []
        """Sources without a name so far."""
        sources = (spans for a in self.attributions for spans in (a.via_source, a.source) if spans)
        self.phrases = {spans: read(words(self.text, spans)) for spans in sources}
        for spans, phrase in self.phrases.items():
            self.introduce(spans, phrase)
        for member in self.cast.members:
            member.mentions.sort()
        self.mentions = sorted(((at, m) for m in self.cast.members for at in m.mentions), key=lambda each: each[0])

    def introduce(self, spans: Offsets, phrase: Phrase) -> None:
        """A source with a name is in the cast, whether or not the entities know it."""
        if phrase.name is None or phrase.text.lower() in PRONOUNS:
            return
        kind = self.kind(phrase, spans)
        member = self.cast.find(phrase.name)
        longer = phrase.type == "person" or len(phrase.name.split()) > 1
        if member is None or (kind == "person" and member.type in {"place", "group"} and longer):
            member = self.cast.add(phrase.name, kind, spans[0][0], phrase.gender)
        elif member.type in {"person", "organization"}:
            member.called(phrase.name, spans[0][0])
        else:
            member.mentions.append(spans[0][0])
        member.type = phrase.type or member.type
        member.gender = member.gender or phrase.gender
        if phrase.role and phrase.role not in member.roles:
            member.roles.append(phrase.role)

    def kind(self, phrase: Phrase, spans: Offsets) -> SpeakerType:
        name = phrase.name or ""
        if phrase.type is not None:
            return phrase.type
        if names_organization(name):
            return "organization"
        for entity in self.entities[bisect_left(self.starts, spans[0][0]) : bisect_left(self.starts, spans[-1][1])]:
            if entity.label_ in TYPES and (entity.text in name or name in entity.text):
                people = entity.label_ == "NORP" and not name.endswith("s")
                return "organization" if people else TYPES[entity.label_]
        return "person" if len(name.split()) in {2, 3} else "organization"

    # -- in text order -------------------------------------------------------------------------------------------

    def resolve_all(self) -> None:
        for attribution in self.attributions:
            at = (attribution.source or attribution.cue or attribution.content)[0][0]
            if attribution.via_source:
                through = self.heard(attribution.via_source, at)
                attribution.via = (through,) if through else ()
            if attribution.source:
                attribution.speaker = self.heard(attribution.source, at)
        within = outer(self.attributions)
        for i, attribution in enumerate(self.attributions):
            around = within.get(i)
            if around is not None and around.speaker is not None and around.speaker != attribution.speaker:
                attribution.via = (*attribution.via, around.speaker)

    def heard(self, spans: Offsets, at: int) -> Speaker | None:
        speaker = self.resolve(spans, at)
        if speaker is not None:
            self.spoken.append((at, speaker, self.cast.find(speaker.name)))
        return speaker

    def recent(self, at: int) -> Iterator[tuple[int, Speaker, Member | None]]:
        """Who spoke shortly before, the last one first."""
        for one in reversed(self.spoken):
            if at - one[0] >= NEAR:
                return
            yield one

    # -- one source ----------------------------------------------------------------------------------------------

    def resolve(self, spans: Offsets, at: int) -> Speaker | None:
        low = words(self.text, spans).lower().strip(" .,")
        if low in PRONOUNS:
            return self.pronoun(low, at)
        phrase = self.phrases[spans]
        if phrase.name is None:
            return self.described(phrase, at)
        member = self.cast.find(phrase.name)
        return (
            member.speaker() if member else Speaker(name=phrase.name, role=phrase.role, type=self.kind(phrase, spans))
        )

    def described(self, phrase: Phrase, at: int) -> Speaker:
        """A source without a name: a role that somebody named has, an organization named elsewhere, or unnamed."""
        head, first = phrase.head or "", phrase.text.split()[0] if phrase.text else ""
        definite = DEFINITE.match(phrase.text) is not None
        member: Member | None = None
        if (definite or (is_name(first) and is_title(first))) and (head not in ORGANIZATIONS or is_title(head)):
            member = self.cast.with_role(phrase.text, at)
        if definite and member is None and head in ORGANIZATIONS:
            member = self.organization(phrase, at)
        if member is not None:
            return member.speaker()
        if definite:
            said = stems(phrase.text) - {"the", "this", "that"}
            for other, speaker in reversed(self.met):
                if (
                    other.head is not None
                    and stem(other.head) == stem(head)
                    and said <= stems(other.text) | {stem(head)}
                ):
                    return speaker
        speaker = Speaker(name=OWN.sub("", phrase.text) or phrase.text, role=None, type=descriptor_type(phrase))
        self.met.append((phrase, speaker))
        return speaker

    def organization(self, phrase: Phrase, at: int) -> Member | None:
        """`the ministry`: the last one whose name has the words; `the agency`: else the last organization."""
        said = stems(phrase.text.split(",")[0]) - {"the", "this", "that", "news", "media", "parent"}
        for member in self.cast.organizations(at):
            if said <= set().union(*map(stems, (*member.names, *member.roles))):
                return member
        if len(said) > 1 or phrase.head not in GENERIC:
            return None
        for _, speaker, known in self.recent(at):
            if known is not None and speaker.type == "organization":
                return known
        return next(self.cast.organizations(at), None)

    def pronoun(self, word: str, at: int) -> Speaker | None:
        if word in RELATIVE:
            return self.antecedent(at)
        if word in HE | SHE:
            return self.person(at, "m" if word in HE else "f")
        if word in SELF:
            return None
        for _, speaker, _member in self.recent(at):
            if speaker.type != "person":
                return speaker
        if word in IT:
            return next((member.speaker() for member in self.cast.organizations(at)), None)
        return self.spoken[-1][1] if self.spoken else None

    def person(self, at: int, gender: Gender) -> Speaker | None:
        """He or she. Sentence by sentence backwards: who spoke there, else who is named first there."""

        def fits(member: Member) -> bool:
            return member.type == "person" and (not member.gender or member.gender == gender)

        begin = max(0, at - NEAR)
        low, high = (bisect_left(self.mentions, p, key=lambda each: each[0]) for p in (begin, at))
        named = [(p, m.speaker()) for p, m in self.mentions[low:high] if fits(m) and not self.quotes.between(p, p + 1)]
        spoken = [
            (p, speaker)
            for p, speaker, member in self.recent(at)
            if (fits(member) if member else speaker.type in {"unnamed", "person"})
        ]
        end = at
        for start in reversed([begin, *(begin + m.end() for m in SENTENCE.finditer(self.text[begin:at]))]):
            for found in (spoken, named):
                here = [speaker for p, speaker in found if start <= p < end]
                if here:
                    return here[0]
            end = start
        return None

    def antecedent(self, at: int) -> Speaker | None:
        """Whom a relative pronoun stands for: the last name before it in its sentence, else the noun phrase."""
        begin = max(0, at - 160)
        low, high = (bisect_left(self.mentions, p, key=lambda each: each[0]) for p in (begin, at))
        for position, member in reversed(self.mentions[low:high]):
            if member.type in {"person", "organization"}:
                if re.search(r"[.;\n]", self.text[position + len(member.name) : at]):
                    break
                return member.speaker()
        found = ANTECEDENT.search(self.text[begin:at])
        return self.described(read(found.group(1)), at) if found else None


class Speakers:
    def __call__(self, doc: Doc) -> Doc:
        Resolver(doc).resolve_all()
        return doc


@Language.factory("claimstream_speakers", requires=["doc._.attributions", "doc._.quotes", "doc.ents"])
def make_speakers(nlp: Language, name: str) -> Speakers:
    return Speakers()
