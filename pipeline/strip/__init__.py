"""Raw html or text -> Article: the article, the whole article, and nothing else; and why each other line went."""

import re
from datetime import datetime, timedelta

from claimstream.config.settings import Limits
from claimstream.pipeline.outcomes import Refusal, Refused
from claimstream.pipeline.records import Article, Removed, Sighting
from claimstream.pipeline.strip import fields, lines, page, refusals
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.sites import site_for
from claimstream.pipeline.strip.standing import NOTHING, Standing
from claimstream.publishing.article import RawArticle

__all__ = ["Reason", "strip", "strip_and_tell"]

_WORD = re.compile(r"\w")
_OPENING = 3
"""A dateline opens the first paragraph; a subtitle or two may stand before it."""


def strip(raw: RawArticle, received_at: datetime, limits: Limits, standing: Standing = NOTHING) -> Article:
    """Find the article on its page. `received_at`: the message's time, which is when it was fetched if nobody says.

    `standing`: what the memory of its site knows. Raises Refused for a page that is no English article, or too much of
    one; Invalid for dates from the future.
    """
    return strip_and_tell(raw, received_at, limits, standing)[0]


def strip_and_tell(
    raw: RawArticle, received_at: datetime, limits: Limits, standing: Standing = NOTHING
) -> tuple[Article, Sighting | None]:
    """The same, with what the memory of the site is told of the page, if it is known of which site."""
    skew = timedelta(hours=limits.clock_skew_hours)
    raw.check_dates(received_at, skew)
    found = _sift(raw, limits, standing)
    judged = found.lines
    dateline = None
    for i in [i for i, (_, reason) in enumerate(judged) if reason is None][:_OPENING]:
        if split := fields.split_dateline(judged[i][0]):
            dateline, rest = split
            judged[i : i + 1] = [(dateline, Reason.DATELINE), *([(rest, None)] if rest else [])]
            break
    paragraphs: list[str] = []
    removed: list[Removed] = []
    at = 0
    for line, reason in judged:
        if reason is None:
            paragraphs.append(line)
            at += len(line) + 1
        else:
            removed.append(Removed(text=line, reason=reason, at=at))
    text = "\n".join(paragraphs)
    if len(text) > limits.max_text_chars:
        raise Refused(Refusal.TOO_LARGE, f"{len(text)} characters of text, at most {limits.max_text_chars}")
    language = refusals.check(paragraphs, removed, raw.url, limits.min_words)
    published_at = raw.published_at or found.published_at
    article = Article(
        id=raw.article_id,
        url=raw.url,
        site=raw.outlet,
        title=raw.title or found.title,
        authors=raw.authors or found.authors,
        dateline=dateline,
        published_at=published_at if published_at and published_at <= received_at + skew else None,
        fetched_at=raw.fetched_at or received_at,
        language=language,
        text=text,
        removed=tuple(removed),
    )
    if raw.outlet is None:
        return article, None
    return article, Sighting(site=raw.outlet.lower(), article_id=article.id, at=received_at, lines=found.seen)


def _sift(raw: RawArticle, limits: Limits, standing: Standing) -> lines.Sifted:
    site = site_for(raw.outlet)
    if raw.html is not None:
        if (size := len(raw.html.encode())) > limits.max_html_bytes:
            raise Refused(Refusal.TOO_LARGE, f"{size} bytes of html, at most {limits.max_html_bytes}")
        if not _WORD.search(raw.html):
            raise Refused(Refusal.EMPTY, "html is blank")
        return page.sift(raw.html, raw.title, raw.url, site, standing)
    text = raw.text or ""
    if len(text) > limits.max_text_chars:
        raise Refused(Refusal.TOO_LARGE, f"{len(text)} characters of text, at most {limits.max_text_chars}")
    if not _WORD.search(text):
        raise Refused(Refusal.EMPTY, "text is blank")
    return lines.sift(text.splitlines(), raw.title, raw.url, site, standing)
