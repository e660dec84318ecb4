import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from claimstream.agents.sites import mark, read
from claimstream.cli.output import Failed, console, print_json
from claimstream.config.settings import Settings
from claimstream.pipeline.records import Mark, Sighting
from claimstream.pipeline.strip.memory import SiteMemory
from claimstream.pipeline.strip.standing import OFTEN, Standing, shape

sites = typer.Typer(no_args_is_help=True, help="What was learned of sites: list, show, forget, pin.")

Site = Annotated[str, typer.Argument(help="Host without www., or the `site` that the scraper gives.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@dataclass(frozen=True)
class Line:
    """A line of a site, as a person is shown it."""

    text: str
    articles: int
    """Of those remembered, how many have it."""
    verdict: str


@sites.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the sites that are remembered, the one seen last first."""
    memory, _ = asyncio.run(read(Settings()))
    known = sorted(memory.sites.items(), key=lambda one: str(one[1].newest), reverse=True)
    if as_json:
        print_json([_told(name, site) for name, site in known])
        return
    table = Table("site", "articles", "standing", "pinned", "last seen", title=f"{len(known)} sites")
    for name, site in known:
        told = _told(name, site)
        seen = f"{site.newest:%Y-%m-%d %H:%M}" if site.newest else "-"
        table.add_row(Text(name), str(told["articles"]), str(told["standing"]), str(told["pinned"]), seen)
    console.print(table)


def _told(name: str, site: SiteMemory) -> dict[str, object]:
    standing = site.standing(datetime.now(UTC))
    return {
        "site": name,
        "articles": len(site),
        "standing": len(standing.shares),
        "pinned": len(standing.pinned),
        "last_seen": site.newest,
    }


@sites.command()
def show(site: Site, as_json: AsJson = False) -> None:
    """Show the lines that stand on several articles of a site, and on how many.

    `standing`: removed where it stands, unless between the article's own
    paragraphs. `start`, `end`: so is what stands above, or below. `pinned`:
    removed wherever it stands. `rare`: too rare to be removed if it reads as
    the article's.
    """
    name = site.lower()
    memory, sightings = asyncio.run(read(Settings(), name))
    if name not in memory.sites:
        raise Failed(f"nothing is known of {site}; `claimstream sites list` names the sites that are")
    standing = memory.sites[name].standing(datetime.now(UTC))
    lines = _lines(sightings, memory.sites[name].marks, standing)
    if as_json:
        print_json({**_told(name, memory.sites[name]), "lines": [asdict(line) for line in lines]})
        return
    table = Table("articles", "verdict", "line", title=f"{name}: {len(sightings)} articles are remembered")
    for line in lines:
        table.add_row(str(line.articles), line.verdict, Text(line.text))
    console.print(table)


def _lines(sightings: list[Sighting], marks: list[Mark], standing: Standing) -> list[Line]:
    """What stands on several articles or was pinned, the most frequent first."""
    spelled = {shape(line.text): line.text for one in sightings for line in one.lines}
    spelled |= {shape(one.line): one.line for one in marks if one.line}
    counts = Counter(line for one in sightings for line in {shape(line.text) for line in one.lines})
    shown = [one for one in spelled if one in standing.shares or one in standing.pinned]
    return [
        Line(spelled[one], counts[one], _verdict(one, standing))
        for one in sorted(shown, key=lambda one: (-counts[one], spelled[one]))
    ]


def _verdict(line: int, standing: Standing) -> str:
    if line in standing.pinned:
        return "pinned"
    if line in standing.starts:
        return "start"
    if line in standing.ends:
        return "end"
    return "standing" if standing.shares[line] >= OFTEN else "rare"


@sites.command()
def forget(
    site: Site,
    line: Annotated[str | None, typer.Argument(help="One line, as `show` prints it; by default all of them.")] = None,
) -> None:
    """Forget what was learned of a site, or of one line of it, pins included. It is learned anew from what comes.

    claimstream sites forget example.com

    claimstream sites forget example.com "Background"
    """
    now = datetime.now(UTC)
    memory, _ = asyncio.run(read(Settings(), site.lower()))
    if site.lower() not in memory.sites:
        raise Failed(f"nothing is known of {site}; `claimstream sites list` names the sites that are")
    pins = [one for one in memory.sites[site.lower()].marks if one.pinned]
    _mark(site, [line] if line else [None, *(one.line for one in pins)], now, pinned=False)
    console.print(f"forgotten: {line or 'all'} of {site.lower()}", markup=False, highlight=False)


@sites.command()
def pin(site: Site, line: Annotated[str, typer.Argument(help="A whole line, as the page shows it.")]) -> None:
    """Have a line removed from every article of a site, wherever it stands; `forget` takes it back.

    claimstream sites pin example.com "The Example covers the coast."
    """
    if not line.strip():
        raise Failed("LINE: is empty; give a whole line, as the page shows it")
    _mark(site, [line], datetime.now(UTC), pinned=True)
    console.print(f"pinned for {site.lower()}: {line}", markup=False, highlight=False)


def _mark(site: str, lines: list[str | None], at: datetime, *, pinned: bool) -> None:
    marks = [Mark(site=site.lower(), line=line and " ".join(line.split()), pinned=pinned, at=at) for line in lines]
    asyncio.run(mark(Settings().kafka, marks))
