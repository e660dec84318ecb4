"""What is acked, retried, dead-lettered, when things go wrong. Each test names the trap that it guards against."""

import asyncio

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)
from aiokafka.structs import TopicPartition
from faust.exceptions import ProducerSendError

from claimstream.agents.dead_letters import from_message
from claimstream.agents.delivery import each
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.messages import ORIGIN, Message, Outgoing
from claimstream.config.settings import Worker
from claimstream.pipeline.outcomes import Fault, Outcome, Refusal, Refused, Undeliverable
from claimstream.pipeline.records import Ending

from .conftest import RAW, event, passing


def failing_at(bad: bytes, raised: Exception):
    @each
    async def handle(message: Message) -> list[Outgoing]:
        if message.value == bad:
            raise raised
        return [Outgoing("articles", b"id", message.value, message.history)]

    return handle


def letters(broker):
    return [
        from_message(Message("dead-letters", 0, 0, key, value, 0.0, headers))
        for topic, key, value, headers in broker.produced
        if topic == "dead-letters"
    ]


def endings(broker):
    return [Ending.from_bytes(value) for value in broker.values("outcomes")]


async def test_hands_on_then_commits(run, broker):
    async with run(passing) as stage:
        stage.feed(event(n) for n in range(3))
        await stage.settle()
    assert broker.values("articles") == [b"0", b"1", b"2"]
    assert broker.committed == {0: 3}


async def test_commits_nothing_that_kafka_has_not_confirmed(run, broker):
    broker.accepting.clear()
    async with run(passing) as stage:
        stage.feed([event(0)])
        await stage.settle()
        assert broker.committed == {}
        broker.accepting.set()
        await stage.settle()
        assert broker.committed == {0: 1}


async def test_a_later_message_that_is_done_first_waits_for_the_earlier_one(run, broker):
    """Faust commits past a gap (its issue 606)."""
    hold = asyncio.Event()

    @each
    async def handle(message: Message) -> list[Outgoing]:
        if message.offset == 0:
            await hold.wait()
        return [Outgoing("articles", b"id", message.value, message.history)]

    async with run(handle, in_flight=4) as stage:
        stage.feed(event(n) for n in range(3))
        await stage.settle()
        assert broker.committed == {}
        hold.set()
        await stage.settle()
        assert broker.committed == {0: 3}


async def test_a_body_that_raises_loses_nothing(run, broker):
    """Faust acks the event of a body that raised, and loses it (its issue 315)."""
    async with run(failing_at(b"1", ZeroDivisionError("defect"))) as stage:
        stage.feed(event(n) for n in range(3))
        await stage.settle()
    assert broker.values("articles") == [b"0", b"2"]
    (letter,) = letters(broker)
    assert (letter.value, letter.key, letter.fault, letter.stage) == (b"1", b"key", Fault.ERROR, "strip")
    assert (letter.topic, letter.partition, letter.offset) == (RAW, 0, 1)
    assert "ZeroDivisionError: defect" in letter.error
    assert [(e.outcome, e.reason, e.origin) for e in endings(broker)] == [
        (Outcome.DEAD_LETTERED, Fault.ERROR, "raw-articles/0/1")
    ]
    assert broker.committed == {0: 3}


async def test_a_refusal_is_an_outcome_and_no_dead_letter(run, broker):
    async with run(failing_at(b"0", Refused(Refusal.TOO_SHORT, "3 words"))) as stage:
        stage.feed([event(0)])
        await stage.settle()
    assert letters(broker) == []
    assert [(e.outcome, e.reason, e.detail) for e in endings(broker)] == [
        (Outcome.REFUSED, Refusal.TOO_SHORT, "3 words")
    ]
    assert broker.committed == {0: 1}


async def test_an_unavailable_server_is_waited_for(run, broker):
    tries = []

    @each
    async def handle(message: Message) -> list[Outgoing]:
        tries.append(message.offset)
        if len(tries) < 5:
            assert broker.committed == {}
            raise Unavailable("Elasticsearch", "429")
        return [Outgoing("articles", b"id", message.value, message.history)]

    async with run(handle) as stage:
        stage.feed([event(0)])
        await stage.settle()
    assert tries == [0] * 5
    assert broker.values("articles") == [b"0"]
    assert letters(broker) == []
    assert broker.committed == {0: 1}


