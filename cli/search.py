import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, get_args

import typer
from elasticsearch import ApiError, TransportError
from rich.table import Table
from rich.text import Text

from claimstream.agents.connections import elasticsearch_client
from claimstream.agents.provision import translated
from claimstream.cli.output import Failed, console, print_json
from claimstream.config.indices import Indices, template
from claimstream.config.settings import Settings
from claimstream.pipeline.records import Polarity, Stance

MARK = "\x02", "\x03"
"""Around a found word; no article holds these characters."""
STYLES = {"denies": "red", "opposes": "red", "doubts": "yellow", "warns": "yellow", "supports": "green"}


def search(  # noqa: PLR0917 - typer turns them into options
    words: Annotated[str, typer.Argument(help="Words in the claim or its paragraph; empty finds all.")] = "",
    source: Annotated[
        str | None, typer.Option(help="Name of the speaker, or of whom the speaker is quoted by.")
    ] = None,
    about: Annotated[str | None, typer.Option(help="Person, organization or place that the claim names.")] = None,
    site: Annotated[str | None, typer.Option(help="Outlet, e.g. example.com.")] = None,
    stance: Annotated[str | None, typer.Option(help=f"One of: {', '.join(get_args(Stance))}.")] = None,
    polarity: Annotated[
        str | None, typer.Option(help="`negative` finds what says that something is not so, whatever the stance.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=VALUE", help="Exact value of any keyword field; may be given again."),
    ] = None,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Not older than this day.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Not younger than this day.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Count the claims by a keyword field instead of listing them.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print whole documents, or the counts, as JSON.")] = False,
) -> None:
    """Search the claims: who said what, in which outlet, when.

    claimstream search "links to the navy" --stance denies

    claimstream search --source Dorin --since 2026-09-01 --until 2026-09-30

    claimstream search radar --by site
    """
    if stance is not None and stance not in get_args(Stance):
        raise Failed(f"--stance: there is no {stance!r}; choose among {', '.join(get_args(Stance))}")
    if polarity is not None and polarity not in get_args(Polarity):
        raise Failed(f"--polarity: there is no {polarity!r}; choose among {', '.join(get_args(Polarity))}")
    if by is not None:
        keyword("--by", by)
    settings = Settings()
    wanted = query(
        words,
        source=source,
        about=about,
        exact=[("site", site), ("stance", stance), ("polarity", polarity), *map(condition, where or ())],
        since=since,
        until=until,
    )
    if by is not None:
        counts = asyncio.run(count(settings, wanted, by, limit))
        if as_json:
            print_json(counts)
        else:
            console.print(counts_table(by, counts))
        return
    total, hits = asyncio.run(find(settings, wanted, limit))
    if as_json:
        print_json({"total": total, "claims": [hit["_source"] for hit in hits]})
        return
    console.print(claims_table(hits))
    console.print(f"{len(hits)} of {total} claims", highlight=False)


def condition(text: str) -> tuple[str, str]:
    """Take `field=value` apart. Raises Failed if the field is none that has exact values."""
    field, equals, value = text.partition("=")
    if not equals:
        raise Failed(f"--where: {text!r} is not FIELD=VALUE")
    return keyword("--where", field), value


def keyword(option: str, field: str) -> str:
    fields = [name for name, one in template("claims")["template"]["mappings"]["properties"].items()
              if one["type"] == "keyword"]  # fmt: skip
    if field not in fields:
        raise Failed(f"{option}: claims have no keyword field {field!r}; choose among {', '.join(fields)}")
    return field


