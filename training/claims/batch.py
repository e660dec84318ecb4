"""Rows and cues as padded tensors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from claimstream.pipeline.extract.encoder.spans import cue_candidates

from .data import Gold, Row

PADDED = -1e4  # attention bias of padding; bf16 holds it
IGNORE = -100


@dataclass(slots=True)
class EncoderBatch:
    ids: Tensor  # [rows, length]
    features: Tensor  # [rows, length]
    bias: Tensor  # [rows, 1, 1, length]
    first: Tensor  # [words] flat index of each word's first piece
    tags: Tensor  # [words] 0 outside, 1 begins, 2 continues a cue
    entities: Tensor  # [words] tags of encoder.entities, IGNORE where nobody has named them


@dataclass(slots=True)
class Reading:
    """A cue to read: its segment's words [begin, begin + width) of the batch, gold None if it is no cue."""

    begin: int
    width: int
    features: Sequence[int]
    first: int
    last: int
    gold: Gold | None


@dataclass(slots=True)
class DecoderBatch:
    index: Tensor  # [cues, W] words of the batch
    features: Tensor
    first: Tensor  # [cues]
    last: Tensor
    bias: Tensor  # [cues, 1, 1, W]
    mask: Tensor  # [cues, W] bool
    labels: Tensor  # [cues, W], IGNORE on padding and for false cues
    content: Tensor  # [cues, W] bool
    source: Tensor  # [cues, 2] start and end + 1; 0 is "no source", IGNORE for false cues
    valid: Tensor  # [cues] float


def encoder_batch(rows: Sequence[Row]) -> EncoderBatch:
    length = max(map(len, rows))
    ids = np.zeros((len(rows), length), np.int64)
    features = np.zeros((len(rows), length), np.int64)
    bias = np.full((len(rows), 1, 1, length), PADDED, np.float32)
    first: list[npt.NDArray[np.int64]] = []
    tags: list[npt.NDArray[np.int64]] = []
    entities: list[int] = []
    for i, row in enumerate(rows):
        n = len(row)
        ids[i, :n], features[i, :n], bias[i, :, :, :n] = row.pack.ids, row.pack.features, 0.0
        first.append(row.pack.first + i * length)
        for example in row.examples:
            width = len(example.segment.starts)
            tags.append(_tags(width, example.gold))
            entities.extend([IGNORE] * width if example.entities is None else example.entities)
    return EncoderBatch(
        torch.from_numpy(ids),
        torch.from_numpy(features),
        torch.from_numpy(bias),
        torch.from_numpy(np.concatenate(first)),
        torch.from_numpy(np.concatenate(tags)),
        torch.tensor(entities),
    )


def _tags(width: int, gold: Sequence[Gold]) -> npt.NDArray[np.int64]:
    tags = np.zeros(width, np.int64)
    for g in gold:
        first, last = g.cue
        if not tags[first : last + 1].any():
            tags[first] = 1
            tags[first + 1 : last + 1] = 2
    return tags


def cues_to_read(
    rows: Sequence[Row], tags: npt.NDArray[np.float32] | None, threshold: float, rng: random.Random
) -> list[Reading]:
    """The gold cues and, given tag probabilities, what the tagger takes for cues.

    A predicted cue that overlaps a gold one stands for it now and then, so that the decoder
    learns to live with the tagger's boundaries.
    """
    result: list[Reading] = []
    begin = 0
    for row in rows:
        for example in row.examples:
            features = example.segment.features
            width = len(features)
            of_gold = [Reading(begin, width, features, *gold.cue, gold) for gold in example.gold]
            if tags is not None:
                for cue in cue_candidates(tags[begin : begin + width], threshold):
                    hits = [r for r in of_gold if r.first <= cue.last and cue.first <= r.last]
                    if not hits:
                        result.append(Reading(begin, width, features, cue.first, cue.last, None))
                    elif rng.random() < 0.3:
                        hits[0].first, hits[0].last = cue.first, cue.last
            result.extend(of_gold)
            begin += width
    return result


def decoder_batches(readings: Sequence[Reading], max_padded: int) -> list[DecoderBatch]:
    """Readings of like width together."""
    result: list[DecoderBatch] = []
    group: list[Reading] = []
    for reading in sorted(readings, key=lambda r: r.width):
        if group and reading.width * (len(group) + 1) > max_padded:
            result.append(_decoder_batch(group))
            group = []
        group.append(reading)
    if group:
        result.append(_decoder_batch(group))
    return result


def _decoder_batch(readings: Sequence[Reading]) -> DecoderBatch:
    n, width = len(readings), max(r.width for r in readings)
    index = np.zeros((n, width), np.int64)
    features = np.zeros((n, width), np.int64)
    mask = np.zeros((n, width), np.bool_)
    labels = np.full((n, width), IGNORE, np.int64)
    content = np.zeros((n, width), np.bool_)
    source = np.full((n, 2), IGNORE, np.int64)
    valid = np.zeros(n, np.float32)
    for i, r in enumerate(readings):
        w = r.width
        index[i, :w] = np.arange(r.begin, r.begin + w)
        features[i, :w], mask[i, :w] = r.features, True
        if r.gold is None:
            continue
        valid[i], content[i, :w], labels[i, :w] = 1.0, r.gold.content, 0
        if r.gold.source is None:
            source[i] = 0
        else:
            start, end = r.gold.source
            labels[i, start : end + 1] = 1
            source[i] = start + 1, end + 1
        labels[i, :w][r.gold.content] = 2
    bias = np.where(mask, 0.0, PADDED).astype(np.float32)[:, None, None]
    return DecoderBatch(
        index=torch.from_numpy(index),
        features=torch.from_numpy(features),
        first=torch.tensor([r.first for r in readings]),
        last=torch.tensor([r.last for r in readings]),
        bias=torch.from_numpy(bias),
        mask=torch.from_numpy(mask),
        labels=torch.from_numpy(labels),
        content=torch.from_numpy(content),
        source=torch.from_numpy(source),
        valid=torch.from_numpy(valid),
    )
