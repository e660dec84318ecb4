"""WARC, as Common Crawl's CC-NEWS comes: the html responses, with the address and time of their capture."""

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

from warcio.archiveiterator import WARCIterator
from warcio.exceptions import ArchiveLoadFailed

from claimstream.publishing.archives.entry import MAX_BYTES, Broken, Entry, Unreadable, found, too_large
from claimstream.publishing.archives.pages import decoded
from claimstream.publishing.archives.streams import BLOCK

HTML = {"text/html", "application/xhtml+xml"}
_CHARSET = re.compile(r"""charset\s*=\s*["']?([^\s"';]+)""", re.IGNORECASE)


def read_warc(name: str, stream: io.RawIOBase) -> Iterator[Entry]:
    """Read an unzipped WARC file. Raises Unreadable where no further record can be found."""
    records = WARCIterator(stream, block_size=BLOCK)
    warnings = io.StringIO()
    number = 0
    while True:
        number += 1
        with contextlib.redirect_stderr(warnings):  # warcio prints them; err_count counts them
            try:
                record = next(records)
            except StopIteration:
                return
            except (ArchiveLoadFailed, ValueError) as error:
                raise Unreadable(f"record {number} is no WARC record: {str(error).strip().splitlines()[0]}") from error
            if record.length is None:
                raise Unreadable(f"record {number} does not say how long it is (Content-Length)")
            entry = _entry(f"{name}#{number}", record)
            records.read_to_end()
        yield entry if not records.err_count else Entry(entry.where, error=Broken("does not end where it says"))
        records.err_count = 0


def _entry(where: str, record: Any) -> Entry:
    headers = record.http_headers
    content_type = (headers and headers.get_header("Content-Type")) or "text/html"
    if reason := _no_page(record, content_type):
        return Entry(where, else_=reason)
    if cut := record.rec_headers.get_header("WARC-Truncated"):
        return Entry(where, error=Broken(f"the crawler has cut the page off ({cut})"))
    page = record.content_stream().read(MAX_BYTES + 1)
    if len(page) > MAX_BYTES:
        return too_large(where)
    if record.raw_stream.limit:
        return Entry(where, error=Broken("the file ends within it"))
    known = {
        "url": (record.rec_headers.get_header("WARC-Target-URI") or "").strip("<> "),
        "fetched_at": record.rec_headers.get_header("WARC-Date"),
    }
    charset = _CHARSET.search(content_type)
    return found(where, known, html=decoded(page, charset[1] if charset else None))


def _no_page(record: Any, content_type: str) -> str:
    """Why a record is no page that somebody was served, if so."""
    if record.rec_type != "response" or record.http_headers is None:
        return f"a {record.rec_type} record"
    if (status := record.http_headers.get_statuscode()) != "200":
        return f"status {status}"
    return "" if content_type.partition(";")[0].strip().lower() in HTML else "not html"
