"""Packing of consecutive segments into one encoder input: [CLS] p1 [SEP] p2 [SEP] ..."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from claimstream.pipeline.extract.encoder.words import Segment, WordPiece

Ints = npt.NDArray[np.int64]
SPECIAL_FEATURE = 15  # of [CLS] and [SEP]


@dataclass(slots=True)
class Pack:
    """One encoder input. Neighbouring paragraphs give each other context at no cost."""

    ids: Ints  # [pieces]
    features: Ints  # [pieces]
    first: Ints  # [words] index of the first piece of each word
    bounds: list[tuple[int, int]]  # word range of each segment


def packs(found: Sequence[Segment], wordpiece: WordPiece, max_pieces: int) -> Iterator[Pack]:
    """Greedy packing in text order; cost linear in the text."""
    group: list[Segment] = []
    used = 1
    for segment in found:
        size = segment.n_pieces + 1
        if group and used + size > max_pieces:
            yield pack(group, wordpiece)
            group, used = [], 1
        group.append(segment)
        used += size
    if group:
        yield pack(group, wordpiece)


def pack(group: Sequence[Segment], wordpiece: WordPiece) -> Pack:
    ids, features = [wordpiece.cls], [SPECIAL_FEATURE]
    first: list[int] = []
    bounds: list[tuple[int, int]] = []
    for segment in group:
        begin = len(first)
        for pieces, feature in zip(segment.pieces, segment.features, strict=True):
            first.append(len(ids))
            ids.extend(pieces)
            features.extend([feature] * len(pieces))
        bounds.append((begin, len(first)))
        ids.append(wordpiece.sep)
        features.append(SPECIAL_FEATURE)
    return Pack(np.asarray(ids, np.int64), np.asarray(features, np.int64), np.asarray(first, np.int64), bounds)
