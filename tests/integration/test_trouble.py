"""What stops the stream though every program runs: each is one line that says what to do, and nothing is lost."""

import http.server
import json
import re
import threading
import time

import pytest
from elasticsearch import Elasticsearch

from claimstream.config.indices import Indices

from ..stream import Stream, until
from .test_cli import claimstream, only_line

WORDS = "The harbour master of Kessel, Jaro Mlinar, said on Monday that the ferry will sail again next week. " * 3


@pytest.fixture
def stream(settings, tmp_path):
    one = Stream(settings, tmp_path)
    yield one
    one.stop_workers()


@pytest.mark.parametrize(
    ("command", "topics"),
    [
        (["lag"], ["articles", "claims", "outcomes", "raw-articles"]),
        (["dead-letters", "list"], ["dead-letters"]),
        (["publish", "-"], ["raw-articles"]),
    ],
    ids=" ".join,
)
def test_a_missing_topic_is_named(settings, command, topics):
    line = only_line(claimstream(*command, stdin=b'{"id": "1", "text": "words"}', **settings.environment()))
    prefix = settings.kafka.prefix
    assert re.search(rf"lacks topic {prefix}\S*{topics[0]}\b.*: run `claimstream init`", line)
    assert line.count(prefix) <= len(topics)


class Refusing(http.server.BaseHTTPRequestHandler):
    """An Elasticsearch with security on, asked with the wrong login."""

    def do_GET(self) -> None:
        body = json.dumps({"error": {"type": "security_exception", "reason": "unable to authenticate"}}).encode()
        self.send_response(401)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_HEAD = do_GET  # noqa: N815 - the names are those of HTTP

    def log_message(self, *args: object) -> None:
        pass


def test_a_refused_login_says_which_settings_to_check(settings):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wrong = settings.environment() | {
            "CLAIMSTREAM_ELASTICSEARCH__URL": f"http://127.0.0.1:{server.server_port}",
            "CLAIMSTREAM_ELASTICSEARCH__USERNAME": "ada",
            "CLAIMSTREAM_ELASTICSEARCH__PASSWORD": "wrong",
        }
        line = only_line(claimstream("search", "ferry", **wrong))
        assert "refuses the login: check elasticsearch.api_key, or username and password" in line
        assert "wrong" not in line
        server.shutdown()


def test_an_unknown_address_is_named(settings):
    wrong = settings.environment() | {"CLAIMSTREAM_KAFKA__SERVERS": "no-such-host.invalid:9092"}
    assert "no-such-host.invalid:9092 (kafka.servers)" in only_line(claimstream("lag", **wrong))
    wrong = settings.environment() | {"CLAIMSTREAM_ELASTICSEARCH__URL": "http://no-such-host.invalid:9200"}
    assert "http://no-such-host.invalid:9200 (elasticsearch.url)" in only_line(claimstream("search", "x", **wrong))


def test_a_clock_that_is_behind_is_told_instead_of_a_wrong_age(stream):
    stream.initialise()
    in_an_hour = round((time.time() + 3600) * 1000)
    stream.publish([b"{}"], topic=stream.topics.articles, timestamp=lambda: in_an_hour)
    for options in ([], ["--fail-over", "60"]):
        line = only_line(claimstream("lag", "--interval", "0", *options, **stream.settings.environment()))
        assert re.fullmatch(
            r"ages are wrong: this machine's clock is 3[56]\d\d s behind that of Kafka or a worker; set all by NTP",
            line,
        )


BLOCKS = {
    "read_only_allow_delete": "flood-stage watermark.*: make room on its disk",  # set by Elasticsearch itself
    "read_only": "read-only.*: somebody set index.blocks.read_only: take it off",
}


@pytest.mark.real
@pytest.mark.parametrize("block", BLOCKS)
def test_an_index_that_takes_no_writes_is_waited_for_with_advice(stream, block):
    stream.initialise()
    worker = stream.start_worker()
    stream.wait_for_log(worker, "working: ")
    index = Indices(stream.settings.elasticsearch).index("articles")
    with Elasticsearch(stream.settings.elasticsearch.url) as client:
        client.indices.put_settings(index=index, settings={f"index.blocks.{block}": True})
        stream.publish([json.dumps({"id": "1", "text": WORDS}).encode()])
        until(lambda: re.search(BLOCKS[block], worker.log), "advice in the log")
        assert worker.poll() is None
        client.indices.put_settings(index=index, settings={f"index.blocks.{block}": None})
    stream.wait()
    assert stream.endings() == ["indexed"]
    assert stream.dead_letters() == []
