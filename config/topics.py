"""Topic and consumer group names, by rule: one place, so that nothing can be misspelt elsewhere."""

from dataclasses import dataclass

from claimstream.config.settings import Kafka, Stage


@dataclass(frozen=True)
class Topics:
    """The topics of one installation; `prefix` keeps several on one cluster apart.

    A back-fill has topics and groups of its own, so that it never stands before a live article in any stage. Both end
    in the same indices, where the later version of an article stands.
    """

    prefix: str = ""

    @classmethod
    def of(cls, kafka: Kafka) -> "Topics":
        return cls(kafka.prefix + ("backfill-" if kafka.backfill else ""))

    @property
    def raw_articles(self) -> str:
        return f"{self.prefix}raw-articles"

    @property
    def articles(self) -> str:
        return f"{self.prefix}articles"

    @property
    def claims(self) -> str:
        return f"{self.prefix}claims"

    @property
    def outcomes(self) -> str:
        """Ways that end before the index: refused or dead-lettered in strip or extract."""
        return f"{self.prefix}outcomes"

    @property
    def dead_letters(self) -> str:
        return f"{self.prefix}dead-letters"

    @property
    def sites(self) -> str:
        """What was seen of each site: compacted, and read whole by every worker that strips."""
        return f"{self.prefix}sites"

    def all(self) -> tuple[str, ...]:
        return (self.raw_articles, self.articles, self.claims, self.outcomes, self.dead_letters, self.sites)

    def inputs(self, stage: Stage) -> tuple[str, ...]:
        """The topics that a stage consumes."""
        return {
            "strip": (self.raw_articles,),
            "extract": (self.articles,),
            "index": (self.claims, self.outcomes),
        }[stage]

    def group(self, stage: Stage) -> str:
        return f"{self.prefix}claimstream-{stage}"
