"""Reads the noun phrase of a source: name, role, head noun. Works on its words and capitals, not on a parse."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import yaml

from claimstream.pipeline.records import SpeakerType

_DATA = yaml.safe_load((files(__package__) / "people.yaml").read_text(encoding="utf-8"))


def _set(name: str) -> frozenset[str]:
    return frozenset(_DATA[name].split())


Gender = Literal["m", "f", ""]

HONORIFICS: dict[str, Gender] = {word: gender for gender, line in _DATA["honorifics"].items() for word in line.split()}
TITLES = _set("titles")
ORGANIZATIONS = _set("organizations")
GENERIC = _set("generic")
PLACES = _set("places")
DOCUMENTS = _set("documents")
UNNAMED = _set("unnamed")
GROUPS = _set("groups")
ROLES_F, ROLES_M = _set("roles_f"), _set("roles_m")
NAMES_F, NAMES_M = _set("names_f"), _set("names_m")

PARTICLES, PREPOSITIONS, ARTICLES = _set("particles"), _set("prepositions"), _set("articles")
QUANTITIES, VERBS = _set("quantities"), _set("verbs")
BREAK = re.compile(r",\s+|\s[–—-]\s|\s*[()]\s*|;\s+|\s+(?=who\s|which\s|whose\s)")
ASIDE = re.compile(r"\s*\([^()]{1,12}\)(?=\s[A-Z])")
"""An abbreviation inside a phrase: `Outer Isles (OI) Governor Jane Roe`."""
GENITIVE = re.compile(r"['’]s$|s['’]$")
SHORT = {"gen": "general", "sen": "senator", "gov": "governor", "maj": "major", "rep": "representative"} | {
    "advisor": "adviser", "centre": "center"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a noun phrase says of whom it means. `head` is the noun of a phrase without a name, lower case."""

    text: str
    name: str | None = None
    role: str | None = None
    head: str | None = None
    type: SpeakerType | None = None
    """What its form shows: a person by a title before the name, an organization by the noun beside it."""
    gender: Gender = ""


def bare(word: str) -> str:
    """Lower case, without a genitive's ending."""
    low = word.lower()
    return low[:-2] if low.endswith(("'s", "’s")) else low.rstrip("'’")


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """One form for spokesman, spokeswoman and spokesperson, for abbreviated titles, and for a plural."""
    word = re.sub(r"(wo)?(man|men)$|(person|people)$", "person", bare(word).rstrip("."))
    word = SHORT.get(word, word)
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def stems(text: str) -> set[str]:
    """Of each word, and of each part of a word with hyphens."""
    found = re.findall(r"[\w.’'-]+", text)
    return {stem(w) for w in found} | {stem(part) for w in found if "-" in w for part in w.split("-")}


def is_name(word: str) -> bool:
    return word[:1].isupper() or (word[:1].isdigit() and any(c.isupper() for c in word))


def is_common(word: str) -> bool:
    """A noun that may have its capital letter from the start of a sentence: `Experts`, `Officials`, `Researchers`."""
    low = word.lower()
    known = GROUPS | UNNAMED | DOCUMENTS
    return low in known or (low.endswith("s") and (low[:-1] in TITLES or low[:-1] in UNNAMED))


def is_title(word: str) -> bool:
    word = bare(word)
    return word in TITLES or word.rstrip(".") in TITLES or any(part in TITLES for part in word.split("-")[:2])


def is_honorific(word: str) -> bool:
    return word.lower() in HONORIFICS or bare(word) in HONORIFICS


def tells_role(word: str) -> bool:
    return is_title(word) or bare(word) in UNNAMED or bare(word) in ROLES_F or bare(word) in ROLES_M


def split_title(words: list[str]) -> tuple[list[str], list[str], Gender]:
    """Title or office before a name, the name, and the gender an honorific shows."""
    last = -1
    gender: Gender = ""
    for i, word in enumerate(words):
        if is_honorific(word):
            gender = HONORIFICS.get(word.lower(), HONORIFICS.get(bare(word), "")) or gender
            last = i
        elif is_title(word) or not (is_name(word) or word.lower() in PARTICLES):
            last = i
    return words[: last + 1], words[last + 1 :], gender


def looks_like_role(part: str) -> bool:
    """Whether a phrase beside a name tells an office: some word before its first preposition is a title."""
    for word in part.split()[:8]:
        if word.lower() in PREPOSITIONS:
            return False
        if tells_role(word):
            return True
    return False


def read(text: str) -> Phrase:
    """Read a noun phrase such as `Jane Roe, the mayor of Springfield` or `an adviser to the forces`."""
    text = ASIDE.sub("", re.sub(r"\s+", " ", text)).strip(" ,;:.“”\"'‘’–—-")
    text = text[:-1] if text.endswith(("s'", "s’")) else re.sub(r"['’]s?$", "", text)
    parts = [part.strip() for part in BREAK.split(text) if part and part.strip()]
    if not parts:
        return Phrase(text)
    first = replace(simple(parts[0]), text=text)
    beside = (
        p for p in parts[1:] if p.split()[0] not in {"who", "which", "whose"} and not p[0].isdigit() and len(p) > 3
    )
    part = next(beside, None)
    if first.name is None:
        other = simple(part) if part and all_name(part) else None
        if other is None or other.name is None:
            return replace(first, gender=gender_of(parts[0], first))
        kind: SpeakerType = "organization" if first.head in ORGANIZATIONS else "person"
        return Phrase(text, other.name, no_article(parts[0]), None, kind, gender_of(parts[0], other))
    role = first.role
    if part and looks_like_role(part) and not names_organization(first.name):
        role = f"{role}, {no_article(part)}" if role else no_article(part)
        return replace(first, role=role, type="person", gender=gender_of(role, first))
    return replace(first, gender=gender_of(role or "", first))


