"""The item pipeline for Scrapy 2.13 or newer, on its asyncio reactor (the default).

ITEM_PIPELINES = {"claimstream.publishing.scrapy.PublishPipeline": 900}
CLAIMSTREAM_SERVERS = "localhost:9092"
"""

import logging
from typing import Any, Self

from itemadapter import ItemAdapter
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from claimstream.publishing.article import RawArticle
from claimstream.publishing.asynchronous import AsyncPublisher
from claimstream.publishing.errors import Invalid, Misconfigured, PublishError, TooLarge

log = logging.getLogger(__name__)

STAT = {Invalid: "claimstream/invalid", TooLarge: "claimstream/too_large"}


class PublishPipeline:
    """Publishes each item and passes it on once Kafka has it, so that an outage slows the spider down.

    An item is whatever Scrapy takes for one, with the fields of a raw article; others are ignored. What is no proper
    article is dropped, its reason logged and counted (`claimstream/invalid`, `claimstream/too_large`). What Kafka does
    not confirm is an error of the item, which Scrapy logs with the item (`claimstream/failed`). Where Kafka cannot be
    reached at the start, or a setting is wrong, nothing is crawled, and Scrapy's exit status is 1.

    Settings, all optional: CLAIMSTREAM_SERVERS, CLAIMSTREAM_TOPIC, CLAIMSTREAM_PATIENCE as AsyncPublisher's servers,
    topic and patience; CLAIMSTREAM_CONNECTION, a dict of what else aiokafka needs to connect; CLAIMSTREAM_FIELDS, a
    dict from an item's field names to a raw article's, e.g. {"body": "html"}.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        assert crawler.stats is not None  # noqa: S101 - there before any pipeline is made
        self._stats = crawler.stats
        self._servers = settings.get("CLAIMSTREAM_SERVERS", "localhost:9092")
        self._options: dict[str, Any] = {
            "topic": settings.get("CLAIMSTREAM_TOPIC", "raw-articles"),
            "patience": settings.getfloat("CLAIMSTREAM_PATIENCE", 120.0),
            **settings.getdict("CLAIMSTREAM_CONNECTION"),
        }
        self._fields: dict[str, str] = settings.getdict("CLAIMSTREAM_FIELDS")
        if unknown := set(self._fields.values()) - set(RawArticle.model_fields):
            raise Misconfigured(f"CLAIMSTREAM_FIELDS: a raw article has no {', '.join(sorted(unknown))}")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def open_spider(self) -> None:
        self._publisher = AsyncPublisher(self._servers, **self._options)
        try:
            await self._publisher.start()
        except PublishError as error:
            log.error("nothing is crawled, for it could not be published: %s", error)  # noqa: TRY400 - Scrapy adds it
            raise

    async def process_item(self, item: Any) -> Any:
        article = {self._fields.get(name, name): value for name, value in ItemAdapter(item).items()}
        try:
            await self._publisher.publish(article)
        except (Invalid, TooLarge) as error:
            self._stats.inc_value(STAT[type(error)])
            raise DropItem(f"not published: {error}") from error
        except PublishError:
            self._stats.inc_value("claimstream/failed")
            raise
        self._stats.inc_value("claimstream/published")
        return item

    async def close_spider(self) -> None:
        await self._publisher.stop()
