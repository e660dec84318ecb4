"""A page as HTML: trafilatura finds the article; what it left out is compared with the page's own lines."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

import numpy as np
from htmldate import find_date
from lxml.etree import ElementDefaultClassLookup, HTMLParser, LxmlError, iterwalk, strip_elements
from lxml.html import HtmlElement, fromstring
from trafilatura import bare_extraction
from trafilatura.metadata import Document, examine_meta, extract_author, extract_meta_json, extract_title
from trafilatura.utils import repair_faulty_html

from claimstream.pipeline.outcomes import Refusal, Refused
from claimstream.pipeline.strip import fields, learned, lines
from claimstream.pipeline.strip.features import Matrix
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.sites import Site
from claimstream.pipeline.strip.standing import NOTHING, Standing
from claimstream.publishing.article import as_utc

_LARGE = 20_000
"""Elements. Beyond, trafilatura's time grows faster than the page (minutes at 10 MB), and the lines alone decide; news
pages have some 3,000."""
_TOO_LARGE = 200_000
"""Elements. Beyond, no page is made for readers, and even to look at each costs more than a stage's time."""
_LITTLE = 300
"""Characters; trafilatura itself takes less than 250 for a failure."""
_ITS_DOUBT = 0.4
"""What the classifier's word counts less than trafilatura's."""
_BLOCKS = frozenset(
    re.findall(
        r"\S+",
        "address article aside blockquote body br button caption center dd details dialog div dl dt fieldset "
        "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html iframe input label legend li main nav ol "
        "option p pre section select summary table tbody textarea tfoot thead tr ul video audio ",
    )
)
_CELLS = frozenset({"td", "th"})
_SILENT = frozenset(
    re.findall(
        r"\S+",
        "script style noscript template head svg math object embed canvas iframe ",
    )
)
_PARSER = HTMLParser(encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True)
_PARSER.set_element_class_lookup(ElementDefaultClassLookup(element=HtmlElement))
"""trafilatura's, but for the class of an element, which lxml.html finds out in Python, each time one is touched."""
_NEVER_TEXT = ("script", "style", "svg", "link", "meta", "option")
"""What trafilatura would copy and search four times over before it leaves it out."""
_WORD = re.compile(r"\w+")
_OVERLAY = re.compile(r"\b(?:rollover|tooltip|popover|sr-only|screen-reader|visually-?hidden)", re.IGNORECASE)
"""Classes of what is shown only when pointed at, or never."""
_COMMENTS = "//*[@id='comments' or @id='disqus_thread' or {}][not(.//article)]".format(
    " or ".join(
        f"contains(concat(' ', @class, ' '), ' {name} ')"
        for name in ("comment-list", "commentlist", "comments-list", "comments-area", "comment-body")
    )
)
"""Where widely used software for blogs and news sites puts what readers say."""
_PUBLISHED = re.compile(r'"datePublished"\s*:\s*"([^"]{8,40})"')
_META_DATES = (
    "//meta[@property='article:published_time' or @property='og:article:published_time' or @itemprop='datePublished'"
    " or @name='article:published_time' or @name='datePublished' or @name='parsely-pub-date' or @name='sailthru.date'"
    " or @name='pubdate' or @name='publishdate' or @name='DC.date.issued' or @name='dcterms.created']/@content"
    " | //time[@itemprop='datePublished' or @pubdate]/@datetime"
)


def sift(
    source: str, title: str | None, url: str | None, site: Site | None, standing: Standing = NOTHING
) -> lines.Sifted:
    """Judge a page's lines as a browser shows them. Raises Refused(no-article) for what no parser makes a page of."""
    try:
        tree = fromstring(repair_faulty_html(source, source[:50].lower()).encode(), parser=_PARSER)
        if (elements := int(tree.xpath("count(//*)"))) > _TOO_LARGE:
            raise Refused(Refusal.TOO_LARGE, f"{elements} elements of html, at most {_TOO_LARGE}")
        texts = list(lines_of(tree))
        reasons, authors = lines.known(texts, site)
        said = {text for area in tree.xpath(_COMMENTS) for text in lines_of(area)}
        reasons = [
            Reason.COMMENT if reason is None and text in said else reason
            for text, reason in zip(texts, reasons, strict=True)
        ]
        metadata = _metadata(tree, authors)
        published_at = _published(tree, url)
        strip_elements(tree, *_NEVER_TEXT, with_tail=False)
        likely = _likely(tree, texts, reasons, url, elements)
    except (LxmlError, ValueError, TypeError, AttributeError, AssertionError, LookupError, RecursionError) as error:
        # what lxml and trafilatura have been seen to raise for garbage
        raise Refused(Refusal.NO_ARTICLE, f"cannot be read as a page: {type(error).__name__}") from error
    named = tuple(name for part in (metadata.author or "").split(";") if (name := part.strip()))
    told = lines.Sifted([], title or _without_outlet(metadata.title, texts), named or authors, published_at)
    return lines.settle(texts, reasons, likely, told, url=url, standing=standing)


