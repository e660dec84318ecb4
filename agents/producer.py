"""Sending to Kafka until it confirms."""

from collections.abc import Awaitable, Callable

import faust
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordTooLargeError,
    TopicAuthorizationFailedError,
)
from faust.exceptions import ProducerSendError

from claimstream.agents.backoff import delays
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.messages import Outgoing
from claimstream.pipeline.outcomes import Fault, Undeliverable

Wait = Callable[[float, Unavailable], Awaitable[None]]
"""Waits so many seconds before the next try, and says why."""


async def produce(app: faust.App, outgoing: Outgoing, wait: Wait) -> None:
    """Send until Kafka confirms. Raises Undeliverable if it never will take it, Fatal if we may not write."""
    for delay in delays():
        try:
            producer = await app.maybe_start_producer()
            await producer.send_and_wait(
                outgoing.topic, outgoing.key, outgoing.value, None, None, dict(outgoing.headers)
            )
        except (ProducerSendError, KafkaError, OSError) as error:
            cause = error.__cause__ if isinstance(error, ProducerSendError) else error
            match cause:
                case MessageSizeTooLargeError() | RecordTooLargeError():
                    raise Undeliverable(
                        Fault.TOO_LARGE, f"does not fit into a message of {outgoing.topic}: {cause}"
                    ) from error
                case TopicAuthorizationFailedError() | ClusterAuthorizationFailedError():
                    raise Fatal(f"Kafka forbids writing to {outgoing.topic}: grant it to this user") from error
            await wait(delay, Unavailable("Kafka", repr(cause)))
        else:
            return
