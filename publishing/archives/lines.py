"""JSON Lines and JSON: raw articles, and news-please's results."""

import io
import json
from collections.abc import Iterator
from typing import Any

from claimstream.publishing.archives.entry import MAX_BYTES, Entry, found, too_large
from claimstream.publishing.archives.streams import BLOCK
from claimstream.publishing.article import parsed
from claimstream.publishing.errors import Invalid

NEWS_PLEASE = {
    "url": "url",
    "maintext": "text",
    "title": "title",
    "authors": "authors",
    "date_publish": "published_at",
    "date_download": "fetched_at",
    "language": "language",
}
"""Its fields and ours; its times are in UTC without saying so, as ours may be."""


def read_lines(name: str, stream: io.RawIOBase) -> Iterator[Entry]:
    """Read one JSON object a line; empty lines do not count."""
    lines = io.BufferedReader(stream, BLOCK)
    number = 0
    while line := lines.readline(MAX_BYTES):
        number += 1
        where = f"{name}:{number}"
        if len(line) == MAX_BYTES and not line.endswith(b"\n"):
            while (rest := lines.readline(MAX_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield too_large(where)
        elif line.strip():
            yield _read(where, line)


def read_json(name: str, stream: io.RawIOBase) -> Iterator[Entry]:
    """Read a file that is one JSON object, as news-please writes them, or a list of objects."""
    value = io.BufferedReader(stream, BLOCK).read(MAX_BYTES + 1)
    if len(value) > MAX_BYTES:
        yield too_large(name)
        return
    if not value.lstrip().startswith(b"["):
        yield _read(name, value)
        return
    try:
        articles = json.loads(value)
    except (ValueError, RecursionError) as error:
        yield Entry(name, error=Invalid("not-json", f"is not JSON: {error}"))
        return
    for number, article in enumerate(articles, 1):
        yield found(f"{name}[{number}]", _ours(article))


def _read(where: str, value: bytes) -> Entry:
    try:
        return found(where, _ours(parsed(value)))
    except Invalid as invalid:
        return Entry(where, error=invalid)


def _ours(data: Any) -> Any:
    """The fields of a raw article, whoever wrote them."""
    if not isinstance(data, dict) or "maintext" not in data or "source_domain" not in data:
        return data
    return {ours: data[theirs] for theirs, ours in NEWS_PLEASE.items() if data.get(theirs) is not None}
