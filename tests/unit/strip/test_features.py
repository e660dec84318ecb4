"""What the classifier is told of a line, and how it is evaluated."""

import json
from importlib.resources import files
from math import exp

import numpy as np
import pytest

from claimstream.pipeline.strip.characters import Characters
from claimstream.pipeline.strip.features import _main_part, _shape, _wording, _Words, of_lines
from claimstream.pipeline.strip.learned import _trees
from claimstream.pipeline.strip.words import Lexicon

PROSE, GAP = 300, -60


def test_the_main_run_of_prose_bridges_a_gap_but_not_a_long_one():
    gains = np.array([GAP, PROSE, GAP, PROSE, *[GAP] * 6, 200], dtype=np.float32)
    inside, above, below, share, left_below, *_ = _main_part(gains).T
    assert np.flatnonzero(inside).tolist() == [1, 2, 3]
    assert (above[0], above[1], below[3], below[4], below[-1]) == (1, 0, 0, 1, 7)
    assert np.allclose(share, 600 / 800)
    assert np.allclose([left_below[4], left_below[-1]], [0, 200 / 800])


def test_a_page_without_prose_has_no_main_part():
    assert not _main_part(np.full(5, GAP, dtype=np.float32))[:, 0].any()


LEXICON = Lexicon({"ferry": (0.5, 2.0), "comment": (-3.0, -4.0)})
LINES = ["• A ferry: 2 of 12 boats!", "“Comment?”", "…", "İ\ud800\x00", "連絡船は、来週に運航を再開する。", "x" * 2000]


def of_its_own(lines: list[str]) -> np.ndarray:
    """What is told of each line whatever its neighbours."""
    joined = "\n".join(lines) + "\n"
    words = _Words.of(joined.lower(), len(lines))
    lengths = np.array([len(line) for line in lines], np.float32)
    return np.column_stack([_shape(Characters(joined), words.counts, lengths), _wording(words, LEXICON)])


def test_lines_are_counted_together_as_if_each_stood_alone():
    assert np.allclose(of_its_own(LINES), np.vstack([of_its_own([line]) for line in LINES]))


def test_words_tell_by_their_weights():
    mean, total, lowest, highest, first, second, last, unknown, *_ = _wording(
        _Words.of("the ferry\ncomment\n\n", 3), LEXICON
    ).T
    assert np.allclose([mean, total], [[0.25, -3, 0], [0.5, -3, 0]])
    assert np.allclose([lowest, highest], [[0, -3, 0], [0.5, -3, 0]])
    assert np.allclose([first, second, last], [[0, -4, 0], [0.5, 0, 0], [0.5, -3, 0]])
    assert np.allclose(unknown, [0.5, 0, 0])


@pytest.mark.parametrize("lines", [LINES, LINES[:1], LINES[2:3], ["…"] * 3], ids=len)
def test_whatever_stands_in_a_line_is_told_in_numbers(lines: list[str]):
    rows = of_lines(lines, [None] * len(lines), None, LEXICON)
    assert len(rows) == len(lines)
    assert np.isfinite(rows).all()


def test_all_trees_at_once_are_what_each_would_be_alone():
    stored = json.loads((files("claimstream.pipeline.strip") / "learned.json").read_bytes())
    columns = 1 + max(column for splits in stored["splits"] for column, _ in splits)
    rows = np.random.default_rng(1).normal(scale=3, size=(600, columns)).astype(np.float32)

    def alone(row: np.ndarray) -> float:
        score = stored["bias"]
        for splits, leaves in zip(stored["splits"], stored["leaves"], strict=True):
            answers = [row[column] > np.float32(border) for column, border in splits]
            score += leaves[sum(answer << bit for bit, answer in enumerate(answers))]
        return 1 / (1 + exp(-score))

    found = _trees(stored).likelihood(rows)
    assert np.allclose(found[:3], list(map(alone, rows[:3])), atol=1e-5)
    assert np.allclose(found[-3:], list(map(alone, rows[-3:])), atol=1e-5)
