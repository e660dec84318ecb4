"""Everybody an article names, under all their names: filled from the entities and the sources."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from spacy.tokens import Doc

from claimstream.pipeline.extract.phrases import (
    HONORIFICS,
    ORGANIZATIONS,
    PREPOSITIONS,
    VERBS,
    Gender,
    bare,
    is_honorific,
    is_name,
    looks_like_role,
    read,
    split_title,
    stem,
    stems,
    tells_role,
)
from claimstream.pipeline.records import Speaker, SpeakerType

ACRONYM = re.compile(r"\(([A-Z]{2,8})\)")
TYPES: dict[str, SpeakerType] = {
    "PERSON": "person", "ORG": "organization", "WORK_OF_ART": "organization", "PRODUCT": "organization",
    "GPE": "place", "LOC": "place", "FAC": "place", "NORP": "group",
}  # fmt: skip
"""Of the entities that can be a source, by label."""
BEHIND = re.compile(r",\s(?:\d+,\s)?(?:(?:the|a|an)\s)?([^,.;:()\n“”\"]{4,90})(?=[,.;]|\s(?:said|told|says))")
"""`, spokesman for the council,` behind a name."""
NO_ROLE = re.compile(r"who|which|said|but|and\b")


@dataclass(slots=True)
class Member:
    """Somebody or something the article names, under all its names."""

    name: str
    type: SpeakerType
    gender: Gender = ""
    names: set[str] = field(default_factory=set)
    roles: list[str] = field(default_factory=list)
    mentions: list[int] = field(default_factory=list)

    def called(self, name: str, at: int) -> None:
        self.names.add(name)
        self.mentions.append(at)
        if len(name.split()) > len(self.name.split()) and len(name.split()) < 9:
            self.name = name

    def speaker(self) -> Speaker:
        role = max(self.roles, key=len) if self.roles else None
        return Speaker(name=self.name, role=role, type=self.type)


class Cast:
    """Everybody the article names; filled in text order, then asked who is meant."""

    def __init__(self, doc: Doc) -> None:
        self.text: str = doc.text
        self.members: list[Member] = []
        self.by_word: dict[str, list[Member]] = {}
        self.acronyms: dict[str, str] = {}
        for found in ACRONYM.finditer(self.text):
            self.acronyms[found.group(1)] = self.spelled_out(found.group(1), found.start())
        entities = [e for e in doc.ents if e.label_ in TYPES]
        for entity in sorted(entities, key=lambda e: (e.label_ != "PERSON", -len(e.text.split()))):
            self.entity(entity.text, entity.label_, entity.start_char, entity.end_char)

    def spelled_out(self, acronym: str, end: int) -> str:
        """The words before `(ABC)` that it stands for; the acronym itself if they do not begin like it."""
        before = self.text[max(0, end - 100) : end].rpartition("\n")[2].split()
        for i in range(max(0, len(before) - len(acronym) - 3), len(before)):
            if before[i][0] == acronym[0]:
                return " ".join(before[i:])
        return acronym

    # -- filling -------------------------------------------------------------------------------------------------

    def entity(self, text: str, label: str, start: int, end: int) -> None:
        text = re.sub(r"\s+", " ", re.sub(r"['’]s?$", "", text.strip(" .,\n"))).strip()
        title, name, gender = split_title([w for w in text.split() if w.lower() != "the"])
        if not 0 < len(name) < 9:
            return
        titled = title and label == "ORG" and len(name) > 1 and not any(bare(w) in ORGANIZATIONS for w in name)
        if label != "PERSON" and not titled:
            self.add(re.sub(r"^[Tt]he\s+", "", text), TYPES[label], start)
            return
        before = self.role_before(start)
        for word in before:
            gender = HONORIFICS.get(word.lower(), "") or gender
        member = self.add(" ".join(name), "person", start, gender)
        behind = BEHIND.match(self.text, end)
        roles = [" ".join(w for w in (*before, *title) if not is_honorific(w))]
        if behind and not NO_ROLE.match(behind.group(1)):
            roles.append(behind.group(1))
        for role in roles:
            if looks_like_role(role) and role not in member.roles:
                member.roles.append(role)

    def role_before(self, start: int) -> list[str]:
        """The words right before a name that tell an office: `Defense Ministry spokesman Major General`."""
        line = re.split(r"[\n;:()“”\"–—]|,\s|\.\s(?=\w+\s)", self.text[max(0, start - 120) : start])[-1]
        found: list[str] = []
        for word in reversed(line.split()):
            plain = word.isalpha() and word.islower() and word not in PREPOSITIONS | VERBS | {"the", "a", "an"}
            if not (is_name(word) or tells_role(word) or (plain and len(found) == 1)):
                break
            found.insert(0, word)
        if not any(tells_role(w) or is_honorific(w) for w in found):
            return []
        return [w for w in found if w.lower() not in {"the", "but", "and", "however"}]

    def add(self, name: str, kind: SpeakerType, at: int, gender: Gender = "") -> Member:
        member = self.find(name, kind)
        if member is None:
            member = Member(name, kind)
            self.members.append(member)
        member.called(name, at)
        member.gender = member.gender or gender or (read(member.name).gender if kind == "person" else "")
        for word in name.split():
            known = self.by_word.setdefault(bare(word), [])
            if member not in known:
                known.append(member)
        return member

    # -- asking --------------------------------------------------------------------------------------------------

    def find(self, name: str, kind: SpeakerType | None = None) -> Member | None:
        """Who is called so: a surname, first name or longer form of a person, the last words of an organization."""
        mine = key(self.acronyms.get(name, name))
        if not mine:
            return None
        known = list(self.by_word.get(mine[-1], ()))
        if len(mine) == 1 or kind == "person":
            known += self.by_word.get(mine[0], ())
        best: tuple[int, Member] | None = None
        for member in known:
            for other in member.names:
                theirs = key(other)
                score = 10 + len(theirs) if member.type == "person" else len(theirs)
                if (best is None or score > best[0]) and same(mine, theirs, member.type, kind):
                    best = (score, member)
        return best[1] if best else None

    def with_role(self, role: str, at: int) -> Member | None:
        """Which person has this role: the last one named before `at`, else the only one named later."""
        words = re.sub(r"^.*['’]s?\s", "", role.partition(",")[0])  # whose minister it is may go unsaid elsewhere
        wanted = stems(words) - {"the", "of", "for", "a", "in", "future", "then", "former", "new", "this", "that"}
        head = stem(read(role).head or "")
        before: list[tuple[int, Member]] = []
        later: list[Member] = []
        for member in self.members:
            if member.type != "person":
                continue
            for parts in map(stems, member.roles):
                if head in parts and (wanted <= parts or len(wanted & parts) > 1):
                    last = bisect_left(member.mentions, at)
                    if last:
                        before.append((member.mentions[last - 1], member))
                    elif wanted <= parts and len(wanted) > 1 and member not in later:
                        later.append(member)
        if before:
            return max(before, key=lambda b: b[0])[1]
        return later[0] if len(later) == 1 else None

    def organizations(self, at: int) -> Iterator[Member]:
        """Those named before `at`, the last named first."""
        named = [(bisect_left(m.mentions, at), m) for m in self.members if m.type == "organization"]
        yield from (m for last, m in sorted(named, key=lambda n: -n[1].mentions[n[0] - 1]) if last)


@lru_cache(maxsize=4096)  # each name of an article is compared with many others
def key(name: str) -> tuple[str, ...]:
    return tuple(bare(w) for w in name.split() if bare(w) not in {"the", "and"} and not is_honorific(w))


def same(mine: tuple[str, ...], theirs: tuple[str, ...], known: SpeakerType, kind: SpeakerType | None) -> bool:
    """Whether two names, as words, may mean the same member of type `known`, asked for as a `kind`."""
    short, long = sorted((mine, theirs), key=len)
    if known == "person" and kind in {None, "person"}:
        ends = short[-1:] == long[-1:] or short == long[:1] or len(short) > 1
        return bool(short) and set(short) <= set(long) and ends
    if mine == theirs:
        return True
    before = long[: -len(short)]  # `Velmora’s Transport` Ministry, but not `Tribunal of the` World Bank
    whole = long[-len(short) :] == short and not PREPOSITIONS & set(before)
    return whole and known == "organization" and kind in {None, "organization"}
