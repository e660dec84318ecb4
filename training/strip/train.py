"""Train the classifier of `pipeline/strip/learned.py` on labelled lines, whole sites held out to measure it.

    python training/strip/train.py FOLDER NAME=WEIGHT:PAGES.jsonl.gz ...

Writes learned.json and words.json into FOLDER (pipeline/strip). Needs catboost beside the product's own packages. PAGES
rows: {"site", "url", "lines", "keep": [0/1], "ign": [0/1] or null, "is_article"?}. The shipped weights: scrapinghub and
fundus, full and tight, count 1 each, WCXB, which is large and holds pages of all kinds, 0.25, the page dumps labelled
by hand 8. Symmetric trees, because numpy evaluates them in three operations.

What a word tells is counted once a site, on whole pages (sets whose NAME ends in _tight are parts of such). A page of
the training data is read with the counts of all other sites, as any new page will be: with those of its own the
classifier would learn to trust them. A second pass over what the first makes of a line's neighbours, and smoothing by
Viterbi, were tried: on held-out sites both are worse.

Prints, for each set, keep / drop F1 by characters of the whole way from lines to verdicts, each page judged by a model
that saw no page of its site; then the pages on which most is wrong.
"""

import gzip
import json
import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from catboost import CatBoostClassifier

from claimstream.pipeline.strip import features, lines
from claimstream.pipeline.strip.lines import Sifted
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.standing import NOTHING
from claimstream.pipeline.strip.words import Lexicon

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
FEW_SITES = 4
"""A word of fewer has no weight."""


@dataclass
class Page:
    """A labelled page; `at`: its first line among all lines."""

    name: str
    url: str | None
    site: str
    factor: float
    texts: list[str]
    reasons: list[Reason | None]
    keep: np.ndarray
    ignored: np.ndarray
    at: int = 0

    @property
    def lines(self) -> slice:
        return slice(self.at, self.at + len(self.texts))

    @property
    def fold(self) -> int:
        return zlib.crc32(self.site.encode()) % FOLDS


@dataclass
class Lines:
    """All lines of all pages, one entry a line in each field."""

    pages: list[Page]
    rows: np.ndarray
    keep: np.ndarray
    weight: np.ndarray
    size: np.ndarray
    fold: np.ndarray


def load(specs: list[str]) -> Iterator[Page]:
    for spec in specs:
        name, _, rest = spec.partition("=")
        factor, _, path = rest.partition(":")
        with gzip.open(path, "rt", encoding="utf-8") as source:
            found = [json.loads(line) for line in source]
        for page in found:
            shown = [(" ".join(text.split()), i) for i, text in enumerate(page["lines"]) if text.strip()]
            if not shown or not page.get("is_article", True):
                continue
            texts = [text for text, _ in shown]
            reasons, _ = lines.known(texts, None)
            ignored = page.get("ign") or [0] * len(page["lines"])
            keep, ign = (np.array([labels[i] for _, i in shown]) > 0 for labels in (page["keep"], ignored))
            site = ".".join(page["site"].split(".")[-2:])
            yield Page(name, page["url"], site, float(factor), texts, reasons, keep, ign)


