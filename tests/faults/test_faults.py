"""What breaks at start or by a person's mistake."""

import asyncio
import json

import pytest
from elasticsearch import Elasticsearch

from claimstream.agents.dead_letters import replay
from claimstream.agents.pool import START_SECONDS
from claimstream.config.indices import Indices

from ..stream import Stream, until
from .plain import EXACT, compare


def article(n: int) -> bytes:
    text = (
        f"The ferry to port {n} will sail again next week, the harbour office announced on Monday after a long talk.\n"
        "“We looked at both engines twice,” said Greta Lund, a spokeswoman of the shipping company.\n"
        f"Pavel Dorin denied that the hull was damaged in the storm of last week near port {n}."
    )
    return json.dumps({"url": f"https://kessel.example/{n}", "text": text, "fetched_at": "2026-10-01"}).encode()


def test_stages_in_workers_of_their_own(stream):
    """Each has its own consumer group, so that one may lag, stop or scale without the others."""
    values = [article(n) for n in range(20)]
    stream.publish(values)
    with stream.worker("--agents", "strip"):
        until(lambda: lag_of(stream, "strip") == 0, "strip is done")
        assert lag_of(stream, "extract") > 0
        with stream.worker("--agents", "extract,index"):
            stream.wait()
            assert str(compare(stream, values)) == EXACT


def lag_of(stream: Stream, stage: str) -> int:
    return sum(one.lag for one in stream.lag() if one.stage == stage)


def test_a_worker_that_starts_before_the_topics_waits_and_goes_on(settings, tmp_path):
    stream = Stream(settings, tmp_path)
    with stream.worker() as worker:
        stream.wait_for_log(worker, "run `claimstream init`")
        stream.initialise()
        stream.publish([article(1)])
        stream.wait()
        assert stream.endings() == ["indexed"]


@pytest.mark.parametrize("server", ["kafka", "elasticsearch"])
def test_a_worker_that_starts_before_a_server_says_so_and_goes_on(stream, servers, server):
    servers.stop(server)
    try:
        worker = stream.start_worker()
        stream.wait_for_log(worker, f"waiting: {server.capitalize()} is not available")
    finally:
        servers.start(server)
    stream.publish([article(1)])
    stream.wait()
    assert stream.endings() == ["indexed"]


def test_a_wrong_mapping_blows_the_fuse_and_is_mended_without_loss(stream):
    """Not a million dead letters, and after the mending they come home."""
    indices = Indices(stream.settings.elasticsearch)
    body = indices.index_template("claims")["template"]
    del body["mappings"]["properties"]["stance"]
    with Elasticsearch(stream.settings.elasticsearch.url) as client:
        client.indices.delete(index=indices.index("claims"))
        client.indices.delete_index_template(name=indices.alias("claims"))
        client.indices.create(index=indices.index("claims"), aliases={indices.alias("claims"): {}}, **body)
    values = [article(n) for n in range(40)]
    stream.publish(values)
    worker = stream.start_worker(CLAIMSTREAM_WORKER__FUSE="5")
    assert worker.wait(START_SECONDS) == 3
    last_line = worker.log.strip().splitlines()[-1]
    assert "5 articles in a row failed (rejected)" in last_line
    assert "stance" in last_line
    assert len(stream.dead_letters()) == 4

    with Elasticsearch(stream.settings.elasticsearch.url) as client:
        client.indices.delete(index=indices.index("claims"))
    stream.initialise()
    stream.start_worker()
    stream.wait()
    asyncio.run(replay(stream.settings.kafka, stream.dead_letters()))
    until(lambda: stream.endings() == ["indexed"] * 40, "all articles indexed")
    assert str(compare(stream, values)) == EXACT


def test_a_missing_index_stops_the_worker_with_advice(stream):
    worker = stream.start_worker()
    stream.wait_for_log(worker, "working")
    with Elasticsearch(stream.settings.elasticsearch.url) as client:
        client.indices.delete(index=Indices(stream.settings.elasticsearch).index("articles"))
    stream.publish([article(1)])
    assert worker.wait(START_SECONDS) == 3
    assert "run `claimstream init`" in worker.log
    assert stream.dead_letters() == []
    stream.initialise()
    stream.start_worker()
    stream.wait()
    assert stream.endings() == ["indexed"]
