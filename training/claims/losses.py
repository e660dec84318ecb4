"""Losses of the tagger and the decoder."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .batch import IGNORE, PADDED, DecoderBatch
from .model import Readings


def tag_loss(logits: Tensor, tags: Tensor) -> Tensor:
    return functional.cross_entropy(logits.float(), tags)


def entity_loss(logits: Tensor, entities: Tensor) -> Tensor:
    known = (entities != IGNORE).sum().clamp(min=1)
    return _summed_cross_entropy(logits, entities) / known


def path_nll(inside: Tensor, start: Tensor, end: Tensor, content: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of the content as a path of a two-state linear-chain CRF; all [cues, W].

    `start` and `end` score a switch to inside at, and to outside before, a word. The partition
    function is a log-semiring product of 2 x 2 matrices, reduced as a tree: log2(W) steps.
    """
    before = functional.pad(content[:, :-1], (1, 0))
    gold = (inside * content + start * (content & ~before) + end * (before & ~content & mask)).sum(1)
    zero = torch.zeros_like(inside)
    never = torch.full_like(inside, PADDED)
    real = torch.stack([zero, start + inside, end, inside], -1)
    identity = torch.stack([zero, never, never, zero], -1)
    cues, width = inside.shape
    steps = torch.where(mask[..., None], real, identity).view(cues, width, 2, 2)
    while steps.shape[1] > 1:
        if steps.shape[1] % 2:
            steps = torch.cat([steps, identity[:, :1].view(cues, 1, 2, 2)], 1)
        left, right = steps[:, 0::2], steps[:, 1::2]
        steps = torch.logsumexp(left[..., :, :, None] + right[..., None, :, :], -2)
    return torch.logsumexp(steps[:, 0, 0], -1) - gold


def reading_losses(readings: Readings, batch: DecoderBatch) -> dict[str, Tensor]:
    """Sums over the cues of a batch; `words`, `true` and `cues` count what they are sums over."""
    labels = readings.labels.float()
    true = batch.valid > 0.5
    inside = labels[..., 2] - torch.logaddexp(labels[..., 0], labels[..., 1])
    start, end = readings.boundaries.float().unbind(-1)
    words = functional.pad(batch.mask, (1, 0), value=True)
    source = readings.source.float().masked_fill(~words[..., None], PADDED)
    return {
        "labels": _summed_cross_entropy(labels.flatten(0, 1), batch.labels.flatten()),
        "path": path_nll(inside, start, end, batch.content, batch.mask)[true].sum(),
        "source": _summed_cross_entropy(source, batch.source),
        "valid": functional.binary_cross_entropy_with_logits(readings.valid.float(), batch.valid, reduction="sum"),
        "words": (batch.labels != IGNORE).sum(),
        "true": true.sum(),
        "cues": torch.tensor(len(true)),
    }


def _summed_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return functional.cross_entropy(logits.float(), targets, ignore_index=IGNORE, reduction="sum")
