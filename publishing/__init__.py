"""What a scraper imports: the raw article and its publishers. Needs aiokafka[zstd] and pydantic, no other room."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from claimstream.publishing.article import RawArticle
from claimstream.publishing.errors import Invalid, Misconfigured, NotPublished, PublishError, TooLarge, Unreachable

if TYPE_CHECKING:
    from claimstream.publishing.asynchronous import AsyncPublisher, Receipt, Stats
    from claimstream.publishing.synchronous import Publisher

__all__ = [
    "AsyncPublisher",
    "Invalid",
    "Misconfigured",
    "NotPublished",
    "PublishError",
    "Publisher",
    "RawArticle",
    "Receipt",
    "Stats",
    "TooLarge",
    "Unreachable",
]


def __getattr__(name: str) -> Any:
    """Import a publisher, and so aiokafka, when it is asked for: the pipeline's processes read articles without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    module = "synchronous" if name == "Publisher" else "asynchronous"
    return getattr(import_module(f"{__name__}.{module}"), name)
