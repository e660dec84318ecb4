"""The item pipeline for Scrapy 2.13 or newer, on its asyncio reactor (the default).

ITEM_PIPELINES = {"claimstream.publishing.scrapy.PublishPipeline": 900}
CLAIMSTREAM_SERVERS = "localhost:9092"
"""

import logging
from typing import Any, Self

from itemadapter import ItemAdapter
from scrapy.commands import ScrapyCommand
from scrapy.crawler import Crawler
from scrapy.exceptions import CloseSpider, DropItem

from claimstream.publishing.article import RawArticle
from claimstream.publishing.asynchronous import AsyncPublisher
from claimstream.publishing.errors import Invalid, Misconfigured, PublishError, TooLarge

log = logging.getLogger(__name__)
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # Scrapy would print all it says; the publisher sums it up

STAT = {Invalid: "claimstream/invalid", TooLarge: "claimstream/too_large"}


class PublishPipeline:
    """Publishes each item and passes it on once Kafka has it, so that an outage slows the spider down.

    An item is whatever Scrapy takes for one, with the fields of a raw article; others are ignored. What is no proper
    article is dropped, its reason logged and counted (`claimstream/invalid`, `claimstream/too_large`). What Kafka does
    not confirm is an error of the item, which Scrapy logs with the item (`claimstream/failed`). Where Kafka cannot be
    reached at the start, or a setting is wrong, the spider is closed before it crawls anything. In both cases the exit
    status of `scrapy crawl` is 1.

    Settings, all optional: CLAIMSTREAM_SERVERS, CLAIMSTREAM_TOPIC, CLAIMSTREAM_PATIENCE as AsyncPublisher's servers,
    topic and patience; CLAIMSTREAM_CONNECTION, a dict of what else aiokafka needs to connect; CLAIMSTREAM_FIELDS, a
    dict from an item's field names to a raw article's, e.g. {"body": "html"}.
    """

    def __init__(self, crawler: Crawler) -> None:
        assert crawler.stats is not None  # noqa: S101 - there before any pipeline is made
        self._stats = crawler.stats
        self._settings = crawler.settings
        self._fields: dict[str, str] = {}
        self._publisher: AsyncPublisher | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def open_spider(self) -> None:
        try:
            self._publisher = await self._started()
        except PublishError as error:
            ScrapyCommand.exitcode = 1
            log.error("nothing is crawled, for it could not be published: %s", error)  # noqa: TRY400 - it says all
            raise CloseSpider(f"claimstream_{error.reason}") from error

    async def _started(self) -> AsyncPublisher:
        """Read the settings and connect. Raises Unreachable or Misconfigured."""
        settings = self._settings
        try:
            self._fields = settings.getdict("CLAIMSTREAM_FIELDS")
            if unknown := set(self._fields.values()) - set(RawArticle.model_fields):
                raise Misconfigured(f"CLAIMSTREAM_FIELDS: a raw article has no {', '.join(sorted(unknown))}")
            publisher = AsyncPublisher(
                settings.get("CLAIMSTREAM_SERVERS", "localhost:9092"),
                topic=settings.get("CLAIMSTREAM_TOPIC", "raw-articles"),
                patience=settings.getfloat("CLAIMSTREAM_PATIENCE", 120.0),
                **settings.getdict("CLAIMSTREAM_CONNECTION"),
            )
            await publisher.start()
        except (TypeError, ValueError) as error:  # as aiokafka and Scrapy name what is wrong with an argument
            raise Misconfigured(f"the settings CLAIMSTREAM_... are wrong: {error}") from error
        return publisher

    async def process_item(self, item: Any) -> Any:
        assert self._publisher is not None  # noqa: S101 - or nothing is crawled
        article = {self._fields.get(name, name): value for name, value in ItemAdapter(item).items()}
        try:
            await self._publisher.publish(article)
        except (Invalid, TooLarge) as error:
            self._stats.inc_value(STAT[type(error)])
            raise DropItem(f"not published: {error}") from error
        except PublishError:
            ScrapyCommand.exitcode = 1
            self._stats.inc_value("claimstream/failed")
            raise
        self._stats.inc_value("claimstream/published")
        return item

    async def close_spider(self) -> None:
        if self._publisher:
            await self._publisher.stop()
