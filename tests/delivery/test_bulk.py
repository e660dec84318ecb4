"""The verdict of every item of a bulk, whatever Elasticsearch answers. A small server plays the answers."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from claimstream.agents.bulk import Action, Bulk, Rejected
from claimstream.agents.connections import elasticsearch_client
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.config.settings import Elasticsearch

Answer = Callable[[list[dict[str, Any]], web.Request], Any]


def written(where: dict[str, Any]) -> dict[str, Any]:
    return {"status": 201, "_id": where["_id"]}


def failed(status: int, kind: str, reason: str = "because") -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda where: {"status": status, "_id": where["_id"], "error": {"type": kind, "reason": reason}}


class Server:
    """Answers bulk requests by `item`, or by `respond` as a whole, and keeps what it was sent."""

    def __init__(self) -> None:
        self.item: Callable[[dict[str, Any]], dict[str, Any]] = written
        self.respond: Callable[[web.Request], Any] | None = None
        self.requests: list[list[str]] = []

    async def bulk(self, request: web.Request) -> web.StreamResponse:
        lines = [json.loads(line) for line in (await request.text()).splitlines()]
        wheres = [next(iter(line.values())) for line in lines if set(line) <= {"index", "delete"}]
        self.requests.append([where["_id"] for where in wheres])
        if self.respond:
            response = self.respond(request)
            return await response if asyncio.iscoroutine(response) else response
        return reply({"errors": True, "items": [{"index": self.item(where)} for where in wheres]})


def reply(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"X-Elastic-Product": "Elasticsearch"})


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    playing = Server()
    app = web.Application(client_max_size=2**30)
    app.add_routes([web.put("/_bulk", playing.bulk), web.post("/_bulk", playing.bulk)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield playing, f"http://127.0.0.1:{port}"
    await runner.cleanup()


@asynccontextmanager
async def bulk(url: str, **settings: Any) -> AsyncIterator[Bulk]:
    elasticsearch = Elasticsearch(url=url, **settings)
    client = elasticsearch_client(elasticsearch)
    try:
        yield Bulk(client, elasticsearch)
    finally:
        await client.close()


def actions(count: int, size: int = 1) -> list[Action]:
    return [Action("claims", str(n), {"content": "x" * size}, 1) for n in range(count)]


async def test_each_item_has_its_verdict(server):
    playing, url = server
    answers = {
        "0": written,
        "1": failed(409, "version_conflict_engine_exception"),
        "2": failed(400, "document_parsing_exception", "bad date"),
        "3": lambda where: {"status": 404, "_id": where["_id"], "result": "not_found"},
    }
    playing.item = lambda where: answers[where["_id"]](where)
    async with bulk(url) as writing:
        verdicts = await writing.write(actions(4))
    assert verdicts == ["written", "newer", Rejected("400 document_parsing_exception: bad date"), "written"]


@pytest.mark.parametrize(
    "kind",
    ["strict_dynamic_mapping_exception", "mapper_parsing_exception", "illegal_argument_exception", "new_exception"],
)
async def test_any_400_of_an_item_is_the_documents_fault(server, kind):
    """A closed list of error names has killed a sink when Elasticsearch got a new one."""
    playing, url = server
    playing.item = failed(400, kind)
    async with bulk(url) as writing:
        (verdict,) = await writing.write(actions(1))
    assert isinstance(verdict, Rejected)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, "es_rejected_execution_exception"),
        (503, "unavailable_shards_exception"),
        (500, "some_exception"),
        (403, "cluster_block_exception"),
        (429, "cluster_block_exception"),
    ],
)
async def test_an_overloaded_item_is_tried_again_and_not_dropped(server, status, kind):
    playing, url = server
    playing.item = lambda where: (failed(status, kind) if where["_id"] == "1" else written)(where)
    async with bulk(url) as writing:
        with pytest.raises(Unavailable, match=kind):
            await writing.write(actions(3))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
async def test_an_overloaded_server_is_unavailable(server, status):
    playing, url = server
    playing.respond = lambda _: reply({"error": {"reason": "full"}}, status)
    async with bulk(url) as writing:
        with pytest.raises(Unavailable, match=str(status)):
            await writing.write(actions(2))
    assert len(playing.requests) == 1, "the client must not try again by itself"


@pytest.mark.parametrize(
    ("status", "advice"),
    [(401, "elasticsearch.api_key"), (403, "forbids this user"), (404, "run `claimstream init`")],
)
async def test_what_a_person_must_mend_is_fatal(server, status, advice):
    playing, url = server
    playing.respond = lambda _: reply({"error": {"reason": "no"}}, status)
    async with bulk(url) as writing:
        with pytest.raises(Fatal, match=advice):
            await writing.write(actions(2))


@pytest.mark.parametrize(
    ("status", "kind", "advice"),
    [(404, "index_not_found_exception", "claimstream init"), (403, "security_exception", "forbids this user")],
)
async def test_the_same_of_an_item(server, status, kind, advice):
    playing, url = server
    playing.item = failed(status, kind)
    async with bulk(url) as writing:
        with pytest.raises(Fatal, match=advice):
            await writing.write(actions(1))


async def test_a_connection_reset_is_unavailable(server):
    playing, url = server

    def reset(request: web.Request) -> web.Response:
        request.transport.abort()
        return web.Response()

    playing.respond = reset
    async with bulk(url) as writing:
        with pytest.raises(Unavailable):
            await writing.write(actions(1))


async def test_an_answer_cut_in_the_middle_is_unavailable(server):
    playing, url = server

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "1000"})
        response.headers["X-Elastic-Product"] = "Elasticsearch"
        await response.prepare(request)
        await response.write(b'{"items": [')
        request.transport.abort()
        return response

    playing.respond = cut
    async with bulk(url) as writing:
        with pytest.raises(Unavailable):
            await writing.write(actions(1))


async def test_an_answer_that_is_no_json_is_unavailable(server):
    playing, url = server
    playing.respond = lambda _: web.Response(
        body=b"{", content_type="application/json", headers={"X-Elastic-Product": "Elasticsearch"}
    )
    async with bulk(url) as writing:
        with pytest.raises(Unavailable):
            await writing.write(actions(1))


async def test_an_answer_that_lacks_items_is_unavailable(server):
    playing, url = server
    playing.respond = lambda _: reply({"errors": False, "items": []})
    async with bulk(url) as writing:
        with pytest.raises(Unavailable, match="0 of 1 items"):
            await writing.write(actions(1))


async def test_a_timeout_is_unavailable(server):
    playing, url = server
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    playing.respond = hang
    async with bulk(url, request_timeout=0.1) as writing:
        with pytest.raises(Unavailable):
            await writing.write(actions(1))
    never.set()


async def test_what_is_not_elasticsearch_is_fatal(server):
    playing, url = server
    playing.respond = lambda _: web.json_response({})
    async with bulk(url) as writing:
        with pytest.raises(Fatal, match="is not Elasticsearch"):
            await writing.write(actions(1))


@pytest.mark.parametrize("status", [400, 413])
async def test_a_request_refused_whole_is_split_until_the_item_at_fault_is_found(server, status):
    playing, url = server

    def refuse_3(_: web.Request) -> web.Response:
        ids = playing.requests[-1]
        if "3" in ids:
            return reply({"error": {"reason": "no"}}, status)
        return reply({"errors": False, "items": [{"index": written({"_id": id_})} for id_ in ids]})

    playing.respond = refuse_3
    async with bulk(url) as writing:
        verdicts = await writing.write(actions(6))
    assert [isinstance(verdict, Rejected) for verdict in verdicts] == [False, False, False, True, False, False]


async def test_requests_are_bounded_by_count(server):
    playing, url = server
    async with bulk(url, max_bulk_documents=2) as writing:
        assert await writing.write(actions(5)) == ["written"] * 5
    assert playing.requests == [["0", "1"], ["2", "3"], ["4"]]


async def test_requests_are_bounded_by_bytes_but_a_large_document_goes_alone(server):
    playing, url = server
    async with bulk(url, max_bulk_bytes=64 * 1024) as writing:
        await writing.write([*actions(3, 30_000), Action("claims", "big", {"content": "x" * 100_000}, 1)])
    assert playing.requests == [["0", "1"], ["2"], ["big"]]


async def test_requests_hold_as_many_bytes_as_the_limit_says_and_no_more(server):
    playing, url = server
    two = actions(2, 40_000)
    size = sum(len(line) + 1 for action in two for line in action.lines())
    for limit, requests in ((size, [["0", "1"]]), (size - 1, [["0"], ["1"]])):
        playing.requests.clear()
        async with bulk(url, max_bulk_bytes=limit) as writing:
            await writing.write(two)
        assert playing.requests == requests


async def test_nothing_to_write_asks_nothing(server):
    playing, url = server
    async with bulk(url) as writing:
        assert await writing.write([]) == []
    assert playing.requests == []