class Words:
    """How far each word stands in lines of articles, and in others: once a site; anywhere, and as a line's first."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self._sites: dict[str, list[dict[str, tuple[float, float]]]] = {}
        totals: list[dict[str, np.ndarray]] = [defaultdict(lambda: np.zeros(2)) for _ in range(2)]
        by_site: dict[str, list[Page]] = defaultdict(list)
        for page in pages:
            by_site[page.site].append(page)
        for site, own in by_site.items():
            self._sites[site] = [_shares(own, first) for first in (False, True)]
            for shares, total in zip(self._sites[site], totals, strict=True):
                for word, share in shares.items():
                    total[word] += share
        words = sorted(word for word, total in totals[0].items() if total.sum() > FEW_SITES - 0.5)
        self._number = {word: number for number, word in enumerate(words)}
        self._totals = np.array([[total[word] for word in words] for total in totals])

    def weights(self) -> dict[str, tuple[float, float]]:
        """Of each word."""
        anywhere, first = _weights(self._totals).tolist()
        return dict(zip(self._number, zip(anywhere, first, strict=True), strict=True))

    def changes(self, site: str) -> dict[int, tuple[float, float]]:
        """The weights, by a word's number, that are others without what the site tells."""
        if site not in self._sites:
            return {}
        numbers = sorted({self._number[word] for word in self._sites[site][0] if word in self._number})
        place = {number: i for i, number in enumerate(numbers)}
        left = self._totals[:, numbers]
        for side, shares in enumerate(self._sites[site]):
            for word, share in shares.items():
                if (number := self._number.get(word)) is not None:
                    left[side, place[number]] -= share
        anywhere, first = _weights(left).tolist()
        return dict(zip(numbers, zip(anywhere, first, strict=True), strict=True))


def _weights(totals: np.ndarray) -> np.ndarray:
    """Log odds of being kept; `totals`: [..., kept or dropped], in sites."""
    weights = np.log((totals[..., 0] + 1) / (totals[..., 1] + 1))
    return np.where(totals.sum(axis=-1) > FEW_SITES - 0.5, weights, 0).round(2)


def _shares(pages: list[Page], first: bool) -> dict[str, tuple[float, float]]:
    """Of each word of a site: the shares of the lines with it that are kept and dropped."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for page in pages:
        for text, keep, ignored in zip(page.texts, page.keep, page.ignored, strict=True):
            words = re.findall(r"\w+", text[:480].lower())
            for word in () if ignored else words[:1] if first else set(words):
                counts[word][not keep] += 1
    return {word: (kept / (kept + dropped), dropped / (kept + dropped)) for word, (kept, dropped) in counts.items()}


def described(pages: list[Page], words: Words) -> Lines:
    everywhere = Lexicon(words.weights())
    at, rows = 0, []
    for site, own in groupby(sorted(pages, key=lambda page: page.site), key=lambda page: page.site):
        elsewhere = copy(everywhere)
        elsewhere.weights, elsewhere.first = everywhere.weights.copy(), everywhere.first.copy()
        for number, weights in words.changes(site).items():
            elsewhere.weights[number + 1], elsewhere.first[number + 1] = weights  # 0 is any other word
        for page in own:
            rows.append(features.of_lines(page.texts, page.reasons, page.url, elsewhere))
            page.at, at = at, at + len(page.texts)
    pages = sorted(pages, key=lambda page: page.at)
    size = np.array([len(text) for page in pages for text in page.texts], dtype=np.float32)
    factor = np.concatenate([page.factor * ~page.ignored for page in pages])
    return Lines(
        pages,
        np.vstack(rows),
        np.concatenate([page.keep for page in pages]),
        factor * (np.minimum(size, 600) / 80) ** 0.7,
        size,
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
            gold, size = data.keep[page.lines], data.size[page.lines] * (data.weight[page.lines] > 0)
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


def main(folder: str, *specs: str) -> None:
    pages = list(load(list(specs)))
    words = Words([page for page in pages if not page.name.endswith("_tight")])
    data = described(pages, words)
    print(data.rows.shape, "lines", flush=True)
    told = [(word, weights) for word, weights in words.weights().items() if any(weights)]
    entries = ",\n".join(f"{json.dumps(word, ensure_ascii=False)}: {json.dumps(weights)}" for word, weights in told)
    Path(folder, "words.json").write_text(f"{{\n{entries}\n}}\n", "utf-8")
    model = trees(fit(data, np.ones(len(data.rows), dtype=bool)), Path(folder, "learned.tmp"))
    Path(folder, "learned.json").write_text(json.dumps(model, separators=(",", ":")) + "\n", "utf-8")
    for line in report(data, held_out(data)):
        print(line, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
