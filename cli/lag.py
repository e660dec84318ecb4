import asyncio
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table

from claimstream.agents.errors import Unavailable
from claimstream.agents.lag import Backlog, PartitionLag, Reading
from claimstream.cli.output import Failed, console, print_json
from claimstream.config.settings import STAGES, Kafka, Settings, Stage

POINTS = 30
"""Readings that a sparkline shows."""
RATE_POINTS = 10
"""Readings that a rate is measured over; offsets are committed once a second, so that fewer would flicker."""
BARS = "▁▂▃▄▅▆▇█"
SKEW = 5.0
"""Seconds that clocks may differ before a person is told."""


def lag(
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it live, with the lag's course; Ctrl-C ends it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print totals and every partition as JSON.")] = False,
    fail_over: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Exit with status 1 if an article has waited for longer."),
    ] = None,
    interval: Annotated[
        float,
        typer.Option(min=0, metavar="SECONDS", help="Between the readings that rates come from; 0: no rates, no wait."),
    ] = 3.0,
) -> None:
    """Show how far each agent is behind, read from Kafka's committed offsets, whether a worker runs or not.

    claimstream lag --watch

    claimstream lag --interval 0 --fail-over 600
    """
    kafka = Settings().kafka
    if watch:
        if as_json or fail_over is not None:
            raise Failed("--watch is for a person to look at: give it without --json and --fail-over")
        asyncio.run(_watch(kafka, max(interval, 0.5)))
        return
    readings = asyncio.run(_readings(kafka, interval))
    if as_json:
        print_json(as_plain(readings))
    else:
        console.print(view(readings))
    if ahead := skew(readings[-1]):
        raise Failed(
            f"ages are wrong: this machine's clock is {ahead:.0f} s behind that of Kafka or a worker; set all by NTP"
        )
    if fail_over is not None and (late := too_old(readings[-1], fail_over)):
        raise Failed(late)


async def _readings(kafka: Kafka, interval: float) -> list[Reading]:
    readings = [await Reading.of(kafka)]
    if interval:
        await asyncio.sleep(interval)
        readings.append(await Reading.of(kafka))
    return readings


async def _watch(kafka: Kafka, interval: float) -> None:
    """Draw until interrupted. Kafka may go away and come back meanwhile. Raises Fatal, and Unavailable at first."""
    readings = deque([await Reading.of(kafka)], maxlen=POINTS)
    with Live(console=console, screen=console.is_terminal, auto_refresh=False, vertical_overflow="crop") as live:
        draw = partial(live.update, refresh=True) if console.is_terminal else console.print
        trouble = ""
        while True:
            draw(Group(trouble, view(readings)))
            await asyncio.sleep(interval)
            try:
                readings.append(await Reading.of(kafka))
                trouble = ""
            except Unavailable as away:
                trouble = f"[red]{away}; what follows was read at {readings[-1].at:%H:%M:%S} UTC"


def skew(reading: Reading) -> float:
    """Seconds that a message seems to lie in the future; 0 within what clocks may differ."""
    ahead = max(((one.oldest - reading.at).total_seconds() for one in reading.partitions if one.oldest), default=0.0)
    return ahead if ahead > SKEW else 0.0


def too_old(reading: Reading, seconds: float) -> str:
    """A line that names the first agent whose oldest article has waited for longer, or for nobody knows how long."""
    for stage, topic in topics(reading):
        backlog = Backlog.over(select(reading, stage, topic), reading.at)
        if backlog.lag and (backlog.age is None or backlog.age > seconds):
            waited = "an unknown time" if backlog.age is None else f"{backlog.age:.0f} s"
            return f"{stage}: the oldest article of {topic} has waited for {waited}, longer than {seconds:g} s"
    return ""


# ── choosing and adding up ───────────────────────────────────────────────────────────────────────────────────────


def topics(reading: Reading) -> list[tuple[Stage, str]]:
    """Each agent with each topic that it reads, in the order of the stages."""
    pairs = dict.fromkeys((one.stage, one.topic) for one in reading.partitions)
    return sorted(pairs, key=lambda pair: STAGES.index(pair[0]))


def select(reading: Reading, stage: Stage, topic: str) -> list[PartitionLag]:
    return [one for one in reading.partitions if (one.stage, one.topic) == (stage, topic)]


def earlier(readings: Sequence[Reading]) -> Reading | None:
    """What the last reading's rates are measured against."""
    return readings[-min(len(readings), RATE_POINTS)] if len(readings) > 1 else None


