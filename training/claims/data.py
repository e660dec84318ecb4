"""PolNeAR articles (Newell et al., LREC 2018) as packed word sequences with gold attributions."""

from __future__ import annotations

import gzip
import json
import random
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from claimstream.pipeline.extract.encoder.entities import Entity, to_tags
from claimstream.pipeline.extract.encoder.packing import Pack, pack
from claimstream.pipeline.extract.encoder.words import Segment, WordPiece, segments


@dataclass(slots=True)
class Gold:
    """One attribution, in words of its segment; inclusive ends."""

    cue: tuple[int, int]
    source: tuple[int, int] | None
    content: npt.NDArray[np.bool_]  # [W]


@dataclass(slots=True)
class Example:
    segment: Segment
    gold: list[Gold] = field(default_factory=list)
    entities: list[int] | None = None
    """A tag for each word, or None if nobody has named the entities of this article."""


@dataclass(slots=True)
class Row:
    """One encoder input with the gold of each of its segments."""

    pack: Pack
    examples: list[Example]

    def __len__(self) -> int:
        return len(self.pack.ids)


def read_lines(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def read_training_set(folder: Path, entities: Path | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The articles, and the further readings of those that several people annotated."""
    articles = read_lines(folder / "train.jsonl.gz")
    if entities is not None:
        named = {row["id"]: row["entities"] for row in read_lines(entities)}
        for article in articles:
            article["entities"] = named[article["id"]]
    more: list[dict[str, Any]] = []
    path = folder / "train.multi_annotators.json.gz"
    if path.exists():
        texts = {article["id"]: article["text"] for article in articles}
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for name, readings in json.load(file).items():
                for _, attributions in sorted(readings.items()):
                    more.append({"id": name, "text": texts[name], "attributions": attributions})
    return articles, more


def examples(article: dict[str, Any], wordpiece: WordPiece, max_pieces: int) -> list[Example]:
    result = [Example(s) for s in segments(article["text"], wordpiece, max_pieces)]
    begins = [example.segment.starts[0] for example in result]
    for attribution in article["attributions"]:
        if not attribution["cue"] or not attribution["content"]:
            continue
        example = result[max(0, bisect_right(begins, attribution["cue"][0][0]) - 1)]
        gold = _gold(example.segment, attribution)
        if gold is not None:
            example.gold.append(gold)
    if "entities" in article:
        for example in result:
            example.entities = _entities(example.segment, article["entities"])
    return result


def _entities(segment: Segment, entities: list[tuple[int, int, str]]) -> list[int]:
    begin, stop = segment.starts[0], segment.ends[-1]
    found: list[Entity] = []
    for start, end, label in entities:
        if begin <= start and end <= stop:
            first, last = bisect_right(segment.ends, start), bisect_left(segment.starts, end) - 1
            if first <= last:
                found.append(Entity(first, last, label))
    return to_tags(found, len(segment.starts))


def _gold(segment: Segment, attribution: dict[str, Any]) -> Gold | None:
    cue, source, content = (_words(segment, attribution[part]) for part in ("cue", "source", "content"))
    if not cue.any() or not content.any():
        return None
    first, last = np.flatnonzero(cue)[[0, -1]].tolist()
    where = np.flatnonzero(source)
    return Gold((first, last), (int(where[0]), int(where[-1])) if len(where) else None, content)


def _words(segment: Segment, spans: list[list[int]]) -> npt.NDArray[np.bool_]:
    starts, ends = np.asarray(segment.starts), np.asarray(segment.ends)
    inside = np.zeros(len(starts), np.bool_)
    for start, end in spans:
        inside |= (starts < end) & (ends > start)
    return inside


def rows(article: list[Example], wordpiece: WordPiece, max_pieces: int) -> Iterator[Row]:
    """Pack consecutive segments greedily; a segment that is longer than `max_pieces` stays alone."""
    group: list[Example] = []
    used = 1
    for example in article:
        size = example.segment.n_pieces + 1
        if group and used + size > max_pieces:
            yield Row(pack([e.segment for e in group], wordpiece), group)
            group, used = [], 1
        group.append(example)
        used += size
    if group:
        yield Row(pack([e.segment for e in group], wordpiece), group)


def batches(
    articles: list[list[Example]],
    wordpiece: WordPiece,
    rng: random.Random,
    lengths: tuple[int, int],
    max_padded: int,
) -> list[list[Row]]:
    """One epoch: articles packed to a random length each, rows of like length together."""
    found: list[Row] = []
    for article in articles:
        found.extend(rows(article, wordpiece, rng.randint(*lengths)))
    rng.shuffle(found)
    found.sort(key=lambda row: len(row) + rng.random() * 16)
    result: list[list[Row]] = [[]]
    longest = 0
    for row in found:
        longest = max(longest, len(row))
        if result[-1] and longest * (len(result[-1]) + 1) > max_padded:
            result.append([])
            longest = len(row)
        result[-1].append(row)
    rng.shuffle(result)
    return result
