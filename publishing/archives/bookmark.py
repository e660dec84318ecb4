"""Up to where files are published, so that an interrupted run can go on there."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from claimstream.publishing.identity import digest


class Bookmark:
    """A file of lines `file<TAB>entries`; the last line of a file counts.

    On a full disk a line may be torn anywhere. Each begins on a line of its own, and what is left of a number is
    smaller: articles may be published again, but none is skipped.

    A bookmark is a convenience: when it cannot be kept, `trouble` says why and the publishing goes on.
    """

    def __init__(self, folder: Path, *of: str) -> None:
        """`of`: what tells this run from others, e.g. its files and its topic."""
        self.path = folder / f"{digest(*of)}.progress"
        self.trouble = ""

    def read(self) -> dict[str, int]:
        try:
            lines = self.path.read_text("utf-8", errors="replace").split("\n")
        except OSError:
            return {}
        return {file: int(count) for file, _, count in (line.rpartition("\t") for line in lines) if count.isdecimal()}

    def add(self, reached: Iterable[tuple[str, int]]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.writelines(f"\n{file}\t{count}\n" for file, count in reached)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"

    def remove(self) -> None:
        """All is published."""
        with suppress(OSError):
            self.path.unlink()
