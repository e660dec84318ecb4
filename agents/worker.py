"""A worker: the agents of some stages in one process, until a signal, a fuse or a crash ends it."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

import faust

from claimstream.agents.app import build_app
from claimstream.agents.connections import elasticsearch_client
from claimstream.agents.delivery import Delivery, Handle
from claimstream.agents.errors import Fatal
from claimstream.agents.extract import extract
from claimstream.agents.health import Health
from claimstream.agents.index import index
from claimstream.agents.pool import Pool
from claimstream.agents.provision import wait_until_ready
from claimstream.agents.sites import Sites
from claimstream.agents.strip import strip
from claimstream.config.settings import Settings, Stage
from claimstream.pipeline.extract import load

log = logging.getLogger(__name__)

CRASHED = 1
"""Exit status: start it again."""
BACKFILL_NICENESS = 10
"""Live workers on the same machine come first; pool processes inherit it."""
FATAL = 3
"""Exit status: a person is needed; a supervisor that restarts at once would only repeat it."""


async def work(settings: Settings, stages: Sequence[Stage]) -> None:
    """Run the agents of `stages` until SIGTERM or SIGINT.

    Raises Fatal when a person is needed, RuntimeError when Faust gave up.
    """
    if settings.kafka.backfill:
        os.nice(BACKFILL_NICENESS)
    stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    stop.add_done_callback(lambda done: leave_by(settings.worker.shutdown_seconds, FATAL if done.exception() else 0))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _finish, stop)
    ready = asyncio.create_task(wait_until_ready(settings, index="index" in stages))
    await asyncio.wait({ready, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not ready.done():
        ready.cancel()
        return
    ready.result()
    async with AsyncExitStack() as stack:
        pool = stack.enter_context(Pool(settings, *([load] if "extract" in stages else [])))
        client = elasticsearch_client(settings.elasticsearch)
        stack.push_async_callback(client.close)
        sites = Sites(settings)
        if "strip" in stages:
            following = asyncio.create_task(sites.follow())
            following.add_done_callback(partial(_lost, stop))
            stack.callback(following.cancel)
        handles: dict[Stage, Handle] = {
            "strip": strip(settings, pool, sites),
            "extract": extract(settings, pool),
            "index": index(settings, client),
        }
        deliveries, apps = [], []
        for stage in stages:
            app, delivery = agent(stage, handles[stage], settings, stop)
            apps.append(app)
            deliveries.append(delivery)
        health = Health(deliveries, settings)
        if runner := await health.serve():
            stack.push_async_callback(runner.cleanup)
        watching = asyncio.create_task(health.watch())
        stack.callback(watching.cancel)
        running = [asyncio.create_task(_run(app)) for app in apps]
        await asyncio.wait({stop, *running}, return_when=asyncio.FIRST_COMPLETED)
        crashed = [one for one in running if one.done()]
        if crashed:
            leave_by(settings.worker.shutdown_seconds, CRASHED)
        for one in running:
            one.cancel()
        await _leave(apps, deliveries, settings.worker.shutdown_seconds / 2)
        for one in crashed:
            one.result()
    if stop.done():
        stop.result()


def leave_by(seconds: float, status: int) -> None:
    """End the process after so long, whatever hangs: Faust may (its issues 324 and 501), and so may a server."""
    timer = threading.Timer(seconds, os._exit, (status,))
    timer.daemon = True
    timer.start()


def agent(stage: Stage, handle: Handle, settings: Settings, stop: "asyncio.Future[None]") -> tuple[faust.App, Delivery]:
    """Make the Faust app of a stage with its one agent."""
    app = build_app(settings, stage)
    many = {"unit": settings.worker.batch} if stage == "index" else {"in_flight": 2 * settings.worker.pool_processes}
    delivery = Delivery(app, stage, handle, settings, lambda fatal: _fail(stop, fatal), **many)
    app.on_partitions_revoked.connect(delivery.offsets.revoked)  # type: ignore[arg-type]  # it takes `signal` by **__
    app.on_partitions_assigned.connect(delivery.assigned)  # type: ignore[arg-type]  # it takes `signal` by **__
    app.agent(delivery.input(), name=stage, concurrency=1)(delivery.run)
    return app, delivery


def _finish(stop: "asyncio.Future[None]") -> None:
    if not stop.done():
        stop.set_result(None)


def _fail(stop: "asyncio.Future[None]", fatal: Fatal) -> None:
    if not stop.done():
        stop.set_exception(fatal)


def _lost(stop: "asyncio.Future[None]", following: "asyncio.Task[None]") -> None:
    """Without the memory of sites nothing more can be stripped."""
    if not following.cancelled():
        _fail(stop, Fatal(f"sites: defect: {following.exception()!r}"))


async def _run(app: faust.App) -> None:
    """Run an app, which should never end by itself. Raises RuntimeError when it does."""
    await app.start()
    log.info("working: %s", app.conf.id)
    await app.wait_until_stopped()
    raise RuntimeError(f"{app.conf.id}: Faust gave up: {app._crash_reason!r}")  # noqa: SLF001 - kept nowhere else


async def _leave(apps: Sequence[faust.App], deliveries: Sequence[Delivery], seconds: float) -> None:
    """Finish what is in flight and leave the groups, as far as it can be done in the time; the rest is read again."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.gather(*(delivery.drain() for delivery in deliveries))
    await asyncio.gather(*(app.stop() for app in apps), return_exceptions=True)
