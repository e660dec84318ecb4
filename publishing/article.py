"""The raw article, as every scraper publishes it and the stream reads it, and how its fields are read."""

import json
import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from claimstream.publishing.errors import Invalid
from claimstream.publishing.identity import canonical_url, digest, site_of

Model = TypeVar("Model", bound=BaseModel)

UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but tab and line ends, and lone surrogates, which no encoding can carry."""

_C0 = (*range(9), 11, 12, *range(14, 32), 127)
_C1 = re.compile(b"\xc2[\x80-\x9f]")
"""The same in UTF-8."""


def printable(text: str) -> str:
    """Each unprintable character becomes one other, so that lengths stay.

    U+0080 to U+009F are Windows-1252 read as Latin-1 (quotation marks, dashes) and are read right; for the rest
    U+FFFD shows the damage.
    """
    if text.isprintable():  # in Python's stricter sense, which is found out at once
        return text
    with suppress(UnicodeEncodeError):  # of lone surrogates
        if is_printable(text.encode()):
            return text
    return UNPRINTABLE.sub(lambda found: _as_windows(found[0]), text)


def is_printable(encoded: bytes) -> bool:
    """Whether text, in UTF-8, is printable. The C library seeks bytes ten times as fast as a pattern is matched."""
    return not any(control in encoded for control in _C0) and not (0xC2 in encoded and _C1.search(encoded))


def _as_windows(character: str) -> str:
    return bytes([ord(character)]).decode("cp1252", "replace") if "\x80" <= character <= "\x9f" else "\ufffd"


def as_utc(value: Any) -> Any:
    """ISO 8601, the date form of e-mail and RSS, or Unix seconds or milliseconds; without a zone it is UTC."""
    if isinstance(value, str):
        text = value.strip()
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            try:
                value = parsedate_to_datetime(text)
            except ValueError as error:
                raise ValueError("is no date; write it as 2026-09-26T14:30:00Z") from error
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) > 1e11 else value
        try:
            value = datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, OSError, ValueError) as error:
            raise ValueError("is out of range for a Unix time") from error
    if isinstance(value, datetime):
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("is out of range") from error
    return value


Text = Annotated[str, BeforeValidator(lambda value: printable(value) if isinstance(value, str) else value)]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(as_utc),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}, mode="validation"),
]


def read(record: type[Model], value: bytes | None) -> Model:
    """Read a record from JSON. Raises Invalid, naming the field and the fix."""
    return checked(record, parsed(value))


def parsed(value: bytes | None) -> dict[str, Any]:
    """Read a JSON object. Raises Invalid."""
    if value is None:
        raise Invalid("no-value", "the message has no value; publish a JSON object")
    try:
        data = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Invalid("not-json", f"the message is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Invalid("not-json", f"the message is a JSON {type(data).__name__}, not an object")
    return data


def checked(record: type[Model], data: Any) -> Model:
    """Read a record from its fields. Raises Invalid, naming the field and the fix."""
    if not isinstance(data, dict):
        raise Invalid("invalid-record", f"is a JSON {type(data).__name__}, not an object")
    try:
        return record.model_validate(data)
    except ValidationError as error:
        raise Invalid("invalid-record", explain(error)) from error


_WORDS = {"extra_forbidden": "there is no such setting", "tuple_type": "must be a list", "string_type": "must be text"}
"""For what pydantic would say in terms of our own classes."""


def explain(error: ValidationError) -> str:
    """Each wrong field on its own, in words for who wrote the record: `published_at: is no date; ...`."""
    lines = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in fault["loc"])
        message = _WORDS.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
        lines.append(f"{field}: {message}" if field else message)
    return "; ".join(lines)


def _needs(*names: str) -> dict[str, Any]:
    """JSON Schema for: at least one of these is there, and is text."""
    return {"anyOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in names]}


class RawArticle(BaseModel):
    """An article as a scraper publishes it: needs `url` or `id`, and `text` or `html`. Unknown fields are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        json_schema_extra={"allOf": [_needs("url", "id"), _needs("text", "html")]},
    )

    url: Text | None = Field(
        None,
        description="Address of the article; decides its identity.",
        json_schema_extra={"pattern": r"^\s*[hH][tT][tT][pP][sS]?://"},
    )
    id: Text | None = Field(
        None, min_length=1, max_length=512, description="Stable id of an article that has no address."
    )
    text: Text | None = Field(None, description="The page as plain text, one line per block.")
    html: Text | None = Field(None, description="The page's HTML; used rather than `text` when both are given.")
    site: Text | None = Field(
        None, max_length=253, description="The outlet; by default the address's host without www."
    )
    title: Text | None = Field(None, max_length=1000, description="Headline; by default the page's own.")
    published_at: Time | None = Field(None, description="When the outlet published it.")
    fetched_at: Time | None = Field(
        None,
        description="When it was scraped; of two versions the later one stands. By default the message's time.",
    )
    authors: tuple[Text, ...] = Field((), max_length=50, description="By default those the page names.")
    language: Text | None = Field(None, max_length=35, description="BCP 47 code, as the page declares it.")

    @field_validator("url")
    @classmethod
    def _absolute(cls, url: str | None) -> str | None:
        if url is not None:
            canonical_url(url)
        return url

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.url is None and self.id is None:
            raise ValueError("url: is missing; give the article's address, or a stable id")
        if self.text is None and self.html is None:
            raise ValueError("text: is missing; give the article's text, or its html")
        return self

    @property
    def article_id(self) -> str:
        return digest("url", canonical_url(self.url)) if self.url else digest("id", self.site or "", self.id or "")

    @property
    def outlet(self) -> str | None:
        return self.site or (site_of(self.url) if self.url else None)

    @classmethod
    def from_bytes(cls, value: bytes | None) -> Self:
        """Read a message. Raises Invalid, naming the field and the fix."""
        return read(cls, value)

    def to_bytes(self) -> bytes:
        return self.model_dump_json(exclude_none=True).encode()

    def check_dates(self, received_at: datetime, skew: timedelta) -> None:
        """Raise Invalid for a date from the future: as `fetched_at` it would lock out every later version."""
        for name in ("published_at", "fetched_at"):
            date = getattr(self, name)
            if date is not None and date > received_at + skew:
                raise Invalid(
                    "invalid-record",
                    f"{name}: {date.isoformat()} lies in the future (received {received_at.isoformat()}); "
                    "check the scraper's clock and time zone",
                )
