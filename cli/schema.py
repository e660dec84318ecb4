from enum import StrEnum
from typing import Annotated

import typer
from pydantic import BaseModel

from claimstream.cli.output import print_json
from claimstream.pipeline.records import Article, Claim, ClaimSet, Ending
from claimstream.publishing.article import RawArticle


class Name(StrEnum):
    RAW_ARTICLE = "raw-article"
    ARTICLE = "article"
    CLAIM = "claim"
    CLAIM_SET = "claim-set"
    ENDING = "ending"


RECORDS: dict[Name, type[BaseModel]] = {
    Name.RAW_ARTICLE: RawArticle,
    Name.ARTICLE: Article,
    Name.CLAIM: Claim,
    Name.CLAIM_SET: ClaimSet,
    Name.ENDING: Ending,
}


def schema(record: Annotated[Name, typer.Argument(help="Which message.")] = Name.RAW_ARTICLE) -> None:
    """Print the JSON Schema of a message, e.g. for the author of a scraper."""
    print_json(RECORDS[record].model_json_schema(mode="validation"))
