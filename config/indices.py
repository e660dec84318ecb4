"""Index, alias and template names, and the templates themselves: config/elasticsearch/ is the source of the fields."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Literal

from claimstream.config.settings import Elasticsearch

Kind = Literal["articles", "claims", "outcomes"]
KINDS: tuple[Kind, ...] = ("articles", "claims", "outcomes")


def template(kind: Kind) -> dict[str, Any]:
    text = files("claimstream.config").joinpath("elasticsearch", f"{kind}.json").read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@dataclass(frozen=True)
class Indices:
    """Readers and writers use the alias; behind it stands the index of the template's version."""

    settings: Elasticsearch

    def alias(self, kind: Kind) -> str:
        return f"{self.settings.prefix}{kind}"

    def index(self, kind: Kind) -> str:
        return f"{self.alias(kind)}-v{template(kind)['version']}"

    def index_template(self, kind: Kind) -> dict[str, Any]:
        """The body of the index template, with the settings' analyzer and replicas."""
        body = template(kind)
        body["index_patterns"] = [f"{self.alias(kind)}-v*"]
        index = body["template"]["settings"]
        index["number_of_replicas"] = self.settings.replicas
        if "analysis" in index:
            index["analysis"]["analyzer"]["prose"]["type"] = self.settings.analyzer
        return body
