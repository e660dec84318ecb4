"""Every way in, at a Kafka with security on: as the user that docs/security.md describes, and as others."""

import asyncio
import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import certifi
import pytest

from claimstream.agents.connections import kafka_connection
from claimstream.agents.provision import create_topics
from claimstream.config.settings import Intake, Kafka, Settings
from claimstream.config.topics import Topics
from claimstream.publishing import AsyncPublisher, Misconfigured, Publisher, RawArticle

from ...servers.real import real_servers
from ...servers.secured import PREFIX, SecuredServers
from ...site import STORIES, served
from .test_scrapy import crawl, ends_in_one_line

pytestmark = pytest.mark.real

ARTICLE = {"url": "https://kessel.example/1", "text": "The ferry sails on Monday."}
TROUBLES = [
    ({"password": "wrong"}, "refuses the login: check kafka.username and password"),
    ({"ca_file": certifi.where()}, "fails: check kafka.ca_file"),
    ({"sasl_mechanism": "SCRAM-SHA-256"}, "does not know kafka.sasl_mechanism SCRAM-SHA-256"),
    ({"security_protocol": "PLAINTEXT"}, "that is PLAINTEXT"),
    ({"prefix": "of-others-"}, "or hides it from this user"),
]


@pytest.fixture(scope="module")
def secured():
    with real_servers(SecuredServers, ["kafka"]) as servers:
        servers.grant()
        asyncio.run(create_topics(Kafka(servers=servers.plain, prefix=PREFIX, partitions=2)))
        yield servers


def command(kafka: Kafka, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    settings = Settings(kafka=kafka, intake=Intake(port=0))
    environment = os.environ | settings.environment() | {"COLUMNS": "200"}
    words = [sys.executable, "-m", "claimstream.cli", *arguments]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=folder)


def spider(kafka: Kafka, folder: Path, site: str) -> "tuple[subprocess.CompletedProcess[str], dict]":
    """Run the spider with what a scraper writes into its settings.py."""
    (folder / "settings.py").write_text(f"""
CLAIMSTREAM_SERVERS = {kafka.servers!r}
CLAIMSTREAM_TOPIC = {Topics.of(kafka).raw_articles!r}
CLAIMSTREAM_FIELDS = {{"body": "html"}}
CLAIMSTREAM_CONNECTION = {{
    "security_protocol": "SASL_SSL",
    "ca_file": {str(kafka.ca_file)!r},
    "sasl_mechanism": {kafka.sasl_mechanism!r},
    "sasl_plain_username": "claimstream",
    "sasl_plain_password": {kafka.password.get_secret_value()!r},
}}
""")
    return crawl(folder, site, environment={"SCRAPY_SETTINGS_MODULE": "settings"})


def test_a_user_with_the_rights_we_say_publishes_by_every_way(secured, tmp_path):
    kafka = secured.kafka_settings()
    options = {"topic": Topics.of(kafka).raw_articles, **kafka_connection(kafka)}
    with Publisher(kafka.servers, **options) as publisher:
        assert RawArticle(**ARTICLE).article_id == publisher.publish(ARTICLE).article_id
    (tmp_path / "a.jsonl").write_text(json.dumps(ARTICLE))
    assert command(kafka, tmp_path, "publish", "a.jsonl").stdout == "published 1, not published 0\n"
    with served() as site:
        done, stats = spider(kafka, tmp_path, site)
    assert stats["claimstream/published"] == STORIES
    assert secured.password("claimstream") not in done.stderr


@pytest.mark.parametrize(("changed", "told"), TROUBLES)
def test_commands_end_with_one_line(secured, tmp_path, changed, told):
    kafka = secured.kafka_settings(**changed)
    (tmp_path / "a.jsonl").write_text(json.dumps(ARTICLE))
    for arguments in (["publish", "a.jsonl"], ["serve"]):
        done = command(kafka, tmp_path, *arguments)
        line, *more = done.stderr.splitlines()
        assert not more, done.stderr
        assert (done.returncode, done.stdout, told in line) == (1, "", True), line
        assert secured.password("claimstream") not in line


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(("changed", "told"), TROUBLES)
def test_publishers_raise_what_to_mend(secured, changed, told):
    kafka = secured.kafka_settings(**changed)
    options = {"topic": Topics.of(kafka).raw_articles, **kafka_connection(kafka)}

    async def publish():
        async with AsyncPublisher(kafka.servers, **options):
            pass

    for connect in (lambda: asyncio.run(publish()), lambda: Publisher(kafka.servers, **options)):
        with pytest.raises(Exception, match=told) as raised:
            connect()
        assert isinstance(raised.value, Misconfigured) == ("PLAINTEXT" not in told)
    del raised
    gc.collect()  # aiokafka leaves the socket of a login that failed to it


def test_a_spider_does_not_crawl(secured, tmp_path):
    with served() as site:
        done, stats = spider(secured.kafka_settings(password="wrong"), tmp_path, site)
    ends_in_one_line(done, stats, "refuses the login")
