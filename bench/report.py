"""Writes docs/benchmarks.md and docs/site-memory.svg: how well both stages do, beside what others make of it.

    python -m bench.report DATA     in an environment with requirements-bench.txt

DATA holds `html/pages_dev.jsonl.gz` ({"url", "html", "articleBody"}), `raw/pages_dev.jsonl.gz` and
`boilerplate/*_dev.jsonl.gz` ({"url", "lines", "keep", "ign"}), and `boilerplate/site_*.jsonl.gz` (the same in the order
in which a site's pages came), `claims/dev.jsonl.gz` and `raw/claims_dev.jsonl.gz` ({"id", "text", "attributions"}).
They are not part of this project: the texts belong to their publishers.
"""

import html
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import spacy

from bench import matching, scores
from bench.boilerplate import MEGABYTES, growth, keep, keep_in_order, rows, text
from bench.claims import PEER, article, as_json, textacy_claims
from bench.peers import PEERS
from claimstream.pipeline.extract import extract, load
from claimstream.pipeline.strip.fields import SENTENCE_ENDS

ROOT = Path(__file__).parents[1]
SETS = {
    "raw/pages": ("page dumps, labelled by hand", ".992 / .961"),
    "boilerplate/scrapinghub_tight": ("scrapinghub, near the article", ".974 / .825"),
    "boilerplate/scrapinghub_full": ("scrapinghub, whole pages", ".938 / .913"),
    "boilerplate/fundus_tight": ("fundus, near the article", ".959 / .816"),
    "boilerplate/fundus_full": ("fundus, whole pages", ".948 / .939"),
    "boilerplate/wcxb_tight": ("WCXB, near the article", ".956 / .739"),
    "boilerplate/wcxb_full": ("WCXB, whole pages", ".947 / .850"),
}
"""Each with its figures when the classifier was trained: of models that had seen no page of the same site."""
CLAIMS = {"claims/dev": "PolNeAR's development articles", "raw/claims_dev": "pages of other outlets"}
SITES = ("news.ucf.edu_core", "news.ucf.edu_full", "ouseful.open.ac.uk_core", "ouseful.open.ac.uk_full")
BEFORE = 20
"""Pages that a site is given to be learned."""
STEPS = (0, 5, 10, 20, 40, 80, 160, 320, 600)
"""Pages seen, between which the picture has a point."""

Page = dict[str, Any]


def report(data: Path) -> Iterator[str]:
    yield "<!-- Written by bench/report.py. -->\n"
    yield "# Benchmarks\n"
    yield (
        "`python -m bench.report DATA` writes this page; [bench/report.py](../bench/report.py) tells what DATA holds. "
        "The peers are in `requirements-bench.txt`: `pip install --no-deps -r requirements-bench.txt`. "
        "Speeds are of one process on the machine that wrote the page, side by side; only their ratio says something.\n"
    )
    yield from html_table(data)
    yield from text_table(data)
    yield from site_table(data)
    yield from growth_table()
    yield from claims_table(data)
    yield (ROOT / "bench" / "failures.md").read_text("utf-8").rstrip("\n")
    yield (ROOT / "bench" / "publishing.md").read_text("utf-8")  # measured by bench/publishing.py


def timed(function: Callable[[Any], Any], pages: Sequence[Any]) -> tuple[list[Any], float]:
    """Results, and pages a second of processor time; the first page is read twice, for what is loaded then."""
    function(pages[0])
    start = time.process_time()
    results = [attempt(function, page) for page in pages]
    return results, len(pages) / (time.process_time() - start)


def attempt(function: Callable[[Any], Any], page: Any) -> Any:
    """The result, or "": some extractors raise for pages that they find nothing in."""
    try:
        return function(page)
    except Exception:
        return ""


def html_table(data: Path) -> Iterator[str]:
    pages = list(rows(str(data / "html" / "pages_dev.jsonl.gz")))
    yield f"## Html\n\n{len(pages)} whole pages; F1 in runs of four words, as in the article extraction benchmark.\n"
    yield "| | F1 | pages/s |\n|---|---|---|"
    systems: dict[str, Callable[[Page], str]] = {"**claimstream**": text}
    systems |= {name: lambda page, peer=peer: peer(page["html"]) for name, peer in PEERS.items()}
    for name, system in systems.items():
        found, speed = timed(system, pages)
        score = scores.of_texts((page["articleBody"], one) for page, one in zip(pages, found, strict=True))
        yield f"| {name} | {score:.3f} | {speed:.0f} |"
    yield ""


