import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from claimstream.agents.connections import publisher as publisher_for
from claimstream.cli.output import Failed, console, errors, log_to_stderr
from claimstream.config.settings import Settings
from claimstream.publishing import AsyncPublisher, NotPublished
from claimstream.publishing.archives import STDIN, Bookmark, Entry, Sending, files, read

BOOKMARKS = Path(".claimstream", "publish")
PATIENCE = 600.0
"""Long enough for a broker's upgrade: nobody sits beside an archive that takes the night."""


def publish(  # noqa: PLR0917 - typer turns them into options
    names: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files or folders; - is standard input.")],
    url: Annotated[str | None, typer.Option(help="Address of the one .html or .txt file given.")] = None,
    site: Annotated[str | None, typer.Option(help="Outlet of .html and .txt files.")] = None,
    rate: Annotated[float | None, typer.Option(min=0.001, help="At most so many articles a second.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same call was interrupted.")] = False,
    patience: Annotated[
        float, typer.Option(min=1, help="End when Kafka has been away for so many seconds.")
    ] = PATIENCE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read, check and count, but publish nothing.")] = False,
) -> None:
    """Publish raw articles out of files. Each is checked first and confirmed by Kafka.

    JSON Lines (a line is a message as `claimstream schema` describes it, or
    news-please's), .json, WARC (its html responses), .html and .txt (one article
    a file; without --url its id is the file's path); folders of these; and any
    of them as .gz or .zst.

    What is not published is named with file, line and field, and counted by
    reason; the exit status is then 1.

        claimstream publish articles.jsonl crawl.warc.gz pages/

        claimstream publish page.html --url https://example.com/news/1

        my-scraper | claimstream publish -
    """
    if url and (len(names) != 1 or Path(names[0]).suffix.lower() not in {".html", ".htm", ".txt"}):
        raise Failed("--url: give it with exactly one .html or .txt file")
    found = list(files(names))
    kafka = Settings().kafka
    log_to_stderr("warning")
    publisher = publisher_for(kafka, patience=patience)
    of = (kafka.servers, publisher.topic, *(str(file.resolve()) for _, file in found))
    bookmark = None if dry_run else Bookmark(BOOKMARKS, *of)
    sending = Sending(publisher, bookmark, lambda where, error: _complain(f"{where}: {error}"))
    goes_on = "" if STDIN in names or dry_run else "; the same call with --resume goes on"
    try:
        with _progress(found) as progress:
            entries = _entries(found, progress, sending, url, site)
            asyncio.run(_send(sending, publisher, entries, rate, resume=resume, dry_run=dry_run))
    except (KeyboardInterrupt, SystemExit):
        _report(sending, dry_run=dry_run)
        _complain(f"interrupted{goes_on}")
        raise
    _report(sending, dry_run=dry_run)
    if bookmark and bookmark.trouble:
        _complain(f"--resume will not know how far this came: {bookmark.trouble}")
    if sending.gave_up:
        raise Failed(f"ended before its end{goes_on}")
    if sending.not_published:
        raise Failed("")


def _entries(
    found: list[tuple[str, Path]], progress: Progress, sending: Sending, url: str | None, site: str | None
) -> Iterator[tuple[str, Entry]]:
    task = progress.tasks[0].id
    before = 0
    for folder, file in found:
        for position, entry in read(file, folder, url=url, site=site):
            progress.update(task, completed=before + position, description=f"{sending.published} articles")
            yield str(file), entry
        before += file.stat().st_size if str(file) != STDIN else 0


async def _send(
    sending: Sending,
    publisher: AsyncPublisher,
    entries: Iterator[tuple[str, Entry]],
    rate: float | None,
    *,
    resume: bool,
    dry_run: bool,
) -> None:
    if dry_run:
        await sending.run(entries, resume=False)
        return
    try:
        async with publisher:
            await sending.run(entries, rate, resume=resume)
    except NotPublished:
        pass  # each was named when it failed


def _progress(found: list[tuple[str, Path]]) -> Progress:
    """Show how much of the files is read; of standard input nobody knows how much there is."""
    total = None if any(str(file) == STDIN for _, file in found) else sum(file.stat().st_size for _, file in found)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    progress = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    progress.add_task("publishing", total=total)
    return progress


def _report(sending: Sending, *, dry_run: bool) -> None:
    done = "fit to be published" if dry_run else "published"
    console.print(
        f"{done} {sending.published}, not {done} {sending.not_published.total()}", highlight=False, soft_wrap=True
    )
    for what, counts in ((f"not {done}", sending.not_published), ("something else", sending.else_)):
        if counts:
            console.print(f"{what}: {_listed(counts)}", highlight=False, soft_wrap=True)
    if sending.skipped:
        console.print(f"skipped as done before: {sending.skipped}", highlight=False, soft_wrap=True)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.most_common())


def _complain(line: str) -> None:
    errors.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
