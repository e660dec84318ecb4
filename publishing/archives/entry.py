"""What a file holds at one place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claimstream.publishing.article import RawArticle, checked
from claimstream.publishing.errors import Invalid, PublishError, TooLarge

MAX_BYTES = 64 * 1024 * 1024
"""Nothing longer is read into memory: no line, page or record that long fits into a message."""


class Unreadable(PublishError):
    """The rest of a file cannot be read; what came before it can."""

    reason = "unreadable"


class Broken(PublishError):
    """A record is not whole; half an article is none."""

    reason = "broken-record"


@dataclass(frozen=True)
class Entry:
    """An article; or the error of what should have been one; or something `else_`."""

    where: str
    """For a person: the file, and the line or record in it."""
    article: RawArticle | None = None
    error: PublishError | None = None
    else_: str = ""
    """What it is instead, in a few words, to be counted under."""


def found(where: str, fields: Mapping[str, Any], **texts: str) -> Entry:
    """Make an entry of a raw article's fields; `texts` are known to be printable, and taken as they are."""
    try:
        article = checked(RawArticle, {**fields, **dict.fromkeys(texts, "")} if texts else fields)
    except Invalid as invalid:
        return Entry(where, error=invalid)
    return Entry(where, article.model_copy(update=texts))


def too_large(where: str) -> Entry:
    return Entry(where, error=TooLarge(f"is longer than {MAX_BYTES // 1024**2} MiB"))
