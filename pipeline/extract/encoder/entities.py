"""Named entities from the tagger's scores; the labels are those of OntoNotes, as spaCy's English models have them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LABELS = (
    "PERSON", "NORP", "FAC", "ORG", "GPE", "LOC", "PRODUCT", "EVENT", "WORK_OF_ART", "LAW", "LANGUAGE", "DATE",
    "TIME", "PERCENT", "MONEY", "QUANTITY", "ORDINAL", "CARDINAL",
)  # fmt: skip
"""Their order is that of the network's outputs: none, then begins and continues for each."""
N_TAGS = 1 + 2 * len(LABELS)


class Entity(NamedTuple):
    first: int  # word of the segment
    last: int  # inclusive
    label: str


def to_tags(entities: Sequence[Entity], width: int) -> list[int]:
    """A tag for each of `width` words."""
    tags = [0] * width
    for first, last, label in entities:
        begins = 1 + 2 * LABELS.index(label)
        tags[first : last + 1] = [begins] + [begins + 1] * (last - first)
    return tags


def from_tags(tags: Sequence[int]) -> list[Entity]:
    """Runs of one label; a word that continues what was not begun begins it."""
    found: list[Entity] = []
    for i, tag in enumerate(tags):
        if tag == 0:
            continue
        label = LABELS[(tag - 1) // 2]
        if tag % 2 == 0 and found and found[-1].last == i - 1 and found[-1].label == label:
            found[-1] = found[-1]._replace(last=i)
        else:
            found.append(Entity(i, i, label))
    return found
