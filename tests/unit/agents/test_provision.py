"""What `claimstream init` waits for."""

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

from claimstream.agents import provision
from claimstream.config.settings import Kafka
from claimstream.config.topics import Topics


class Admin:
    """A cluster whose brokers hear of new topics only when they were asked twice more."""

    def __init__(self) -> None:
        self.asked = 0
        self.created: list[str] = []

    async def list_topics(self) -> list[str]:
        self.asked += 1
        return self.created if self.asked > 3 else []

    async def create_topics(self, topics):
        self.created = [topic.name for topic in topics]
        return SimpleNamespace(topic_errors=[(name, 0) for name in self.created])


def test_topics_are_there_when_init_says_so(monkeypatch):
    admin = Admin()

    @asynccontextmanager
    async def connected(_):
        yield admin

    monkeypatch.setattr(provision, "kafka_admin", connected)
    monkeypatch.setattr(provision, "TOPIC_SECONDS", 0)
    kafka = Kafka()

    async def created_and_listed():
        return await provision.create_topics(kafka), await admin.list_topics()

    created, listed = asyncio.run(created_and_listed())
    assert set(created) == set(listed) == set(Topics.of(kafka).all())
    assert admin.asked == 5