def gender_of(role: str, phrase: Phrase) -> Gender:
    """By the honorific, else a word of the role, else the first name."""
    known = {bare(word) for word in role.split()}
    if phrase.gender or known & ROLES_F or known & ROLES_M:
        return phrase.gender or ("f" if known & ROLES_F else "m")
    names = (phrase.name or "").lower().split()
    if len(names) < 2:
        return ""
    return "f" if names[0] in NAMES_F else "m" if names[0] in NAMES_M else ""


def no_article(text: str) -> str:
    return re.sub(r"^(?:the|a|an|its own|his|her|their|its)\s+", "", text, flags=re.IGNORECASE)


def all_name(part: str) -> bool:
    words = part.split()
    known = PARTICLES | {"the", "of", "and"}
    return is_name(words[-1]) and all(is_name(word) or word.lower() in known for word in words)


def names_organization(name: str) -> bool:
    return any(bare(word) in ORGANIZATIONS for word in name.split())


def simple(part: str) -> Phrase:
    """A noun phrase without commas."""
    words = part.split()
    while len(words) > 1 and (words[0].lower() in ARTICLES or words[0].lower() in {"own", "fellow"}):
        words = words[1:]
    genitive = max((i for i, word in enumerate(words[:-1]) if GENITIVE.search(word)), default=-1)
    stop = next((i for i in range(max(1, genitive + 1), len(words)) if ends_noun(words, i)), len(words))
    core = words[genitive + 1 : stop]
    head = bare(core[-1]) if core else bare(words[-1])
    counted = words[0].lower() in QUANTITIES or (words[0][0].isdigit() and not is_name(words[-1]))
    if counted or (len(core) == 1 and is_common(core[0])):
        return Phrase(part, head=head)
    if core and is_name(core[-1]):
        return ends_with_name(part, words, genitive, stop)
    if len(core) > 1 and head in ORGANIZATIONS and all(is_name(word) for word in core[:-1]):
        if head in GENERIC:
            return Phrase(part, " ".join(core[:-1]), head, None, "organization")
        return Phrase(part, " ".join(words[:stop]), None, None, "organization")
    if genitive >= 0 and head in ORGANIZATIONS and is_name(words[0]):
        name = split_title(words[: genitive + 1])[1] or words[: genitive + 1]
        return Phrase(part, " ".join(name + core), None, None, "organization")
    return name_at_end(part, words, stop) or Phrase(part, head=head)


def ends_noun(words: list[str], i: int) -> bool:
    """Whether the noun of the phrase stands before word i: a preposition or, behind a known noun, a participle."""
    low = words[i].lower()
    if low in PREPOSITIONS:
        return True
    before = words[i - 1].lower()
    return low.endswith(("ing", "ed")) and low == words[i] and (is_common(before) or before in ORGANIZATIONS)


def ends_with_name(part: str, words: list[str], genitive: int, stop: int) -> Phrase:
    """`Jane Roe`, `interim president Jane Roe`, `Ruritania’s Defense Ministry`, `the President`."""
    core = words[genitive + 1 : stop]
    start = len(core)
    while start and (is_name(core[start - 1]) or (start > 1 and core[start - 1].lower() in PARTICLES)):
        start -= 1
    start += core[start].lower() in PARTICLES
    title, name, gender = split_title(core[start:])
    behind = words[stop] if stop < len(words) else ""
    if not name or (title and len(name) == 1 and behind == "of"):
        return Phrase(part, head=bare(core[-1]))  # a title alone: the President, Chief of the General Staff
    full = " ".join(name)
    if not (title or start or genitive >= 0):
        whole = behind in {"of", "for"} or (behind == "and" and all(is_name(word) for word in words[stop + 1 :]))
        return Phrase(part, " ".join(words) if whole else full)
    titled = bool(title) or any(tells_role(word) for word in core[:start])
    if not titled and (genitive >= 0 or names_organization(full)):
        return Phrase(part, full if start else " ".join(words[:stop]))
    role = " ".join(word for word in words[: genitive + 1] + core[:start] + title if not is_honorific(word))
    return Phrase(part, full, GENITIVE.sub("", role) or None, None, "person" if titled or gender else None, gender)


def name_at_end(part: str, words: list[str], stop: int) -> Phrase | None:
    """`minister of mines and energy Jane Roe`: the name behind the preposition's phrase."""
    tail = len(words)
    while tail > stop and (is_name(words[tail - 1]) or words[tail - 1].lower() in PARTICLES):
        tail -= 1
    if not stop < tail < len(words) - 1 or not is_title(words[stop - 1]):
        return None
    if words[tail - 1].lower() in PREPOSITIONS | ARTICLES:
        return None
    _, name, gender = split_title(words[tail:])
    return Phrase(part, " ".join(name), " ".join(words[:tail]), None, "person", gender) if len(name) > 1 else None


def descriptor_type(phrase: Phrase) -> SpeakerType:
    """The type of a source that the text does not name."""
    words = phrase.text.split()
    head = phrase.head or (bare(words[-1]) if words else "")
    if head in {"source", "sources", "insider", "insiders"}:
        return "unnamed"
    if head in DOCUMENTS:
        return "document"
    if head in ORGANIZATIONS and head not in GROUPS:
        return "organization"
    plural = head.endswith("s") and not head.endswith("ss")
    return "group" if head in GROUPS or plural or (words and words[0].lower() in QUANTITIES) else "unnamed"
