import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from claimstream.agents.replay import replay as send
from claimstream.cli.output import Failed, console, errors
from claimstream.config.settings import Settings

FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


def replay(
    since: Annotated[datetime, typer.Option(formats=FORMATS, help="Received at or after this time, UTC.")],
    until: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="Received before this time, UTC; now if not given.")
    ] = None,
) -> None:
    """Send raw articles that Kafka still holds through the pipeline once more, as a back-fill beside the live stream.

    A back-fill has topics, consumer groups and workers of its own, so that it never
    stands before a live article; both end in the same indices, where the later
    version of an article stands. Files are back-filled by `claimstream --backfill publish`.

        claimstream --backfill init

        claimstream replay --since 2026-09-01 --until 2026-10-01

        claimstream --backfill worker
    """
    kafka = Settings().kafka
    begin, end = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    if begin >= end:
        raise Failed(f"--since: {begin:%Y-%m-%dT%H:%M:%S} is not before the end, {end:%Y-%m-%dT%H:%M:%S}")
    columns = (SpinnerColumn(), TextColumn("replaying"), TextColumn("{task.completed}"))
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("replaying", total=None)
        sent = asyncio.run(send(kafka, begin, end, lambda count: progress.update(task, completed=count)))
    console.print(f"sent {sent} articles; `claimstream --backfill lag` shows how far they are", highlight=False)
