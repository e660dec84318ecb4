"""Knowledge of single sites, as data: `config/sites/<site>.yaml`."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from claimstream.pipeline.strip.reasons import Reason
from claimstream.publishing.article import explain

_FOLDER = files("claimstream.config") / "sites"


class SiteError(ValueError):
    """A site file that does not say what it must; names file, field and fix."""


class Rule(BaseModel):
    """Lines of a site that are not the article's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: re.Pattern[str] = Field(description="Regular expression for a whole line, spaces single, case ignored.")
    reason: Reason

    @field_validator("line", mode="before")
    @classmethod
    def _compiled(cls, value: Any) -> re.Pattern[str]:
        try:
            return re.compile(value, re.IGNORECASE)
        except (TypeError, re.error) as error:
            raise ValueError(f"is no regular expression: {error}") from error


class Site(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    drop: tuple[Rule, ...] = Field(min_length=1)

    def reason_for(self, line: str) -> Reason | None:
        return next((rule.reason for rule in self.drop if rule.line.fullmatch(line)), None)


def parse(name: str, source: str) -> Site:
    """Read a site file. Raises SiteError."""
    try:
        return Site.model_validate(yaml.safe_load(source))
    except yaml.YAMLError as error:
        raise SiteError(f"{name} is not YAML: {error}") from error
    except ValidationError as error:
        raise SiteError(f"{name}: {explain(error)}") from error


@cache
def known_sites() -> dict[str, Site]:
    """All site files, by host. Raises SiteError for the first that is wrong."""
    return {
        file.name.removesuffix(".yaml"): parse(file.name, file.read_text(encoding="utf-8"))
        for file in _FOLDER.iterdir()
        if file.name.endswith(".yaml")
    }


def site_for(outlet: str | None) -> Site | None:
    return known_sites().get(outlet.lower()) if outlet else None
