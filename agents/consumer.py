"""Faust's consumer, which after a rebalance goes back to what was committed, made to do so in every partition."""

from collections.abc import Mapping

from faust.transport.drivers import aiokafka
from faust.types import TP


class Consumer(aiokafka.Consumer):
    """aiokafka leaves a partition where it is if nothing was committed yet, or only offset 0.

    What Faust had fetched and dropped of it would come no more, and be passed over by the next commit.
    """

    async def seek_to_committed(self) -> Mapping[TP, int]:
        committed: Mapping[TP, int] = await super().seek_to_committed()
        fresh = [tp for tp, offset in committed.items() if not offset]
        if fresh:
            for tp, offset in (await self.earliest_offsets(*fresh)).items():
                await self._seek(tp, offset)
        return committed
