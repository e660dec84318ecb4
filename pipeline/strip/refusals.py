"""When a page is not to be indexed: what kind of page it is, how much is left of it, in which language."""

import re
from collections.abc import Sequence
from typing import Final

from py3langid.langid import classify

from claimstream.pipeline.outcomes import Refusal, Refused
from claimstream.pipeline.records import Removed

_SAMPLE = 250
"""Characters from each of start, middle and end that decide on the language; more changes no verdict, only the cost."""

_ENGLISH = frozenset(
    re.findall(
        r"\S+",
        "the of and to in that is was for on with as by at from he she it his her they their said have has had be "
        "been are were an not but this which who will would ",
    )
)
_ENGLISH_SHARE: Final = 0.25
"""Of the words. English prose has 35 to 50 %, names and figures included; no other language exceeds 10 %."""

_UNSPACED: Final = frozenset({"zh", "ja", "th", "km", "lo", "my", "yue", "wuu"})

_HEADLINES: Final = 6
"""Lines without a sentence among them that make an index page."""
_SENTENCE_END = re.compile(r"[.!?。！？।؟…:]\W*$")

_CONSENT = re.compile(
    r"\b(?:cookies?|consent|personal data|privacy (?:policy|settings|choices)|our partners|gdpr|tracking)\b",
    re.IGNORECASE,
)
_PAYWALL = re.compile(
    r"\b(?:subscribe|sign in|log in|register|create an? (?:free )?account|become a (?:member|subscriber))\b.{0,40}"
    r"\b(?:to (?:continue|keep|read|unlock|access)|for (?:full|unlimited) access)"
    r"|\bthis (?:article|story|content) is (?:only )?(?:for|available to|exclusive)|\bto (?:continue|keep) reading"
    r"|\bread the full (?:story|article)|\byou have (?:reached|used) (?:your|all)|\b(?:subscribers only|unlock this)",
    re.IGNORECASE,
)
_MEDIA_URL = re.compile(
    r"/(?:videos?|watch|galler(?:y|ies)|photos?|photo-galler\w+|slideshows?|pictures|audio|podcasts?|listen)(?:/|$)"
    r"|//video\.",
    re.IGNORECASE,
)
_MEDIA_LINE = re.compile(
    r"(?:loading |view )?(?:photo )?gallery\b|.*\((?:photos?|video)\)$|(?:video|watch)\b|slideshow|\d{1,2}:\d{2}$",
    re.IGNORECASE,
)
_GALLERY = re.compile(r"^(?:loading|view) (?:photo )?gallery\W*$|\((?:photos?|video)\)$|^\d+ of \d+$", re.IGNORECASE)
_NOT_FOUND = re.compile(r"(?:error )?404\W*(?:errors?|not found|page not found)?\W*|page not found\W*", re.IGNORECASE)
_ERROR = re.compile(
    r".{0,40}\b(?:(?:can|could) ?not be found|page .{0,40}does ?n[o’']t exist|no longer (?:available|exists)"
    r"|access denied|are you a (?:robot|human)|just a moment|too many requests|unavailable|internal server error"
    r"|please enable (?:javascript|cookies))\b",
    re.IGNORECASE,
)


def language_of(text: str) -> str:
    """ISO 639-1 code (639-3 where there is none), by py3langid; `en` for whatever reads as English."""
    if len(text) > 3 * _SAMPLE:
        middle = len(text) // 2
        text = " ".join((text[:_SAMPLE], text[middle : middle + _SAMPLE], text[-_SAMPLE:]))
    words = re.findall(r"[^\W\d_]+", text.lower())
    # On short texts full of names the library guesses: English ones have come out as Dutch and Pidgin.
    if words and sum(map(_ENGLISH.__contains__, words)) >= _ENGLISH_SHARE * len(words):
        return "en"
    return str(classify(text)[0])


def check(paragraphs: Sequence[str], removed: Sequence[Removed], url: str | None, min_words: int) -> str:
    """The article's language, or Refused. `removed`: what was on the page besides its `paragraphs`."""
    text = "\n".join(paragraphs)
    language = language_of(text) if text else "en"
    # Scripts without spaces between words: two characters say as much as a word.
    words = len(text) // 2 if language in _UNSPACED else len(text.split())
    around = [line.text for line in removed]
    if words < 4 * min_words and (kind := _stub(paragraphs, around, url)):
        raise Refused(*kind)
    if len(paragraphs) >= _HEADLINES and not any(map(_is_prose, paragraphs)):
        raise Refused(Refusal.INDEX_PAGE, f"{len(paragraphs)} headlines, and no sentence")
    if words < min_words:
        raise Refused(*(_without_text(paragraphs, around, words, min_words)))
    if language != "en":
        raise Refused(Refusal.NOT_ENGLISH, f"detected {language}")
    return language


def _is_prose(line: str) -> bool:
    return len(line) >= 100 or (line.count(" ") >= 7 and _SENTENCE_END.search(line) is not None)


def _stub(paragraphs: Sequence[str], around: Sequence[str], url: str | None) -> tuple[Refusal, str] | None:
    """What a page with little text is instead of an article, where the page itself says so."""
    if wall := next((line for line in (*paragraphs, *around) if len(line) < 300 and _PAYWALL.search(line)), None):
        return Refusal.PAYWALL_STUB, f"little text, and: {wall[:120]}"
    if url and _MEDIA_URL.search(url):
        return Refusal.MEDIA_PAGE, "the address is that of a video, audio or gallery page"
    if sum(bool(_GALLERY.search(line)) for line in (*paragraphs, *around)) >= 2:
        return Refusal.MEDIA_PAGE, "reads as a gallery"
    if any(_NOT_FOUND.fullmatch(line) for line in (*paragraphs, *around)):
        return Refusal.NO_ARTICLE, "reads as an error page"
    if 2 * sum(len(line) for line in paragraphs if _CONSENT.search(line)) > sum(map(len, paragraphs)):
        return Refusal.CONSENT_WALL, "the text is about cookies and consent"
    return None


def _without_text(paragraphs: Sequence[str], around: Sequence[str], words: int, min_words: int) -> tuple[Refusal, str]:
    """What a page with next to no text most likely is."""
    page = [line for line in (*paragraphs, *around) if len(line) < 400][:400]
    if any(_ERROR.match(line) for line in page):
        return Refusal.NO_ARTICLE, "reads as an error page"
    if sum(bool(_MEDIA_LINE.match(line)) for line in page) >= 2:
        return Refusal.MEDIA_PAGE, "a video, audio or gallery page"
    consenting = [line for line in page if _CONSENT.search(line)]
    if consenting and (len(page) <= 8 or 2 * sum(map(len, consenting)) > sum(map(len, page))):
        return Refusal.CONSENT_WALL, consenting[0][:120]
    if len(around) >= 12:
        return Refusal.INDEX_PAGE, f"{len(around)} headlines and links, {words} words of text"
    if not words:
        return Refusal.NO_ARTICLE, "no paragraph of an article was found"
    return Refusal.TOO_SHORT, f"{words} words are left, {min_words} are needed"
