"""From the scores of the network to spans of words: cues, contents, sources, and which claims to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DecodingConfig:
    """Thresholds, tuned on the development set; see training/claims/tune.py."""

    cue: float = 0.2  # a word begins a candidate cue from this probability
    keep: float = 0.4  # least confidence; half the F1 that one reaches is the best threshold for F1
    content_bias: float = 0.0
    switch_bias: float = 0.0
    source_bias: float = 0.0  # in favour of "no source"
    # logistic weights: constant, log-odds of cue, valid, content, source, logarithm of the content's words
    calibration: tuple[float, ...] = (-1.0, 0.5, 0.7, 0.2, 0.0, 0.4)


class Cue(NamedTuple):
    first: int  # word of the segment
    last: int  # inclusive
    probability: float


class Readings(NamedTuple):
    """The decoder's scores for the cues of one segment of W words."""

    labels: Floats  # [cues, W, 3] none, source, content
    boundaries: Floats  # [cues, W, 2] content starts at, has ended before the word
    source: Floats  # [cues, W + 1, 2] start and end of the source; index 0 is "no source"
    valid: Floats  # [cues]


class Claim(NamedTuple):
    cue: Cue
    source: tuple[int, int] | None  # words, inclusive
    content: Bools  # [W]
    confidence: float
    evidence: tuple[float, ...]  # what the confidence is computed from


def softmax(logits: Floats, axis: int = -1) -> Floats:
    shifted = np.exp(logits - logits.max(axis, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis, keepdims=True), np.float32)


def log_softmax(logits: Floats, axis: int = -1) -> Floats:
    shifted = logits - logits.max(axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)), np.float32)


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)), np.float32)


def cue_candidates(tags: Floats, threshold: float) -> list[Cue]:
    """tags: probabilities [words, 3] of O, B, I. A likely beginning starts a cue, whatever stands before."""
    found: list[Cue] = []
    for first in np.flatnonzero(tags[:, 1] >= threshold).tolist():
        last = first
        while last + 1 < len(tags) and tags[last + 1, 2] > max(tags[last + 1, 0], tags[last + 1, 1]):
            last += 1
        found.append(Cue(first, last, float(tags[first, 1])))
    return found


def read_claims(cues: Sequence[Cue], readings: Readings, config: DecodingConfig) -> list[Claim]:
    """What each cue of one segment would claim, surest first; a cue without content claims nothing."""
    labels = readings.labels
    probability = softmax(labels)[..., 2]
    inside = labels[..., 2] - np.logaddexp(labels[..., 0], labels[..., 1]) + np.float32(config.content_bias)
    switches = readings.boundaries + np.float32(config.switch_bias)
    sources, certainty = source_pointers(readings.source, config.source_bias)
    claims: list[Claim] = []
    for i, cue in enumerate(cues):
        start, end = switches[i].T.tolist()
        content = content_path(inside[i].tolist(), start, end)
        if not content.any():
            continue
        mean = float(probability[i][content].mean())
        evidence = (
            1.0,
            _logit(cue.probability),
            float(readings.valid[i]),
            _logit(mean),
            _logit(certainty[i]),
            math.log(np.count_nonzero(content)),  # of contents of a word or two, half are none
        )
        logit = sum(w * x for w, x in zip(config.calibration, evidence, strict=True))
        confidence = 1.0 / (1.0 + math.exp(-logit))
        claims.append(Claim(cue, sources[i], content, confidence, evidence))
    return sorted(claims, key=lambda claim: -claim.confidence)


def _logit(p: float) -> float:
    p = min(max(p, 1e-4), 1 - 1e-4)
    return math.log(p / (1 - p))


def divided(claims: Sequence[Claim], config: DecodingConfig) -> tuple[list[Claim], list[Claim]]:
    """Those to keep, and the others: not sure enough, or with a cue in the cue or content of a surer one."""
    kept: list[Claim] = []
    others: list[Claim] = []
    for claim in claims:
        cue = slice(claim.cue.first, claim.cue.last + 1)
        stands = claim.confidence >= config.keep and not any(
            (claim.cue.first <= other.cue.last and other.cue.first <= claim.cue.last) or bool(other.content[cue].any())
            for other in kept
        )
        (kept if stands else others).append(claim)
    return kept, others


def content_path(inside: Sequence[float], start: Sequence[float], end: Sequence[float]) -> Bools:
    """Best path inside / outside the content (Viterbi), with the network's own switch scores.

    Plain Python: on one paragraph it beats numpy's overhead per call.
    """
    came_in: list[bool] = []  # the best way to be inside at a word comes from inside
    came_out: list[bool] = []  # the best way to be outside at it comes from inside
    out_score, in_score = 0.0, -1e4
    for score, enter, leave in zip(inside, start, end, strict=True):
        entered, left = out_score + enter, in_score + leave
        came_in.append(in_score >= entered)
        came_out.append(left > out_score)
        in_score = max(in_score, entered) + score
        out_score = max(out_score, left)
    path = np.zeros(len(came_in), np.bool_)
    state = in_score > out_score
    for w in range(len(came_in) - 1, -1, -1):
        path[w] = state
        state = came_in[w] if state else came_out[w]
    return path


def source_pointers(logits: Floats, bias: float) -> tuple[list[tuple[int, int] | None], list[float]]:
    """logits: [cues, W + 1, 2] -> the best source (words, inclusive) of each cue, and its probability."""
    scores = log_softmax(logits, axis=1)
    none = scores[:, 0].sum(-1) + np.float32(bias)
    start, end = scores[:, 1:, 0], scores[:, 1:, 1]
    best_start = np.maximum.accumulate(start, axis=1)
    total = best_start + end
    last = total.argmax(1)
    sources: list[tuple[int, int] | None] = []
    certainty: list[float] = []
    for i, e in enumerate(last.tolist()):
        if none[i] >= total[i, e]:
            sources.append(None)
        else:
            sources.append((int(start[i, : e + 1].argmax()), e))
        certainty.append(float(np.exp(max(none[i], total[i, e]))))
    return sources, certainty
