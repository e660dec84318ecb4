"""Attributions of a text (who is the source, which words are the cue, what is the content) and its entities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from claimstream.pipeline.extract.encoder.entities import from_tags
from claimstream.pipeline.extract.encoder.packing import Ints, Pack, packs
from claimstream.pipeline.extract.encoder.spans import (
    Claim,
    Cue,
    DecodingConfig,
    Floats,
    Readings,
    cue_candidates,
    divided,
    read_claims,
    softmax,
)
from claimstream.pipeline.extract.encoder.words import Segment, WordPiece, segments

Span = tuple[int, int]

# The most probable cues of a segment that are read: bounds the cost of text that is no prose.
_MAX_CUES = 32


@dataclass(frozen=True, slots=True)
class Attribution:
    """Character spans of the text, end exclusive. `source` may be empty; `content` may be interrupted."""

    source: tuple[Span, ...]
    cue: tuple[Span, ...]
    content: tuple[Span, ...]
    confidence: float


class Encoded(NamedTuple):
    """What the encoder says of each word of a pack."""

    vectors: Floats  # [words, width]
    tags: Floats  # [words, 3] scores of O, B, I of a cue
    entities: Floats  # [words, N_TAGS] scores


class Network(Protocol):
    def encode(self, pack: Pack) -> Encoded: ...

    def decode(self, words: Floats, features: Ints, first: Ints, last: Ints) -> Readings:
        """Read one segment (words [W, width], features [W]) for each of its cues."""
        ...


class Entity(NamedTuple):
    start: int
    end: int
    label: str


class Annotations(NamedTuple):
    """What the network finds in a text, each in text order."""

    attributions: list[Attribution]
    doubtful: list[Attribution]
    """Those that were not sure enough, or stand in the way of surer ones; many are wrong."""
    entities: list[Entity]


class SegmentReading(NamedTuple):
    segment: Segment
    entities: Sequence[int]
    """A tag for each word."""
    cues: list[Cue]
    readings: Readings | None
    """None without cues."""


class Engine:
    """The path from text to attributions, whatever runs the network."""

    def __init__(self, wordpiece: WordPiece, network: Network, config: DecodingConfig, max_pieces: int) -> None:
        self.wordpiece = wordpiece
        self.network = network
        self.config = config
        self.max_pieces = max_pieces

    def predict(self, texts: Iterable[str]) -> Iterator[Annotations]:
        for text in texts:
            attributions: list[Attribution] = []
            doubtful: list[Attribution] = []
            entities: list[Entity] = []
            for segment, tags, cues, readings in self.read(text):
                entities.extend(
                    Entity(segment.starts[first], segment.ends[last], label) for first, last, label in from_tags(tags)
                )
                if readings is not None:
                    sure, unsure = divided(read_claims(cues, readings, self.config), self.config)
                    attributions.extend(to_attribution(claim, segment) for claim in sure)
                    doubtful.extend(to_attribution(claim, segment) for claim in unsure)
            yield Annotations(sorted(attributions, key=lambda a: (a.cue, a.content)), doubtful, entities)

    def read(self, text: str) -> Iterator[SegmentReading]:
        """The network's scores, segment by segment."""
        found = segments(text, self.wordpiece, self.max_pieces - 2)
        position = 0
        for pack in packs(found, self.wordpiece, self.max_pieces):
            encoded = self.network.encode(pack)
            tags, entities = softmax(encoded.tags), encoded.entities.argmax(-1).tolist()
            for begin, end in pack.bounds:
                segment = found[position]
                position += 1
                cues = cue_candidates(tags[begin:end], self.config.cue)
                if len(cues) > _MAX_CUES:
                    cues = sorted(cues, key=lambda cue: -cue.probability)[:_MAX_CUES]
                readings = self._decode(encoded.vectors[begin:end], segment, cues) if cues else None
                yield SegmentReading(segment, entities[begin:end], cues, readings)

    def _decode(self, words: Floats, segment: Segment, cues: Sequence[Cue]) -> Readings:
        first = np.asarray([cue.first for cue in cues], np.int64)
        last = np.asarray([cue.last for cue in cues], np.int64)
        return self.network.decode(words, np.asarray(segment.features, np.int64), first, last)


def to_attribution(claim: Claim, segment: Segment) -> Attribution:
    starts, ends = segment.starts, segment.ends
    edges = np.diff(np.concatenate(([0], claim.content.view(np.int8), [0])))
    runs = zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True)
    source = () if claim.source is None else ((starts[claim.source[0]], ends[claim.source[1]]),)
    return Attribution(
        source=source,
        cue=((starts[claim.cue.first], ends[claim.cue.last]),),
        content=tuple((starts[first], ends[last - 1]) for first, last in runs),
        confidence=claim.confidence,
    )
