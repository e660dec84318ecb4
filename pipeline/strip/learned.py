"""The learned part: how likely a line is the article's, by its looks and neighbours.

Gradient boosted symmetric trees, trained by `training/strip/train.py` on labelled pages and kept as plain numbers in
`learned.json`.
"""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from claimstream.pipeline.strip import features
from claimstream.pipeline.strip.features import Matrix
from claimstream.pipeline.strip.reasons import Reason

KEPT: Final = 0.5
"""Likelihood from which a line counts as the article's."""
_LONG = 2000
"""Lines; no page of the training data has as many."""
_MOST = 20_000
"""Lines; more make no article whichever are chosen: all count as its, and the page is refused as too large."""
_AT_ONCE = 512
"""Rows evaluated together: bounds the memory that a huge page takes."""


class _Trees(NamedTuple):
    bias: float
    columns: NDArray[np.intp]
    """Of each tree's splits: trees x splits."""
    borders: Matrix
    leaves: Matrix
    """Value of each leaf: trees x 2 ** splits."""

    def likelihood(self, rows: Matrix) -> Matrix:
        scores = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            part = rows[start : start + _AT_ONCE]
            # The answers to a tree's splits, first one lowest, are the bits of the number of the leaf.
            leaf = np.packbits(part[:, self.columns] > self.borders, axis=2, bitorder="little")[:, :, 0]
            scores[start : start + _AT_ONCE] = self.leaves[np.arange(len(self.leaves)), leaf].sum(axis=1)
        likelihood: Matrix = (1 / (1 + np.exp(-(scores + self.bias)))).astype(np.float32)
        return likelihood


def _trees(stored: dict[str, Any]) -> _Trees:
    depth = max(map(len, stored["splits"]))
    never = [0, float("inf")]
    splits = np.array([[*tree, *[never] * (depth - len(tree))] for tree in stored["splits"]], dtype=np.float64)
    leaves = np.array([[*tree, *[0.0] * (2**depth - len(tree))] for tree in stored["leaves"]], dtype=np.float32)
    return _Trees(stored["bias"], splits[:, :, 0].astype(np.intp), splits[:, :, 1].astype(np.float32), leaves)


@cache
def _model() -> _Trees:
    return _trees(json.loads((files("claimstream.pipeline.strip") / "learned.json").read_bytes()))


def likelihood(texts: Sequence[str], reasons: Sequence[Reason | None], url: str | None) -> Matrix:
    """For each line of a page, 0 to 1; `reasons` as the rules give them."""
    likely = np.zeros(len(texts), np.float32)
    near = _near_paragraphs(texts) if len(texts) > _LONG else np.arange(len(texts))
    if len(near) > _MOST:
        likely[near] = 1
    elif len(near):
        rows = features.of_lines([texts[i] for i in near], [reasons[i] for i in near], url)
        likely[near] = _model().likelihood(rows)
    return likely


def _near_paragraphs(texts: Sequence[str]) -> NDArray[np.intp]:
    """The lines up to 15 away from one as long as a paragraph: amid thousands of links an article looks like none."""
    long = np.array([len(text) >= 80 for text in texts])
    return np.flatnonzero(np.convolve(long, np.ones(31), mode="same") > 0.5)
