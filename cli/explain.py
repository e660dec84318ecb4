import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.sites import read as read_sites
from claimstream.cli.output import Failed, console, print_json
from claimstream.config.settings import Settings
from claimstream.pipeline.extract import extract
from claimstream.pipeline.outcomes import Refused
from claimstream.pipeline.records import Article, Claim, ClaimSet, Removed, joined
from claimstream.pipeline.strip import strip
from claimstream.pipeline.strip.standing import NOTHING, Standing
from claimstream.publishing.archives import read
from claimstream.publishing.article import RawArticle

STYLES = {"source": "bold cyan", "cue": "yellow", "content": "green"}


def explain(
    file: Annotated[str, typer.Argument(help="One article: .html, .txt, or JSON Lines (see --line); - is stdin.")],
    line: Annotated[int, typer.Option(min=1, help="Which line of JSON Lines.")] = 1,
    url: Annotated[str | None, typer.Option(help="Address of the page, which chooses the site's own rules.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the article and its claims as JSON.")] = False,
) -> None:
    """Show what the stream would do to one article, and why. Needs neither Kafka nor Elasticsearch.

    Prints the page line by line, what was removed with its reason and what was
    kept with each claim's spans marked, then the claims. The exit status is 1
    if the article is refused. Where Kafka answers, what was learned of the site
    counts, as in the stream.

        claimstream explain page.html --url https://example.com/news/1
    """
    raw = _nth(file, line, url)
    try:
        memory = _memory(raw)
        claim_set = extract(strip(raw, _received_at(file), Settings().limits, memory or NOTHING))
    except Refused as refused:
        if as_json:
            print_json({"refused": refused.refusal, "detail": refused.detail})
        raise Failed(f"refused as {refused}") from refused
    if as_json:
        print_json(claim_set.model_dump(mode="json"))
        return
    show(
        claim_set, "Kafka is not reached: judged without it" if memory is None else f"{len(memory.shares)} lines stand"
    )


def _memory(raw: RawArticle) -> Standing | None:
    """What is known of the article's site now; None if Kafka does not answer."""
    settings = Settings()
    site = (raw.outlet or "").lower()
    try:
        memory, _ = asyncio.run(read_sites(settings, site))
    except (Unavailable, Fatal):
        return None
    now = datetime.now(UTC) - timedelta(seconds=settings.sites.settle_seconds)
    return memory.standing(site, now, raw.article_id)


def _nth(file: str, line: int, url: str | None) -> RawArticle:
    number = 0
    for number, (_, entry) in enumerate(read(Path(file), str(Path(file).parent), url=url), 1):
        if entry.error:
            raise Failed(f"{entry.where}: {entry.error}")
        if number == line and entry.article:
            return entry.article
    raise Failed(f"{file}: has {number} articles, not {line}")


def _received_at(file: str) -> datetime:
    return datetime.now(UTC) if file == "-" else datetime.fromtimestamp(Path(file).stat().st_mtime, UTC)


def show(claim_set: ClaimSet, memory: str) -> None:
    article = claim_set.article
    for name in ("title", "site", "authors", "dateline", "published_at", "language"):
        value = getattr(article, name)
        shown = ", ".join(value) if isinstance(value, tuple) else value
        console.print(Text(f"{name:14}", style="bold") + Text(str(shown or "-")))
    console.print(Text(f"{'site memory':14}", style="bold") + Text(memory))
    console.print(Rule(Text("page: ") + Text("kept", style="green") + Text(", ") + Text("removed", style="red")))
    for line in _page(article, claim_set.claims):
        console.print(line)
    legend = Text("  ").join(Text(name, style=style) for name, style in STYLES.items())
    console.print(Rule(Text(f"{len(claim_set.claims)} claims: ") + legend))
    console.print(_table(claim_set.claims))
    console.print(Text(f"pipeline {claim_set.pipeline}, model {claim_set.model}", style="dim"))


def _page(article: Article, claims: tuple[Claim, ...]) -> Iterator[Text]:
    """The page's lines in its order, each with what became of it."""
    rest = list(article.removed)
    at = 0
    for paragraph in _marked(article, claims).split("\n"):
        while rest and rest[0].at <= at:
            yield _removed(rest.pop(0))
        yield Text(f"{'kept':16} ", style="green") + paragraph
        at += len(paragraph) + 1
    yield from map(_removed, rest)


def _removed(removed: Removed) -> Text:
    return Text(f"{removed.reason:16} ", style="red") + Text(removed.text, style="dim red")


def _marked(article: Article, claims: tuple[Claim, ...]) -> Text:
    text = Text(article.text)
    for claim in claims:
        for name in ("content", "source", "cue"):
            for span in getattr(claim, name):
                text.stylize(STYLES[name], span.start, span.end)
    return text


def _table(claims: tuple[Claim, ...]) -> Table:
    table = Table("who", "cue", "stance", "kind", "what", "at", "sure")
    for claim in claims:
        who = Text(claim.speaker.name if claim.speaker else "-", style="bold")
        if claim.speaker and claim.speaker.role:
            who.append(f", {claim.speaker.role}", style="not bold")
        if claim.via:
            who.append(f"\nvia {', '.join(one.name for one in claim.via)}", style="not bold dim")
        negated = " (negative)" if claim.polarity == "negative" else ""
        table.add_row(
            who,
            Text(joined(claim.cue)),
            claim.stance + negated,
            f"{claim.kind}, {claim.quotation}" if claim.kind == "speech" else claim.kind,
            Text(joined(claim.content)),
            str(claim.content[0].start),
            f"{claim.confidence:.2f}",
        )
    return table
