"""A page as plain text, line by line: what is the article's, and what each other line is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from claimstream.pipeline.records import SeenLine
from claimstream.pipeline.strip import fields, learned
from claimstream.pipeline.strip.features import Matrix
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.rules import rule_for
from claimstream.pipeline.strip.sites import Site
from claimstream.pipeline.strip.standing import NOTHING, Standing, seen, vote

_NEAR_TITLE: Final = 200
"""Lines above the first paragraph among which the title is looked for."""
_SECTIONS: Final = {Reason.RELATED_LINKS: Reason.RELATED_LINKS, Reason.COMMENT_FORM: Reason.COMMENT}
"""What unlikely lines are, after a heading of this kind."""

_COMMENTS_BELOW: Final = re.compile(
    r"\d+ (?:thoughts?|responses?|replies|comments?)\b|(?:leave|write|post|add) (?:a|your) (?:reply|comment)",
    re.IGNORECASE,
)
"""Headings under which nothing of the article follows."""

_TELLS: Final = re.compile(
    r"\b(?:said|says|told|added|denied|denies|confirmed|warned|announced|insisted|promised|refused|declined)\b"
)
_DOUBTFUL: Final = 0.25
"""Likelihood from which a sentence right below the article's own, in which somebody says something, is kept with it."""

_INTERRUPTIONS: Final = {Reason.ADVERTISEMENT, Reason.MEDIA_PLAYER, Reason.PHOTO_CAPTION, Reason.CREDIT}
"""What stands between two paragraphs that follow one another."""


@dataclass(frozen=True)
class Sifted:
    """A page's lines in its order, each with why it is not the article's (None: it is), and what they tell."""

    lines: list[tuple[str, Reason | None]]
    title: str | None = None
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None
    seen: tuple[SeenLine, ...] = ()
    """What the memory of the site is told of the page."""


def sift(
    lines: Iterable[str],
    title: str | None = None,
    url: str | None = None,
    site: Site | None = None,
    standing: Standing = NOTHING,
) -> Sifted:
    """Judge the lines of a page; blank ones are left out. `title`, `url`, `standing`: as known beforehand."""
    texts = [text for line in lines if (text := " ".join(line.split()))]
    reasons, authors = known(texts, site)
    likely = learned.likelihood(texts, reasons, url)
    return settle(texts, reasons, likely, Sifted([], title, authors), url=url, standing=standing)


def settle(
    texts: list[str],
    reasons: list[Reason | None],
    likely: Matrix,
    told: Sifted,
    *,
    url: str | None,
    standing: Standing,
) -> Sifted:
    """Decide on the lines that no rule knows: by how `likely` they are the article's, 0 to 1, and what is `standing`.

    `told`: the fields.
    """
    if single := reasons.count(None) == 1:  # whatever it looks like, there is no other line to be the article
        likely[reasons.index(None)] = 1
    told = replace(told, seen=seen(texts, reasons, likely))
    if standing is not NOTHING:
        vote(texts, reasons, likely, standing)
    _last_words(texts, reasons, likely)
    _decide(texts, reasons, likely)
    title = told.title or (None if single else _headline(texts, reasons, url))
    _repeats(texts, reasons, fields.plain(title or ""))
    _subtitle(texts, reasons)
    return replace(told, lines=list(zip(texts, reasons, strict=True)), title=title)


def known(texts: list[str], site: Site | None) -> tuple[list[Reason | None], tuple[str, ...]]:
    """What is known of each line whatever its neighbours, and the authors that bylines name."""
    reasons: list[Reason | None] = [(site and site.reason_for(text)) or rule_for(text) for text in texts]
    outlets = {
        fields.plain(text.rpartition(":")[2])
        for text, reason in zip(texts, reasons, strict=True)
        if reason in {Reason.SOURCE_LINE, Reason.CREDIT, Reason.PHOTO_CAPTION}
    }
    authors: tuple[str, ...] = ()
    for i, text in enumerate(texts):
        if reasons[i] is Reason.REPORTING_BY:
            authors = authors or fields.reporters(text)
        elif reasons[i] is not None or len(text) > fields.LONGEST_BYLINE:
            continue
        elif (names := fields.byline(text)) is not None:
            reasons[i] = Reason.BYLINE
            authors = names or authors
        elif outlets and fields.plain(text) in outlets:
            reasons[i] = Reason.SOURCE_LINE
    return reasons, authors


