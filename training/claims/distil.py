"""Distillation (Hinton et al., 2015); the student starts as what prune.py leaves of the teacher."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .batch import PADDED, DecoderBatch
from .model import Readings


def _divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence from the teacher's to the student's distribution over the last axis."""
    taught = torch.log_softmax(teacher.float(), -1)
    learnt = torch.log_softmax(student.float(), -1)
    return functional.kl_div(learnt, taught, reduction="none", log_target=True).sum(-1)


def tag_distillation(student: Tensor, teacher: Tensor) -> Tensor:
    """Of the cues' tags and of the entities'."""
    return _divergence(student, teacher).mean()


def reading_distillation(student: Readings, teacher: Readings, batch: DecoderBatch) -> dict[str, Tensor]:
    """Sums, as in losses.reading_losses; false cues teach too."""
    words = functional.pad(batch.mask, (1, 0), value=True)[:, None]
    pointers = (part.source.float().transpose(1, 2).masked_fill(~words, PADDED) for part in (student, teacher))
    switches = functional.binary_cross_entropy_with_logits(
        student.boundaries.float(), teacher.boundaries.float().sigmoid(), reduction="none"
    )
    return {
        "labels_taught": _divergence(student.labels, teacher.labels)[batch.mask].sum(),
        "boundaries_taught": switches.sum(-1)[batch.mask].sum(),
        "source_taught": _divergence(*pointers).sum(),
        "valid_taught": functional.binary_cross_entropy_with_logits(
            student.valid.float(), teacher.valid.float().sigmoid(), reduction="sum"
        ),
        "all_words": batch.mask.sum(),
    }
