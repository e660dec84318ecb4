"""Of which kinds the characters of a page's lines are: letters, ends of sentences, quotation marks, ..."""

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Places = NDArray[np.intp]

_KINDS: Final = {
    "letter": str.isalpha,
    "upper": str.isupper,
    "lower": str.islower,
    "digit": str.isdecimal,
    "word": lambda c: c.isalnum() or c == "_",
    "space": str.isspace,
    "unspaced": lambda c: "\u3040" <= c <= "\u9fff" or "\u0e00" <= c <= "\u0eff" or "\uac00" <= c <= "\ud7a3",
    "stop": lambda c: c in ".!?。！？।؟",
    "comma": lambda c: c in ",，、؛،",
    "colon": lambda c: c in ":：",
    "going on": lambda c: c in ",;-–",
    "opens": lambda c: c in "\"“”„«‘'「",
    "closes": lambda c: c in "\"”“’'»)]」",
    "mark": lambda c: c in "|•·›»/→>",
    "bullet": lambda c: c in " •·▪●■‣◦*►▶»>|–—-",
    "asks": lambda c: c in "?？",
    "bracket": lambda c: c in "(（",
    "address": lambda c: c == "@",
}
_BIT: Final = {kind: np.uint32(1 << bit) for bit, kind in enumerate(_KINDS)}
_PLANE: Final = 0x10000
"""Characters beyond the basic plane count as letters of no case."""


@cache
def _kinds() -> NDArray[np.uint32]:
    """For each character the bits of its kinds."""
    characters = [chr(code) for code in range(_PLANE)]
    kinds = np.zeros(_PLANE + 1, np.uint32)
    for kind, holds in _KINDS.items():
        kinds[:_PLANE] |= np.fromiter(map(holds, characters), bool, _PLANE) * _BIT[kind]
    kinds[_PLANE] = _BIT["letter"] | _BIT["word"]
    return kinds


def _any_of(kinds: NDArray[np.uint32], wanted: Sequence[str]) -> Flags:
    bits = np.bitwise_or.reduce([_BIT[kind] for kind in wanted])
    found: Flags = (kinds & bits) != 0
    return found


class Characters:
    """The characters of all lines, a line end after each."""

    def __init__(self, joined: str) -> None:
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        self._kinds = _kinds()[np.minimum(codes, _PLANE)]
        self.ends = np.flatnonzero(codes == 10)
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])
        self.sizes = np.maximum(1, self.ends - self.starts)

    def are(self, *kinds: str) -> Flags:
        return _any_of(self._kinds, kinds)

    def count(self, flags: Flags) -> Places:
        """By line."""
        return np.add.reduceat(flags, self.starts, dtype=np.intp)

    def before(self, flags: Flags) -> Flags:
        """Of the character before each; the first has none."""
        return np.concatenate([[False], flags[:-1]])

    def at(self, places: Places, *kinds: str) -> Flags:
        return _any_of(self._kinds[places], kinds)
