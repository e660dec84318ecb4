"""Up to where files are published, so that an interrupted run can go on there."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from claimstream.publishing.identity import digest


class Bookmark:
    """A file of lines `entries<TAB>file`; the last line of a file counts, a torn one does not.

    A bookmark is a convenience: when it cannot be kept, `trouble` says why and the publishing goes on.
    """

    def __init__(self, folder: Path, *of: str) -> None:
        """`of`: what tells this run from others, e.g. its files and its topic."""
        self.path = folder / f"{digest(*of)}.progress"
        self.trouble = ""

    def read(self) -> dict[str, int]:
        try:
            lines = self.path.read_text("utf-8").split("\n")[:-1]
        except OSError:
            return {}
        return {file: int(count) for count, _, file in (line.partition("\t") for line in lines)}

    def add(self, reached: Iterable[tuple[str, int]]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.writelines(f"{count}\t{file}\n" for file, count in reached)
        except OSError as error:
            self.trouble = f"{self.path}: {error.strerror}"

    def remove(self) -> None:
        """All is published."""
        with suppress(OSError):
            self.path.unlink()
