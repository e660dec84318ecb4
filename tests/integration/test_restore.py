"""docs/operating.md, Restore: what Elasticsearch has lost is written again out of Kafka, as it was."""

import pytest
from elasticsearch import Elasticsearch

from claimstream.cli.demo import SAMPLES
from claimstream.config.indices import KINDS, Indices

from ..stream import Stream

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


def contents(stream: Stream) -> dict[str, list[str]]:
    """Without the times of writing."""
    return {
        kind: sorted(
            str({name: value for name, value in one.items() if not name.endswith(("indexed_at", "seconds"))})
            for one in stream.documents(kind)
        )
        for kind in KINDS
    }


@pytest.mark.real
def test_indices_that_were_lost_come_back_as_they_were(settings, servers, tmp_path):
    stream = Stream(settings, tmp_path)
    stream.initialise()
    stream.publish(SAMPLES)
    with stream.worker():
        stream.wait()
    before = contents(stream)
    with Elasticsearch(settings.elasticsearch.url) as client:
        for kind in KINDS:
            client.indices.delete(index=Indices(settings.elasticsearch).index(kind))
    stream.initialise()
    for topic in stream.topics.inputs("index"):
        group = ["--group", stream.topics.group("index"), "--topic", topic]
        servers.kafka_tool(TOOL, *group, "--reset-offsets", "--to-datetime", "2020-01-01T00:00:00.000", "--execute")
    with stream.worker():
        stream.wait()
    after = contents(stream)
    assert {kind: len(found) for kind, found in after.items()} == {kind: len(found) for kind, found in before.items()}
    assert after["articles"] == before["articles"]
    assert after["claims"] == before["claims"]