@pytest.mark.parametrize("error", [ProducerSendError("away"), KafkaConnectionError("away")])
async def test_producing_is_repeated_until_confirmed(run, broker, error):
    broker.send_errors = [error] * 3
    async with run(passing) as stage:
        stage.feed([event(0)])
        await stage.settle()
    assert broker.values("articles") == [b"0"]
    assert broker.committed == {0: 1}


async def test_a_dead_letter_that_cannot_be_produced_holds_the_offset(run, broker):
    broker.send_errors = [KafkaConnectionError("away")] * 2
    async with run(failing_at(b"0", Undeliverable(Fault.NOT_JSON, "no"))) as stage:
        stage.feed([event(0)])
        await stage.settle()
    assert [letter.value for letter in letters(broker)] == [b"0"]
    assert broker.committed == {0: 1}


async def test_what_does_not_fit_into_a_message_is_a_dead_letter_with_the_original(run, broker):
    sent = ProducerSendError("Error while sending")
    sent.__cause__ = MessageSizeTooLargeError("17 MiB")
    broker.send_errors = [sent]
    async with run(passing) as stage:
        stage.feed([event(0)])
        await stage.settle()
    (letter,) = letters(broker)
    assert (letter.fault, letter.value) == (Fault.TOO_LARGE, b"0")
    assert broker.committed == {0: 1}


async def test_a_dead_letter_that_is_too_large_itself_says_where_the_original_lies(run, broker):
    """A message as large as Kafka takes leaves no room for what a letter adds; that must not stop the stage."""
    sent = ProducerSendError("Error while sending")
    sent.__cause__ = MessageSizeTooLargeError("17 MiB")
    broker.send_errors = [sent]
    async with run(failing_at(b"7", Undeliverable(Fault.NOT_JSON, "no JSON"))) as stage:
        stage.feed([event(7), event(8)])
        await stage.settle()
        assert stage.fatals == []
    (letter,) = letters(broker)
    assert (letter.fault, letter.value, letter.key) == (Fault.NOT_JSON, None, b"key")
    assert letter.error.startswith("no JSON")
    assert "raw-articles/0/7" in letter.error
    assert [ending.reason for ending in endings(broker)] == [Fault.NOT_JSON]
    assert broker.values("articles") == [b"8"]
    assert broker.committed == {0: 9}


async def test_forbidden_to_write_stops_the_worker_without_a_commit(run, broker):
    broker.send_errors = [TopicAuthorizationFailedError("articles")]
    async with run(passing) as stage:
        stage.feed([event(0)])
        await stage.settle()
        assert [str(fatal) for fatal in stage.fatals] == ["Kafka forbids writing to articles: grant it to this user"]
    assert broker.committed == {}


async def test_fatal_stops_the_worker_without_a_commit(run, broker):
    async with run(failing_at(b"1", Fatal("index missing"))) as stage:
        stage.feed(event(n) for n in range(3))
        await stage.settle()
        assert [str(fatal) for fatal in stage.fatals] == ["index missing"]
    assert broker.committed == {0: 1}


