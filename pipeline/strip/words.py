"""What single words tell of a line: how much oftener they stand in articles than in what surrounds them."""

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNKNOWN: Final = 0


class Lexicon:
    """The weights of words, by number; 0 is any other word."""

    def __init__(self, weights: Mapping[str, tuple[float, float]]) -> None:
        """`weights`: of each word wherever it stands, and as a line's first."""
        self._numbers = {word: number for number, word in enumerate(weights, start=1)}
        both = np.array([(0.0, 0.0), *weights.values()], dtype=np.float32)
        self.weights, self.first = both[:, 0].copy(), both[:, 1].copy()

    def numbers(self, words: Sequence[str]) -> NDArray[np.intp]:
        return np.fromiter(map(self._numbers.get, words, repeat(UNKNOWN)), np.intp, len(words))
