"""Old articles are done beside the live ones, which wait for none of them."""

import json
import time
from datetime import UTC, datetime

import psutil
import pytest

from claimstream.agents.worker import BACKFILL_NICENESS

from ..conftest import own_settings
from ..stream import Stream, until

WORDS = (
    "The harbour master of Kessel, Jaro Mlinar, said on Monday that ferry {n} will sail again next week, after the "
    "engineers had looked at both of its engines and at the hull. "
)


def article(n: int, **fields) -> bytes:
    return json.dumps({"url": f"https://kessel.example/{n}", "text": WORDS.format(n=n) * 2, **fields}).encode()


@pytest.fixture
def live(servers, tmp_path_factory) -> Stream:
    one = Stream(own_settings(servers), tmp_path_factory.mktemp("live"))
    one.initialise()
    yield one
    one.stop_workers()


@pytest.fixture
def backfill(live, tmp_path_factory) -> Stream:
    kafka = live.settings.kafka.model_copy(update={"backfill": True})
    one = Stream(live.settings.model_copy(update={"kafka": kafka}), tmp_path_factory.mktemp("backfill"))
    one.initialise()
    yield one
    one.stop_workers()


def times(stream: Stream) -> dict[str, str]:
    return {one["url"]: one["fetched_at"] for one in stream.documents("articles")}


def test_live_articles_wait_for_no_old_one_and_later_versions_stand(live, backfill, run_cli):
    backfill.publish(article(n, fetched_at="2020-01-01T00:00:00Z") for n in range(40))
    live.publish(article(n, fetched_at="2026-01-01T00:00:00Z") for n in range(5))
    live.start_worker()
    live.wait()
    assert len(live.endings()) == 5
    assert sum(one.lag for one in backfill.lag()) == 40
    assert json.loads(run_cli(live, "--backfill", "lag", "--json", "--interval", "0").stdout)["lag"] == 40

    worker = backfill.start_worker()
    until(lambda: len(live.endings()) == 45 and not sum(one.lag for one in backfill.lag()), "the back-fill")
    assert psutil.Process(worker.pid).nice() == BACKFILL_NICENESS
    assert live.endings() == ["indexed"] * 40 + ["refused: older-version"] * 5
    assert {url for url, at in times(live).items() if at > "2025"} == {f"https://kessel.example/{n}" for n in range(5)}


def test_what_was_received_in_a_range_of_time_is_replayed_as_old_as_it_was(live, backfill, run_cli):
    def now() -> str:
        """A second that no article is received in, for the command counts in whole ones."""
        second = int(time.time()) + 1
        until(lambda: time.time() >= second, "the next second")
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")

    live.publish([article(1)])
    since = now()
    live.publish([article(2), b"no article", article(3, fetched_at="2024-05-06T07:08:09Z")])
    before = now()
    live.publish([article(4), article(2, text=WORDS.format(n=5) * 2)])
    assert "sent 3 articles" in run_cli(live, "replay", "--since", since, "--until", before).stdout
    live.start_worker()
    live.wait()
    stand = times(live)
    backfill.published = live.published + 3
    backfill.start_worker()
    backfill.wait()
    endings = [one for one in live.documents("outcomes") if "backfill" in one["origin"]]
    assert sorted(one["reason"] or one["outcome"] for one in endings) == ["not-json", "older-version", "unchanged"]
    assert times(live) == stand, "the replayed version of article 2 is older than the one that came after it"


def test_a_range_without_a_beginning_is_told(live, run_cli):
    done = run_cli(live, "replay", "--since", "2026-02-02", "--until", "2026-02-01", status=1)
    assert "--since: 2026-02-02T00:00:00 is not before the end" in done.stderr
    done = run_cli(live, "replay", "--since", "2026-02-02", status=1)
    assert "run `claimstream --backfill init`" in done.stderr
