"""What `claimstream lag` makes of offsets: positions, ages, rates, the time to catch up, and how it says so."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from claimstream.agents.lag import Backlog, PartitionLag, Reading, position
from claimstream.cli.lag import as_plain, overall, partitions_table, skew, sparkline, too_old, totals_table

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
IDLE = PartitionLag("strip", "raw-articles", 0, committed=100, end=100, lag=0, oldest=None, owner="host-1")
BEHIND = replace(IDLE, partition=1, end=160, lag=60, oldest=NOW - timedelta(seconds=90))


@pytest.mark.parametrize(
    ("committed", "first", "end", "goes_on"),
    [
        (None, 0, 7, 0),  # a new group
        (None, 4, 7, 4),  # a new group, old messages are gone
        (5, 0, 7, 5),
        (7, 0, 7, 7),  # idle
        (0, 0, 0, 0),  # the topic was just made
        (2, 4, 7, 4),  # what it would have read next was deleted
        (9, 0, 3, 0),  # the topic was made anew
    ],
)
def test_where_a_group_goes_on(committed, first, end, goes_on):
    assert position(committed, first, end) == goes_on


def later(*lags: PartitionLag, seconds: float = 10) -> Reading:
    return Reading(NOW + timedelta(seconds=seconds), lags)


def test_rate_and_time_to_catch_up_reckon_with_what_arrives():
    """Forty done and twenty arrived in ten seconds leave forty, which take twenty seconds more."""
    after = replace(BEHIND, committed=140, end=180, lag=40)
    backlog = Backlog.over([IDLE, after], later().at, Reading(NOW, [IDLE, BEHIND]))
    assert (backlog.lag, backlog.rate, backlog.catch_up) == (40, 4.0, 20.0)


def test_what_grows_is_never_caught_up():
    after = replace(BEHIND, committed=110, end=180, lag=70)
    backlog = Backlog.over([after], later().at, Reading(NOW, [BEHIND]))
    assert (backlog.rate, backlog.catch_up) == (1.0, math.inf)
    assert as_plain([Reading(NOW, [BEHIND]), later(after)])["catch_up_seconds"] is None


def test_who_keeps_pace_will_be_done_with_what_waits_now():
    """The lag stays, since as much arrives as is done: but none of it waits for longer than this."""
    after = replace(BEHIND, committed=180, end=240, lag=60)
    assert Backlog.over([after], later().at, Reading(NOW, [BEHIND])).catch_up == pytest.approx(60 / 8)
    waiting = replace(after, committed=150, lag=90)
    assert Backlog.over([waiting], later().at, Reading(NOW, [BEHIND])).catch_up == math.inf


def test_all_agents_catch_up_while_one_hands_its_backlog_on_to_the_next():
    """Thirty articles are through, though what waits for extract has grown by ten."""
    extract = replace(BEHIND, stage="extract", topic="articles")
    before = Reading(NOW, [BEHIND, extract])
    after = later(replace(BEHIND, committed=140, lag=20), replace(extract, committed=130, end=200, lag=70))
    assert as_plain([before, after])["agents"][1]["catch_up_seconds"] is None
    assert overall([before, after]).catch_up == 30.0
    last = later(replace(BEHIND, committed=101, end=160, lag=59), replace(extract, committed=150, end=160, lag=10))
    assert overall([before, last]).catch_up == as_plain([before, last])["agents"][0]["catch_up_seconds"] == 590.0
    stuck = later(after.partitions[0], replace(extract, end=165, lag=65))
    assert overall([before, stuck]).catch_up == math.inf


def test_offsets_set_back_are_no_negative_rate():
    backlog = Backlog.over([replace(IDLE, committed=0, lag=100)], later().at, Reading(NOW, [IDLE]))
    assert (backlog.rate, backlog.catch_up) == (0.0, math.inf)


def test_one_reading_knows_no_rate():
    backlog = Backlog.over([IDLE, BEHIND], NOW)
    assert (backlog.lag, backlog.age, backlog.rate, backlog.catch_up) == (60, 90.0, None, None)
    assert Backlog.over([IDLE], NOW).catch_up == 0.0


def test_a_partition_that_is_new_in_the_second_reading_counts_from_then_on():
    backlog = Backlog.over([BEHIND, replace(BEHIND, partition=2)], later().at, Reading(NOW, [BEHIND]))
    assert backlog.rate == 0.0


def test_too_old_names_the_agent_and_never_passes_what_it_does_not_know():
    assert too_old(Reading(NOW, [IDLE, BEHIND]), 90) == ""
    assert too_old(Reading(NOW, [IDLE, BEHIND]), 89) == (
        "strip: the oldest article of raw-articles has waited for 90 s, longer than 89 s"
    )
    assert "an unknown time" in too_old(Reading(NOW, [replace(BEHIND, oldest=None)]), 1e9)


def test_a_clock_behind_kafkas_is_told():
    ahead = replace(BEHIND, oldest=NOW + timedelta(seconds=60))
    assert skew(Reading(NOW, [IDLE, ahead])) == 60.0
    assert skew(Reading(NOW, [IDLE, replace(ahead, oldest=NOW + timedelta(seconds=1))])) == 0.0


@pytest.mark.parametrize(
    ("values", "line"), [([], ""), ([0, 0], "▁▁"), ([0, 1, 1000], "▁▂█"), ([8, 4, 0], "█▄▁"), ([7], "█")]
)
def test_sparkline(values, line):
    assert sparkline(values) == line


def drawn(*shown: object, width: int = 160) -> list[str]:
    console = Console(width=width, record=True, file=StringIO())
    console.print(*shown)
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


def test_a_terminal_of_80_columns_shows_every_column():
    busy = replace(BEHIND, committed=1_000_000, end=1_001_234, lag=1234, owner="worker-1-4711")
    readings = [Reading(NOW, [busy]), later(replace(busy, committed=1_000_100, lag=1134))]
    lines = drawn(partitions_table(readings), width=80)
    assert lines[1] == "agent topic committed end lag waits rate done in worker"
    assert lines[3:] == ["strip raw-ar… 1 1,000,100 1,001,234 1,134 100 s 10.0/s 113 s worker-", "1-4711"]
    assert "workers" in drawn(totals_table(readings), width=80)[1].split()


def test_totals_come_first_and_every_partition_has_a_row():
    never = replace(IDLE, stage="extract", topic="articles", committed=None, end=3, lag=3, owner=None)
    readings = [Reading(NOW, [IDLE, BEHIND, never]), later(IDLE, replace(BEHIND, committed=130, lag=30), never)]
    lines = drawn(totals_table(readings))
    assert "all 33 100 s never" in lines  # what extract does not do holds up all
    assert "strip raw-articles 230 260 30 100 s 3.0/s 10 s host-1" in lines
    assert "extract articles - 3 3 unknown 0.0/s never none" in lines
    lines = drawn(partitions_table(readings))
    assert "strip raw-articles 1 130 160 30 100 s 3.0/s 10 s host-1" in lines
    assert "strip raw-articles 0 100 100 0 - 0.0/s 0 s host-1" in lines


def test_from_the_third_reading_on_the_course_is_shown():
    lags = [replace(BEHIND, lag=lag, committed=160 - lag) for lag in (60, 30, 0)]
    readings = [later(one, seconds=number) for number, one in enumerate(lags)]
    assert any("█▄▁" in line for line in drawn(totals_table(readings)))
