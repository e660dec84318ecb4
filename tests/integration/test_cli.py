"""What a person meets who gets something wrong: one readable line and a status that is not 0."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from importlib.resources import files

import psutil
import pytest
from rich.ansi import AnsiDecoder

from claimstream.cli.embedded import free_port

from ..stream import Stream, until

SAMPLES = files("claimstream.cli").joinpath("samples", "articles.jsonl")


def claimstream(*arguments: str, stdin: bytes = b"", **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run a command with nothing behind it but what `settings` name."""
    nowhere = f"127.0.0.1:{free_port()}"
    environment = {
        **os.environ,
        "CLAIMSTREAM_KAFKA__SERVERS": nowhere,
        "CLAIMSTREAM_ELASTICSEARCH__URL": f"http://{nowhere}",
        "COLUMNS": "200",
        **settings,
    }
    command = [sys.executable, "-m", "claimstream.cli", *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, input=stdin.decode("utf-8"), text=True, timeout=60, check=False
    )


def only_line(done: "subprocess.CompletedProcess[str]", status: int = 1) -> str:
    assert done.returncode == status, done.stderr
    (line,) = [line.plain for line in AnsiDecoder().decode(done.stderr) if line.plain.strip()]
    return line


@pytest.mark.parametrize(
    "command",
    [["init"], ["lag"], ["publish", str(SAMPLES)], ["dead-letters", "list"], ["dead-letters", "replay", "0-1"]],
)
def test_no_kafka(command, tmp_path):
    if command[0] == "publish":
        good = tmp_path / "good.jsonl"
        good.write_bytes(SAMPLES.read_bytes().splitlines()[0])
        command = ["publish", str(good)]
    assert "Kafka is not available: no answer from 127.0.0.1:" in only_line(claimstream(*command))


def test_no_elasticsearch():
    assert "Elasticsearch is not available: http://127.0.0.1:" in only_line(claimstream("search", "ferry"))


TLS = {"CLAIMSTREAM_ELASTICSEARCH__URL": "https://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (["search", "--stance", "shouts"], {}, "--stance: there is no 'shouts'; choose among asserts, denies"),
        (["lag"], {"CLAIMSTREAM_KAFKA__PARTITIONS": "none"}, "settings: kafka.partitions: "),
        (["lag"], {"CLAIMSTREAM_KAFKA__SERVR": "a"}, "settings: kafka.servr: there is no such setting"),
        (["lag"], {"CLAIMSTREAM_KAFKA__SERVERS": "broker:port"}, "settings: kafka.servers: give brokers as host:port"),
        (["search", "x"], {"CLAIMSTREAM_ELASTICSEARCH__URL": "search:9200"}, "url: give one address with scheme and"),
        (
            ["search", "x"],
            {"CLAIMSTREAM_ELASTICSEARCH__URL": "https://search"},
            "url: give one address with scheme and",
        ),
        (["search", "x"], {"CLAIMSTREAM_ELASTICSEARCH__URL": "https://a:b@search:9200"}, "an address is printed: give"),
        (
            ["search", "x"],
            TLS | {"CLAIMSTREAM_ELASTICSEARCH__CA_FILE": "no.pem"},
            "no.pem (elasticsearch.ca_file): No such",
        ),
        (["search", "x"], TLS | {"CLAIMSTREAM_ELASTICSEARCH__CA_FILE": "/etc/passwd"}, "no certificate or crl found"),
        (["publish", "no-such-file.jsonl"], {}, "no-such-file.jsonl: No such file or directory"),
        (["publish", "a.html", "b.html", "--url", "https://a.example"], {}, "--url: give it with exactly one"),
        (["explain", "no-such-file.txt"], {}, "no-such-file.txt: No such file or directory"),
        (["dead-letters", "replay"], {}, "give either the ids of dead letters or --all"),
        (["health"], {"CLAIMSTREAM_WORKER__WEB_PORT": "1"}, "no worker answers at http://127.0.0.1:1/health"),
    ],
)
def test_mistakes(arguments, settings, told):
    assert told in only_line(claimstream(*arguments, **settings))


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (["--agents", "strip,sing"], {}, "--agents: there is no sing; choose among strip, extract, index"),
        ([], {"CLAIMSTREAM_WORKER__FUSE": "0"}, "settings: worker.fuse: "),
        ([], {"CLAIMSTREAM_WORKR__FUSE": "3"}, "settings: workr__fuse: there is no such setting"),
    ],
)
def test_a_supervisor_learns_that_starting_the_worker_again_will_not_help(arguments, settings, told):
    assert told in only_line(claimstream("worker", *arguments, **settings), status=3)


