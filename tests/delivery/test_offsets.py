"""Which messages are taken on, and which offsets are committed, whatever Faust hands on."""

import asyncio

from aiokafka.errors import CommitFailedError, KafkaConnectionError
from aiokafka.structs import TopicPartition

from claimstream.agents import offsets
from claimstream.agents.errors import Unavailable

from .conftest import RAW, event, passing


class TestRebalance:
    async def test_what_comes_before_its_turn_is_not_taken_on(self, run, broker):
        """Faust may hand on what it fetched before a rebalance, past what nobody has committed."""
        broker.uncommitted = {0: 3}
        async with run(passing) as stage:
            stage.feed([event(5), event(6), event(0, partition=1)])
            await stage.settle()
            assert broker.values("articles") == [b"0"]
            assert broker.committed == {1: 1}
            assert set(broker.sought) == {(0, 3)}
            stage.feed(event(n) for n in range(3, 7))
            await stage.settle()
        assert broker.values("articles") == [b"0", b"3", b"4", b"5", b"6"]
        assert broker.committed == {0: 7, 1: 1}

    async def test_a_gap_in_the_offsets_is_no_reason_to_go_back(self, run, broker):
        """Transactions and compaction leave some."""
        async with run(passing) as stage:
            stage.feed([event(0), event(2)])
            await stage.settle()
        assert broker.committed == {0: 3}
        assert broker.sought == []

    async def test_what_comes_again_without_one_is_handled_once(self, run, broker):
        async with run(passing) as stage:
            stage.feed([event(0), event(1), event(0), event(1), event(2)])
            await stage.settle()
        assert broker.values("articles") == [b"0", b"1", b"2"]
        assert broker.committed == {0: 3}

    async def test_an_event_in_flight_across_it_is_not_committed(self, run, broker):
        broker.accepting.clear()
        async with run(passing) as stage:
            stage.feed([event(0)])
            await stage.settle()
            await stage.rebalance()
            broker.accepting.set()
            await stage.settle()
        assert broker.values("articles") == [b"0"]
        assert broker.committed == {}

    async def test_one_that_others_have_passed_meanwhile_does_not_turn_the_offset_back(self, run, broker):
        broker.accepting.clear()
        async with run(passing, in_flight=2) as stage:
            stage.feed([event(0)])
            await stage.settle()
            await stage.rebalance()
            broker.uncommitted = {0: 9}
            stage.feed([event(9)])
            await stage.settle()
            broker.accepting.set()
            for _ in range(200):
                await asyncio.sleep(0)
            assert stage.delivery.offsets._done == {TopicPartition(RAW, 0): 10}

    async def test_one_while_the_committed_offset_is_asked_for(self, run, broker, monkeypatch):
        """The answer is of no use then."""
        async with run(passing) as stage:

            async def ask(*_: object) -> int:
                await stage.rebalance()
                return 0

            with monkeypatch.context() as patched:
                patched.setattr(offsets, "first_uncommitted", ask)
                stage.feed([event(0)])
                await stage.settle()
            assert broker.values("articles") == []
            stage.feed([event(0)])
            await stage.settle()
        assert broker.committed == {0: 1}

    async def test_the_committed_offset_is_asked_for_until_kafka_tells_it(self, run, broker, monkeypatch):
        answers = iter([Unavailable("Kafka", "away")] * 3)

        async def ask(kafka, group, tp, offset) -> int:
            for error in answers:
                raise error
            return 0

        monkeypatch.setattr(offsets, "first_uncommitted", ask)
        async with run(passing) as stage:
            stage.feed([event(0)])
            await stage.settle()
        assert broker.committed == {0: 1}

    async def test_only_owned_partitions_are_committed(self, run, broker):
        broker.assigned = {tp for tp in broker.assigned if tp.partition == 1}
        async with run(passing) as stage:
            stage.feed([event(0, partition=0), event(0, partition=1)])
            await stage.settle()
        assert broker.committed == {1: 1}


class TestCommit:
    async def test_one_that_failed_is_covered_by_the_next(self, run, broker):
        broker.commit_errors = [KafkaConnectionError("away")]
        async with run(passing) as stage:
            stage.feed([event(0)])
            await stage.settle()
            assert broker.committed == {}
            await stage.settle()
        assert broker.committed == {0: 1}

    async def test_one_after_a_rebalance_is_dropped(self, run, broker):
        broker.commit_errors = [CommitFailedError("already rebalanced")]
        async with run(passing) as stage:
            stage.feed([event(0)])
            await stage.settle()
            await stage.settle()
        assert broker.committed == {}
