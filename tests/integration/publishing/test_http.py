"""Articles by HTTP: nothing that was answered 202 is lost, whatever is sent and whatever happens to Kafka."""

import asyncio
import gzip
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager

import aiohttp
import pytest

from claimstream.agents import intake
from claimstream.agents.intake import Intake
from claimstream.config.settings import Intake as IntakeSettings
from claimstream.config.settings import Settings
from claimstream.publishing import RawArticle

ARTICLE = {"url": "https://kessel.example/1", "text": "The ferry sails on Monday."}
TOKEN = "sixteen-characters"


@pytest.fixture
def serve(settings, topic):
    """Run `claimstream serve` with settings of its own; yield its address."""

    @contextmanager
    def running(**intake):
        mine = settings.model_copy(update={"intake": IntakeSettings(port=0, **intake)})
        command = [sys.executable, "-m", "claimstream.cli", "serve"]
        with subprocess.Popen(
            command, env=os.environ | mine.environment() | {"COLUMNS": "200"}, stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                yield server.stdout.readline().split(" at ")[1].strip()
            finally:
                server.terminate()
                assert server.wait(30) == 0

    return running


def post(address, body, content_type="application/json", **headers):
    """Return the status, the answer, and the headers of it."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers), timeout=60) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


def test_articles_come_in_every_form(serve, published):
    with serve() as address:
        told = [
            post(address, ARTICLE),
            post(address, [ARTICLE | {"url": f"https://kessel.example/{n}"} for n in (2, 3)]),
            post(address, b'{"id": "4", "text": "words"}\n\n{"id": "5", "text": "words"}', "application/x-ndjson"),
            post(f"{address}?title=Ferry&site=kessel.example", b"<p>\x93words\x94", "text/html",
                 Content_Location="https://kessel.example/6"),
            post(f"{address}?id=7", "wörds".encode(), "text/plain; charset=utf-8"),
            post(address, gzip.compress(json.dumps(ARTICLE).encode()), Content_Encoding="gzip"),
        ]  # fmt: skip
    assert [status for status, *_ in told] == [202] * 6
    records = {f"{one.topic}/{one.partition}/{one.offset}": RawArticle.from_bytes(one.value) for one in published()}
    receipts = [receipt for _, answer, _ in told for receipt in answer["articles"]]
    assert {one["origin"]: one["article_id"] for one in receipts} == {o: a.article_id for o, a in records.items()}
    page = next(one for one in records.values() if one.html)
    assert (page.url, page.title, page.html) == ("https://kessel.example/6", "Ferry", "<p>“words”")


def test_what_is_wrong_is_named_and_nothing_of_it_published(serve, published):
    with serve(token=TOKEN, max_body_bytes=128 * 1024) as address:
        authorised = {"Authorization": f"Bearer {TOKEN}"}
        for body, content_type, headers, status, words in (
            (ARTICLE, "application/json", {}, 401, "intake.token"),
            (ARTICLE, "application/json", {"Authorization": "Bearer \u00fcmlaut-in-a-token"}, 401, "intake.token"),
            ({"text": "words"}, "application/json", authorised, 400, "url: is missing"),
            ([ARTICLE, ARTICLE | {"fetched_at": "soon"}], "application/json", authorised, 400, "article 2: fetched"),
            ([], "application/json", authorised, 400, "there is no article"),
            ([7], "application/json", authorised, 400, "article 1: "),
            (b"{", "application/json", authorised, 400, "not JSON"),
            (b"[" * 100_000, "application/json", authorised, 400, "not JSON"),
            (b"<p>", "text/html", authorised, 400, "url: is missing"),
            (ARTICLE, "application/xml", authorised, 415, "application/json"),
            (b"x" * 200 * 1024, "text/html", authorised, 413, "intake.max_body_bytes"),
            (gzip.compress(bytes(10**7)), "text/html", authorised | {"Content_Encoding": "gzip"}, 413, "too large"),
        ):  # fmt: skip
            got, answer, _ = post(address, body, content_type, **headers)
            assert (got, words in " ".join(answer["errors"])) == (status, True), answer
        assert post(address.replace("articles", "nothing"), ARTICLE)[0] == 404
    assert published() == []


@pytest.mark.parametrize(
    ("host", "token", "ok"), [("0.0.0.0", None, False), ("::1", None, True), ("0.0.0.0", TOKEN, True)]
)
def test_only_loopback_goes_without_a_token(monkeypatch, host, token, ok):
    monkeypatch.setenv("CLAIMSTREAM_INTAKE__HOST", host)
    if token:
        monkeypatch.setenv("CLAIMSTREAM_INTAKE__TOKEN", token)
    if ok:
        assert TOKEN not in repr(Settings())
    else:
        with pytest.raises(ValueError, match="token: is missing"):
            Settings()


def test_a_queue_that_is_full_is_told_to_come_back(serve, servers, published):
    with serve(max_requests=2) as address:
        servers.stop("kafka")
        try:

            async def three():
                async with aiohttp.ClientSession() as client:
                    posts = [asyncio.create_task(client.post(address, json=ARTICLE)) for _ in range(3)]
                    (refused,), waiting = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.to_thread(servers.start, "kafka")
                    answers = [await refused, *[await one for one in waiting]]
                    return [(answer.status, answer.headers.get("Retry-After")) for answer in answers]

            assert asyncio.run(three()) == [(429, "5"), (202, None), (202, None)]
        finally:
            servers.start("kafka")
    assert len(published()) >= 2


def test_under_load_and_an_outage_nothing_answered_202_is_lost(serve, servers, published):
    async def load(address):
        statuses, confirmed = [], set()
        flowing, full = asyncio.Event(), asyncio.Event()

        async def scraper(client, number):
            for n in range(25):
                one = {"url": f"https://kessel.example/{number}/{n}", "text": "words"}
                while True:
                    async with client.post(address, json=one) as answer:
                        statuses.append(answer.status)
                        if statuses.count(202) == 100:
                            flowing.set()
                        if answer.status == 429 and flowing.is_set():
                            full.set()
                        told = await answer.json()
                    if answer.status == 202:
                        confirmed.update(receipt["origin"] for receipt in told["articles"])
                        break
                    await asyncio.sleep(0.1)

        async def outage():
            await flowing.wait()
            await asyncio.to_thread(servers.stop, "kafka")
            await full.wait()
            await asyncio.to_thread(servers.start, "kafka")

        async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:
            group.create_task(outage())
            for number in range(20):
                group.create_task(scraper(client, number))
        return statuses, confirmed

    with serve(max_requests=10) as address:
        try:
            statuses, confirmed = asyncio.run(load(address))
        finally:
            servers.start("kafka")
    records = published()
    assert statuses.count(202) == len(confirmed) == 500
    assert confirmed <= {f"{one.topic}/{one.partition}/{one.offset}" for one in records}
    assert len({json.loads(one.value)["url"] for one in records}) == 500


def test_its_description_holds_whatever_is_sent(serve):
    with serve(token=TOKEN) as address:
        description = address.replace("articles", "openapi.json")
        options = ["--checks", "all", "--exclude-checks", "positive_data_acceptance", "--max-examples", "20",
                   "--generation-deterministic", "--no-color", "-H", f"Authorization: Bearer {TOKEN}"]  # fmt: skip
        command = [sys.executable, "-m", "schemathesis.cli", "run", description, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout


def test_its_page_is_for_everybody_and_runs_nothing(serve):
    with serve(token=TOKEN) as address:
        where = address.replace("articles", "docs?url=<script>")
        with urllib.request.urlopen(where, timeout=60) as answer:
            page, headers = answer.read().decode(), answer.headers
    assert (headers.get_content_type(), headers.get_content_charset()) == ("text/html", "utf-8")
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert "POST /articles" in page
    assert "<script" not in page


async def test_a_taken_port_is_named(settings, topic):
    first = Intake(settings.model_copy(update={"intake": IntakeSettings(port=0)}))
    runner = await first.serve()
    try:
        port = runner.addresses[0][1]
        with pytest.raises(Exception, match=f"port {port} .intake.port. on 127.0.0.1 cannot be had"):
            await Intake(settings.model_copy(update={"intake": IntakeSettings(port=port)})).serve()
    finally:
        await runner.cleanup()


async def test_what_kafka_does_not_confirm_in_time_is_named(settings, servers, topic, monkeypatch):
    monkeypatch.setattr(intake, "PATIENCE", 1.0)
    runner = await Intake(settings.model_copy(update={"intake": IntakeSettings(port=0)})).serve()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/articles"
    both = [ARTICLE, {"id": "2", "text": "words"}]
    try:
        await asyncio.to_thread(servers.stop, "kafka")
        try:
            status, answer, headers = await asyncio.to_thread(post, address, both)
        finally:
            await asyncio.to_thread(servers.start, "kafka")
        assert (status, headers["Retry-After"], answer["articles"]) == (503, "5", [])
        why = "Kafka did not confirm the article within 1 s"
        assert answer["errors"] == [f"{ARTICLE['url']}: {why}", f"2: {why}"]
        monkeypatch.undo()
        status, answer, _ = await asyncio.to_thread(post, address, both)
        assert (status, len(answer["articles"])) == (202, 2)
    finally:
        await runner.cleanup()