def _likely(
    tree: HtmlElement, texts: list[str], reasons: list[Reason | None], url: str | None, elements: int
) -> Matrix:
    """How likely each line is the article's.

    trafilatura's own rules decide; where these find too little, also the algorithms that it falls back on; and where
    that is not enough either, also the classifier.
    """
    likely = np.zeros(len(texts), np.float32)
    for fast in (True, False) if elements <= _LARGE else ():
        found = bare_extraction(tree, url=url, fast=fast, favor_precision=True, include_comments=False)
        text = found.text or "" if isinstance(found, Document) else ""
        likely = _share(texts, reasons, text)
        if len(text) >= _LITTLE and not _leaves_paragraphs(texts, reasons, likely):
            return likely
    if _leaves_paragraphs(texts, reasons, likely):
        likely = np.maximum(likely, learned.likelihood(texts, reasons, url) - _ITS_DOUBT)
    return likely


def _share(texts: list[str], reasons: list[Reason | None], found: str) -> Matrix:
    """How much of each line is in the text that was found, 0 to 1, by its runs of four words; 0 for known lines."""
    whole = set(found.splitlines())
    pieces = {piece for text in whole for piece in _pieces(text)}
    share = np.zeros(len(texts), np.float32)
    for i, (text, reason) in enumerate(zip(texts, reasons, strict=True)):
        if text in whole:
            share[i] = reason is None
        elif reason is None:
            own = _pieces(text)
            share[i] = sum([piece in pieces for piece in own]) / len(own)
    return share


def _pieces(text: str) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return list(zip(words, words[1:], words[2:], words[3:], strict=False)) or [tuple(words)]


def _leaves_paragraphs(texts: list[str], reasons: list[Reason | None], likely: Matrix) -> bool:
    """Whether what was found leaves out so many of the page's paragraphs that the classifier is asked as well."""
    own = left = 0
    for text, reason, share in zip(texts, reasons, likely, strict=True):
        if reason is None and len(text) >= 100 and text.endswith(fields.SENTENCE_ENDS):
            own, left = (own + len(text), left) if share >= 0.5 else (own, left + len(text))
    return left > 0.5 * own


def lines_of(tree: HtmlElement) -> Iterator[str]:
    """The text of each block, in page order, spaces single. Iterative: depth costs no stack."""
    parts: list[str] = []
    walk = iterwalk(tree, events=("start", "end", "comment", "pi"))
    for event, element in walk:
        tag = element.tag
        if tag in _BLOCKS:
            if parts and (line := " ".join("".join(parts).split())):
                yield line
            parts.clear()
        elif tag in _CELLS:
            parts.append(" ")
        if event != "start":
            if element.tail:
                parts.append(element.tail)
        elif tag in _SILENT or ((classes := element.get("class")) and _OVERLAY.search(classes)):
            walk.skip_subtree()
        elif element.text:
            parts.append(element.text)
    if line := " ".join("".join(parts).split()):
        yield line


def _metadata(tree: HtmlElement, authors: tuple[str, ...]) -> Document:
    """Title and authors as the page's head tells them, or its body's markup, if its lines name no `authors`."""
    metadata = examine_meta(tree)
    with suppress(Exception):  # trafilatura guards this call in the same way: pages write JSON in every manner
        metadata = extract_meta_json(tree, metadata)
    metadata.title = metadata.title or extract_title(tree)
    metadata.author = metadata.author or (None if authors else extract_author(tree))
    metadata.clean_and_trim()
    return metadata


def _without_outlet(title: str | None, texts: list[str]) -> str | None:
    """The title as the page shows it, where its head has `Title - Outlet`."""
    short = re.split(r"\s+[-|–—:]\s+[^-|–—:]+$", title or "")[0]
    return short if short in texts else title


def _published(tree: HtmlElement, url: str | None) -> datetime | None:
    for script in tree.iterfind(".//script[@type='application/ld+json']"):
        if (match := _PUBLISHED.search(script.text or "")) and (time := _time(html.unescape(match[1]))):
            return time
    if time := next((time for value in tree.xpath(_META_DATES) if (time := _time(value))), None):
        return time
    return _time(find_date(tree, url=url, extensive_search=False, original_date=True))


def _time(value: str | None) -> datetime | None:
    try:
        time = as_utc(json.loads(f'"{value}"') if value and "\\" in value else value)
    except ValueError:
        return None
    return time if isinstance(time, datetime) else None