def totals(readings: Sequence[Reading]) -> dict[tuple[Stage, str], Backlog]:
    now, before = readings[-1], earlier(readings)
    return {pair: Backlog.over(select(now, *pair), now.at, before) for pair in topics(now)}


def overall(readings: Sequence[Reading]) -> Backlog:
    """All agents together: done when the last of them is, and never while one of them does nothing.

    An agent whose own lag grows, because another hands it on, is done when all that is on its way is.
    """
    now, before = readings[-1], earlier(readings)
    together, agents = Backlog.over(now.partitions, now.at, before), totals(readings).values()
    if together.catch_up is None:
        return together
    held_up = any(one.lag and not one.rate for one in agents)
    last = max([together.catch_up, *(one.catch_up for one in agents if one.catch_up and math.isfinite(one.catch_up))])
    return replace(together, catch_up=math.inf if held_up else last)


def as_plain(readings: Sequence[Reading]) -> dict[str, Any]:
    now, before = readings[-1], earlier(readings)
    everything = overall(readings)
    return {
        "at": now.at.isoformat(),
        "lag": everything.lag,
        "age_seconds": everything.age,
        "catch_up_seconds": _finite(everything.catch_up),
        "agents": [{"stage": stage, "topic": topic, **_plain(b)} for (stage, topic), b in totals(readings).items()],
        "partitions": [
            {"stage": one.stage, "topic": one.topic, "partition": one.partition}
            | _plain(Backlog.over([one], now.at, before))
            for one in now.partitions
        ],
    }


def _plain(backlog: Backlog) -> dict[str, Any]:
    return {
        "committed": backlog.committed,
        "end": backlog.end,
        "lag": backlog.lag,
        "age_seconds": backlog.age,
        "rate_per_second": backlog.rate,
        "catch_up_seconds": _finite(backlog.catch_up),
        "owners": backlog.owners,
    }


def _finite(seconds: float | None) -> float | None:
    return None if seconds is None or math.isinf(seconds) else seconds


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def view(readings: Sequence[Reading]) -> Group:
    return Group(totals_table(readings), "", partitions_table(readings))


def totals_table(readings: Sequence[Reading]) -> Table:
    """One row a topic that an agent reads, the total first; with the lag's course from the second reading on."""
    now, everything = readings[-1], overall(readings)
    course_shown = len(readings) > 2
    table = _table(
        f"Lag at {now.at:%Y-%m-%d %H:%M:%S} UTC", "agent", "topic", last="course" if course_shown else "workers"
    )
    lags = [sum(one.lag for one in reading.partitions) for reading in readings]
    _, _, *figures = _cells(everything)
    figures[2] = ""  # an article is done by each agent: their rates do not add up
    last = sparkline(lags) if course_shown else ""
    table.add_row("all", "", "", "", *figures, last, style="bold", end_section=True)
    for (stage, topic), backlog in totals(readings).items():
        course = sparkline([sum(one.lag for one in select(reading, stage, topic)) for reading in readings])
        last = course if course_shown else ", ".join(backlog.owners) or "[yellow]none"
        table.add_row(stage, topic, *_cells(backlog), last)
    return table


def partitions_table(readings: Sequence[Reading]) -> Table:
    now, before = readings[-1], earlier(readings)
    table = _table("Partitions", "agent", "topic", "", last="worker")
    for stage, topic in topics(now):
        for one in select(now, stage, topic):
            cells = _cells(Backlog.over([one], now.at, before))
            table.add_row(stage, topic, str(one.partition), *cells, one.owner or "[yellow]none")
        table.add_section()
    return table


def _table(title: str, *names: str, last: str) -> Table:
    """For a terminal of 80 columns, too: where it is too narrow, topics are shortened and the last column is folded."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in names:
        table.add_column(name, no_wrap=name != "topic", overflow="ellipsis")
    for heading in ("committed", "end", "lag", "waits", "rate", "done in"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column(last, overflow="fold")
    return table


def _cells(backlog: Backlog) -> list[str]:
    return [
        "-" if backlog.committed is None else f"{backlog.committed:,}",
        f"{backlog.end:,}",
        f"{backlog.lag:,}",
        ("unknown" if backlog.age is None else _duration(backlog.age)) if backlog.lag else "-",
        "-" if backlog.rate is None else f"{backlog.rate:,.1f}/s",
        _duration(backlog.catch_up),
    ]


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if math.isinf(seconds):
        return "[yellow]never"
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def sparkline(values: Sequence[int]) -> str:
    """Bars from 0 to the highest value; the lowest bar is kept for 0."""
    top = max(values, default=0)
    return "".join(BARS[0 if not value else max(1, value * (len(BARS) - 1) // top)] for value in values)
