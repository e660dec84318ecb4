"""Raw articles by HTTP, for those without a Kafka client: 202 means that Kafka has them."""

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from aiohttp.web_exceptions import HTTPException, HTTPRequestEntityTooLarge
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from claimstream.agents import metrics, openapi_page
from claimstream.agents.connections import publisher
from claimstream.agents.errors import Fatal
from claimstream.agents.openapi import FIELDS, JSON, LINES, PAGES, describe
from claimstream.config.settings import Settings
from claimstream.publishing import Invalid, Misconfigured, PublishError, RawArticle, Receipt, TooLarge, Unreachable
from claimstream.publishing.archives.pages import decoded
from claimstream.publishing.article import checked, parsed

log = logging.getLogger(__name__)
logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # it logs each client's nonsense with a traceback

PATIENCE = 30.0
"""Seconds until an article that Kafka does not confirm is answered 503; clients and proxies wait no longer."""
RETRY_AFTER = {"Retry-After": "5"}
FINAL: dict[type[PublishError], int] = {TooLarge: 413, Misconfigured: 500}
"""Statuses of what another try will not mend."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Rejected(Exception):
    """An answer that is no 202: its status, and what is wrong, in lines."""

    def __init__(self, status: int, *errors: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(status, errors)
        self.response = web.json_response({"errors": errors, **more}, status=status, headers=headers)


class Intake:
    """The web application. Takes all articles of a request or, if one is wrong, none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.intake
        self._publisher = publisher(settings.kafka)
        self._busy = 0
        self._description = describe(with_token=bool(self._settings.token))
        self._page = openapi_page.page(self._description)

    async def serve(self) -> web.AppRunner:
        """Connect to Kafka and listen; `cleanup` of what is returned ends both. Raises PublishError or Fatal."""
        await self._publisher.start()
        app = web.Application(middlewares=[_rejections], client_max_size=self._settings.max_body_bytes)
        app.add_routes(
            [
                web.post("/articles", self._post),
                web.get("/openapi.json", self._describe),
                web.get("/docs", self._show),
                web.get("/health", self._health),
                web.get("/metrics", self._metrics),
            ]
        )
        app.on_cleanup.append(self._close)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
        except OSError as error:
            await runner.cleanup()
            raise Fatal(
                f"port {self._settings.port} (intake.port) on {self._settings.host} cannot be had: {error.strerror}"
            ) from error
        return runner

    async def _post(self, request: web.Request) -> web.Response:
        self._authorise(request)
        if self._busy >= self._settings.max_requests:
            raise Rejected(429, f"{self._busy} requests are waiting for Kafka already", headers=RETRY_AFTER)
        self._busy += 1
        try:
            articles = await self._read(request)
            receipts = await self._publish(articles)
        finally:
            self._busy -= 1
        return web.json_response({"articles": receipts}, status=202)

    def _authorise(self, request: web.Request) -> None:
        if (token := self._settings.token) is None:
            return
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {token.get_secret_value()}".encode()):
            challenge = {"WWW-Authenticate": "Bearer"}
            raise Rejected(401, "Authorization: must be `Bearer` and the token (intake.token)", headers=challenge)

    async def _read(self, request: web.Request) -> list[RawArticle]:
        """The articles of a request, all of them proper. Raises Rejected."""
        read = _READERS.get(request.content_type)
        if read is None:
            raise Rejected(415, f"Content-Type: must be {', '.join(_READERS)}, not {request.content_type}")
        errors: list[str] = []
        articles: list[RawArticle] = []
        try:
            fields = read(request, await request.read())
        except Invalid as invalid:
            raise Rejected(400, str(invalid)) from invalid
        for number, one in enumerate(fields, 1):
            try:
                article = checked(RawArticle, one)
                self._publisher.check(article)
                articles.append(article)
            except TooLarge as error:
                raise Rejected(413, f"article {number}: {error}") from error
            except Invalid as error:
                errors.append(f"article {number}: {error}")
        metrics.RECEIVED.labels("invalid").inc(len(errors))
        if errors or not articles:
            raise Rejected(400, *(errors or ["there is no article"]))
        return articles

    async def _publish(self, articles: Sequence[RawArticle]) -> list[dict[str, str]]:
        """Publish all and wait for all. Raises Rejected, which tells those that Kafka has all the same."""
        tried = await asyncio.gather(*map(self._publish_one, articles), return_exceptions=True)
        receipts, errors, status = [], [], 503
        for article, one in zip(articles, tried, strict=True):
            if isinstance(one, Receipt):
                receipts.append({"article_id": one.article_id, "origin": one.origin})
            elif isinstance(one, PublishError):
                errors.append(f"{article.url or article.id}: {one}")
                status = FINAL.get(type(one), status)
            else:
                raise one
        metrics.RECEIVED.labels("published").inc(len(receipts))
        metrics.RECEIVED.labels("failed").inc(len(errors))
        if errors:
            raise Rejected(status, *errors, headers=RETRY_AFTER, articles=receipts)
        return receipts

    async def _publish_one(self, article: RawArticle) -> Receipt:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._publisher.publish(article)
        except TimeoutError as error:
            raise Unreachable(f"Kafka did not confirm the article within {PATIENCE:g} s") from error

    async def _describe(self, _: web.Request) -> web.Response:
        return web.json_response(self._description)

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html", headers=openapi_page.HEADERS)

    async def _health(self, _: web.Request) -> web.Response:
        return web.json_response({"waiting": self._publisher.stats.waiting})

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _close(self, _: web.Application) -> None:
        await self._publisher.stop()


@web.middleware
async def _rejections(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as JSON."""
    try:
        return await handler(request)
    except Rejected as rejected:
        return rejected.response
    except HTTPRequestEntityTooLarge as error:
        return Rejected(413, f"the body is too large (intake.max_body_bytes): {error.text}").response
    except Exception as error:
        if not isinstance(error, HTTPException):
            log.exception("defect at %s", request.path)
            return Rejected(500, "an error nobody foresaw; the server's log has it").response
        allowed = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return Rejected(error.status, error.reason, headers=allowed).response


def _from_json(_: web.Request, body: bytes) -> Sequence[Any]:
    if not body.lstrip().startswith(b"["):
        return [parsed(body)]
    try:
        articles: list[Any] = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("not-json", f"the body is not JSON: {error}") from error
    return articles


def _from_lines(_: web.Request, body: bytes) -> Sequence[Any]:
    return [parsed(line) for line in body.splitlines() if line.strip()]


def _from_page(request: web.Request, body: bytes) -> Sequence[Any]:
    """The body is the page; the address is the header Content-Location or, like the other fields, in the query."""
    field = PAGES[request.content_type]
    known = {name: request.query[name] for name in FIELDS if name in request.query}
    if "Content-Location" in request.headers:
        known.setdefault("url", request.headers["Content-Location"])
    return [{**known, field: decoded(body, request.charset)}]


_READERS = {JSON: _from_json, LINES: _from_lines} | dict.fromkeys(PAGES, _from_page)
