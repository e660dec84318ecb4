"""What publishing can raise, named after what the scraper's author has to do about it.

PublishError
Invalid        the article is not as the contract says: mend the named field
TooLarge       the article does not fit into a message: leave it out, or cut it
Unreachable    Kafka does not answer, or did not confirm in time: publish the article again
Misconfigured  a login, a right or the topic is missing: a person is needed
NotPublished   some of the articles that were handed over: each with one of the above
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from claimstream.publishing.article import RawArticle

Malformation = Literal["no-value", "not-json", "invalid-record"]


class PublishError(Exception):
    """An article is not in Kafka, or not known to be; `reason` says why in one word, to be counted under."""

    reason = "not-published"


class Invalid(PublishError):
    """Names each wrong field and how to mend it; `reason` is the fault under which the stream would dead-letter it."""

    def __init__(self, reason: Malformation, error: str) -> None:
        super().__init__(reason, error)  # all in args, so that it survives pickling
        self.reason: str = reason

    def __str__(self) -> str:
        return str(self.args[1])


class TooLarge(PublishError):
    """Not in Kafka, and never will be."""

    reason = "too-large"


class Unreachable(PublishError):
    """Kafka may have it all the same: an article that was sent twice is indexed once."""

    reason = "unreachable"


class Misconfigured(PublishError):
    """Not in Kafka."""

    reason = "misconfigured"


class NotPublished(PublishError):
    """`articles` are those that were handed over and not confirmed, each with the reason."""

    def __init__(self, articles: "Sequence[tuple[RawArticle, PublishError]]") -> None:
        super().__init__(articles)
        self.articles = articles

    def __str__(self) -> str:
        article, error = self.articles[0]
        more = f" (and {len(self.articles) - 1} more)" if len(self.articles) > 1 else ""
        return f"{len(self.articles)} not published: {article.url or article.id}: {error}{more}"
