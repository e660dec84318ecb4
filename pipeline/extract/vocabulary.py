"""cues.yaml, read once: words that attribute, and the stance they tell."""

import re
from importlib.resources import files
from typing import NamedTuple

import yaml

from claimstream.pipeline.records import Kind, Stance


class Cue(NamedTuple):
    stance: Stance
    kind: Kind


_DATA = yaml.safe_load((files(__package__) / "cues.yaml").read_text(encoding="utf-8"))

CUES: dict[str, Cue] = {
    verb: Cue(stance, kind)
    for kind, stances in _DATA["stances"].items()
    for stance, verbs in stances.items()
    for verb in verbs.split()
}
NOUNS: dict[str, Stance] = {noun: stance for stance, nouns in _DATA["nouns"].items() for noun in nouns.split()}
PHRASES: tuple[tuple[re.Pattern[str], Stance, Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), stance, kind) for pattern, stance, kind in _DATA["phrases"]
)


def forms(verb: str) -> set[str]:
    """Its regular forms, with and without a doubled consonant; some are nobody's word, which does no harm."""
    stem = verb.removesuffix("e")
    found = {verb, verb + "s", verb + "es", stem + "ed", stem + "ing", verb + verb[-1] + "ed", verb + verb[-1] + "ing"}
    return found | {verb[:-1] + "ies", verb[:-1] + "ied"} if verb.endswith("y") else found


LEMMAS: dict[str, str] = (
    {form: verb for verb in CUES for form in forms(verb)}
    | {form: noun for noun in NOUNS if noun not in CUES for form in (noun, noun + "s")}
    | {verb: verb for verb in CUES}
    | dict(pair.split(":") for pair in _DATA["irregular"].split())
)
"""The verb or noun that a form in lower case is of, for those in this vocabulary."""