class TestFuse:
    async def test_stops_after_a_few_faults_of_our_own_in_a_row(self, run, broker):
        @each
        async def handle(message: Message) -> list[Outgoing]:
            raise KeyError(message.offset)

        async with run(handle, worker=Worker(fuse=3)) as stage:
            stage.feed(event(n) for n in range(10))
            await stage.settle()
            (fatal,) = stage.fatals
        assert "3 articles in a row failed" in str(fatal)
        assert "KeyError: 2" in str(fatal)
        assert "\n" not in str(fatal)
        assert len(letters(broker)) == 2
        assert broker.committed == {0: 2}

    async def test_is_mended_by_a_success(self, run, broker):
        @each
        async def handle(message: Message) -> list[Outgoing]:
            if message.offset % 3 < 2:
                raise KeyError(message.offset)
            return [Outgoing("articles", b"id", message.value, message.history)]

        async with run(handle, worker=Worker(fuse=3)) as stage:
            stage.feed(event(n) for n in range(9))
            await stage.settle()
            assert stage.fatals == []
        assert broker.committed == {0: 9}

    async def test_is_not_mended_by_success_with_another_topic(self, run, broker):
        """Each dead letter of the index stage is followed by its ending, which that stage can write."""

        @each
        async def handle(message: Message) -> list[Outgoing]:
            if message.topic == "claims":
                raise KeyError(message.offset)
            return []

        async with run(handle, stage="index", worker=Worker(fuse=3)) as stage:
            stage.feed(event(n // 2, topic=("claims", "outcomes")[n % 2]) for n in range(10))
            await stage.settle()
            assert len(stage.fatals) == 1

    async def test_does_not_count_what_scrapers_did_wrong(self, run, broker):
        @each
        async def handle(message: Message) -> list[Outgoing]:
            raise Undeliverable(Fault.NOT_JSON, "no")

        async with run(handle, worker=Worker(fuse=3)) as stage:
            stage.feed(event(n) for n in range(9))
            await stage.settle()
            assert stage.fatals == []
        assert len(letters(broker)) == 9
        assert broker.committed == {0: 9}


async def test_draining_finishes_what_is_in_flight_and_starts_nothing_more(run, broker):
    hold = asyncio.Event()

    @each
    async def handle(message: Message) -> list[Outgoing]:
        await hold.wait()
        return [Outgoing("articles", b"id", message.value, message.history)]

    async with run(handle, in_flight=2) as stage:
        stage.feed(event(n) for n in range(5))
        await stage.settle()
        draining = asyncio.create_task(stage.delivery.drain())
        await stage.settle()
        hold.set()
        await draining
    assert broker.values("articles") == [b"0", b"1"]
    assert broker.committed == {0: 2}


async def test_a_defect_in_a_batch_is_pinned_on_its_message(run, broker):
    """Faust's take() acks a whole batch whose body raised."""

    async def handle(messages):
        if any(message.value == b"2" for message in messages):
            raise ValueError("defect")
        return [[Outgoing("articles", b"id", message.value, message.history)] for message in messages]

    async with run(handle, unit=4) as stage:
        stage.feed(event(n) for n in range(4))
        await stage.settle()
    assert broker.values("articles") == [b"0", b"1", b"3"]
    assert [letter.value for letter in letters(broker)] == [b"2"]
    assert broker.committed == {0: 4}


async def test_an_ending_that_cannot_be_written_is_a_dead_letter_without_ending(run, broker):
    """Else it would go round for ever."""
    async with run(failing_at(b"0", Undeliverable(Fault.REJECTED, "no")), stage="index") as stage:
        stage.feed([event(0, topic="outcomes")])
        await stage.settle()
    assert [letter.topic for letter in letters(broker)] == ["outcomes"]
    assert endings(broker) == []


async def test_a_scraper_cannot_forge_a_history(run, broker):
    forged = event(7)
    forged.message.headers = [(ORIGIN, b"raw-articles/9/9")]
    async with run(passing) as stage:
        stage.feed([forged])
        await stage.settle()
    assert broker.produced[0][3][ORIGIN] == b"raw-articles/0/7"


async def test_what_a_worker_reads_is_told_and_that_it_has_nothing_to_read(run, caplog):
    caplog.set_level("INFO")
    async with run(passing) as stage:
        await stage.delivery.assigned(None, {TopicPartition(RAW, 1), TopicPartition(RAW, 0)}, signal=None)
        await stage.delivery.assigned(None, set(), signal=None)
    assert [record.getMessage() for record in caplog.records] == [
        "strip: reads raw-articles/0, raw-articles/1",
        "strip: other workers have all partitions (kafka.partitions), this one waits",
    ]


async def test_a_defect_before_a_message_is_handled_stops_the_worker_instead_of_the_stage(run, broker):
    """The task that starts units would end, and nobody would hear of it."""
    broken = event(0)
    del broken.message.timestamp
    async with run(passing) as stage:
        stage.feed([broken])
        await stage.settle()
        assert "defect in delivery: AttributeError" in str(stage.fatals[0])
    assert broker.committed == {}
