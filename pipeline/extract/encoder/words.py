"""Words, their WordPiece ids and their surface features (letter case, inside quotation marks)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

# A word is a run of letters and digits (with combining marks), or any other single visible character.
_WORD = re.compile(r"(?:[^\W_]|[\u0300-\u036f\u00ad\u200d])+|[^\s]")
_LINE_END = re.compile(r"(?P<joint>(?<=:)[ \t]*\n\s*(?=[\"\u201c\u201e\u00ab]))|\n")
_SENTENCE_END = frozenset(".!?\u2026")
_MAX_WORD_CHARS = 64
_MAX_CACHE = 200_000

LOWER, TITLE, UPPER, DIGIT, PUNCT = range(5)
OUTSIDE, INSIDE, MARK = range(3)
N_FEATURES = 15  # letter case (5) x quotation (3)

_OPEN = {"\u201c": "\u201d", "\u201e": "\u201d", "\u00ab": "\u00bb", "\u201f": "\u201d"}
_CLOSE = frozenset("\u201d\u00bb")
_APOSTROPHES = frozenset("'\u2019\u2018`")


class WordPiece:
    """Greedy longest-match WordPiece over an uncased BERT vocabulary, one word at a time, cached."""

    def __init__(self, vocabulary: list[str]) -> None:
        self._ids = {piece: i for i, piece in enumerate(vocabulary)}
        self.cls, self.sep, self.unknown = (self._ids[t] for t in ("[CLS]", "[SEP]", "[UNK]"))
        self._cache: dict[str, tuple[int, ...]] = {}

    @classmethod
    def load(cls, path: Path) -> WordPiece:
        return cls(path.read_text(encoding="utf-8").split("\n"))

    def __call__(self, word: str) -> tuple[int, ...]:
        ids = self._cache.get(word)
        if ids is None:
            ids = self._split(word)
            if len(self._cache) < _MAX_CACHE:
                self._cache[word] = ids
        return ids

    def _split(self, word: str) -> tuple[int, ...]:
        if len(word) > _MAX_WORD_CHARS:
            return (self.unknown,)
        decomposed = unicodedata.normalize("NFD", word.lower())
        text = "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cc", "Cf"))
        ids: list[int] = []
        start = 0
        while start < len(text):
            prefix = "##" if start else ""
            for end in range(len(text), start, -1):
                found = self._ids.get(prefix + text[start:end])
                if found is not None:
                    ids.append(found)
                    start = end
                    break
            else:
                return (self.unknown,)
        return tuple(ids) or (self.unknown,)


@dataclass(slots=True)
class Segment:
    """A paragraph, or a window of one that is too long: the unit that holds a whole attribution."""

    starts: list[int] = field(default_factory=list)  # character offsets of the words in the text
    ends: list[int] = field(default_factory=list)
    pieces: list[tuple[int, ...]] = field(default_factory=list)  # WordPiece ids of each word
    features: list[int] = field(default_factory=list)

    @property
    def n_pieces(self) -> int:
        return sum(map(len, self.pieces))


def segments(text: str, wordpiece: WordPiece, max_pieces: int) -> list[Segment]:
    """Split a text into paragraphs, and longer ones into windows of at most `max_pieces` pieces.

    A quotation in a line of its own belongs to the line before it that ends with a colon.
    """
    result: list[Segment] = []
    for start, end in _paragraphs(text):
        matches = [(m.start(), m.end(), m.group()) for m in _WORD.finditer(text, start, end)]
        if matches:
            words = [word for _, _, word in matches]
            features = surface_features(words)
            pieces = [wordpiece(word) for word in words]
            for first, last in _windows(words, pieces, max_pieces):
                result.append(
                    Segment(
                        starts=[s for s, _, _ in matches[first:last]],
                        ends=[e for _, e, _ in matches[first:last]],
                        pieces=pieces[first:last],
                        features=features[first:last],
                    )
                )
    return result


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in _LINE_END.finditer(text):
        if end["joint"] is None:
            yield start, end.start()
            start = end.end()
    yield start, len(text)


def _windows(words: list[str], pieces: list[tuple[int, ...]], max_pieces: int) -> list[tuple[int, int]]:
    """Cut at the last sentence end that fits, else at the last word that fits."""
    windows: list[tuple[int, int]] = []
    first = used = 0
    cut = 0  # after the last sentence end in the current window
    for i, word_pieces in enumerate(pieces):
        if used + len(word_pieces) > max_pieces and i > first:
            last = cut if cut > first else i
            windows.append((first, last))
            first = last
            used = sum(map(len, pieces[first:i]))
        used += len(word_pieces)
        if words[i] in _SENTENCE_END:
            cut = i + 1
    windows.append((first, len(words)))
    return windows


def surface_features(words: list[str]) -> list[int]:
    """Letter case x quotation for the words of one paragraph, as an id below N_FEATURES."""
    return [_case(word) * 3 + state for word, state in zip(words, _quotation(words), strict=True)]


def _case(word: str) -> int:
    if word[0].isalpha():
        if word.islower():
            return LOWER
        return UPPER if len(word) > 1 and word.isupper() else TITLE
    return DIGIT if word[0].isdigit() else PUNCT


def _quotation(words: list[str]) -> list[int]:
    """OUTSIDE, INSIDE or MARK by double quotation marks; an unclosed mark holds to the paragraph's end.

    A closing mark without an opening one means that the paragraph began inside. Two apostrophes or
    backticks in a row are a double mark in plain-text dumps.
    """
    states = [OUTSIDE] * len(words)
    inside = seen = False
    i = 0
    while i < len(words):
        word = words[i]
        width = 2 if word in _APOSTROPHES and i + 1 < len(words) and words[i + 1] == word else 1
        if word in _OPEN:
            inside = True
        elif word in _CLOSE:
            if not inside and not seen:
                states[:i] = [INSIDE] * i
            inside = False
        elif word == '"' or width == 2:
            inside = not inside
        else:
            states[i] = INSIDE if inside else OUTSIDE
            i += 1
            continue
        seen = True
        states[i : i + width] = [MARK] * width
        i += width
    return states
