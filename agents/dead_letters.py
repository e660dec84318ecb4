"""Dead letters as Kafka messages: the original bytes are the value, all else stands in headers.

So a dead letter is hardly larger than what it keeps, and any Kafka tool can read it. A letter that was replayed
stays in the topic; a mark behind it, an empty message, says so. A worker that is killed between writing a letter and
committing leaves it to be written again, and one that is killed before leaves its message to be produced again and to
die twice: all that tell of one article in one stage are read as one letter, until it dies anew after a replay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from claimstream.agents.connections import kafka_options
from claimstream.agents.messages import ORIGIN, Message, Outgoing
from claimstream.agents.provision import kafka_trouble
from claimstream.agents.reading import whole
from claimstream.config.settings import Kafka
from claimstream.config.topics import Topics
from claimstream.pipeline.records import DeadLetter

PREFIX = "claimstream-dead-"
REPLAYED = "claimstream-replayed"
FIELDS = ("stage", "fault", "error", "topic", "partition", "offset", "origin", "received_at", "died_at")
NEVER = 2**63
"""An offset behind all."""
Place = tuple[int, int]
"""Partition and offset in the topic of the dead letters."""
ERROR_CHARS = 4000
"""Kafka counts headers into the message size; a traceback's end says most."""


@dataclass(frozen=True)
class Buried:
    """A dead letter where it lies."""

    partition: int
    offset: int
    letter: DeadLetter

    @property
    def id(self) -> str:
        return f"{self.partition}-{self.offset}"

    @property
    def death(self) -> tuple[str, str, datetime]:
        """Which article died, and where on its way; the time is for a topic that was made anew."""
        return self.letter.stage, self.letter.origin, self.letter.received_at


def to_outgoing(letter: DeadLetter, topics: Topics) -> Outgoing:
    stated = {name: getattr(letter, name) for name in FIELDS} | {"error": letter.error[-ERROR_CHARS:]}
    headers = {
        PREFIX + name: (value.isoformat() if isinstance(value, datetime) else str(value)).encode()
        for name, value in stated.items()
    }
    return Outgoing(topics.dead_letters, letter.key, letter.value, headers)


def from_message(message: Message) -> DeadLetter:
    """Read a dead letter back. Raises pydantic's ValidationError if it was not written by `to_outgoing`."""
    stated = {
        name: message.headers[PREFIX + name].decode(errors="replace")
        for name in FIELDS
        if PREFIX + name in message.headers
    }
    return DeadLetter.model_validate({**stated, "key": message.key, "value": message.value})


def revived(letter: DeadLetter) -> Outgoing:
    """The message as it was, for the topic it died in.

    A raw article is published anew and gets an origin of its own; what died later keeps its origin, so that the
    new ending takes the place of the old one.
    """
    history = Message(
        letter.topic,
        letter.partition,
        letter.offset,
        letter.key,
        letter.value,
        letter.received_at.timestamp(),
        {ORIGIN: letter.origin.encode()},
    ).history
    return Outgoing(letter.topic, letter.key, letter.value, {} if letter.stage == "strip" else history)


async def read(kafka: Kafka) -> list[Buried]:
    """Read the dead letters that were not replayed, each once, oldest first. Raises Unavailable or Fatal."""
    topic = Topics.of(kafka).dead_letters
    buried: dict[Place, Buried] = {}
    marks: list[tuple[Place, int]] = []
    async for record in whole(kafka, topic):
        headers = dict(record.headers)
        if REPLAYED in headers:
            marks.append(((record.partition, int(headers[REPLAYED])), record.offset))
            continue
        timestamp = record.timestamp / 1000
        message = Message(topic, record.partition, record.offset, record.key, record.value, timestamp, headers)
        letter = from_message(message)
        buried[record.partition, record.offset] = Buried(record.partition, record.offset, letter)
    return standing(buried, marks)


def standing(buried: Mapping[Place, Buried], marks: Iterable[tuple[Place, int]]) -> list[Buried]:
    """Return the first letter of each death that is not replayed; `marks` are a letter's place and their own offset.

    All letters of a death beyond strip lie in one partition, that of the article's id, so that their order is known.
    """
    replayed: dict[object, int] = {}
    for place, offset in marks:
        if marked := buried.get(place):  # a raw article that is replayed is another message, and dies another death
            replayed[marked.death] = NEVER if marked.letter.stage == "strip" else offset
    first: dict[object, Buried] = {}
    for one in sorted(buried.values(), key=lambda one: one.letter.died_at):
        if one.offset > replayed.get(one.death, -1):
            first.setdefault(one.death, one)
    return list(first.values())


async def replay(kafka: Kafka, letters: Sequence[Buried]) -> None:
    """Publish each letter's message again where it died, and mark the letter. Raises Unavailable or Fatal.

    Interrupted in between, a letter may be published twice, which the index takes for a redelivery.
    """
    topics = Topics.of(kafka)
    producer = AIOKafkaProducer(
        **kafka_options(kafka), max_request_size=kafka.max_message_bytes, compression_type="zstd", acks="all"
    )
    try:
        await producer.start()
        for buried in letters:
            message = revived(buried.letter)
            headers = list(message.headers.items())
            await producer.send_and_wait(message.topic, message.value, key=message.key, headers=headers)
            mark = [(REPLAYED, str(buried.offset).encode())]
            await producer.send_and_wait(topics.dead_letters, b"", partition=buried.partition, headers=mark)
    except (KafkaError, OSError) as error:
        raise kafka_trouble(error, kafka) from error
    finally:
        await producer.stop()
