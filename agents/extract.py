"""extract: article -> article with claims."""

from claimstream.agents.delivery import Handle, each
from claimstream.agents.messages import Message, Outgoing
from claimstream.agents.pool import Pool
from claimstream.config.settings import Settings
from claimstream.config.topics import Topics
from claimstream.pipeline.messages import extract_message


def extract(settings: Settings, pool: Pool) -> Handle:
    topics = Topics.of(settings.kafka)

    async def handle(message: Message) -> list[Outgoing]:
        claims = await pool.run(extract_message, message.value)
        return [Outgoing(topics.claims, claims.key, claims.value, message.history)]

    return each(handle)
