"""When a worker counts as standing still, and what then happens to it."""

from datetime import UTC, datetime
from types import SimpleNamespace

import aiohttp
import pytest

from claimstream.agents import health
from claimstream.agents.app import client_id
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.health import STALLED, Health
from claimstream.agents.lag import PartitionLag, Reading
from claimstream.cli.embedded import free_port
from claimstream.config.settings import Settings, Worker

STALL = 300.0
"""worker.stall_seconds; the process ends after half as long again."""


class Ended(BaseException):
    """Instead of the end of the process."""


class Watched:
    """A worker with a delivery, a lag and a clock of the test's own."""

    def __init__(self, port: int) -> None:
        self.now = 1000.0
        self.answer: Reading | Exception = Reading(datetime.now(UTC), ())
        self.delivery = SimpleNamespace(stage="strip", progress_at=self.now)
        settings = Settings(_env_file=None, worker=Worker(stall_seconds=STALL, web_port=port))
        self.health = Health([self.delivery], settings)  # type: ignore[list-item]

    def partition(self, lag: int, owner: str | None, stage: str = "strip") -> PartitionLag:
        return PartitionLag(stage, "raw-articles", 0, 0, lag, lag, None, owner)  # type: ignore[arg-type]

    def sees(self, *partitions: PartitionLag) -> None:
        self.answer = Reading(datetime.now(UTC), partitions)

    async def after(self, seconds: float) -> bool:
        """Whether the process still runs when the watchdog has looked again, so much later."""
        self.now += seconds
        try:
            await self.health.look()
        except Ended:
            return False
        return True


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch):
    one = Watched(free_port())

    async def reading(*_: object) -> Reading:
        if isinstance(one.answer, Exception):
            raise one.answer
        return one.answer

    def end(status: int) -> None:
        assert status == STALLED
        raise Ended

    monkeypatch.setattr(health, "monotonic", lambda: one.now)
    monkeypatch.setattr(health.Reading, "of", reading)
    monkeypatch.setattr(health.os, "_exit", end)
    monkeypatch.setattr(health.logging, "shutdown", lambda: None)
    return one


async def test_a_stage_that_lags_and_commits_nothing_is_unhealthy_and_then_ended(watched):
    watched.sees(watched.partition(7, client_id()))
    assert await watched.after(STALL)
    assert watched.health.stalled() == []
    assert await watched.after(1)
    assert watched.health.stalled() == ["strip"]
    assert await watched.after(STALL / 2 - 1)
    assert not await watched.after(1)


async def test_what_commits_or_tries_again_stays(watched):
    watched.sees(watched.partition(7, client_id()))
    for _ in range(5):
        watched.delivery.progress_at = watched.now
        assert await watched.after(STALL)
        assert watched.health.stalled() == []


@pytest.mark.parametrize("lagging", [{"lag": 0}, {"lag": 7, "owner": "another-1"}, {"lag": 7, "stage": "index"}])
async def test_what_has_nothing_to_do_stays(watched, lagging):
    watched.sees(watched.partition(**{"owner": client_id(), **lagging}))
    for _ in range(5):
        assert await watched.after(STALL)
        assert watched.health.stalled() == []


async def test_what_nobody_reads_counts_for_everybody(watched):
    watched.sees(watched.partition(7, None))
    assert not await watched.after(STALL * 2)


@pytest.mark.parametrize("away", [Unavailable("Kafka", "gone"), Fatal("no such topic")])
async def test_without_kafka_nobody_stands_still(watched, away):
    watched.answer = away
    for _ in range(5):
        assert await watched.after(STALL)


async def test_a_watchdog_that_sees_nothing_for_a_defect_still_ends_what_commits_nothing(watched):
    watched.answer = RuntimeError("defect")
    assert await watched.after(STALL)
    assert not await watched.after(STALL)


async def test_the_page_says_so(watched):
    runner = await watched.health.serve()
    try:
        address = runner.addresses[0]
        assert address[0] == "127.0.0.1"
        async with aiohttp.ClientSession() as client:
            for later, status, stalled in ((0, 200, []), (STALL + 1, 503, ["strip"])):
                watched.now += later
                async with client.get(f"http://127.0.0.1:{address[1]}/health") as answer:
                    assert answer.status == status
                    assert await answer.json() == {"stalled": stalled}
    finally:
        await runner.cleanup()
