"""`claimstream publish`: archives end up in Kafka whole, whatever interrupts it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from claimstream.publishing import RawArticle

from ...site import STORIES, path, story, warc
from ...stream import Stream, until


@pytest.fixture
def run(settings, topic, tmp_path, run_cli):
    """Run the command in a folder of its own."""
    stream = Stream(settings, tmp_path)
    return lambda *arguments, **options: run_cli(stream, "publish", *arguments, cwd=tmp_path, **options)


@pytest.fixture
def crawl(tmp_path):
    """Two hundred pages as Common Crawl has them, and some records that are none."""
    pages = [
        ("response", f"https://lornpost.example{path(n)}", "200 OK", "text/html", story(n).encode())
        for n in range(STORIES)
    ]
    request = ("request", "https://lornpost.example/", "GET / HTTP/1.1", "text/html", b"")
    return warc(tmp_path / "crawl.warc.gz", *pages, request)


def urls(published):
    return [RawArticle.from_bytes(record.value).url for record in published()]


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
class TestWarc:
    def test_is_published_whole(self, run, crawl, published, tmp_path):
        done = run("crawl.warc.gz")
        assert done.stdout.splitlines() == [
            f"published {STORIES}, not published 0",
            "something else: a warcinfo record 1, a request record 1",
        ]
        assert len(set(urls(published))) == len(published()) == STORIES
        assert list((tmp_path / ".claimstream" / "publish").iterdir()) == []

    @pytest.mark.parametrize(("by", "status", "told"), [
        (signal.SIGKILL, -9, ""),
        (signal.SIGTERM, 143, "interrupted; the same call with --resume goes on\n"),
        (signal.SIGINT, 130, "interrupted; the same call with --resume goes on\n"),
    ])  # fmt: skip
    def test_goes_on_where_it_was_stopped(self, begun, run, published, by, status, told):
        begun.send_signal(by)
        _, said = begun.communicate(timeout=60)
        assert (begun.returncode, said) == (status, told)
        self.goes_on(run, published)

    def test_goes_on_where_an_outage_ended_it(self, servers, begun, run, published):
        servers.stop("kafka")
        try:
            out, said = begun.communicate(timeout=60)
        finally:
            servers.start("kafka")
        assert begun.returncode == 1
        *lost, last = said.splitlines()
        assert last == "ended before its end; the same call with --resume goes on"
        assert all("crawl.warc.gz#" in line and "Kafka did not confirm the article within 1 s" in line for line in lost)
        assert f"unreachable {len(lost)}" in out
        self.goes_on(run, published)

    @pytest.fixture
    def begun(self, settings, topic, crawl, tmp_path):
        """The command, some way into the archive."""
        command = [sys.executable, "-m", "claimstream.cli", "publish", "--rate", "30", "--patience", "1", crawl.name]
        environment = os.environ | settings.environment() | {"COLUMNS": "200"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, env=environment, cwd=tmp_path, text=True, **pipes) as process:
            bookmarks = tmp_path / ".claimstream" / "publish"
            until(lambda: bookmarks.exists() and any(file.stat().st_size for file in bookmarks.iterdir()), "a bookmark")
            yield process

    @staticmethod
    def goes_on(run, published):
        """The same call with --resume publishes the rest."""
        before = set(urls(published))
        assert 0 < len(before) < STORIES
        told = run("crawl.warc.gz", "--resume").stdout.splitlines()
        skipped = int(told[-1].removeprefix("skipped as done before: "))
        assert skipped > 0
        assert told[0] == f"published {STORIES - skipped + 1}, not published 0"  # the warcinfo record was skipped, too
        assert set(urls(published)) > before
        assert len(set(urls(published))) == STORIES

    def test_without_room_for_the_bookmark_is_published_all_the_same(self, run, crawl, published, tmp_path):
        (tmp_path / ".claimstream").write_text("in the way")
        done = run("crawl.warc.gz", "--resume")
        assert f"published {STORIES}, not published 0" in done.stdout
        assert done.stderr.startswith("--resume will not know how far this came: .claimstream/publish/")
        assert len(published()) == STORIES


def test_a_dry_run_counts_by_reason_and_needs_no_kafka(settings, tmp_path, run_cli):
    away = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"servers": "127.0.0.1:1"})})
    lines = ['{"url": "https://a.example/1", "text": "words"}', "{", '{"url": "https://a.example/2"}', "[]"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "b.html").write_text("<p>words</p>")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.jsonl").write_text("{")
    done = run_cli(Stream(away, tmp_path), "publish", "--dry-run", ".", status=1, cwd=tmp_path)
    assert done.stdout.splitlines() == [
        "fit to be published 2, not fit to be published 3",
        "not fit to be published: not-json 2, invalid-record 1",
    ]
    assert [line.split(":")[:2] for line in done.stderr.splitlines()] == [["a.jsonl", str(n)] for n in (2, 3, 4)]


def test_standard_input_is_published_as_it_comes(settings, topic, published, tmp_path):
    command = [sys.executable, "-m", "claimstream.cli", "publish", "-"]
    with subprocess.Popen(
        command,
        env=os.environ | settings.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as scraper:
        scraper.stdin.write(json.dumps({"url": "https://a.example/1", "text": "words"}) + "\n")
        scraper.stdin.flush()
        until(lambda: len(published()) == 1, "the first article")
        told, _ = scraper.communicate(json.dumps({"url": "https://a.example/2", "text": "words"}), timeout=60)
    assert told == "published 2, not published 0\n"


def test_standard_input_that_stays_open_can_be_left(settings, topic, published, tmp_path):
    command = [sys.executable, "-m", "claimstream.cli", "publish", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(
        command, env=os.environ | settings.environment(), text=True, cwd=tmp_path, **pipes
    ) as scraper:
        scraper.stdin.write(json.dumps({"url": "https://a.example/1", "text": "words"}) + "\n")
        scraper.stdin.flush()
        until(lambda: len(published()) == 1, "the first article")
        scraper.send_signal(signal.SIGINT)
        assert scraper.wait(60) == 130
        assert scraper.stdout.read() == "published 1, not published 0\n"
        assert scraper.stderr.read() == "interrupted\n"


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda folder: folder.mkdir(), "holds no file that ends in .warc"),
        (lambda folder: None, "No such file or directory"),
    ],
)
def test_nothing_to_publish(run, tmp_path, prepare, told):
    prepare(tmp_path / "pages")
    (line,) = run("pages", status=1).stderr.splitlines()
    assert line.startswith("pages: ")
    assert told in line
