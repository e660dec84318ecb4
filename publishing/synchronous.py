"""The publisher for scripts without asyncio: the same one, in a thread of its own."""

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar

from claimstream.publishing.article import RawArticle
from claimstream.publishing.asynchronous import AsyncPublisher, Receipt, Stats
from claimstream.publishing.errors import NotPublished

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Publisher:
    """Publishes raw articles to Kafka; safe to use from several threads.

        with Publisher("localhost:9092") as publisher:
            publisher.send({"url": "https://example.com/news/1", "html": page})

    Without a block, `close` flushes, and so does the end of the program.
    """

    def __init__(self, servers: str = "localhost:9092", **options: Any) -> None:
        """Connect. Takes what AsyncPublisher takes. Raises Unreachable or Misconfigured."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="claimstream-publisher", daemon=True)
        self._thread.start()
        self._closed = False
        try:
            self._publisher = self._run(_started(servers, options))
        except BaseException:
            self._end()
            raise
        atexit.register(self._close_at_exit)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self.close()
        except NotPublished as error:
            if kind is None:
                raise
            log.error("%s", error)  # noqa: TRY400 - what ended the block says more than a second traceback

    @property
    def stats(self) -> Stats:
        return self._publisher.stats

    def publish(self, article: RawArticle | Mapping[str, Any]) -> Receipt:
        """Return when Kafka has the article. Raises any PublishError."""
        return self._run(self._publisher.publish(article))

    def send(self, article: RawArticle | Mapping[str, Any]) -> None:
        """Hand an article over. Raises Invalid or TooLarge at once, and leaves what comes later to `flush`."""
        self._run(self._publisher.send(article))

    def flush(self) -> None:
        """Wait for all that was handed over. Raises NotPublished for what failed since the last time."""
        self._run(self._publisher.flush())

    def close(self) -> None:
        """Flush and disconnect; a second call does nothing. Raises NotPublished."""
        if self._closed:
            return
        try:
            self._run(self._publisher.stop())
        finally:
            self._end()
            atexit.unregister(self._close_at_exit)

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except NotPublished as error:
            log.critical("%s", error)  # logging prints it to stderr even when nobody has set it up

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        if self._closed:
            coroutine.close()
            raise RuntimeError("the publisher is closed")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _end(self) -> None:
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _started(servers: str, options: dict[str, Any]) -> AsyncPublisher:
    publisher = AsyncPublisher(servers, **options)
    await publisher.start()
    return publisher
