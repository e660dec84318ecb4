"""Which format a file has, and which files there are."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from claimstream.publishing.archives.entry import Entry, Unreadable
from claimstream.publishing.archives.lines import read_json, read_lines
from claimstream.publishing.archives.pages import read_page
from claimstream.publishing.archives.streams import opened
from claimstream.publishing.archives.warc import read_warc

STDIN = "-"
FORMATS = {".warc": read_warc, ".jsonl": read_lines, ".ndjson": read_lines, ".json": read_json}
PAGES = {".html": "html", ".htm": "html", ".xhtml": "html", ".txt": "text"}
ZIPPED = {".gz", ".zst"}


def kind(path: Path) -> str:
    """The suffix that tells the format: `.warc` of `crawl.warc.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in ZIPPED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _is_offered(file: Path) -> bool:
    """Whether a file of a folder is meant to be read: its format is known, and it is not hidden."""
    return kind(file) in {*FORMATS, *PAGES} and not any(part.startswith(".") for part in file.parts)


def files(names: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield the file of each name, and of a folder each file that is offered; with it the folder.

    Raises Unreadable for a folder without any.
    """
    for name in names:
        path = Path(name)
        if name != STDIN and not path.exists():
            raise Unreadable(f"{name}: No such file or directory")
        if name == STDIN or not path.is_dir():
            yield str(path.parent), path
            continue
        found = sorted(file for file in path.rglob("*") if _is_offered(file.relative_to(path)) and file.is_file())
        if not found:
            raise Unreadable(f"{name}: holds no file that ends in {', '.join([*FORMATS, *PAGES])}")
        yield from ((name, file) for file in found)


def read(
    path: Path,
    folder: str = ".",
    *,
    url: str | None = None,
    site: str | None = None,
) -> Iterator[tuple[int, Entry]]:
    """Yield how many bytes of the file were read, and an entry. A file that cannot be read has one that says so.

    A page without `url` has its path within `folder` for an id.
    """
    stdin = str(path) == STDIN
    name = "stdin" if stdin else str(path)
    position = 0
    try:
        with opened(None if stdin else path) as (stream, file):
            if field := PAGES.get(kind(path)):
                identity = {"url": url} if url else {"id": path.relative_to(folder).as_posix()}
                entries = read_page(name, stream, field, site=site, **identity)
            else:
                entries = FORMATS.get(kind(path), read_lines)(name, stream)
            for entry in entries:
                position = 0 if stdin else file.tell()
                yield position, entry
    except Unreadable as unreadable:
        yield position, Entry(name, error=unreadable)
