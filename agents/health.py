"""Health that means progress: a page that fails and a watchdog that ends the process when a stage stands still."""

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from time import monotonic

import psutil
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from claimstream.agents import metrics
from claimstream.agents.app import client_id
from claimstream.agents.delivery import Delivery
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.lag import Backlog, Reading
from claimstream.config.settings import Settings

log = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
STALLED = 4
"""Exit status of a worker that its watchdog ended."""


class Health:
    """Watches the deliveries of one worker.

    A stage stands still when it lags and has neither committed nor retried anything for `worker.stall_seconds`.
    The lag is read from Kafka, apart from Faust's consumer, which may be what hangs. That of partitions that another
    worker has does not count: with nothing to read of its own, a worker has nothing to commit.
    """

    def __init__(self, deliveries: Sequence[Delivery], settings: Settings) -> None:
        self._deliveries = deliveries
        self._settings = settings

    def stalled(self) -> list[str]:
        limit = self._settings.worker.stall_seconds
        return [d.stage for d in self._deliveries if monotonic() - d.progress_at > limit]

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await asyncio.sleep(min(CHECK_SECONDS, self._settings.worker.stall_seconds / 4))

    async def look(self) -> None:
        """End the process if a stage has stood still for half as long again as makes it unhealthy."""
        await self._check()
        for delivery in self._deliveries:
            age = monotonic() - delivery.progress_at
            metrics.PROGRESS_AGE.labels(delivery.stage).set(age)
            if age > self._settings.worker.stall_seconds * 1.5:
                log.critical("%s: no progress for %.0f s although it lags; ending the process", delivery.stage, age)
                logging.shutdown()
                sys.stderr.flush()
                os._exit(STALLED)  # whatever hangs may hang a clean exit, too

    async def _check(self) -> None:
        try:
            reading = await Reading.of(self._settings.kafka)  # of all stages, for one may be run by no worker at all
        except (Unavailable, Fatal) as error:
            log.debug("lag unknown: %s", error)
            if isinstance(error, Unavailable):
                metrics.RETRIES.labels("Kafka").inc()  # nothing arrives that a delivery would have to try again
            for delivery in self._deliveries:  # nobody can make progress without Kafka
                delivery.progress_at = monotonic()
            return
        except Exception:  # a watchdog that ends in silence guards nothing
            log.exception("lag unknown")
            return
        for one in reading.partitions:
            where = (one.stage, one.topic, str(one.partition))
            metrics.LAG.labels(*where).set(one.lag)
            metrics.OLDEST.labels(*where).set(Backlog.over([one], reading.at).age or 0)
        for delivery in self._deliveries:
            mine = [p for p in reading.partitions if p.stage == delivery.stage and p.owner in {client_id(), None}]
            if not any(one.lag for one in mine):
                delivery.progress_at = monotonic()

    async def serve(self) -> web.AppRunner | None:
        """Serve /health and /metrics, on loopback unless the settings say otherwise."""
        worker = self._settings.worker
        if not worker.web_port:
            return None
        app = web.Application()
        app.add_routes([web.get("/health", self._health), web.get("/metrics", self._metrics)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, worker.web_host, worker.web_port).start()
        except OSError as error:
            raise Fatal(
                f"port {worker.web_port} (worker.web_port) on {worker.web_host} is taken; set another, or 0 for none"
            ) from error
        return runner

    async def _health(self, _: web.Request) -> web.Response:
        stalled = self.stalled()
        return web.json_response({"stalled": stalled}, status=503 if stalled else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        worker = psutil.Process()
        metrics.MEMORY.labels("worker").set(worker.memory_info().rss)
        metrics.MEMORY.labels("pool").set(sum(map(_memory, worker.children(recursive=True))))
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # replaced since
        return 0
