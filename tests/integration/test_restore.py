"""docs/operating.md, Restore: what Elasticsearch has lost comes back out of a snapshot and Kafka, as it was."""

from datetime import UTC, datetime

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


@pytest.fixture
def snapshots(settings):
    """What docs/operating.md does by curl."""
    repository = f"{settings.elasticsearch.prefix}claimstream"
    with Elasticsearch(settings.elasticsearch.url, request_timeout=60) as client:
        location = {"type": "fs", "settings": {"location": repository}}
        client.snapshot.create_repository(name=repository, repository=location)
        yield Snapshots(client, repository, [Indices(settings.elasticsearch).index(kind) for kind in KINDS])
        client.snapshot.delete_repository(name=repository)


class Snapshots:
    def __init__(self, client: Elasticsearch, repository: str, indices: list[str]) -> None:
        self._client = client
        self._where = {"repository": repository, "snapshot": "one", "wait_for_completion": True}
        self._indices = indices

    def take(self) -> None:
        answer = self._client.snapshot.create(**self._where, indices=self._indices, include_global_state=False)
        assert answer["snapshot"]["state"] == "SUCCESS"

    def lose_the_indices(self) -> None:
        for index in self._indices:
            self._client.indices.delete(index=index)

    def restore(self) -> None:
        answer = self._client.snapshot.restore(**self._where)
        assert answer["snapshot"]["shards"]["failed"] == 0


@pytest.mark.real
@pytest.mark.parametrize("from_snapshot", [True, False], ids=["snapshot", "kafka alone"])
def test_indices_that_were_lost_come_back_as_they_were(settings, servers, snapshots, tmp_path, from_snapshot):
    stream = Stream(settings, tmp_path)
    stream.initialise()
    with stream.worker():
        stream.publish(SAMPLES[:5])
        stream.wait()
        since = datetime.now(UTC) if from_snapshot else datetime(2020, 1, 1, tzinfo=UTC)
        snapshots.take()
        stream.publish(SAMPLES[5:])
        stream.wait()
    before = contents(stream)
    snapshots.lose_the_indices()
    if from_snapshot:
        snapshots.restore()
        assert stream.count("outcomes") == 5  # by their aliases
    stream.initialise()
    for topic in stream.topics.inputs("index"):
        group = ["--group", stream.topics.group("index"), "--topic", topic]
        offsets = ["--reset-offsets", "--to-datetime", f"{since:%Y-%m-%dT%H:%M:%S}.000", "--execute"]
        servers.kafka_tool(TOOL, *group, *offsets)
    with stream.worker():
        stream.wait()
    after = contents(stream)
    assert {kind: len(found) for kind, found in after.items()} == {kind: len(found) for kind, found in before.items()}
    assert after["articles"] == before["articles"]
    assert after["claims"] == before["claims"]
