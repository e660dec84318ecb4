"""Title, authors and dateline as they stand in a page's text."""

import re
from collections.abc import Sequence
from typing import Final

from claimstream.pipeline.strip.rules import CLOCK, DAY

_NAME_WORD = r"(?:(?:al-|el-|as-|an-|ad-|ash-|d['’]|O['’])?[A-ZÀ-Þ][\w'’.-]*)"
_PARTICLE = r"(?:de|van|von|der|den|al|el|bin|ibn|la|le|du|di|da|dos|ter|y)"
NAME: Final = re.compile(rf"{_NAME_WORD}(?: (?:{_PARTICLE} )*{_NAME_WORD}){{1,4}}")
_NO_NAME = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|staff|writers?|news|editors?|reporters?|correspondents?|press|services?|agenc\w+|media|times"
    r"|post|today|team|desk|published|updated|posted|group|network|magazine|advance|wire|contributors?|guest|the|on|in)\b",
    re.IGNORECASE,
)
_BYLINE = re.compile(r"[-–—/|• ]*(?:written |words |story |article |posted )?by\b[:\s]*(?P<rest>.*)", re.IGNORECASE)
_REPORTING = re.compile(
    r"\W*(?:reporting|reported|written|story|words|text)\s*(?:by\b\s*:?|:)\s*(?P<rest>.*)", re.IGNORECASE
)
_MOMENT = re.compile(rf"(?:(?:on|at|published|updated|posted)\b\W*)*\b(?:{DAY}|{CLOCK}).*", re.IGNORECASE)

LONGEST_BYLINE: Final = 160
_PLACE_WORD = r"[A-Z][A-ZÀ-Þ'’.-]+"
_REGION = r"[A-Z][\w.'’-]*(?: [A-Z][\w.'’-]*){0,3}"
_DASH = r"\s*(?:—|–|--|-(?=\s)|―)\s*"
_AGENCY = r"\s*(?:\([^()]{2,40}\)|/[\w ]{2,30}/)"
DATELINE: Final = re.compile(
    r"(?P<place>"
    # AMUDE; WEST BANK/GENEVA; COLUMBIA, S.C.; KYIV, Oct 3 (Agency)
    rf"{_PLACE_WORD}(?:[ /]{_PLACE_WORD}){{0,3}}(?:[,.]\s*(?:(?i:{DAY})|{_REGION})){{0,3}}(?:{_AGENCY})?"
    # Kyiv (Agency); Dekalb, Ill., Oct 3 (Agency); Dekalb, Ill.; Kyiv, Oct 3; (Agency)
    rf"|{_REGION}(?:,\s*{_REGION})?(?:,\s*(?i:{DAY}))?{_AGENCY}"
    rf"|{_REGION},\s*(?:[A-Z][a-z]{{1,4}}\.|[A-Z]\.[A-Z]\.|(?i:{DAY}))"
    r"|\([A-Z][^()]{1,30}\)"
    rf"){_DASH}(?=[\w“\"‘']|$)",
)
_NO_PLACE = frozenset(
    {"UPDATE", "BREAKING", "EXCLUSIVE", "LIVE", "WATCH", "NOTE", "EDITOR", "CORRECTION", "VIDEO", "NEW", "Q", "A"}
)


_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
SENTENCE_ENDS: Final = tuple('.!?”"’。！？')
_LONGEST_TITLE = 200
_NO_TITLE_ENDS = (".", ",", ":", "。", "、", "：")


def word_count(text: str) -> int:
    """Words; of scripts without spaces between them, two characters say as much as a word."""
    return len(text.split()) + len(_UNSPACED.findall(text)) // 2


def is_sentence(text: str) -> bool:
    """Whether the line is a sentence long, and ends like one."""
    return text.endswith(SENTENCE_ENDS) and word_count(text) >= 10


def names_in(text: str) -> tuple[str, ...]:
    """The persons of a byline's rest, up to what is no name: `Jo Ek and Al Bo, Staff writers | May 3` -> both."""
    text = _MOMENT.sub("", text)
    found: list[str] = []
    for part in re.split(r"\s*(?:,|/|\||·|•|;|\band\b|&| - | – | — | with )\s*", text):
        name = part.strip(" .")
        if not name:
            continue
        if len(name) > 60 or _NO_NAME.search(name) or not NAME.fullmatch(name):
            break
        name = name.title() if name.isupper() else name
        if name not in found:
            found.append(name)
    return tuple(found)


def byline(line: str) -> tuple[str, ...] | None:
    """Whom a byline names, which may be nobody we can tell; None if `line` is none."""
    if len(line) > LONGEST_BYLINE or not (match := _BYLINE.match(line)):
        return None
    rest = match["rest"]
    if names := names_in(rest):
        # "By Ada Lorn and the two ministers who ..." is a sentence
        return names if len(rest.split()) <= 24 and not re.search(r"[a-z]{3}[.!?]$", rest) else None
    known = (
        not rest
        or _MOMENT.match(rest)
        or re.match(r"(?:the )?(?:staff|editor|news|admin|web ?desk|our )", rest, re.IGNORECASE)
    )
    agency = re.fullmatch(
        r"[A-Z0-9][\w&.'’-]*(?: (?:[A-Z0-9][\w&.'’-]*|of|the|&)){0,4}", rest.partition("|")[0].strip()
    )
    return () if known or agency else None


def reporters(line: str) -> tuple[str, ...]:
    """The persons of a line like `Reporting by: Ada Lorn`; not of those who merely added to it."""
    match = _REPORTING.match(line)
    return names_in(match["rest"]) if match else ()


def split_dateline(paragraph: str) -> tuple[str, str] | None:
    """The place line that opens a paragraph, and the rest; None if there is none."""
    match = DATELINE.match(paragraph, 0, 120)
    if not match or match["place"].partition(",")[0] in _NO_PLACE:
        return None
    return match["place"].strip(), paragraph[match.end() :]


def plain(text: str) -> str:
    """Letters and digits in lower case: what is left when quotation marks and punctuation differ."""
    return " ".join(re.findall(r"\w+", text.lower()))


def headline(lines: Sequence[str], url: str | None) -> str | None:
    """Which of the lines above the first paragraph is the title, if any: worded as the address, repeated, or first."""
    shapes = [plain(line) for line in lines]
    slug = set(re.findall(r"[a-z]{3,}", (url or "").lower().rpartition("//")[2].partition("/")[2]))
    best, best_score = None, 0.0
    for line, shape in zip(lines, shapes, strict=True):
        words = set(shape.split())
        if len(line) > _LONGEST_TITLE or not 3 <= word_count(line) <= 30 or line.endswith(_NO_TITLE_ENDS):
            continue
        score = (
            (1.0 if word_count(line) >= 5 else 0.5)
            + 2.0 * len(words & slug) / max(1, len(words))
            + (shapes.count(shape) > 1)
        )
        if score > best_score:
            best, best_score = line, score
    return best