def text_table(data: Path) -> Iterator[str]:
    yield (
        "## Text, line by line\n\nF1 of keeping and of dropping, by characters. **The classifier was trained on these "
        "pages**, so that only the first column tells what to expect of others: printed by training/strip/train.py, "
        "each page was judged by a model that had seen no page of its site (five folds). The second is of the model "
        "that is shipped. Peers get each line as a paragraph of html.\n"
    )
    names = ["claimstream, held out", "claimstream", "pages/s", "60 characters and a sentence's end", *PEERS]
    yield "| | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 1) + "|"
    for path, (told, held_out) in SETS.items():
        pages = [page for page in rows(str(data / f"{path}_dev.jsonl.gz")) if page.get("is_article", True)]
        kept, speed = timed(keep, pages)
        cells = [held_out, str(scores.of_lines(pages, (one for one, _ in kept))), f"{speed:.0f}"]
        cells.append(str(scores.of_lines(pages, map(by_rule, pages))))
        small = len(pages) <= 200
        cells += [
            str(scores.of_lines(pages, (by_peer(peer, p) for p in pages))) if small else "" for peer in PEERS.values()
        ]
        yield f"| {told} ({len(pages)}) | " + " | ".join(cells) + " |"
    yield ""


def by_rule(page: Page) -> list[int]:
    return [int(len(line) >= 60 and line.rstrip().endswith(SENTENCE_ENDS)) for line in page["lines"]]


def by_peer(peer: Callable[[str], str], page: Page) -> list[int]:
    body = "".join(f"<p>{html.escape(line)}</p>" for line in page["lines"])
    source = f"<html><head><title></title></head><body><article>{body}</article></body></html>"
    found = {" ".join(line.split()) for line in str(attempt(peer, source)).splitlines()}
    return [int(" ".join(line.split()) in found) for line in page["lines"]]


def site_table(data: Path) -> Iterator[str]:
    yield (
        f"## The memory of sites\n\nPages of one site in the order in which they came, {BEFORE} of them a day; keep / "
        f"drop F1 by characters from the {BEFORE + 1}st page on, judged each by itself and with what those before it "
        "taught. Wrongly removed: share of the article's characters, on all pages, that the memory took away.\n"
    )
    yield "| | pages | alone | with memory | wrongly removed |\n|---|---|---|---|---|"
    curves = {}
    for name in SITES:
        pages = list(rows(str(data / "boilerplate" / f"site_{name}.jsonl.gz")))
        alone = [keep(page)[0] for page in pages]
        learned = list(keep_in_order(pages))
        before, after = (scores.of_lines(pages[BEFORE:], kept[BEFORE:]) for kept in (alone, learned))
        lost = sum(len(line) for *_, line in lost_lines(pages, alone, learned))
        own = sum(len(line) * gold for page in pages for line, gold in zip(page["lines"], page["keep"], strict=True))
        yield f"| {name.replace('_', ', ')} | {len(pages)} | {before} | {after} | {100 * lost / own:.3f} % |"
        curves[name.replace("_", ", ")] = [
            tuple(scores.of_lines(pages[a:b], kept[a:b]).drop for kept in (alone, learned)) for a, b in pairwise(STEPS)
        ]
    (ROOT / "docs" / "site-memory.svg").write_text(picture(curves), "utf-8")
    yield "\n![Drop F1 against pages seen of the site](site-memory.svg)\n"


def growth_table() -> Iterator[str]:
    yield "## Cost by size\n\nSeconds for one made-up page (`python -m bench.boilerplate growth`), limits lifted.\n"
    names = ["", *(f"{megabytes} MB" for megabytes in MEGABYTES)]
    yield f"| {' | '.join(names)} |\n" + "|---" * len(names) + "|"
    for name, seconds in growth():
        yield f"| {name} | " + " | ".join(f"{one:.2f}" for one in seconds) + " |"
    yield ""


