"""The stream on servers with security on, as a user who may do no more than docs/security.md grants."""

from collections.abc import Iterator
from pathlib import Path

import certifi
import psutil
import pytest

from claimstream.agents.worker import FATAL
from claimstream.config.settings import Elasticsearch, Kafka, Settings, Worker

from ..servers.real import real_servers
from ..servers.secured import PASSWORD, PREFIX, SecuredServers
from ..stream import SECONDS, Stream, children

pytestmark = pytest.mark.real

ARTICLE = b"""{"url": "https://kessel.example/1", "text": "The ferry to Kessel sails again next week, said Jaro Mlinar,
 a spokesman of the company. He denied that the hull was damaged in the storm that closed the harbour."}""".replace(
    b"\n", b""
)


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredServers]:
    with real_servers(SecuredServers) as servers:
        servers.grant()
        yield servers


@pytest.fixture
def stream(secured: SecuredServers, tmp_path: Path) -> Iterator[Stream]:
    """As an administrator sees it."""
    one = Stream(
        Settings(
            kafka=Kafka(servers=secured.plain, prefix=PREFIX, partitions=2),
            elasticsearch=secured.elasticsearch_settings("admin"),
            worker=Worker(pool_processes=1, web_port=0),
        ),
        tmp_path,
    )
    one.initialise()
    yield one
    one.stop_workers()


def as_user(kafka: Kafka, elasticsearch: Elasticsearch) -> dict[str, str]:
    return Settings(kafka=kafka, elasticsearch=elasticsearch).environment()


def test_a_worker_needs_no_more_rights_than_we_say_and_tells_no_secret(secured, stream):
    user = as_user(secured.kafka_settings(), secured.elasticsearch_settings())
    worker = stream.start_worker(CLAIMSTREAM_LOG_LEVEL="debug", **user)
    stream.publish([ARTICLE, b"{poison"])
    stream.wait()
    assert stream.endings() == ["dead-lettered: not-json", "indexed"]
    assert len(stream.dead_letters()) == 1
    for process in (psutil.Process(worker.pid), *children(worker)):
        assert PASSWORD not in " ".join(process.cmdline())
    assert PASSWORD not in worker.log


@pytest.mark.parametrize(
    ("kafka", "elasticsearch", "told"),
    [
        ({"password": "wrong"}, {}, "refuses the login: check kafka.username and password"),
        ({"ca_file": certifi.where()}, {}, "fails: check kafka.ca_file"),
        ({}, {"password": "wrong"}, "refuses the login: check elasticsearch.api_key, or username and password"),
        ({}, {"ca_file": certifi.where()}, "fails: check elasticsearch.ca_file"),
        ({}, {"user": "reader"}, "forbids this user"),
    ],
)
def test_what_the_servers_refuse_stops_the_worker_with_a_line_that_says_why(
    secured, stream, kafka, elasticsearch, told
):
    user = as_user(secured.kafka_settings(**kafka), secured.elasticsearch_settings(**elasticsearch))
    stream.publish([ARTICLE])
    worker = stream.start_worker(**user)
    assert worker.wait(SECONDS) == FATAL
    assert told in worker.log.strip().splitlines()[-1]
    assert PASSWORD not in worker.log


def test_a_user_without_rights_in_kafka_is_told_that_topics_may_be_hidden(secured, stream):
    worker = stream.start_worker(**as_user(secured.kafka_settings("stranger"), secured.elasticsearch_settings()))
    stream.wait_for_log(worker, "are missing, or hidden from this user")
