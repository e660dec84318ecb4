import asyncio

from claimstream.agents.provision import initialise
from claimstream.cli.output import console
from claimstream.config.settings import Settings


def init() -> None:
    """Create the topics and indices that do not exist yet. Safe to repeat."""
    settings = Settings()
    topics, indices = asyncio.run(initialise(settings))
    console.print(f"Kafka {settings.kafka.servers}: {_told(topics)}")
    console.print(f"Elasticsearch {settings.elasticsearch.url}: templates up to date, {_told(indices)}")


def _told(created: list[str]) -> str:
    return f"created {', '.join(created)}" if created else "nothing to create"
