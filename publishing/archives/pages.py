"""Pages, one article a file, and the charset of a page."""

import codecs
import io
import re
from collections.abc import Iterator

from claimstream.publishing.archives.entry import MAX_BYTES, Entry, found, too_large
from claimstream.publishing.archives.streams import BLOCK
from claimstream.publishing.article import is_printable, printable

_DECLARED = re.compile(rb"""<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_HEAD = 4096
"""The HTML standard has browsers look at the first 1024 bytes; pages are not that tidy."""


def decoded(page: bytes, charset: str | None = None) -> str:
    """Read a page in the first charset in which all of it makes sense, as printable text.

    In this order: its byte order mark; `charset`, which is the server's word; its own declaration; UTF-8;
    Windows-1252, which ISO-8859-1 means, too (WHATWG Encoding Standard). A wrong declaration harms nothing that way.
    """
    for mark, encoding in _MARKS.items():
        if page.startswith(mark):
            return printable(page[len(mark) :].decode(encoding, "replace"))
    declared = _DECLARED.search(page[:_HEAD])
    for name in (charset, declared[1].decode("ascii") if declared else None, "utf-8"):
        if name and (text := _strictly(page, name)) is not None:
            return text
    return printable(page.decode("cp1252", "replace"))


def _strictly(page: bytes, charset: str) -> str | None:
    try:
        codec = codecs.lookup(charset.strip("\"' ")).name
        if codec in {"iso8859-1", "ascii"}:
            return None
        text = page.decode(codec)
    except (LookupError, UnicodeError, AssertionError):  # charsets are data: `idna`, `undefined` and the like fail, too
        return None
    return text if codec == "utf-8" and is_printable(page) else printable(text)


def read_page(name: str, stream: io.RawIOBase, field: str, **known: str | None) -> Iterator[Entry]:
    """Read one page as `field` (`html` or `text`) of an article of which more may be `known` (url, id, site)."""
    page = io.BufferedReader(stream, BLOCK).read(MAX_BYTES + 1)
    if len(page) > MAX_BYTES:
        yield too_large(name)
        return
    yield found(name, known, **{field: decoded(page)})