def _headline(texts: list[str], reasons: list[Reason | None], url: str | None) -> str | None:
    """The line above the first paragraph that is the title."""
    above = []
    for text, reason in zip(texts, reasons, strict=True):
        if reason is None and fields.is_sentence(text):
            break
        if reason in {None, Reason.OUTSIDE, Reason.BEYOND}:
            above.append(text)
    return fields.headline(above[-_NEAR_TITLE:], url)


def _repeats(texts: list[str], reasons: list[Reason | None], headline: str) -> None:
    """Mark the title wherever it stands, also as `Title - Outlet`, and paragraphs that stand twice."""
    found = Reason.TITLE
    first_word = headline.partition(" ")[0]
    seen: set[str] = set()
    for i, text in enumerate(texts):
        if headline and len(text) < 2 * len(headline) + 40 and first_word in text.lower():
            shape = fields.plain(text)
            with_outlet = len(headline) > 20 and shape.startswith(headline) and reasons[i] is not None
            if shape == headline or (with_outlet and len(shape) < len(headline) + 40):
                reasons[i], found = found, Reason.TITLE_REPEAT
        if reasons[i] is None and len(text) >= 40:
            if text in seen:
                reasons[i] = Reason.REPEAT
            seen.add(text)


def _subtitle(texts: list[str], reasons: list[Reason | None]) -> None:
    """Keep the sentence right under the title: it is the article's own, whatever stands between it and the rest."""
    if Reason.TITLE not in reasons:
        return
    for i in range(reasons.index(Reason.TITLE) + 1, len(texts)):
        if reasons[i] in {None, Reason.OUTSIDE, Reason.FRAGMENT}:
            if texts[i].endswith((".", "。")) and fields.is_sentence(texts[i]):
                reasons[i] = None
            return


def _last_words(texts: list[str], reasons: list[Reason | None], likely: Matrix) -> None:
    """Keep `Roe denied it.` below the last long paragraph: short, but to lose it is to lose a claim."""
    below = False
    for i, reason in enumerate(reasons):
        doubtful = below and reason is None and _DOUBTFUL <= likely[i] < learned.KEPT
        if doubtful and texts[i].endswith(".") and _TELLS.search(texts[i]):
            likely[i] = learned.KEPT
        if reason not in _INTERRUPTIONS:
            below = reason is None and bool(likely[i] >= learned.KEPT)


def _decide(texts: list[str], reasons: list[Reason | None], likely: Matrix) -> None:
    """Say of the unlikely lines what they are, by where they stand; below the article, comments read like one."""
    kept = [i for i, reason in enumerate(reasons) if reason is None and likely[i] >= learned.KEPT]
    first, last = (kept[0], kept[-1]) if kept else (len(texts), -1)
    total = sum(len(texts[i]) for i in kept)
    above = 0
    section: Reason | None = None
    for i, known_as in enumerate(reasons):
        if known_as is Reason.COMMENT_FORM and 2 * above > total and _COMMENTS_BELOW.match(texts[i]):
            section, total = Reason.COMMENT, 0
        elif known_as in _SECTIONS and total and i > first:
            section = _SECTIONS[known_as]
        elif known_as is None and total and likely[i] >= learned.KEPT:
            section, above = None, above + len(texts[i])
        elif known_as is None:
            reasons[i] = section or (Reason.FRAGMENT if first < i < last else Reason.OUTSIDE)
