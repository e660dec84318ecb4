"""The closed list of words in which an article's way can end.

Every published article ends in exactly one `Outcome`. A stage that cannot go on raises one of two exceptions,
which name what becomes of the message, not what went wrong inside:

    Refused        a proper message, but nothing to index: counted under its `Refusal`, then done
    Undeliverable  cannot be processed: its bytes go to the dead letters under its `Fault`
"""

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How the way of a published article can end."""

    INDEXED = "indexed"
    """Its claims stand in the index."""
    UNCHANGED = "unchanged"
    """The index already holds this content of this article."""
    REFUSED = "refused"
    """A proper message whose article is not indexed; a `Refusal` says why."""
    DEAD_LETTERED = "dead-lettered"
    """It could not be processed; its bytes are kept, and a `Fault` says why."""


class Refusal(StrEnum):
    """Why a proper message is not indexed."""

    EMPTY = "empty"
    """Nothing is left of the text once boilerplate is gone."""
    TOO_SHORT = "too-short"
    """Fewer words than `limits.min_words`."""
    TOO_LARGE = "too-large"
    """More than `limits.max_html_bytes` or `limits.max_text_chars`."""
    NOT_ENGLISH = "not-english"
    NO_ARTICLE = "no-article"
    """A page without running text: an error page, a form, a login."""
    INDEX_PAGE = "index-page"
    """A front page, section, tag or search page: headlines and teasers of other articles."""
    CONSENT_WALL = "consent-wall"
    """A page that asks for consent to cookies instead of showing the article."""
    PAYWALL_STUB = "paywall-stub"
    """The first lines of an article that only subscribers may read."""
    MEDIA_PAGE = "media-page"
    """A video, audio or picture gallery page with captions only."""
    OLDER_VERSION = "older-version"
    """The index holds a version of this article that was fetched later."""


class Fault(StrEnum):
    """Why a message became a dead letter."""

    NO_VALUE = "no-value"
    """A tombstone: the message has a key and no value."""
    NOT_JSON = "not-json"
    """Not a JSON object."""
    INVALID_RECORD = "invalid-record"
    """A field is missing, of the wrong type, or a date from the future."""
    TIMED_OUT = "timed-out"
    """A stage took longer than `limits.seconds`."""
    OUT_OF_MEMORY = "out-of-memory"
    """A stage needed more than `limits.memory_mib`."""
    CRASHED = "crashed"
    """The article took its pool process down, more than once."""
    TOO_LARGE = "too-large-message"
    """What a stage made of it does not fit into a Kafka message."""
    REJECTED = "rejected"
    """Elasticsearch refuses the document for what it holds."""
    ERROR = "error"
    """An error nobody foresaw: a defect of this program."""


OWN_FAULTS = frozenset({Fault.CRASHED, Fault.OUT_OF_MEMORY, Fault.TIMED_OUT, Fault.REJECTED, Fault.ERROR})
"""Faults that may be the program's own, or its configuration's: too many in a row stop the worker."""


@dataclass(frozen=True)
class Subject:
    """The article that a message is about, as far as it is known."""

    article_id: str | None = None
    url: str | None = None
    site: str | None = None


class Refused(Exception):
    """A proper message whose article is not indexed."""

    def __init__(self, refusal: Refusal, detail: str = "", subject: Subject | None = None) -> None:
        super().__init__(refusal, detail, subject)  # all in args, so that it survives pickling
        self.refusal = refusal
        self.detail = detail
        self.subject = subject

    def __str__(self) -> str:
        return f"{self.refusal}: {self.detail}" if self.detail else str(self.refusal)


class Undeliverable(Exception):
    """A message that no retry will bring through."""

    def __init__(self, fault: Fault, error: str) -> None:
        super().__init__(fault, error)
        self.fault = fault
        self.error = error

    def __str__(self) -> str:
        return f"{self.fault}: {self.error}"
