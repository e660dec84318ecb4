"""The vote of a site's memory: lines that stand on several of its articles are not the article's."""

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from claimstream.pipeline.records import SeenLine
from claimstream.pipeline.strip.features import Matrix
from claimstream.pipeline.strip.learned import KEPT
from claimstream.pipeline.strip.reasons import Reason

OFTEN: Final = 0.1
"""Share of a site's articles that must have a line which reads as the article's."""
_ALWAYS: Final = 0.5
"""Share beyond which even what has quotation marks is no quotation."""
_WITHIN: Final = 0.25
"""Likelihood that will do where the site's own lines show between which of them the article stands."""
_LEAST_LEFT: Final = 0.3
"""Of what reads as the article; if the site's lines would leave less, this page is built in another way."""
_FIRST: Final = 200
"""Characters of a line that are remembered."""
_TOLD: Final = 80
"""Characters by which a line is known, without punctuation: standing paragraphs begin alike and are edited later on."""
_NEAR: Final = 60
"""Lines around the article's text that are remembered; menus further away are no riddle."""
_MOST: Final = 250
"""Lines of a page that are remembered."""

_DIGITS = re.compile(r"\d+")
_WORD = re.compile(r"\w+")
_QUOTED = re.compile(r"[“”„«»\"]")
_SENTENCE = re.compile(r"[.!?]\W*$")
_DEVELOPING = re.compile(
    r"\b(?:developing (?:story|news|situation)|(?:be|being) updated|updates? (?:will )?follow|check back"
    r"|more (?:details|information)? ?(?:to follow|to come|follows|soon|as we get)|stay with us)\b",
    re.IGNORECASE,
)
"""On several articles because news is coming in, not because the site says so."""


def shape(line: str) -> int:
    """What the spellings of a standing line share: digits masked, case and punctuation ignored.

    32 bits: that one of a site's some thousand lines is taken for another happens less than once in a million lines.
    """
    words = " ".join(_WORD.findall(_DIGITS.sub("0", line[:_FIRST].casefold())))
    return zlib.crc32((words[:_TOLD] or line[:_FIRST]).encode("utf-8", "surrogatepass"))


@dataclass(frozen=True)
class Standing:
    """What is known of a site's lines, by `shape`."""

    shares: dict[int, float] = field(default_factory=dict)
    """Of lines that stand on several articles: the share of the articles that have them."""
    starts: frozenset[int] = frozenset()
    """Lines below which the articles begin."""
    ends: frozenset[int] = frozenset()
    """Lines above which they end."""
    pinned: frozenset[int] = frozenset()
    """Lines that a person wants removed."""


NOTHING: Final = Standing()


def seen(texts: list[str], reasons: list[Reason | None], likely: Matrix) -> tuple[SeenLine, ...]:
    """What is remembered of a page; `reasons` as the rules give them."""
    kept = [reason is None and bool(like >= KEPT) for reason, like in zip(reasons, likely, strict=True)]
    if not any(kept):
        return ()
    total = sum(len(text) for text, own in zip(texts, kept, strict=True) if own)
    first, last = kept.index(True), len(kept) - kept[::-1].index(True)
    start = max(0, first - _NEAR)
    above = 0
    lines = []
    for i in range(start, min(len(texts), last + _NEAR, start + _MOST)):
        lines.append(SeenLine(text=texts[i][:_FIRST], kept=kept[i], above=round(100 * above / total)))
        above += len(texts[i]) * kept[i]
    return tuple(lines)


def vote(texts: list[str], reasons: list[Reason | None], likely: Matrix, standing: Standing) -> None:
    """Say of lines that no rule knows which are the site's; raise the likelihood of those amid the article."""
    shapes = [shape(text) for text in texts]
    shares = [_share(text, one, standing) for text, one in zip(texts, shapes, strict=True)]
    own = [reason is None and bool(like >= KEPT) for reason, like in zip(reasons, likely, strict=True)]
    prose = [mine and _reads_as_prose(text) for mine, text in zip(own, texts, strict=True)]
    for i, share in enumerate(shares):
        if shapes[i] in standing.pinned or (reasons[i] is None and not prose[i] and share >= OFTEN * own[i] and share):
            reasons[i], own[i] = Reason.STANDING, False
    # A paragraph is the site's only at the article's edge: what stands between its paragraphs is its own.
    for order in (range(len(texts)), reversed(range(len(texts)))):
        for i in _until_own(order, own, shares):
            reasons[i], own[i] = Reason.STANDING, False
    first, last = _bounds(shapes, [len(text) * mine for text, mine in zip(texts, own, strict=True)], standing)
    for i, reason in enumerate(reasons):
        if reason is None and (i < first or (last is not None and i > last)):
            reasons[i] = Reason.BEYOND
        elif reason is None and first >= 0 and last is not None and likely[i] >= _WITHIN:
            likely[i] = max(likely[i], KEPT)


def _bounds(shapes: list[int], sizes: list[int], standing: Standing) -> tuple[int, int | None]:
    """The lines between which the article stands, -1 and None where the site has none; `sizes`: of what reads as its.

    A line that is in the article as well as in a menu is met where it comes first, or last.
    """
    least = _LEAST_LEFT * sum(sizes)
    firsts = {one: i for i, one in reversed([*enumerate(shapes)]) if one in standing.starts}
    lasts = {one: i for i, one in enumerate(shapes) if one in standing.ends}
    first = max((i for i in firsts.values() if sum(sizes[i:]) >= least), default=-1)
    last = min((i for i in lasts.values() if i > first and sum(sizes[first + 1 : i]) >= least), default=None)
    return first, last


def _share(line: str, known_as: int, standing: Standing) -> float:
    """Of the site's articles that have the line; 0 for what must not be taken for the site's."""
    share = standing.shares.get(known_as, 0.0)
    if not share or _DEVELOPING.search(line) or (share < _ALWAYS and _QUOTED.search(line)):
        return 0.0
    return share


def _reads_as_prose(text: str) -> bool:
    return len(text) >= 80 or (text.count(" ") >= 4 and _SENTENCE.search(text) is not None)


def _until_own(order: Iterable[int], own: list[bool], shares: list[float]) -> Iterable[int]:
    for i in order:
        if own[i]:
            if shares[i] < OFTEN:
                return
            yield i
