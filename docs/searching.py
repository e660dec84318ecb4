"""Writes searching.md: the questions of questions.yaml with the answers that the sample articles give.

python docs/searching.py
"""

import asyncio
import json
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from claimstream.cli.app import app
from claimstream.cli.demo import process_samples, temporary_stream

FOLDER = Path(__file__).parent
QUESTIONS: list[dict[str, str]] = yaml.safe_load((FOLDER / "questions.yaml").read_text("utf-8"))

Search = Callable[[Sequence[str]], Any]
"""Takes the arguments of `claimstream search` to what it prints as JSON."""


def page(search: Search) -> str:
    return "<!-- Written by docs/searching.py (make docs). -->\n\n" + "\n".join(lines(search)) + "\n"


def lines(search: Search) -> Iterator[str]:
    yield "# Searching\n"
    yield (
        "Questions that an analyst asks, as one types them into Kibana's search bar (KQL) and on the command line, "
        "with the answers of the sample articles that `make demo` publishes. Each is run in a test, and both ways find "
        "the same claims.\n"
    )
    yield (
        "In Kibana choose the data view *Claims*, and the time range: claims lie at the `date` of their article. Every "
        "field is in [records.md](records.md#claim). A field of names, say `speaker`, holds the exact name; "
        "`speaker.words` finds any word of it.\n"
    )
    for number, question in enumerate(QUESTIONS, 1):
        yield f"## {number}. {question['ask']}\n"
        by = f", broken down by `{question['by']}`" if "by" in question else ""
        yield f"Kibana: `{question['kql']}`{by}\n"
        yield f"    claimstream search {question['search']}\n"
        yield from answer(search(shlex.split(question["search"])))
        yield ""


def answer(found: Any) -> Iterator[str]:
    if isinstance(found, list):
        yield from (f"- {one['value']}: {one['claims']}" for one in found)
        return
    for claim in sorted(found["claims"], key=lambda one: (one["date"], one["article_id"], one["position"])):
        who = claim["speaker"] or "?"
        via = f", via {', '.join(claim['via'])}" if claim["via"] else ""
        stance = claim["stance"] + (", negative" if claim["polarity"] == "negative" else "")
        yield f"- **{who}**{via} ({stance}): {claim['content']} — {claim['site']}, {claim['date'][:10]}"


def search(arguments: Sequence[str]) -> Any:
    """Run `claimstream search --json` with the settings of the environment."""
    done = CliRunner().invoke(app, ["search", *arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output  # noqa: S101
    return json.loads(done.stdout)


def main() -> None:
    """Let a worker do the sample articles on temporary servers, and ask."""
    with temporary_stream() as (settings, worker):
        asyncio.run(process_samples(settings, worker))
        os.environ.update(settings.environment())
        (FOLDER / "searching.md").write_text(page(search), "utf-8")


if __name__ == "__main__":
    main()
