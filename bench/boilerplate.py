"""How well and how fast boilerplate is stripped, with the product's own functions.

    python -m bench.boilerplate predict-lines IN OUT    rows {"id", "lines", "url"} -> {"id", "keep": [0/1, ...]}
    python -m bench.boilerplate predict-html IN OUT     rows {"id", "url", "html"} -> {"id", "text"}
    python -m bench.boilerplate predict-site IN OUT     as predict-lines, of rows with "site" in the order in which they
                                                        came: each is judged by what those before it taught
    python -m bench.boilerplate refusals IN             rows {"id", "url", "lines", "is_article"}
    python -m bench.boilerplate speed IN...             pages a second on one core, of either kind of row
    python -m bench.boilerplate growth                  seconds for pages of 0.3 to 9.5 MB, made up

Rows are JSON Lines; a name that ends in .gz is (un)zipped.
"""

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from claimstream.config.settings import Limits
from claimstream.pipeline.outcomes import Refused
from claimstream.pipeline.records import Article, SeenLine, Sighting
from claimstream.pipeline.strip import page, strip
from claimstream.pipeline.strip.lines import sift
from claimstream.pipeline.strip.memory import A_DAY, Memory
from claimstream.pipeline.strip.sites import site_for
from claimstream.pipeline.strip.standing import NOTHING, Standing
from claimstream.publishing.article import RawArticle
from claimstream.publishing.identity import site_of

NOW = datetime.now(UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(path: str) -> Iterator[dict[str, Any]]:
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def write(path: str, out: Iterable[dict[str, Any]]) -> None:
    with (gzip.open if path.endswith(".gz") else open)(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in out)


def keep(row: dict[str, Any], standing: Standing = NOTHING) -> tuple[list[int], tuple[SeenLine, ...]]:
    """1 for each line that is the article's, and what the page teaches; language and length refuse nothing here."""
    url = row.get("url")
    found = sift(row["lines"], None, url, site_for(site_of(url) if url else None), standing)
    judged = iter(found.lines)
    return [int(bool(line.strip()) and next(judged)[1] is None) for line in row["lines"]], found.seen


def keep_in_order(pages: Iterable[dict[str, Any]]) -> Iterator[list[int]]:
    """The same for pages of sites, each with what was learned from those before it; a site has `A_DAY` pages a day."""
    memory = Memory(most=1000)
    numbers: Counter[str] = Counter()
    for row in pages:
        site = row["site"].lower()
        at = START + numbers[site] * timedelta(days=1) / A_DAY
        numbers[site] += 1
        kept, seen = keep(row, memory.standing(site, at, row["id"]))
        memory.learn(Sighting(site=site, article_id=row["id"], at=at, lines=seen))
        yield kept


def raw(row: dict[str, Any]) -> RawArticle:
    page = {"html": row["html"]} if "html" in row else {"text": "\n".join(row["lines"])}
    return RawArticle.model_validate({"id": row["id"], "url": row.get("url")} | page)


def text(row: dict[str, Any]) -> str:
    """The article's paragraphs, dateline included; neither language nor length refuse anything here."""
    try:
        found = page.sift(row["html"], None, row.get("url"), site_for(site_of(row["url"])))
    except Refused:
        return ""
    return "\n".join(text for text, reason in found.lines if reason is None)


def refusals(path: str) -> None:
    wrong = 0
    for row in rows(path):
        try:
            found: Article | Refused = strip(raw(row), NOW, Limits())
        except Refused as refusal:
            found = refusal
        refused = isinstance(found, Refused)
        wrong += refused == row["is_article"]
        if refused or not row["is_article"]:
            verdict = "right" if refused != row["is_article"] else "WRONG"
            kind = row.get("why_not") or "article"
            print(f"{verdict}  {kind:12} {str(found) if refused else 'kept':.80}  {row['url']:.80}")
    print(f"{wrong} wrong")


def speed(paths: list[str]) -> None:
    for path in paths:
        pages = [raw(row) for row in rows(path)]
        start = 0.0
        for one in (pages[0], *pages):  # the first one twice, for what is loaded then
            with suppress(Refused):
                strip(one, NOW, Limits())
            start = start or time.process_time()
        print(f"{len(pages) / (time.process_time() - start):7.0f} pages/s  {path}")


SENTENCE = "The harbour master of Kessel said on Monday that ferry {0} will sail again next week, after a long rest."
REPEATED = {
    "html, paragraphs": "<p>" + SENTENCE + "</p>",
    "html, links": "<li><a href=/ferry/{0}>Ferry {0} cancelled again</a></li>",
    "html, tables": "<table><tr><td colspan=9>" + SENTENCE + "</td><td>{0}</td></tr></table>",
    "html, comments": "<div class=comment id=c{0}><p>" + SENTENCE + "</p></div>",
    "html, attributes": "<p title='" + 20 * SENTENCE + "'>" + SENTENCE + "</p>",
    "html, open elements": "<div class=a{0}>" + SENTENCE,
    "html, scripts": "<script>var a{0} = '" + 10 * SENTENCE + "';</script>",
    "text, paragraphs": SENTENCE + "\n",
    "text, short lines": "Ferry {0} cancelled\n",
    "text, one line": SENTENCE + " ",
}
"""What pages of any size can be made of."""
MEGABYTES = (0.3, 1.0, 3.0, 9.5)


def growth() -> Iterator[tuple[str, list[float]]]:
    """Seconds of processor time for pages that grow; limits are lifted, so that text is read at all."""
    limits = Limits(max_text_chars=10**8, max_html_bytes=10**8)
    opening = "".join(f"<p>{SENTENCE.format(n)}</p>" for n in range(5))
    for name, piece in REPEATED.items():
        seconds = []
        for megabytes in MEGABYTES:
            source = "".join(map(piece.format, range(int(megabytes * 1e6 / len(piece.format(10_000))))))
            if name.startswith("html"):
                page = {"html": f"<html><body><article>{opening}{source}</article></body></html>"}
            else:
                page = {"text": source}
            article = RawArticle.model_validate({"id": "a"} | page)
            start = time.process_time()
            with suppress(Refused):
                strip(article, NOW, limits)
            seconds.append(time.process_time() - start)
        yield name, seconds


def main(arguments: list[str]) -> None:
    match arguments:
        case ["predict-lines", source, target]:
            write(target, ({"id": row["id"], "keep": keep(row)[0]} for row in rows(source)))
        case ["predict-site", source, target]:
            pages = list(rows(source))
            write(
                target,
                ({"id": row["id"], "keep": kept} for row, kept in zip(pages, keep_in_order(pages), strict=True)),
            )
        case ["predict-html", source, target]:
            write(target, ({"id": row["id"], "text": text(row)} for row in rows(source)))
        case ["refusals", source]:
            refusals(source)
        case ["speed", _, *_]:
            speed(arguments[1:])
        case ["growth"]:
            for name, seconds in growth():
                print(f"{name:20}" + "".join(f"{one:8.2f}" for one in seconds), flush=True)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
