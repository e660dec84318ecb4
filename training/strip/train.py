"""Train the classifier of `pipeline/strip/learned.py` on labelled lines, whole sites held out to measure it.

    python training/strip/train.py OUT.json NAME=WEIGHT:PAGES.jsonl.gz ...

Needs catboost beside the product's own packages. PAGES rows: {"site", "url", "lines", "keep": [0/1], "ign": [0/1] or
null, "is_article"?}. The shipped weights: scrapinghub and fundus, full and tight, count 1 each, WCXB, which is large
and holds pages of all kinds, 0.25, the page dumps labelled by hand 8. Symmetric trees, because numpy evaluates them in
three operations. A second pass over what the first makes of a line's neighbours was tried: on held-out sites it is
worse by a point, so the windows are enough.

Prints, for each set, keep / drop F1 by characters of the whole way from lines to verdicts, each page judged by a model
that saw no page of its site; then the pages on which most is wrong.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from catboost import CatBoostClassifier

from claimstream.pipeline.strip import features, lines
from claimstream.pipeline.strip.lines import Sifted
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.standing import NOTHING

FOLDS = 5
WORST = 12
"""Pages of a set that are named."""
OPTIONS = {
    "iterations": 260,
    "depth": 6,
    "learning_rate": 0.11,
    "l2_leaf_reg": 8,
    "border_count": 64,
    # lines of a page are alike: trees that see few columns and half of the lines learn less by heart
    "rsm": 0.25,
    "bootstrap_type": "Bernoulli",
    "subsample": 0.5,
}


@dataclass
class Page:
    """A labelled page; `at`: its first line among all lines."""

    name: str
    url: str | None
    fold: int
    texts: list[str]
    reasons: list[Reason | None]
    at: int

    @property
    def lines(self) -> slice:
        return slice(self.at, self.at + len(self.texts))


@dataclass
class Lines:
    """All lines of all pages, one entry a line in each field."""

    pages: list[Page]
    rows: np.ndarray
    keep: np.ndarray
    weight: np.ndarray
    size: np.ndarray
    fold: np.ndarray


def load(specs: list[str]) -> Lines:
    pages: list[Page] = []
    rows, keep, weight, size = [], [], [], []
    for spec in specs:
        name, _, rest = spec.partition("=")
        factor, _, path = rest.partition(":")
        with gzip.open(path, "rt", encoding="utf-8") as source:
            found = [json.loads(line) for line in source]
        for page in found:
            shown = [(" ".join(text.split()), i) for i, text in enumerate(page["lines"]) if text.strip()]
            if not shown or not page.get("is_article", True):
                continue
            texts_of = [text for text, _ in shown]
            reasons, _ = lines.known(texts_of, None)
            fold = zlib.crc32(".".join(page["site"].split(".")[-2:]).encode()) % FOLDS
            pages.append(Page(name, page["url"], fold, texts_of, reasons, len(keep)))
            rows.append(features.of_lines(texts_of, reasons, page["url"]))
            ignored = page.get("ign") or [0] * len(page["lines"])
            length = np.array([len(text) for text in texts_of], dtype=np.float32)
            keep.extend(page["keep"][i] for _, i in shown)
            weight.append(float(factor) * (np.minimum(length, 600) / 80) ** 0.7 * [not ignored[i] for _, i in shown])
            size.append(length)
    return Lines(
        pages,
        np.vstack(rows),
        np.array(keep),
        np.concatenate(weight),
        np.concatenate(size),
        np.concatenate([np.full(len(page.texts), page.fold) for page in pages]),
    )


def fit(data: Lines, chosen: np.ndarray) -> CatBoostClassifier:
    model = CatBoostClassifier(**OPTIONS, random_seed=1, thread_count=2, verbose=False, allow_writing_files=False)
    chosen = chosen & (data.weight > 0)
    return model.fit(data.rows[chosen], data.keep[chosen], sample_weight=data.weight[chosen])


def held_out(data: Lines) -> np.ndarray:
    """For each line, how likely it is kept by a model that saw no page of its site."""
    likely = np.zeros(len(data.rows), dtype=np.float32)
    for fold in range(FOLDS):
        likely[data.fold == fold] = fit(data, data.fold != fold).predict_proba(data.rows[data.fold == fold])[:, 1]
    return likely


def report(data: Lines, likely: np.ndarray) -> Iterator[str]:
    for name in dict.fromkeys(page.name for page in data.pages):
        hits, found, wanted = np.zeros(2), np.zeros(2), np.zeros(2)
        wrong = []
        for page in data.pages:
            if page.name != name:
                continue
            told = Sifted([])
            judged = lines.settle(
                page.texts, list(page.reasons), likely[page.lines].copy(), told, url=page.url, standing=NOTHING
            ).lines
            guess = np.array([reason is None for _, reason in judged])
            gold, size = data.keep[page.lines] > 0, data.size[page.lines] * (data.weight[page.lines] > 0)
            for side, kept in enumerate((True, False)):
                hits[side] += size[(guess == kept) & (gold == kept)].sum()
                found[side] += size[guess == kept].sum()
                wanted[side] += size[gold == kept].sum()
            more, less = size[guess & ~gold].sum(), size[~guess & gold].sum()
            wrong.append((more + less, f"    {more:6.0f} too many {less:6.0f} lost  {page.url or page.texts[0]:.100}"))
        keep, drop = 2 * hits / (found + wanted)
        yield f"{name:20} {keep:.3f} / {drop:.3f}"
        yield from (line for _, line in sorted(wrong, reverse=True)[:WORST])


def trees(model: CatBoostClassifier, path: Path) -> dict[str, object]:
    """The model as plain numbers: for each tree its splits (feature, border) and the value of each leaf."""
    model.save_model(str(path), format="json")
    stored = json.loads(path.read_text())
    path.unlink()
    scale, (bias,) = stored["scale_and_bias"]
    oblivious = [tree for tree in stored["oblivious_trees"] if tree["splits"]]
    return {
        "bias": bias,
        "splits": [
            [[split["float_feature_index"], round(split["border"], 5)] for split in tree["splits"]]
            for tree in oblivious
        ],
        "leaves": [[round(value * scale, 4) for value in tree["leaf_values"]] for tree in oblivious],
    }


def main(target: str, *specs: str) -> None:
    data = load(list(specs))
    print(data.rows.shape, "lines", flush=True)
    everything = np.ones(len(data.rows), dtype=bool)
    Path(target).write_text(
        json.dumps(trees(fit(data, everything), Path(target).with_suffix(".tmp")), separators=(",", ":")) + "\n"
    )
    for line in report(data, held_out(data)):
        print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
