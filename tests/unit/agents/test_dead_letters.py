"""Which dead letters a person is shown, when workers were killed and letters replayed in between."""

from datetime import UTC, datetime, timedelta

from claimstream.agents.dead_letters import Buried, standing
from claimstream.pipeline.outcomes import Fault
from claimstream.pipeline.records import DeadLetter

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def buried(offset: int, *, partition: int = 0, stage: str = "extract", origin: str = "raw-articles/0/7", at: int = 0):
    letter = DeadLetter(
        value=b"{}",
        stage=stage,
        fault=Fault.TIMED_OUT,
        error="took too long",
        topic="articles",
        partition=0,
        offset=at,
        origin=origin,
        received_at=NOW,
        died_at=NOW + timedelta(seconds=offset),
    )
    return (partition, offset), Buried(partition, offset, letter)


def ids(*letters, marks=()) -> list[str]:
    return [one.id for one in standing(dict(letters), marks)]


def test_a_letter_written_twice_is_one():
    assert ids(buried(1), buried(2), buried(3, origin="raw-articles/0/8")) == ["0-1", "0-3"]


def test_an_article_that_strip_handed_on_twice_died_once():
    assert ids(buried(1, at=10), buried(2, at=11)) == ["0-1"]


def test_one_replay_is_for_all_letters_of_a_death():
    assert ids(buried(1), buried(2), marks=[((0, 1), 3)]) == []


def test_what_dies_anew_after_its_replay_is_shown_anew():
    assert ids(buried(1), buried(2), buried(4, at=12), marks=[((0, 1), 3)]) == ["0-4"]
    assert ids(buried(1), buried(4, at=12), marks=[((0, 1), 3), ((0, 4), 5)]) == []


def test_raw_articles_without_a_key_leave_letters_in_any_partition():
    twice = buried(8, stage="strip"), buried(2, partition=1, stage="strip")
    assert ids(*twice) == ["1-2"]
    assert ids(*twice, marks=[((1, 2), 3)]) == []
