import asyncio
import re
from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from claimstream.agents.way import Way, Whereabouts, whereabouts
from claimstream.cli.output import Failed, console, print_json
from claimstream.config.settings import Settings
from claimstream.publishing.article import RawArticle, checked

STYLES = {"indexed": "green", "unchanged": "green", "refused": "yellow", "dead-lettered": "red"}


def article(
    which: Annotated[str, typer.Argument(metavar="URL|ID", help="Its address, or the id it has.")],
    site: Annotated[str | None, typer.Option(help="Outlet of an article that was published under an id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show where an article is on its way, for each message that was published of it, and how that ended.

    claimstream article https://example.com/news/1

    claimstream article agency-17 --site example.com
    """
    found = asyncio.run(whereabouts(Settings(), article_id(which, site)))
    if as_json:
        print_json({**vars(found), "ways": [way.as_json() for way in found.ways]})
    else:
        show(found)
    if not found.ways and found.document is None:
        raise Failed(f"{which}: neither waits in Kafka nor has an outcome, under the id {found.article_id}")


def article_id(which: str, site: str | None) -> str:
    """The id that the stream knows an article by. Raises Invalid."""
    if re.fullmatch(r"[0-9a-f]{32}", which):
        return which
    identity = {"url": which} if re.match(r"\s*https?://", which, re.IGNORECASE) else {"id": which, "site": site}
    return checked(RawArticle, {**identity, "text": ""}).article_id


def show(found: Whereabouts) -> None:
    if document := found.document:
        indexed = f"version of {document['fetched_at'][:19]}, {document['claim_count']} claims"
        console.print(Text(f"{found.article_id} stands in the index: ", style="bold") + Text(indexed))
    for way in found.ways:
        console.print(Text(way.origin, style="bold"))
        for step, at, told in _steps(way):
            console.print(
                Text(f"  {step:14}", style=STYLES.get(step, "")) + Text(f"{_time(at):21}{told}"), soft_wrap=True
            )


def _steps(way: Way) -> list[tuple[str, datetime | None, str]]:
    steps = [("received", way.received_at, ""), ("stripped", way.stripped_at, ""), ("extracted", way.extracted_at, "")]
    known: list[tuple[str, datetime | None, str]] = [step for step in steps if step[1]]
    if ending := way.ending:
        told = [ending.reason or "", ending.detail or ""] if ending.reason else [f"{ending.claims} claims"]
        by = "" if ending.stage == "index" else f"by {ending.stage}: "
        return [*known, (ending.outcome, ending.ended_at, by + ": ".join(filter(None, told)).split("\n")[0])]
    return [*known, ("waits", None, f"for {way.waits_for}")]


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""
