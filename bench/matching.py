"""Which claims are right: predicted spans matched to gold ones, as for the attribution-relation corpora."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PARTS = ("content", "cue", "source")
Claim = Mapping[str, Any]
"""Each of PARTS as `[[start, end], ...]`, code points, end exclusive."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Predicted claims of an article matched to gold ones."""

    matched: dict[int, int]
    """Predicted to gold, where at least half of the characters of both contents are shared."""
    right: frozenset[int]
    """Predicted whose source is right too."""
    n_predicted: int
    n_gold: int


def _characters(spans: Iterable[Sequence[int]], text: str) -> set[int]:
    return {i for start, end in spans for i in range(start, end) if not text[i].isspace()}


def _parts(claim: Claim, text: str) -> dict[str, set[int]]:
    return {part: _characters(claim[part], text) for part in PARTS}


def _overlap(a: set[int], b: set[int]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0


def match(text: str, gold: Sequence[Claim], claims: Sequence[Claim]) -> Matching:
    """Greedy one-to-one matching, best overlap of contents first; of equals, that of cues, then of sources."""
    labelled, found = ([_parts(one, text) for one in some] for some in (gold, claims))
    pairs = [
        (*(_overlap(mine[part], theirs[part]) for part in PARTS), -i, -j)
        for j, mine in enumerate(found)
        for i, theirs in enumerate(labelled)
        if mine["content"] & theirs["content"]
    ]
    matched: dict[int, int] = {}
    right = set()
    for content, _, source, i, j in sorted(pairs, reverse=True):
        if content < 0.5 or -j in matched or -i in matched.values():
            continue
        matched[-j] = -i
        if source >= 0.5:
            right.add(-j)
    return Matching(matched, frozenset(right), len(claims), len(gold))


def f1(right: int, predicted: int, gold: int) -> float:
    return round(2 * right / max(1, predicted + gold), 4)


def scores(found: Sequence[Matching]) -> dict[str, float]:
    """Claim F1 (content), full F1 (content and source), share of right sources, precision, recall."""
    matched, right = sum(len(m.matched) for m in found), sum(len(m.right) for m in found)
    predicted, gold = sum(m.n_predicted for m in found), sum(m.n_gold for m in found)
    return {
        "claim": f1(matched, predicted, gold),
        "full": f1(right, predicted, gold),
        "source": round(right / max(1, matched), 4),
        "precision": round(matched / max(1, predicted), 4),
        "recall": round(matched / max(1, gold), 4),
    }
