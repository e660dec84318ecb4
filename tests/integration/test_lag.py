"""`claimstream lag` against Kafka: every state that a topic, a partition or a group can be in."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete

from claimstream.agents.errors import Fatal
from claimstream.agents.lag import read_lag
from claimstream.agents.provision import create_topics, kafka_admin

from ..stream import Stream, until

ARTICLE = b'{"url": "https://kessel.example/%d", "text": "too short to be an article"}'


@pytest.fixture
def stream(settings, tmp_path):
    one = Stream(settings, tmp_path)
    asyncio.run(create_topics(settings.kafka))
    yield one
    one.stop_workers()


def strip_lag(stream):
    """Partition to (committed, end, lag) of the first stage."""
    return {one.partition: (one.committed, one.end, one.lag) for one in stream.lag() if one.stage == "strip"}


def commit(stream, partition: int, offset: int) -> None:
    """Commit for `strip`, as its worker would."""

    async def send() -> None:
        group = stream.topics.group("strip")
        async with AIOKafkaConsumer(
            bootstrap_servers=stream.settings.kafka.servers, group_id=group, enable_auto_commit=False
        ) as consumer:
            tp = TopicPartition(stream.topics.raw_articles, partition)
            consumer.assign([tp])
            await consumer.commit({tp: offset})

    asyncio.run(send())


async def on_raw_articles(stream, change) -> None:
    async with kafka_admin(stream.settings.kafka) as admin:
        await change(admin, stream.topics.raw_articles)


def busy_partition(stream) -> int:
    """Where the messages of one key have gone."""
    (partition,) = {one.partition for one in stream.lag() if one.stage == "strip" and one.end}
    return partition


def test_topics_just_made_have_no_lag_and_no_owner(stream):
    lags = stream.lag()
    assert len(lags) == 4 * stream.settings.kafka.partitions
    assert {(one.committed, one.end, one.lag, one.oldest, one.owner) for one in lags} == {(None, 0, 0, None, None)}


def test_a_new_group_lags_by_all_that_is_there_and_an_idle_partition_by_nothing(stream):
    stream.publish(ARTICLE % n for n in range(5))
    busy = busy_partition(stream)
    assert strip_lag(stream) == {busy: (None, 5, 5), 1 - busy: (None, 0, 0)}
    commit(stream, busy, 3)
    commit(stream, 1 - busy, 0)
    assert strip_lag(stream) == {busy: (3, 5, 2), 1 - busy: (0, 0, 0)}


def test_messages_deleted_before_they_were_read_are_no_lag(stream):
    stream.publish(ARTICLE % n for n in range(5))
    busy = busy_partition(stream)
    commit(stream, busy, 1)

    async def truncate(admin, topic):
        await admin.delete_records({TopicPartition(topic, busy): RecordsToDelete(4)})

    asyncio.run(on_raw_articles(stream, truncate))
    assert strip_lag(stream)[busy] == (1, 5, 1)


def test_a_topic_made_anew_is_read_from_its_beginning(stream):
    stream.publish(ARTICLE % n for n in range(5))
    busy = busy_partition(stream)
    commit(stream, busy, 5)

    async def delete(admin, topic):
        await admin.delete_topics([topic])

    asyncio.run(on_raw_articles(stream, delete))
    with pytest.raises(Fatal, match=r"lacks topic .*raw-articles: run `claimstream init`"):
        asyncio.run(read_lag(stream.settings.kafka))
    asyncio.run(create_topics(stream.settings.kafka))
    stream.publish(ARTICLE % n for n in range(2))
    (lag,) = [one for one in stream.lag() if one.stage == "strip" and one.partition == busy]
    assert (lag.end, lag.lag) == (2, 2)


def test_a_partition_that_was_added_is_seen(stream):
    async def add(admin, topic):
        await admin.create_partitions({topic: NewPartitions(3)})

    asyncio.run(on_raw_articles(stream, add))
    until(lambda: set(strip_lag(stream)) == {0, 1, 2}, "the new partition")  # Kafka answers before its brokers know


def test_fail_over_and_json_are_for_scripts(stream, run_cli):
    quick = ("lag", "--interval", "0")
    stream.publish([ARTICLE % 1])
    told = json.loads(run_cli(stream, *quick, "--json", "--fail-over", "3600").stdout)
    assert told["lag"] == 1
    assert told["age_seconds"] > 0
    assert told["agents"][0] | {"age_seconds": 0} == {
        "stage": "strip", "topic": stream.topics.raw_articles, "committed": None, "end": 1, "lag": 1, "age_seconds": 0,
        "rate_per_second": None, "catch_up_seconds": None, "owners": [],
    }  # fmt: skip
    assert [one["stage"] for one in told["partitions"]] == ["strip"] * 2 + ["extract"] * 2 + ["index"] * 4
    failed = run_cli(stream, *quick, "--json", "--fail-over", "0", status=1)
    assert json.loads(failed.stdout)["lag"] == 1
    assert "strip: the oldest article of" in failed.stderr


def test_a_watched_lag_goes_on_without_kafka(stream, servers, tmp_path):
    stream.publish([ARTICLE % 1])
    seen = tmp_path / "seen"
    command = [sys.executable, "-m", "claimstream.cli", "lag", "--watch", "--interval", "0.5"]
    environment = os.environ | stream.settings.environment() | {"COLUMNS": "160"}
    with seen.open("wb") as out:
        watching = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        until(lambda: seen.read_text("utf-8").count("Partitions") >= 3, "three pictures")
        servers.stop("kafka")
        try:
            until(lambda: "Kafka is not available" in seen.read_text("utf-8"), "that Kafka is away")
        finally:
            servers.start("kafka")
        away = seen.stat().st_size
        until(lambda: "\n\nLag" in seen.read_bytes()[away:].decode(errors="ignore"), "a picture without trouble")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 130
    finally:
        watching.kill()
        watching.wait()
    assert "█" in seen.read_text("utf-8")
    assert "Traceback" not in seen.read_text("utf-8")


def test_a_worker_that_lags_owns_its_partitions(stream):
    """Stopped in its tracks it neither reads nor leaves: its lag stands still, and it is still the owner."""
    with stopped_worker(stream) as stopped:
        lags = stream.lag()
    others = {one.owner for one in lags if one.stage != "strip"}
    lags = [one for one in lags if one.stage == "strip"]
    assert (sum(one.lag for one in lags), sum(one.end for one in lags)) == (7, 27)
    assert {one.owner for one in lags} == {f"{os.uname().nodename}-{stopped.pid}"}
    assert all(one.oldest for one in lags if one.lag)
    assert others == {None}


@contextmanager
def stopped_worker(stream) -> "Iterator[subprocess.Popen[bytes]]":
    """A worker that did twenty articles, was stopped, and has seven more to do."""
    worker = stream.start_worker("--agents", "strip", CLAIMSTREAM_KAFKA__SESSION_TIMEOUT="60")
    stream.wait_for_log(worker, "working: ")
    stream.publish(ARTICLE % n for n in range(20))
    until(lambda: sum(lag for _, _, lag in strip_lag(stream).values()) == 0, "twenty articles")
    worker.send_signal(signal.SIGSTOP)
    stream.publish(ARTICLE % n for n in range(7))
    yield worker
    worker.send_signal(signal.SIGCONT)  # so that it can be ended


@pytest.mark.real
def test_kafkas_own_tool_says_the_same(stream, servers):
    """All columns that both have, while a worker lags. Where a group has never committed the tool names no lag."""
    group = stream.topics.group("strip")
    tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"
    with stopped_worker(stream):
        printed = servers.kafka_tool(tool, "--describe", "--group", group)
        lags = [one for one in stream.lag() if one.stage == "strip"]
    heading, *rows = [line.split() for line in printed.splitlines() if line]
    theirs = [dict(zip(heading, row, strict=True)) for row in rows]
    ours = [
        {
            "GROUP": group,
            "TOPIC": one.topic,
            "PARTITION": str(one.partition),
            "CURRENT-OFFSET": "-" if one.committed is None else str(one.committed),
            "LOG-END-OFFSET": str(one.end),
            "LAG": "-" if one.committed is None else str(one.lag),
            "CLIENT-ID": one.owner,
        }
        for one in lags
    ]
    assert sum(one.lag for one in lags) == 7
    for one in theirs:
        del one["CONSUMER-ID"], one["HOST"]
    assert sorted(theirs, key=str) == sorted(ours, key=str)
