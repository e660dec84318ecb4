"""Coarse decoding thresholds and the calibration of the confidence, on the development set.

python -m training.claims.tune --data DIR --weights DIR    (rewrites DIR/config.json)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.matching import Matching, f1, match
from claimstream.pipeline.extract.encoder.attributor import (
    Engine,
    SegmentReading,
    to_attribution,
)
from claimstream.pipeline.extract.encoder.load import load_engine
from claimstream.pipeline.extract.encoder.spans import DecodingConfig, divided, read_claims

from .data import read_lines

GRID: dict[str, tuple[float, ...]] = {
    "keep": (0.35, 0.4, 0.45, 0.5, 0.55),
    "content_bias": (-0.3, 0.0, 0.3, 0.6),
    "switch_bias": (-1.0, -0.5, 0.0, 0.5),
    "source_bias": (-1.0, 0.0, 1.0),
}
Doubles = npt.NDArray[np.float64]


def predict(
    readings: Sequence[SegmentReading], config: DecodingConfig
) -> tuple[list[dict[str, Any]], list[list[float]]]:
    claims, evidence = [], []
    for reading in readings:
        if reading.readings is None:
            continue
        for claim in divided(read_claims(reading.cues, reading.readings, config), config)[0]:
            claims.append(asdict(to_attribution(claim, reading.segment)))
            evidence.append(list(claim.evidence))
    return claims, evidence


def matchings(
    articles: Sequence[dict[str, Any]], read: Sequence[list[SegmentReading]], config: DecodingConfig
) -> list[Matching]:
    return [match(a["text"], a["attributions"], predict(r, config)[0]) for a, r in zip(articles, read, strict=True)]


def full_f1(found: Sequence[Matching]) -> float:
    return f1(sum(len(m.right) for m in found), sum(m.n_predicted for m in found), sum(m.n_gold for m in found))


def search(
    articles: Sequence[dict[str, Any]], read: Sequence[list[SegmentReading]], best: DecodingConfig
) -> DecodingConfig:
    """One pass of coordinate search for full F1; the grid is coarse so that it cannot fit single articles."""
    best_f1 = full_f1(matchings(articles, read, best))
    for name, values in GRID.items():
        for value in values:
            changes: dict[str, Any] = {name: value}
            tried = replace(best, **changes)
            if tried == best:
                continue
            tried_f1 = full_f1(matchings(articles, read, tried))
            if tried_f1 > best_f1:
                best, best_f1 = tried, tried_f1
        print(name, getattr(best, name), best_f1, flush=True)
    return best


def fit_logistic(x: Doubles, y: Doubles, penalty: float = 1.0) -> Doubles:
    """Newton's method; x: [n, features] with a constant first."""
    weights = np.zeros(x.shape[1])
    ridge = np.diag([0.0] + [penalty] * (x.shape[1] - 1))
    for _ in range(30):
        p = 1 / (1 + np.exp(-x @ weights))
        hessian = (x.T * (p * (1 - p))) @ x + ridge
        weights -= np.linalg.solve(hessian, x.T @ (p - y) + ridge @ weights)
    return weights


def calibration_error(p: Doubles, y: Doubles, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins."""
    which = np.minimum((p * bins).astype(int), bins - 1)
    gaps = [abs(p[which == b].sum() - y[which == b].sum()) for b in range(bins)]
    return float(sum(gaps) / len(p))


def calibrate(
    articles: Sequence[dict[str, Any]], read: Sequence[list[SegmentReading]], config: DecodingConfig
) -> tuple[DecodingConfig, float]:
    """The confidence is the probability that content and source are right; fitted on all candidates.

    The error returned is that of the kept claims under weights fitted on the other half of the articles.
    """
    everything = replace(config, keep=0.0)
    xs, ys, halves = [], [], []
    for i, (article, readings) in enumerate(zip(articles, read, strict=True)):
        claims, evidence = predict(readings, everything)
        right = match(article["text"], article["attributions"], claims).right
        for j, row in enumerate(evidence):
            xs.append(row)
            ys.append(float(j in right))
            halves.append(i % 2)
    x, y, half = np.asarray(xs), np.asarray(ys), np.asarray(halves)
    p = np.zeros(len(y))
    for h in (0, 1):
        p[half == h] = 1 / (1 + np.exp(-x[half == h] @ fit_logistic(x[half != h], y[half != h])))
    weights = tuple(round(float(w), 4) for w in fit_logistic(x, y))
    return replace(config, calibration=weights), calibration_error(p[p >= config.keep], y[p >= config.keep])


def read_all(engine: Engine, articles: Sequence[dict[str, Any]]) -> list[list[SegmentReading]]:
    return [list(engine.read(article["text"])) for article in articles]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of dev.jsonl.gz")
    parser.add_argument("--weights", type=Path, required=True, help="folder of the exported weights")
    args = parser.parse_args()
    articles = read_lines(args.data / "dev.jsonl.gz")
    read = read_all(load_engine(args.weights), articles)
    config, _ = calibrate(articles, read, DecodingConfig())
    config, error = calibrate(articles, read, search(articles, read, config))
    print(json.dumps(asdict(config)), f"calibration error, cross-fitted: {error:.3f}")
    path = args.weights / "config.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored["decoding"] = asdict(config)
    path.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
