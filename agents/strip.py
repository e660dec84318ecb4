"""strip: raw article -> article, and what the memory of its site is told."""

from claimstream.agents.delivery import Handle, each
from claimstream.agents.messages import Message, Outgoing
from claimstream.agents.pool import Pool
from claimstream.agents.sites import Sites
from claimstream.config.settings import Settings
from claimstream.config.topics import Topics
from claimstream.pipeline.messages import strip_message, subject


def strip(settings: Settings, pool: Pool, sites: Sites) -> Handle:
    topics = Topics.of(settings.kafka)

    async def handle(message: Message) -> list[Outgoing]:
        about = await pool.run(subject, message.value)
        standing = await sites.standing(about, message.received_at)
        article = await pool.run(strip_message, message.value, message.received_at, settings.limits, standing)
        return [
            Outgoing(topics.articles, article.key, article.value, message.history),
            *(sites.news(article.sighting) if article.sighting else ()),
        ]

    return each(handle)
