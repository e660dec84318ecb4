"""The learned part: how likely a line is the article's, by its looks and neighbours.

Gradient boosted symmetric trees, kept as plain numbers in `learned.json`, and the weights of words, in `words.json`;
both are made by `training/strip/train.py` from labelled pages.
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
from claimstream.pipeline.strip.words import Lexicon

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
    """Of each tree's splits: splits x trees."""
    borders: Matrix
    leaves: Matrix
    """Value of each leaf: trees x 2 ** splits."""

    def likelihood(self, rows: Matrix) -> Matrix:
        scores = [self._scores(rows[start : start + _AT_ONCE].T.copy()) for start in range(0, len(rows), _AT_ONCE)]
        likelihood: Matrix = (1 / (1 + np.exp(-(np.concatenate(scores) + self.bias)))).astype(np.float32)
        return likelihood

    def _scores(self, columns: Matrix) -> Matrix:
        # The answers to a tree's splits, first one lowest, are the bits of the number of the leaf. Split by split, all
        # trees at once: so that what is compared lies side by side.
        leaf = np.zeros((len(self.leaves), columns.shape[1]), np.uint8)
        for bit, (chosen, border) in enumerate(zip(self.columns, self.borders, strict=True)):
            leaf |= (columns[chosen] > border[:, None]).view(np.uint8) << np.uint8(bit)
        first = np.arange(len(self.leaves))[:, None] * self.leaves.shape[1]
        scores: Matrix = np.take(self.leaves, first + leaf).sum(axis=0)
        return scores


def _trees(stored: dict[str, Any]) -> _Trees:
    depth = max(map(len, stored["splits"]))
    never = [0, float("inf")]
    splits = np.array([[*tree, *[never] * (depth - len(tree))] for tree in stored["splits"]], dtype=np.float64)
    leaves = np.array([[*tree, *[0.0] * (2**depth - len(tree))] for tree in stored["leaves"]], dtype=np.float32)
    columns, borders = splits[:, :, 0].T.astype(np.intp), splits[:, :, 1].T.astype(np.float32)
    return _Trees(stored["bias"], columns, borders, leaves)


def _stored(name: str) -> Any:
    return json.loads((files("claimstream.pipeline.strip") / name).read_bytes())


@cache
def _model() -> tuple[Lexicon, _Trees]:
    return Lexicon(_stored("words.json")), _trees(_stored("learned.json"))


def likelihood(texts: Sequence[str], reasons: Sequence[Reason | None], url: str | None) -> Matrix:
    """For each line of a page, 0 to 1; `reasons` as the rules give them."""
    likely = np.zeros(len(texts), np.float32)
    near = _near_paragraphs(texts) if len(texts) > _LONG else np.arange(len(texts))
    if len(near) > _MOST:
        likely[near] = 1
    elif len(near):
        lexicon, trees = _model()
        rows = features.of_lines([texts[i] for i in near], [reasons[i] for i in near], url, lexicon)
        likely[near] = trees.likelihood(rows)
    return likely


def _near_paragraphs(texts: Sequence[str]) -> NDArray[np.intp]:
    """The lines up to 15 away from one as long as a paragraph: amid thousands of links an article looks like none."""
    long = np.array([len(text) >= 80 for text in texts])
    return np.flatnonzero(np.convolve(long, np.ones(31), mode="same") > 0.5)
