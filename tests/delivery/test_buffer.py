"""What waits in a worker is bounded by number and by bytes: 32 pages of 10 MiB would be too much for one of 512 MiB."""

import asyncio

import pytest

from claimstream.agents.app import build_app
from claimstream.agents.buffer import Buffer
from claimstream.config.settings import Settings, Worker

from .conftest import event


def of(size: int, offset: int = 0):
    return event(offset, b"x" * size)


@pytest.fixture
def faust_buffer():
    """What Faust reads ahead into, as a worker has it."""
    settings = Settings(_env_file=None, worker=Worker(buffer=4, buffer_bytes=100))
    app = build_app(settings, "strip")
    app.flow_control.resume()
    return app.topic("raw-articles", value_type=bytes).queue


@pytest.fixture(params=["Faust's", "ours"])
def buffer(request, faust_buffer):
    return faust_buffer if request.param == "Faust's" else Buffer(4, most_bytes=100)


@pytest.mark.parametrize(
    ("sizes", "full"),
    [
        ([], False),
        ([0, 0, 0], False),
        ([0, 0, 0, 0], True),
        ([99], False),
        ([100], True),
        ([50, 49], False),
        ([50, 50], True),
        ([None, 99], False),
    ],
)
async def test_is_full_by_number_or_by_bytes(buffer, sizes, full):
    for size in sizes:
        await buffer.put(event(0, None) if size is None else of(size))
    assert buffer.full() is full


async def test_what_is_larger_than_all_goes_in_alone_and_the_next_one_waits(buffer):
    await buffer.put(of(500))
    waiting = asyncio.create_task(buffer.put(of(1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    await buffer.get()
    await waiting
    assert not buffer.full()


async def test_a_rebalance_makes_room(faust_buffer):
    await faust_buffer.put(of(100))
    faust_buffer.clear()
    assert not faust_buffer.full()


async def test_a_batch_ends_with_the_message_that_reaches_the_bytes(run, broker):
    batches = []

    async def handle(messages):
        batches.append([len(message.value) for message in messages])
        return [[] for _ in messages]

    async with run(handle, unit=4, worker=Worker(buffer_bytes=100)) as stage:
        stage.feed(of(size, offset) for offset, size in enumerate((500, 60, 60, 1, 1, 1, 1, 1)))
        await stage.settle()
    assert all(sum(batch[:-1]) < 100 for batch in batches)
    assert [size for batch in batches for size in batch] == [500, 60, 60, 1, 1, 1, 1, 1]
    assert batches[0] == [500]
    assert broker.committed == {0: 8}
