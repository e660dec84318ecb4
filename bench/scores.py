"""How much of what is found is right, and how much of what is right is found."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

_WORD = re.compile(r"\w+")


def f1(hit: float, found: float, wanted: float) -> float:
    return 2 * hit / (found + wanted) if found + wanted else 0.0


class Lines(NamedTuple):
    """By characters."""

    keep: float
    drop: float

    def __str__(self) -> str:
        return f"{self.keep:.3f} / {self.drop:.3f}"


def of_lines(rows: Sequence[dict[str, Any]], kept: Iterable[Sequence[int]]) -> Lines:
    """F1 of keeping and of dropping over all lines of labelled pages but those marked `ign`."""
    counts: Counter[tuple[int, int]] = Counter()
    for row, guess in zip(rows, kept, strict=True):
        ignored = row.get("ign") or [0] * len(row["lines"])
        for line, gold, mine, out in zip(row["lines"], row["keep"], guess, ignored, strict=True):
            counts[gold, mine] += 0 if out else len(line)
    wrong = counts[0, 1] + counts[1, 0]
    return Lines(*(f1(counts[one, one], counts[one, one], counts[one, one] + wrong) for one in (1, 0)))


def of_texts(pairs: Iterable[tuple[str, str]]) -> float:
    """F1 of mean precision and mean recall in runs of four words, of (wanted, found).

    The measure of the article extraction benchmark (github.com/scrapinghub/article-extraction-benchmark).
    """
    precisions, recalls = [], []
    for wanted, found in pairs:
        gold, mine = _shingles(wanted), _shingles(found)
        hit = (gold & mine).total()
        if mine:
            precisions.append(hit / mine.total())
        if gold:
            recalls.append(hit / gold.total())
    precision, recall = (sum(parts) / max(1, len(parts)) for parts in (precisions, recalls))
    return f1(precision * recall, precision, recall)


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)) if words)
