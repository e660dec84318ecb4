"""Every way in, end to end: each article that was published has one outcome, and can be found on its way."""

import json
import os
import subprocess
import sys
import urllib.request
from collections import Counter

import pytest

from ...conftest import own_settings
from ...site import STORIES, path, served, story, warc
from ...stream import Stream, until
from .test_scrapy import crawl

HOST = "https://lornpost.example"
ELSEWHERE = "https://tarnpost.example"
"""Of a site with few stories: of another's, the stream may have learned by now which lines they share."""
TOO_SHORT = "The ferry to Kessel will sail again next week, the harbour master said on Monday."


@pytest.fixture(scope="module")
def stream(servers, tmp_path_factory):
    one = Stream(own_settings(servers), tmp_path_factory.mktemp("ways"))
    one.initialise()
    return one


def article(run_cli, stream, *which, status=0):
    """What `claimstream article` tells: lines of words."""
    done = run_cli(stream, "article", *which, status=status)
    return [line.split() for line in done.stdout.splitlines()] if status == 0 else done.stderr


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_published_is_the_sum_of_outcomes_whichever_way_they_came(stream, run_cli, tmp_path):
    kafka, topic = stream.settings.kafka.servers, stream.topics.raw_articles
    with served() as site:
        _, stats = crawl(
            tmp_path,
            site,
            f"CLAIMSTREAM_SERVERS={kafka}",
            f"CLAIMSTREAM_TOPIC={topic}",
            'CLAIMSTREAM_FIELDS={"body": "html"}',
        )
    pages = [("response", HOST + path(n), "200 OK", "text/html", story(n).encode()) for n in range(20)]
    warc(tmp_path / "crawl.warc.gz", *pages)
    told = run_cli(stream, "publish", "crawl.warc.gz", cwd=tmp_path).stdout
    assert "published 20, not published 0" in told
    environment = os.environ | stream.settings.environment() | {"CLAIMSTREAM_INTAKE__PORT": "0"}
    command = [sys.executable, "-m", "claimstream.cli", "serve"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        address = server.stdout.readline().split(" at ")[1].strip()
        many = json.dumps([{"url": f"{HOST}/http/{n}", "html": story(n)} for n in range(20)])
        request = urllib.request.Request(address, many.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert answer.status == 202
        server.terminate()
    stream.published = stats["claimstream/published"] + 20 + 20
    assert stream.published == STORIES + 40

    (origin, received, waits) = article(run_cli, stream, f"{HOST}{path(3)}")
    assert (origin[0].startswith(topic), received[0], waits) == (True, "received", ["waits", "for", "strip"])

    with stream.worker():
        stream.wait()
    reports = STORIES // 4 + 5 + 5  # each fourth page; the rest is too short to be an article
    outcomes = Counter(ending.split(":")[0] for ending in stream.endings())
    assert outcomes == {"indexed": reports, "refused": stream.published - reports}
    assert len({claim["article_id"] for claim in stream.documents("claims")}) == reports


def test_an_article_is_found_on_its_way_and_at_its_end(stream, run_cli):
    stream.publish(
        [
            json.dumps({"url": f"{ELSEWHERE}/found/1", "html": story(0)}).encode(),
            json.dumps({"id": "agency-17", "site": "tarnpost.example", "text": TOO_SHORT}).encode(),
            json.dumps({"url": f"{ELSEWHERE}/future", "html": story(4), "fetched_at": "2199-01-01"}).encode(),
            json.dumps({"url": f"{ELSEWHERE}/twice", "html": story(8), "fetched_at": "2026-09-02"}).encode(),
            json.dumps({"url": f"{ELSEWHERE}/twice", "html": story(12), "fetched_at": "2026-09-01"}).encode(),
        ]
    )
    with stream.worker("--agents", "strip"):
        until(lambda: stream_lag(stream, "strip") == 0, "strip is done")
    *_, waits = article(run_cli, stream, f"{ELSEWHERE}/found/1")
    assert waits == ["waits", "for", "extract"]
    with stream.worker():
        stream.wait()
    for spelling in ("http://www.tarnpost.example/found/1/?utm_source=x#top", "https://amp.tarnpost.example/found/1"):
        _, _, *steps = article(run_cli, stream, spelling)
        assert [step[0] for step in steps] == ["received", "stripped", "extracted", "indexed"]
        times = [" ".join(step[1:3]) for step in steps]
        assert times == sorted(times)
    whole = json.loads(run_cli(stream, "article", f"{ELSEWHERE}/found/1", "--json").stdout)
    assert whole["document"]["url"] == f"{ELSEWHERE}/found/1"
    assert whole["ways"][0]["ending"]["outcome"] == "indexed"

    *_, refused = article(run_cli, stream, "agency-17", "--site", "tarnpost.example")
    assert (refused[0], refused[3:6]) == ("refused", ["by", "strip:", "too-short:"])
    *_, dead = article(run_cli, stream, f"{ELSEWHERE}/future")
    assert (dead[0], dead[3:7]) == ("dead-lettered", ["by", "strip:", "invalid-record:", "fetched_at:"])
    endings = [line for line in article(run_cli, stream, f"{ELSEWHERE}/twice") if line[0] in {"indexed", "refused"}]
    assert {(line[0], line[3]) for line in endings} == {("indexed", "2"), ("refused", "older-version")}
    told = article(run_cli, stream, f"{ELSEWHERE}/never", status=1)
    assert "neither waits in Kafka nor has an outcome" in told


def stream_lag(stream, stage):
    return sum(one.lag for one in stream.lag() if one.stage == stage)
