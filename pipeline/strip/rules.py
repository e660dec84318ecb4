"""Lines that are known for what they are, whatever stands around them: the phrases of `rules.yaml`, and dates."""

import re
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import yaml

from claimstream.pipeline.strip.reasons import Reason

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
CLOCK = (
    r"(?:\d{1,2}[:.h]\d{2}(?::\d{2})?(?:\s*[ap]\.?m\.?)?|\d{1,2}\s*[ap]\.?m\.?|\d{4}\s+(?:gmt|hrs|utc))"
    r"(?:\s*\(?(?:gmt|utc|[a-z]{1,2}[sd]?t|myt|cest|bst)\)?(?:[+-]\d+)?)?"
)
DAY = (
    rf"(?:{WEEKDAY},?\s+)?(?:{MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\.?\s+{MONTH},?(?:\s+\d{{4}})?|{MONTH}\s+\d{{4}}"
    r"|\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})"
)
_PERSON = r"[A-Z][\w.'’-]*(?:\s+(?:[A-Z][\w.'’-]*|de|van|von|der|den|al|bin|el|la|du|di|da|ter|le)){1,4}"


class _Rule(NamedTuple):
    reason: Reason
    longest: int
    pattern: re.Pattern[str]
    cased: bool
    """Whether it tells upper from lower case somewhere; otherwise it is for lines in lower case."""


def _rules(name: str) -> tuple[_Rule, ...]:
    """The rules under `name`, each one's patterns as one."""
    filled = {"<network>": _PHRASES["network"], "<agency>": _PHRASES["agency"], "<person>": _PERSON}
    rules = []
    for rule in _PHRASES[name]:
        pattern = "|".join(f"(?:{pattern})" for pattern in rule["patterns"])
        for word, meaning in filled.items():
            pattern = pattern.replace(word, meaning)
        cased = "(?-i:" in pattern
        compiled = re.compile(pattern, re.IGNORECASE) if cased else re.compile(_in_lower_case(pattern))
        rules.append(_Rule(Reason(rule["reason"]), rule["longest"], compiled, cased))
    return tuple(rules)


def _in_lower_case(pattern: str) -> str:
    """The pattern for text in lower case.

    Where case is ignored, alternatives are not told apart by their first letters, and all are tried: twice as slow.
    """
    return re.sub(r"\\.|[A-Z]", lambda found: found[0] if found[0][0] == "\\" else found[0].lower(), pattern)


_PHRASES: Final[dict[str, Any]] = yaml.safe_load(
    (files("claimstream.pipeline.strip") / "rules.yaml").read_text("utf-8")
)
_NAVIGATION: Final = frozenset(_PHRASES["navigation"])
_LINES: Final = _rules("lines")
_ENDINGS: Final = _rules("endings")
_CAN_END: Final = (
    *("photo", "image", "pic", "illustration", "video", "credit", "caption", "©", "/", ")", "]"),
    *("report for", "reports for", "this report", "this story", "this article"),
)
"""What an ending's rule needs one of: most lines have none of it."""
_END = 120
LONGEST: Final = max(rule.longest for rule in (*_LINES, *_ENDINGS))

_BULLET = re.compile(r"^[\s•·▪●■‣◦*►▶»>|–—-]+(?=\S)")
_LETTER = re.compile(r"[^\W\d_]")
_TIME = re.compile(
    rf"\b(?:{DAY}|{CLOCK}|{WEEKDAY}|\d{{4}}"
    r"|(?:\d+|an?|one|two|three|four|five|six)[ -]?(?:min(?:ute)?|hour|hr|day|week|month|year)s?"
    r"(?: (?:ago|to read|read))?)(?!\w)",
    re.IGNORECASE,
)
_AROUND_TIME = re.compile(
    r"\b(?:first|last|originally|date|published|posted|updated?|modified|created|release|submitted|edited|on|at|by|from"
    r"|to|the|and|is|was|reading|time|estimated|minute|min|read|less than|am|pm|gmt|utc|noon|midnight|today|yesterday"
    r"|[ecmp][sd]?t|article|story|news)\b",
    re.IGNORECASE,
)


_MAY_BE_TIME = re.compile(
    r"[\W\d_]*(?:$|[ap]\.?m\b|[a-z]{1,2}[sd]?t\b|jan|feb|mar|apr|may|ju[nl]|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat"
    r"|sun|an?\b|one|two|three|four|five|six|min|h|day|week|year|ago|first|last|original|date|publish|post|update|modif"
    r"|creat|release|submit|edited|on\b|by\b|from|to|the|is\b|was|read|estimated|less|gmt|utc|noon|midnight|yesterday"
    r"|cest|bst|myt|article|story|news|st\b|nd\b|rd\b|th\b|time|at\b|and\b)"
)
"""How the first word of such a line begins, in lower case: most lines begin in another way."""


def is_timestamp(line: str) -> bool:
    """Whether nothing but dates and times stands there, and the words about them."""
    if len(line) > 100 or not _MAY_BE_TIME.match(line.lower()) or not (rest := _TIME.subn("", line))[1]:
        return False
    return not _LETTER.search(_AROUND_TIME.sub("", rest[0]))


def without_bullet(line: str) -> str:
    return _BULLET.sub("", line)


def rule_for(line: str) -> Reason | None:
    """What a line is known to be, if anything; `line` without surrounding spaces, spaces inside single."""
    if len(line) > LONGEST:
        return None
    return _short_rule(line) if len(line) < 80 else _rule(line)


def _rule(line: str) -> Reason | None:
    if not _LETTER.search(line):
        return Reason.SEPARATOR
    line = without_bullet(line)
    if line.lower().rstrip(" :>»|") in _NAVIGATION:
        return Reason.NAVIGATION
    return Reason.TIMESTAMP if is_timestamp(line) else _first_rule(line)


@lru_cache(maxsize=20_000)
def _short_rule(line: str) -> Reason | None:
    """Menus, footers and boxes are the same on all pages of a site."""
    return _rule(line)


def _first_rule(line: str) -> Reason | None:
    size, lower = len(line), line.lower()
    for reason, longest, pattern, cased in _LINES:
        if size <= longest and pattern.match(line if cased else lower):
            return reason
    ending = lower[-_END:]
    if any(map(ending.__contains__, _CAN_END)):
        for reason, longest, pattern, cased in _ENDINGS:
            if size <= longest and pattern.search(line if cased else lower, max(0, size - _END)):
                return reason
    return None