def query(
    words: str,
    *,
    source: str | None = None,
    about: str | None = None,
    exact: Sequence[tuple[str, str | None]] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Build the Elasticsearch query. Days are of UTC. docs/searching.md has the same in Kibana's language."""
    must: list[dict[str, Any]] = []
    if words:
        fields = ["content^3", "context", "title"]
        must.append({"simple_query_string": {"query": words, "fields": fields, "default_operator": "and"}})
    filters: list[dict[str, Any]] = [{"term": {field: value}} for field, value in exact if value is not None]
    if source:
        filters.append(_named(source, "speaker", "speaker_role", "source", "via"))
    if about:
        filters.append(_named(about, "people", "organizations", "places"))
    days = {"gte": since and since.date().isoformat(), "lte": until and until.date().isoformat()}
    if since or until:  # a day without an hour is that day's end for `lte`
        filters.append({"range": {"date": {bound: day for bound, day in days.items() if day}}})
    return {"bool": {"must": must or [{"match_all": {}}], "filter": filters}}


def _named(name: str, *fields: str) -> dict[str, Any]:
    return {"multi_match": {"query": name, "fields": [f"{field}.words" for field in fields], "operator": "and"}}


async def count(settings: Settings, wanted: dict[str, Any], field: str, limit: int) -> list[dict[str, Any]]:
    """Count the claims by the values of a field, most first: `[{"value": ..., "claims": ...}]`.

    Raises Unavailable or Fatal.
    """
    answer = await _search(settings, query=wanted, size=0, aggs={"by": {"terms": {"field": field, "size": limit}}})
    buckets = answer["aggregations"]["by"]["buckets"]
    return [{"value": bucket["key"], "claims": bucket["doc_count"]} for bucket in buckets]


async def find(settings: Settings, wanted: dict[str, Any], limit: int) -> tuple[int, list[dict[str, Any]]]:
    """Search and return how many claims there are, and the first `limit` hits. Raises Unavailable or Fatal."""
    answer = await _search(
        settings,
        query=wanted,
        size=limit,
        sort=["_score", {"date": "desc"}, "article_id", "position"],
        highlight={
            "fields": {"content": {"number_of_fragments": 0}},
            "pre_tags": [MARK[0]],
            "post_tags": [MARK[1]],
        },
        track_total_hits=True,
    )
    return answer["hits"]["total"]["value"], answer["hits"]["hits"]


async def _search(settings: Settings, **body: Any) -> Any:
    client = elasticsearch_client(settings.elasticsearch)
    try:
        return await client.search(index=Indices(settings.elasticsearch).alias("claims"), **body)
    except (TransportError, ApiError) as error:
        raise translated(error, settings.elasticsearch.url) from error
    finally:
        await client.close()


def counts_table(field: str, counts: Sequence[dict[str, Any]]) -> Table:
    table = Table(field)
    table.add_column("claims", justify="right")
    for one in counts:
        table.add_row(Text(str(one["value"])), str(one["claims"]))
    return table


def claims_table(hits: list[dict[str, Any]], title: str | None = None) -> Table:
    """One row a claim: who, stance, what, outlet, date."""
    table = Table(title=title, title_justify="left")
    table.add_column("who", max_width=34)
    table.add_column("stance")
    table.add_column("what", ratio=1)
    table.add_column("outlet", max_width=24)
    table.add_column("date", no_wrap=True)
    for hit in hits:
        claim = hit["_source"]
        content = hit.get("highlight", {}).get("content", [claim["content"]])[0]
        table.add_row(
            _who(claim),
            Text(claim["stance"], style=STYLES.get(claim["stance"], "")),
            _marked(content),
            Text(claim["site"] or "-"),
            claim["date"][:10],
        )
    return table


def _who(claim: dict[str, Any]) -> Text:
    who = Text(claim["speaker"] or "-", style="bold")
    if claim["speaker_role"]:
        who.append(f", {claim['speaker_role']}", style="not bold")
    if claim["via"]:
        who.append(f"\nvia {', '.join(claim['via'])}", style="not bold dim")
    return who


def _marked(content: str) -> Text:
    text = Text()
    for number, piece in enumerate(content.replace(MARK[1], MARK[0]).split(MARK[0])):
        text.append(piece, style="bold yellow" if number % 2 else "")
    return text
