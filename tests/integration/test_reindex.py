"""New indices behind the aliases, while the stream goes on or rests."""

import json

import pytest
from elasticsearch import Elasticsearch

from claimstream.config.indices import Indices

from ..faults.plain import EXACT, FORGETFUL, compare
from ..stream import Stream, until

WORDS = "said Jaro Mlinar, a spokesman of the company, on Monday, and denied that the hull was damaged in the storm."


def article(n: int, day: int = 1) -> bytes:
    record = {"url": f"https://kessel.example/{n}", "fetched_at": f"2026-10-{day:02}"}
    return json.dumps(record | {"text": f"The ferry number {n} sails again {day} times a week, {WORDS}"}).encode()


@pytest.fixture
def stream(settings, tmp_path):
    one = Stream(settings.model_copy(update={"sites": FORGETFUL}), tmp_path)
    one.initialise()
    yield one
    one.stop_workers()


@pytest.fixture
def elasticsearch(settings):
    with Elasticsearch(settings.elasticsearch.url) as client:
        yield client


def test_a_new_index_takes_the_place_of_the_old_one_and_keeps_what_came_meanwhile(stream, run_cli, elasticsearch):
    values = [article(n) for n in range(12)]
    stream.publish(values[:10])
    with stream.worker() as worker:
        stream.wait()
        told = run_cli(stream, "reindex", "claims", status=1).stderr
        assert "a worker runs the index stage" in told
        assert worker.poll() is None
    indices = Indices(stream.settings.elasticsearch)
    with stream.worker("--agents", "strip,extract"):
        stream.publish([*values[10:], article(3, day=2)])
        told = run_cli(stream, "reindex").stdout
    assert f"claims: 20 documents in {indices.index('claims')}.2; {indices.index('claims')} may be deleted" in told
    for kind in ("articles", "claims", "outcomes"):
        assert list(elasticsearch.indices.get_alias(name=indices.alias(kind))) == [f"{indices.index(kind)}.2"]
    stream.start_worker()
    stream.wait()
    assert str(compare(stream, [*values, article(3, day=2)])) == EXACT


def test_what_does_not_fit_leaves_everything_as_it_was(stream, run_cli, elasticsearch):
    stream.publish([article(1)])
    with stream.worker():
        stream.wait()
    indices = Indices(stream.settings.elasticsearch)
    claim = stream.documents("claims")[0]
    elasticsearch.indices.put_mapping(index=indices.index("claims"), properties={"mood": {"type": "keyword"}})
    odd = claim | {"mood": "stormy"}
    elasticsearch.index(index=indices.index("claims"), id=claim["claim_id"], document=odd, refresh=True)
    assert "does not fit into" in run_cli(stream, "reindex", "claims", status=1).stderr
    assert list(elasticsearch.indices.get(index=f"{indices.alias('claims')}-v*")) == [indices.index("claims")]


def test_stored_articles_are_extracted_again_while_the_stream_runs(stream, run_cli, elasticsearch):
    """As after an upgrade: the claims of the old model, here made up, give way to those of the new one."""
    values = [article(n) for n in range(5)]
    stream.publish(values)
    indices = Indices(stream.settings.elasticsearch)
    stream.start_worker()
    stream.wait()
    for one in stream.documents("claims"):
        version = elasticsearch.get(index=indices.alias("claims"), id=one["claim_id"])["_version"]
        elasticsearch.index(
            index=indices.alias("claims"),
            id=one["claim_id"],
            document=one | {"content": "as an older model saw it"},
            version=version,
            version_type="external_gte",
        )
    assert "sent 5 articles to extract" in run_cli(stream, "reindex", "--extract").stdout
    until(lambda: str(compare(stream, values)) == EXACT, "what a plain run gives")
    assert stream.endings() == ["indexed"] * 5