def claims_table(data: Path) -> Iterator[str]:
    nlp, peer = load(), spacy.load(PEER)
    systems: dict[str, Callable[[Page], list[dict[str, Any]]]] = {
        "**claimstream**": lambda row: [as_json(claim) for claim in extract(article(row), nlp).claims],
        "textacy, direct quotations": lambda row: textacy_claims(peer, row["text"]),
    }
    yield (
        "## Claims\n\nThe whole extract stage. F1 of claims whose content overlaps by half, and of those with the "
        "right source as well; [model.md](model.md#figures) has more, and what limits them.\n"
    )
    yield "| | | claim F1 | full F1 | precision | recall | articles/s |\n|---|---|---|---|---|---|---|"
    for path, told in CLAIMS.items():
        gold = list(rows(str(data / f"{path}.jsonl.gz")))
        for name, system in systems.items():
            found, speed = timed(system, gold)
            pairs = zip(gold, found, strict=True)
            of = matching.scores([matching.match(row["text"], row["attributions"], claims) for row, claims in pairs])
            cells = [f"{of[key]:.3f}" for key in ("claim", "full", "precision", "recall")]
            yield f"| {told} ({len(gold)}) | {name} | " + " | ".join(cells) + f" | {speed:.1f} |"
        _, speed = timed(lambda row: peer(row["text"]), gold)
        yield f"| | spaCy's whole small English model, which finds none | | | | | {speed:.1f} |"
    yield ""


def lost_lines(
    pages: Sequence[Page], alone: Sequence[Sequence[int]], learned: Sequence[Sequence[int]]
) -> Iterator[tuple[Page, str]]:
    """Lines of articles that only the memory removes."""
    for page, before, after in zip(pages, alone, learned, strict=True):
        for line, gold, then, now in zip(page["lines"], page["keep"], before, after, strict=True):
            if gold and then and not now:
                yield page, line


# ── the picture ──────────────────────────────────────────────────────────────────────────────────────────────────────

WIDTH, HEIGHT, LEFT, TOP, LEGEND = 760, 360, 60, 30, 210
COLOURS = ("#1f77b4", "#17becf", "#d62728", "#ff7f0e")


def picture(curves: dict[str, list[tuple[float, ...]]]) -> str:
    """Drop F1 by pages seen: dashed each page by itself, solid with the memory."""
    right, bottom = WIDTH - LEGEND, HEIGHT - 50
    across = [LEFT + (right - LEFT) * i / (len(STEPS) - 2) for i in range(len(STEPS) - 1)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/><g font-family="sans-serif">',
        f'<text x="{LEFT}" y="18">F1 of dropping, by characters</text>',
        f'<text x="{right}" y="{HEIGHT - 8}" text-anchor="end">pages seen of the site</text>',
    ]
    for tenth in range(4, 11, 2):
        y = bottom - (bottom - TOP) * (tenth / 10 - 0.3) / 0.7
        parts.append(f'<line x1="{LEFT}" y1="{y:.0f}" x2="{right}" y2="{y:.0f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{tenth / 10:.1f}</text>')
    for x, (a, b) in zip(across, pairwise(STEPS), strict=True):
        parts.append(f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{a + 1}–{b}</text>')
    for number, (name, points) in enumerate(curves.items()):
        for which, dash in ((0, ' stroke-dasharray="4 4"'), (1, "")):
            line = " ".join(
                f"{x:.0f},{bottom - (bottom - TOP) * (max(0.3, point[which]) - 0.3) / 0.7:.0f}"
                for x, point in zip(across, points, strict=True)
            )
            parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[number]}" stroke-width="2"{dash}/>')
        y = TOP + 20 * number
        parts.append(
            f'<line x1="{right + 16}" y1="{y}" x2="{right + 36}" y2="{y}" stroke="{COLOURS[number]}" stroke-width="2"/>'
        )
        parts.append(f'<text x="{right + 42}" y="{y + 4}">{name}</text>')
    y = TOP + 20 * len(curves)
    parts.append(f'<text x="{right + 16}" y="{y + 4}">dashed: without memory</text></g></svg>')
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> None:
    if len(arguments) != 1:
        sys.exit(__doc__)
    logging.disable(logging.CRITICAL)  # extractors complain of pages
    lines: Iterable[str] = list(report(Path(arguments[0])))
    (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
