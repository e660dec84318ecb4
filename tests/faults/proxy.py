"""A proxy before Elasticsearch that does what overloaded servers and bad networks do."""

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Literal, get_args

import aiohttp
from aiohttp import web

Mischief = Literal["429", "503", "hang", "reset", "items", "cut"]
MISCHIEFS: tuple[Mischief, ...] = get_args(Mischief)
SHARE = 0.6
"""Of the requests are hit, so that some come through in between."""
HEADERS = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}


class Proxy:
    """Forwards to `target`; `mischief` says what it does to requests besides."""

    def __init__(self, target: str, seed: int) -> None:
        self.mischief: Mischief | None = None
        self.hits = 0
        self.url = ""
        self._target = target
        self._random = Random(seed)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if self.mischief is None or self._random.random() > SHARE:
            return await self._forward(request, body)
        self.hits += 1
        match self.mischief:
            case "429" | "503":
                error = {"type": "es_rejected_execution_exception", "reason": "no room in the queue"}
                return web.Response(status=int(self.mischief), body=json.dumps({"error": error}), headers=HEADERS)
            case "hang":  # done, but nobody learns of it
                await self._forward(request, body)
                await asyncio.sleep(3600)
            case "reset":
                if self._random.random() < 0.5:
                    await self._forward(request, body)
                self._reset(request)
                return web.Response(status=502)
            case "items" if request.path.endswith("_bulk"):
                return await self._fail_items(request, body)
            case "cut":
                whole = await self._forward(request, body)
                response = web.StreamResponse(status=whole.status, headers=whole.headers)
                response.content_length = len(whole.body)
                await response.prepare(request)
                await response.write(whole.body[: len(whole.body) // 2])
                self._reset(request)
                return response
        return await self._forward(request, body)

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        headers = {k: v for k, v in request.headers.items() if k.lower() in {"content-type", "accept", "authorization"}}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(request.method, self._target + request.path_qs, data=body, headers=headers) as answer,
            ):
                passed = {k: answer.headers[k] for k in ("Content-Type", "X-Elastic-Product") if k in answer.headers}
                return web.Response(status=answer.status, body=await answer.read(), headers=passed)
        except aiohttp.ClientError:
            self._reset(request)  # the server is away
            return web.Response(status=502)  # which goes nowhere

    async def _fail_items(self, request: web.Request, body: bytes) -> web.Response:
        """Keep some items of a bulk from Elasticsearch and answer for these that it has no room."""
        items: list[list[bytes]] = []
        for line in body.splitlines(keepends=True):
            if items and len(items[-1]) == 1 and b"delete" not in items[-1][0][:10]:
                items[-1].append(line)
            elif line.strip():
                items.append([line])
        failed = [self._random.random() < 0.3 for _ in items]
        passed = b"".join(b"".join(item) for item, fails in zip(items, failed, strict=True) if not fails)
        done = await self._forward(request, passed) if passed else None
        if done is not None and done.status != 200:
            return done
        answers = iter(json.loads(done.body)["items"] if done is not None else ())
        merged = []
        for item, fails in zip(items, failed, strict=True):
            if not fails:
                merged.append(next(answers))
                continue
            ((action, where),) = json.loads(item[0]).items()
            status = self._random.choice((429, 503))
            error = {"type": "es_rejected_execution_exception", "reason": "no room in the queue"}
            merged.append({action: {"_index": "x", "_id": where["_id"], "status": status, "error": error}})
        return web.Response(body=json.dumps({"took": 1, "errors": True, "items": merged}), headers=HEADERS)

    @staticmethod
    def _reset(request: web.Request) -> None:
        if request.transport is not None:
            request.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            request.transport.abort()

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="proxy")

        async def start() -> web.AppRunner:
            app = web.Application(client_max_size=1 << 30)
            app.router.add_route("*", "/{path:.*}", self._answer)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            return runner

        thread.start()
        runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
