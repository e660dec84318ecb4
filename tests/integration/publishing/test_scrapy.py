"""A real spider, run by Scrapy as its author would, over a real local site."""

import json
import os
import subprocess
import sys

import pytest

from claimstream.publishing import RawArticle

from ...site import STORIES, path, served

SPIDER = """
from dataclasses import dataclass

import scrapy


class StoryItem(scrapy.Item):
    url = scrapy.Field()
    body = scrapy.Field()
    spider = scrapy.Field()


@dataclass
class Story:
    url: str
    body: str


class LornPost(scrapy.Spider):
    name = "lornpost"

    def __init__(self, start, **rest):
        super().__init__(**rest)
        self.start_urls = [start]

    def parse(self, response):
        yield from response.follow_all(css="a.story", callback=self.parse_story)
        yield from response.follow_all(css="a.next")
        if "/page/" not in response.url:
            yield {"url": response.url}
            yield {"url": response.url, "body": "x" * 20_000_000}

    def parse_story(self, response):
        kind = len(response.url) % 3
        if kind == 0:
            yield {"url": response.url, "body": response.text}
        elif kind == 1:
            yield StoryItem(url=response.url, body=response.text, spider=self.name)
        else:
            yield Story(url=response.url, body=response.text)
"""


def crawl(
    folder, start: str, *settings: str, environment: dict[str, str] | None = None
) -> "tuple[subprocess.CompletedProcess[str], dict]":
    """Run the spider; return what Scrapy said, and its stats."""
    (folder / "spider.py").write_text(SPIDER)
    (folder / "stats.py").write_text(
        "import json\n"
        "from scrapy.statscollectors import MemoryStatsCollector\n"
        "class Written(MemoryStatsCollector):\n"
        "    def _persist_stats(self, stats):\n"
        "        open('stats.json', 'w').write(json.dumps(stats, default=str))\n"
    )
    options = ["STATS_CLASS=stats.Written", "LOG_LEVEL=WARNING", "ITEM_PIPELINES=" + json.dumps(
        {"claimstream.publishing.scrapy.PublishPipeline": 900}
    ), *settings]  # fmt: skip
    command = [sys.executable, "-m", "scrapy", "runspider", "spider.py", "-a", f"start={start}"]
    command += [word for option in options for word in ("-s", option)]
    environment = os.environ | (environment or {})
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=folder, env=environment
    )
    stats = folder / "stats.json"
    return done, json.loads(stats.read_text()) if stats.exists() else {}


def test_a_spider_publishes_a_site(settings, topic, published, tmp_path):
    with served() as site:
        done, stats = crawl(
            tmp_path,
            site,
            f"CLAIMSTREAM_SERVERS={settings.kafka.servers}",
            f"CLAIMSTREAM_TOPIC={topic}",
            'CLAIMSTREAM_FIELDS={"body": "html"}',
        )
    articles = [RawArticle.from_bytes(record.value) for record in published()]
    assert stats["claimstream/published"] == len(articles) == STORIES, done.stderr
    assert {one.url.removeprefix(site) for one in articles} == {path(n) + "?utm_source=front" for n in range(STORIES)}
    assert all("the harbour master" in one.html for one in articles)
    assert stats["claimstream/invalid"] == stats["claimstream/too_large"] == 1
    assert stats["item_dropped_count"] == 2
    assert stats["item_scraped_count"] == STORIES
    assert "not published: text: is missing" in done.stderr
    assert stats["finish_reason"] == "finished"
    assert "Unclosed" not in done.stderr


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("CLAIMSTREAM_SERVERS=127.0.0.1:1", "Kafka is not available: no answer from 127.0.0.1:1"),
        ('CLAIMSTREAM_FIELDS={"body": "page"}', "CLAIMSTREAM_FIELDS: a raw article has no page"),
        ("CLAIMSTREAM_PATIENCE=long", "the settings CLAIMSTREAM_... are wrong: could not convert"),
        ('CLAIMSTREAM_CONNECTION={"sasl_user": "x"}', "an unexpected keyword argument 'sasl_user'"),
        ('CLAIMSTREAM_CONNECTION={"security_protocol": "SSL", "ca_file": "/none"}', "/none (kafka.ca_file, in Python"),
    ],
)
def test_nothing_is_crawled_where_it_could_not_be_published(tmp_path, setting, told):
    with served() as site:
        done, stats = crawl(tmp_path, site, setting)
    ends_in_one_line(done, stats, told)


def ends_in_one_line(done, stats, told):
    (line,) = done.stderr.splitlines()
    assert "nothing is crawled, for it could not be published: " in line
    assert told in line
    assert done.returncode == 1
    assert stats["finish_reason"] in {"claimstream_unreachable", "claimstream_misconfigured"}
    assert "downloader/request_count" not in stats


def test_what_an_outage_outlasts_is_counted_and_makes_the_exit_status_1(settings, servers, topic, tmp_path):
    with served(halfway=lambda: servers.stop("kafka")) as site:
        try:
            done, stats = crawl(
                tmp_path,
                site,
                f"CLAIMSTREAM_SERVERS={settings.kafka.servers}",
                f"CLAIMSTREAM_TOPIC={topic}",
                'CLAIMSTREAM_FIELDS={"body": "html"}',
                "CLAIMSTREAM_PATIENCE=1",
            )
        finally:
            servers.start("kafka")
    assert done.returncode == 1
    assert stats["claimstream/failed"] >= STORIES // 2
    assert stats["claimstream/failed"] + stats["claimstream/published"] == STORIES
    assert stats["finish_reason"] == "finished"