def test_a_worker_that_needs_a_person_stays_if_its_supervisor_would_only_start_it_again(tmp_path):
    """Each start lets some more articles die before the fuse blows."""
    command = [sys.executable, "-m", "claimstream.cli", "worker", "--stay", "--agents", "sing"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(command, stderr=output)
    try:
        until(lambda: "signal.pause()" in " ".join(psutil.Process(worker.pid).cmdline()), "the worker to stay")
        assert "there is no sing" in log.read_text()
        worker.terminate()
        assert worker.wait(10) == -signal.SIGTERM
    finally:
        worker.kill()
        worker.wait()


class Other(http.server.BaseHTTPRequestHandler):
    """Answers like an Elasticsearch of version 7, or like something else altogether."""

    version: str | None = "7.17.0"

    def do_GET(self) -> None:
        body = json.dumps({"nodes": {"n": {"version": self.version}}} if self.version else {"hello": "there"}).encode()
        self.send_response(200)
        if self.version:
            self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("version", "told"), [("7.17.0", "is 7.17.0; claimstream needs 8 or newer"), (None, "is not Elasticsearch")]
)
def test_the_wrong_elasticsearch(settings, tmp_path, version, told):
    handler = type("Handler", (Other,), {"version": version})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        wrong = settings.environment() | {"CLAIMSTREAM_ELASTICSEARCH__URL": url}
        assert told in only_line(claimstream("init", **wrong))
        Stream(settings, tmp_path).initialise()
        stopped = claimstream("worker", **wrong)
        assert stopped.returncode == 3
        assert told in stopped.stderr
        assert "Traceback" not in stopped.stderr
        server.shutdown()


def test_publish_names_each_line_that_is_wrong_and_publishes_the_rest(settings, tmp_path, run_cli):
    stream = Stream(settings, tmp_path)
    stream.initialise()
    lines = [b'{"url": "https://a.example/1", "text": "words"}', b"{", b"", b'{"url": "https://a.example/2"}']
    file = tmp_path / "articles.jsonl"
    file.write_bytes(b"\n".join(lines))
    done = run_cli(stream, "publish", str(file), status=1)
    assert "published 1, not published 2" in done.stdout
    assert f"{file}:2: the message is not JSON" in done.stderr
    assert f"{file}:4: text: is missing" in done.stderr
    assert sum(one.lag for one in stream.lag()) == 1


def test_publish_reads_pages_and_standard_input(settings, tmp_path, run_cli):
    stream = Stream(settings, tmp_path)
    stream.initialise()
    page = tmp_path / "page.html"
    page.write_text("<p>words</p>")
    assert "published 1" in run_cli(stream, "publish", str(page), "--url", "https://a.example/1").stdout
    assert "published 1" in run_cli(stream, "publish", str(page)).stdout
    assert "published 9" not in run_cli(stream, "publish", "-", input="").stdout
    assert sum(one.lag for one in stream.lag()) == 2


def test_publish_without_topics_says_what_to_do(settings, tmp_path, run_cli):
    line = b'{"url": "https://a.example/1", "text": "words"}'
    done = run_cli(Stream(settings, tmp_path), "publish", "-", input=line.decode(), status=1)
    assert "run `claimstream init`" in done.stderr


def test_what_is_too_large_for_a_message_is_named(settings, tmp_path, run_cli):
    stream = Stream(settings, tmp_path)
    stream.initialise()
    line = json.dumps({"id": "1", "text": "x" * (settings.kafka.max_message_bytes + 1)})
    done = run_cli(stream, "publish", "-", input=line, status=1)
    assert "stdin:1: " in done.stderr
    assert "kafka.max_message_bytes" in done.stderr


def test_explain_needs_no_servers():
    lines = SAMPLES.read_bytes().splitlines()
    done = claimstream("explain", "-", stdin=lines[1])
    assert done.returncode == 0, done.stderr
    assert "comment-form" in done.stdout
    assert "Sanna Tiel" in done.stdout
    told = json.loads(claimstream("explain", "-", "--json", stdin=lines[1]).stdout)
    text = told["article"]["text"]
    for claim in told["claims"]:
        for span in (*claim["source"], *claim["cue"], *claim["content"]):
            assert text[span["start"] : span["end"]] == span["text"]


def test_explain_tells_a_refusal():
    assert "refused as not-english" in only_line(
        claimstream("explain", "-", stdin=SAMPLES.read_bytes().splitlines()[7])
    )


def test_article_text_cannot_command_the_terminal():
    text = "The \x1b[2Jharbour\x9b31m master \x07said on Monday that the ferry will sail again next week. " * 5
    done = claimstream("explain", "-", stdin=json.dumps({"id": "1", "text": text}).encode())
    assert done.returncode == 0, done.stderr
    assert not {"\x1b", "\x9b", "\x07"} & set(done.stdout)


def test_schema_is_for_scrapers():
    told = json.loads(claimstream("schema").stdout)
    assert {"url", "id", "text", "html", "published_at"} <= set(told["properties"])


def test_help_shows_examples():
    assert "claimstream publish page.html --url" in claimstream("publish", "--help").stdout
