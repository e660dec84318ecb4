"""A stream at work while a schedule drawn from a seed breaks things; at rest it must hold what one plain run gives.

Articles are published in slices, one slice a fault. The fault comes when a part of the slice is done, and the time from
its end until the whole slice has its outcomes and nothing lags is what recovery took.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic, time
from typing import Any

from claimstream.agents.messages import ORIGIN
from claimstream.agents.reading import whole
from claimstream.publishing.errors import Invalid

from ..stream import Stream, Worker, children, until, wait_for_end
from .articles import HURTS
from .breaks import FAULTS, SESSION_SECONDS
from .plain import Verdict, compare, death_of, died, hurts, read
from .proxy import Proxy

ROOT = Path(__file__).parents[2]
WORKERS = 2
SETTINGS = {
    "CLAIMSTREAM_KAFKA__SESSION_TIMEOUT": str(SESSION_SECONDS),
    "CLAIMSTREAM_ELASTICSEARCH__REQUEST_TIMEOUT": "4",
    "CLAIMSTREAM_LIMITS__SECONDS": "10",
    "CLAIMSTREAM_WORKER__STALL_SECONDS": "60",
}
"""Shorter times than the defaults, so that a run needs minutes rather than hours."""


@dataclass
class Recovery:
    """What a fault did."""

    fault: str
    seconds: float
    kills: int
    """Workers that were killed."""


class Proof:
    def __init__(
        self, stream: Stream, servers: Any, proxy: Proxy, seed: int, *, evicts: bool, hold: float = 1.0
    ) -> None:
        """`evicts`: whether Kafka misses a worker that was killed; `hold` scales for how long servers stay away."""
        self.stream, self.servers, self.proxy, self.evicts, self.hold = stream, servers, proxy, evicts, hold
        self.random = Random(seed)
        self.recoveries: list[Recovery] = []
        self.values: list[bytes | None] = []
        self.kills = 0

    def start_worker(self) -> Worker:
        return self.stream.start_worker(
            program=("-m", "tests.faults.worker"),
            CLAIMSTREAM_ELASTICSEARCH__URL=self.proxy.url,
            PYTHONPATH=f"{ROOT}:{ROOT / 'src'}",
            **SETTINGS,
        )

    def slice(self, name: str, values: Sequence[bytes | None]) -> None:
        """Publish articles, break something meanwhile, and wait until all is done."""
        half, before, kills = len(values) // 2, self.stream.published, self.kills
        self._publish(values[:half])
        self.until_done(before + self.random.random() * 0.8 * half)
        with ExitStack() as broken:
            broken.enter_context(FAULTS[name](self))
            if name != "Kafka stopped":
                self._publish(values[half:])
        healed = monotonic()
        if name == "Kafka stopped":
            self._publish(values[half:])
        self.until_done(self.stream.published)
        until(lambda: self._lag() == 0, "lag 0")
        self.recoveries.append(Recovery(name, monotonic() - healed, self.kills - kills))

    def _publish(self, values: Sequence[bytes | None]) -> None:
        """Publish, some with a time in the future."""
        self.values += values
        later = int(time() * 1000) + 2 * 86_400_000
        self.stream.publish(values, None, lambda: later if self.random.random() < 0.02 else None, key=None)

    def until_done(self, number: float) -> None:
        until(lambda: self._supervised() and self.stream.count("outcomes") >= number, f"{number:.0f} outcomes")

    def _lag(self) -> int:
        self._supervised()
        return sum(one.lag for one in self.stream.lag())

    def _supervised(self) -> bool:
        self.stream.supervise()
        return True

    def kill(self, worker: Worker) -> None:
        mine = children(worker)
        worker.kill()
        worker.wait()
        self.kills += 1
        wait_for_end(mine)

    def maybe_kill(self) -> None:
        """Trouble seldom comes alone."""
        if self.evicts and self.random.random() < 0.5:
            self.kill(self.random.choice(self.stream.workers))  # it may still wait for the server

    def any_worker(self) -> Worker:
        """One that is at work."""
        self.stream.supervise()
        worker = self.random.choice(self.stream.workers)
        self.stream.wait_for_log(worker, "working")
        return worker

    def idle(self) -> bool:
        return self.stream.count("outcomes") >= self.stream.published

    def at_rest(self) -> tuple[Verdict, Verdict]:
        """Hold everything against a plain run, as it is and again when what hurt is mended and replayed."""
        self.check_accounts(mended=False)
        as_it_is = self.check_index(mended=False)
        self.mend()
        self.check_accounts(mended=True)
        return as_it_is, self.check_index(mended=True)

    # ── at rest ──────────────────────────────────────────────────────────────────────────────────────────────────

    def mend(self) -> None:
        """What hurt hurts no more, and its dead letters are replayed as a person would."""
        self.stream.stop_workers()
        self.stream.start_worker(**SETTINGS)
        for word in sorted(set(HURTS.values())):
            command = [sys.executable, "-m", "claimstream.cli", "dead-letters", "replay", "--all", "--fault", word]
            subprocess.run(
                command, env=os.environ | self.stream.settings.environment(), check=True, capture_output=True
            )
        replayed = [value for value in self.values if hurts(value)]
        strip_replays = sum(b" strip " in hurts(value) for value in replayed)  # these are published anew
        self.stream.published += strip_replays
        self.stream.wait()
        until(lambda: self._dead_lettered() == len(self.dead_values()) + strip_replays, "endings of the replayed")

    def _dead_lettered(self) -> int:
        return sum(one["outcome"] == "dead-lettered" for one in self.stream.documents("outcomes"))

    def dead_values(self) -> list[bytes | None]:
        """What must be dead when everything that hurt is mended."""
        return [value for value in self.values if isinstance(read(value), Invalid)]

    def check_accounts(self, *, mended: bool) -> None:
        """Each published message has one ending; each dead letter is there once, whole, and says why."""
        endings = self.stream.documents("outcomes")
        assert len({one["origin"] for one in endings}) == len(endings) == self.stream.published
        counts = Counter(one["outcome"] for one in endings)
        assert set(counts) <= {"indexed", "unchanged", "refused", "dead-lettered"}
        dead = Counter((value, read(value).reason) for value in self.dead_values())
        if not mended:
            dead += Counter(death_of(value) for value in self.values if hurts(value))
            assert counts["dead-lettered"] == dead.total()
        letters = [one.letter for one in self.stream.dead_letters()]
        found = Counter((died(one), one.fault) for one in letters)
        assert found == dead, f"dead letters: {found - dead} too many, {dead - found} are missing"
        topics = self.stream.topics
        records = {topic: self.records(topic) for topic in (topics.raw_articles, topics.articles, topics.claims)}
        for topic, before in ((topics.articles, {"strip"}), (topics.claims, {"strip", "extract"})):
            origins = {dict(record.headers)[ORIGIN].decode() for record in records[topic].values()}
            assert origins == {one["origin"] for one in endings if one["stage"] not in before}
        for one in letters:
            assert one.error
            assert one.topic == {"strip": topics.raw_articles, "extract": topics.articles}[one.stage]
            dead_record = records[one.topic][one.partition, one.offset]
            assert (one.value, one.key) == (dead_record.value, dead_record.key), f"{one.origin}: not what died"
            published = records[topics.raw_articles][tuple(map(int, one.origin.split("/")[1:]))]
            ahead = published.timestamp / 1000 > time()  # such a clock does not count
            assert ahead or one.received_at.timestamp() == published.timestamp / 1000
            assert one.received_at <= one.died_at <= datetime.now(UTC)

    def records(self, topic: str) -> dict[tuple[int, int], Any]:
        """All that was ever produced to a topic, by partition and offset."""

        async def read_all() -> dict[tuple[int, int], Any]:
            return {(one.partition, one.offset): one async for one in whole(self.stream.settings.kafka, topic)}

        return asyncio.run(read_all())

    def check_index(self, *, mended: bool) -> Verdict:
        return compare(self.stream, [value for value in self.values if mended or not hurts(value)])
