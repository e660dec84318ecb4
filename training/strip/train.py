"""Train the classifier of `pipeline/strip/learned.py` on labelled lines, whole sites held out to measure it.

    python training/strip/train.py OUT.json NAME=WEIGHT:PAGES.jsonl.gz ...

Needs catboost beside the product's own packages. PAGES rows: {"site", "url", "lines", "keep": [0/1], "ign": [0/1] or
null, "is_article"?}. Symmetric trees, because numpy evaluates them in three operations. A second pass over what the
first makes of a line's neighbours was tried: on held-out sites it is worse by a point, so the windows are enough.
"""

import gzip
import json
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from catboost import CatBoostClassifier

from claimstream.pipeline.strip import features, lines

FOLDS = 3
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
class Lines:
    """All lines of all pages, one entry a line in each field."""

    rows: np.ndarray
    keep: np.ndarray
    weight: np.ndarray
    size: np.ndarray
    ruled: np.ndarray
    fold: np.ndarray
    set_of: np.ndarray


def load(specs: list[str]) -> Lines:
    rows, keep, weight, size, ruled, fold, set_of = [], [], [], [], [], [], []
    for spec in specs:
        name, _, rest = spec.partition("=")
        factor, _, path = rest.partition(":")
        with gzip.open(path, "rt", encoding="utf-8") as source:
            pages = [json.loads(line) for line in source]
        for page in pages:
            if not page.get("is_article", True):
                continue
            shown = [(" ".join(text.split()), i) for i, text in enumerate(page["lines"]) if text.strip()]
            if not shown:
                continue
            texts_of = [text for text, _ in shown]
            reasons, _ = lines.known(texts_of, None)
            rows.append(features.of_lines(texts_of, reasons, page["url"]))
            ignored = page.get("ign") or [0] * len(page["lines"])
            length = np.array([len(text) for text in texts_of], dtype=np.float32)
            keep.extend(page["keep"][i] for _, i in shown)
            weight.append(float(factor) * (np.minimum(length, 600) / 80) ** 0.7 * [not ignored[i] for _, i in shown])
            size.append(length)
            ruled.extend(reason is not None for reason in reasons)
            domain = ".".join(page["site"].split(".")[-2:])
            fold.extend([zlib.crc32(domain.encode()) % FOLDS] * len(shown))
            set_of.extend([name] * len(shown))
    return Lines(
        np.vstack(rows),
        np.array(keep),
        np.concatenate(weight),
        np.concatenate(size),
        np.array(ruled),
        np.array(fold),
        np.array(set_of),
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


def report(data: Lines, likely: np.ndarray) -> None:
    for name in dict.fromkeys(data.set_of):
        mine = (data.set_of == name) & (data.weight > 0)
        size, gold = data.size[mine], data.keep[mine] > 0
        scores = []
        for threshold in (0.3, 0.4, 0.5, 0.6):
            guess = (likely[mine] > threshold) & ~data.ruled[mine]
            pair = []
            for wanted in (True, False):
                hit = size[(gold == wanted) & (guess == wanted)].sum()
                pair.append(2 * hit / max(1.0, size[gold == wanted].sum() + size[guess == wanted].sum()))
            scores.append(f"{threshold}: {pair[0]:.3f}/{pair[1]:.3f}")
        print(f"{name:20} " + "  ".join(scores), flush=True)


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
    report(data, held_out(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
