"""The stream on servers secured as docker-compose.yml does it, as a user who may do no more than it grants."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import psutil
import pytest
from elasticsearch import Elasticsearch as Client

from claimstream.agents.worker import FATAL
from claimstream.config.settings import Elasticsearch, Kafka, Settings, Worker

from .. import compose
from ..servers.real import real_servers
from ..servers.secured import PREFIX, SERVICES, SecuredServers
from ..stream import SECONDS, Stream, children
from .test_cli import claimstream, only_line

pytestmark = pytest.mark.real

ARTICLE = b"""{"url": "https://kessel.example/1", "text": "The ferry to Kessel sails again next week, said Jaro Mlinar,
 a spokesman of the company. He denied that the hull was damaged in the storm that closed the harbour."}""".replace(
    b"\n", b""
)


@pytest.fixture(scope="module")
def secured() -> Iterator[SecuredServers]:
    with real_servers(SecuredServers) as servers:
        servers.grant()
        servers.let_in_by_scram("claimstream")
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
        assert secured.password("claimstream") not in " ".join(process.cmdline())
    assert secured.password("claimstream") not in worker.log


def test_the_default_mechanism_lets_in_too(secured, stream):
    user = as_user(secured.kafka_settings(sasl_mechanism="SCRAM-SHA-512"), secured.elasticsearch_settings())
    done = claimstream("lag", "--interval", "0", **user)
    assert done.returncode == 0, done.stderr
    stream.wait_for_log(stream.start_worker(**user), "working: ")


@pytest.mark.parametrize(
    ("kafka", "elasticsearch", "told"),
    [
        ({"password": "wrong"}, {}, "refuses the login: check kafka.username and password"),
        ({"ca_file": certifi.where()}, {}, "fails: check kafka.ca_file"),
        ({}, {"password": "wrong"}, "refuses the login: check elasticsearch.api_key, or username and password"),
        ({}, {"ca_file": certifi.where()}, "fails: check elasticsearch.ca_file"),
        ({}, {"user": "analyst"}, "forbids this user"),
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
    assert secured.password("claimstream") not in worker.log


def test_a_user_without_rights_in_kafka_is_told_that_topics_may_be_hidden(secured, stream):
    worker = stream.start_worker(**as_user(secured.kafka_settings("scraper"), secured.elasticsearch_settings()))
    stream.wait_for_log(worker, "are missing, or hidden from this user")


def test_a_scraper_may_publish_and_no_more(secured, stream):
    scraper = as_user(secured.kafka_settings("scraper"), secured.elasticsearch_settings())
    article = b'{"url": "https://kessel.example/2", "text": "words"}'
    before = sum(one.end for one in stream.lag() if one.stage == "strip")
    published = claimstream("publish", "-", stdin=article, **scraper)
    assert published.returncode == 0, published.stderr
    assert sum(one.end for one in stream.lag() if one.stage == "strip") == before + 1
    assert "forbids this user" in only_line(claimstream("lag", **scraper))


def test_kibana_logs_in_by_its_token_and_the_analyst_by_a_password(secured):
    token = compose.environment(SERVICES["kibana"], secured.folder)["ELASTICSEARCH_SERVICEACCOUNTTOKEN"]
    trusting = Client(secured.elasticsearch, ca_certs=str(secured.ca_file))
    assert trusting.options(bearer_auth=token).security.authenticate()["username"] == "elastic/kibana"
    analyst = trusting.options(basic_auth=("analyst", secured.password("analyst")))
    assert analyst.security.authenticate()["roles"] == ["editor"]


def test_nobody_gets_in_without_tls_or_a_login(secured, stream):
    login = as_user(secured.kafka_settings(), secured.elasticsearch_settings())
    plain = login | {"CLAIMSTREAM_KAFKA__SECURITY_PROTOCOL": "PLAINTEXT"}
    assert f"no answer from {secured.kafka} (kafka.servers) that is PLAINTEXT" in only_line(claimstream("lag", **plain))
    unknown = {name: text for name, text in login.items() if not name.endswith(("ARCH__USERNAME", "ARCH__PASSWORD"))}
    assert "refuses the login" in only_line(claimstream("search", "ferry", **unknown))


@pytest.mark.parametrize("server", ["kafka", "elasticsearch"])
def test_a_server_shows_a_certificate_for_the_name_that_containers_use(secured, server):
    host, _, port = getattr(secured, server).rpartition("/")[2].partition(":")
    context = ssl.create_default_context(cafile=secured.ca_file)
    with (
        socket.create_connection((host, int(port)), 10) as connection,
        context.wrap_socket(connection, server_hostname=server) as tls,
    ):
        assert ("DNS", server) in tls.getpeercert()["subjectAltName"]
