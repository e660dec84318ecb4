"""The stages as functions from one message's bytes to the next one's: what runs in a pool process.

They raise Refused and Undeliverable, whose arguments survive the way back from another process.
"""

from dataclasses import dataclass
from datetime import datetime

from claimstream.config.settings import Limits
from claimstream.pipeline.extract import extract
from claimstream.pipeline.outcomes import Fault, Refused, Subject, Undeliverable
from claimstream.pipeline.records import Article, Sighting
from claimstream.pipeline.strip import strip_and_tell
from claimstream.pipeline.strip.standing import Standing
from claimstream.publishing.article import RawArticle
from claimstream.publishing.errors import Invalid


@dataclass(frozen=True)
class Passed:
    """What a stage hands on, under the id of its article."""

    article_id: str
    value: bytes
    sighting: Sighting | None = None
    """What the memory of the article's site is told."""

    @property
    def key(self) -> bytes:
        """All versions of an article share a partition, and so are handled in order."""
        return self.article_id.encode()


def subject(value: bytes | None) -> Subject:
    """Which article a raw article is, and of which site. Raises Undeliverable."""
    try:
        return _subject(RawArticle.from_bytes(value))
    except Invalid as invalid:
        raise Undeliverable(Fault(invalid.reason), str(invalid)) from invalid


def strip_message(value: bytes | None, received_at: datetime, limits: Limits, standing: Standing) -> Passed:
    try:
        raw = RawArticle.from_bytes(value)
        article, sighting = strip_and_tell(raw, received_at, limits, standing)
    except Invalid as invalid:
        raise Undeliverable(Fault(invalid.reason), str(invalid)) from invalid
    except Refused as refused:
        raise Refused(refused.refusal, refused.detail, _subject(raw)) from refused
    return Passed(article.id, article.to_bytes(), sighting)


def _subject(raw: RawArticle) -> Subject:
    return Subject(raw.article_id, raw.url, raw.outlet)


def subject_of(value: bytes | None) -> Subject:
    """Whom a raw article that could not be processed was about, if it says so."""
    try:
        return _subject(RawArticle.from_bytes(value))
    except Invalid:
        return Subject()


def extract_message(value: bytes | None) -> Passed:
    article = Article.from_bytes(value)
    return Passed(article.id, extract(article).to_bytes())
