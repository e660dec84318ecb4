"""What a line looks like, and what stands around it: the numbers that the learned classifier decides on.

All lines of a page are counted at once, by numpy over the page's characters and words: a page has hundreds of lines,
most of them two words long.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from claimstream.pipeline.strip.characters import Characters, Places
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.words import Lexicon

Matrix = NDArray[np.float32]

_READ = 480
"""Characters of a line that are looked at: a paragraph that long is told by its start, and cost stays bounded."""
_TAIL = 20
"""Of these, the ones that are the line's last."""
_TOKEN = re.compile(r"\w+|\n")
_DIGITS = re.compile(r"\d+")
_GAPS = (60, 200)
"""Characters of prose that a line without any must be worth for the article to go on beyond it."""
_MUCH = 600
"""Characters of prose; a longer line says no more."""
_FAR = 150
"""Lines; further from the page's edges, distance tells nothing, and no page of the training data is much longer."""
_LONG_WORD = 5

_GROUPS: Final = (
    frozenset(Reason),
    frozenset({Reason.RELATED_LINKS}),
    frozenset({Reason.COMMENT_FORM, Reason.CAPTCHA}),
    frozenset({Reason.SHARE_BOX, Reason.FOLLOW_LINE, Reason.SHORT_LINK}),
    frozenset({Reason.SUBSCRIBE_LINE, Reason.SUPPORT_LINE}),
    frozenset({Reason.TIMESTAMP}),
    frozenset({Reason.BYLINE, Reason.AUTHOR_BIO, Reason.REPORTING_BY}),
    frozenset({Reason.PHOTO_CAPTION, Reason.CREDIT, Reason.MEDIA_PLAYER}),
    frozenset({Reason.NAVIGATION}),
    frozenset({Reason.ADVERTISEMENT}),
    frozenset({Reason.COPYRIGHT, Reason.SOURCE_LINE, Reason.CONTACT}),
    frozenset({Reason.TAGS}),
    frozenset({Reason.SEPARATOR}),
)
"""What rules say of a line, coarsely; a line of the first group is known to any rule."""
_ROW_OF: Final = {reason: row for row, reason in enumerate((*Reason, None))}
_GROUPS_OF: Final = np.array([[reason in group for group in _GROUPS] for reason in _ROW_OF], dtype=np.float32)


class _Words(NamedTuple):
    """The words of all lines in lower case."""

    line: Places
    """Of each word."""
    number: Places
    """Of each word: the same words have the same."""
    distinct: list[str]
    """By number."""
    starts: Places
    """The first word of each line, or the one after it where it has none."""
    counts: Places
    """By line."""

    @classmethod
    def of(cls, joined: str, lines: int) -> "_Words":
        numbers: defaultdict[str, int] = defaultdict(count(1).__next__, {"\n": 0})
        found = _TOKEN.findall(joined)
        tokens = np.fromiter(map(numbers.__getitem__, found), np.intp, len(found))
        ends = tokens == 0
        line = np.cumsum(ends)[~ends]
        counts = np.bincount(line, minlength=lines)[:lines]
        return cls(line, tokens[~ends], list(numbers), np.cumsum(counts) - counts, counts)

    def sums(self, values: NDArray[np.generic]) -> Matrix:
        """By line; `values` by word."""
        return np.bincount(self.line, values, len(self.counts)).astype(np.float32)


def _shape(page: Characters, words: Places, lengths: Matrix) -> Matrix:
    starts, ends, sizes = page.starts, page.ends, page.sizes
    positions = np.arange(ends[-1] + 1)
    after_bullet = np.minimum.reduceat(np.where(page.are("bullet"), ends[-1], positions), starts)
    first = np.where(after_bullet < ends, after_bullet, starts)
    last, last_but_one = np.maximum(starts, ends - 1), np.maximum(starts, ends - 2)
    closed = page.at(last, "closes")
    stop, space = page.are("stop"), page.are("space")
    after_stop = page.before(stop)
    sentences = space & (after_stop | page.before(page.are("closes") & after_stop))
    word, digit = page.are("word"), page.are("digit")
    starts_word = word & ~page.before(word)
    per_word = 1 / np.maximum(1, words)
    return np.column_stack(
        [
            np.log1p(lengths),
            np.log1p(words),
            page.count(page.are("letter")) * per_word,
            page.at(last, "stop") | (closed & page.at(last_but_one, "stop")),
            page.at(last, "stop") & page.at(last_but_one, "stop"),
            page.at(last, "colon"),
            page.at(last, "going on"),
            closed,
            page.at(first, "opens"),
            page.at(first, "upper"),
            page.at(first, "lower"),
            page.at(first, "digit"),
            first > starts,
            np.minimum(8, page.count(sentences)),
            np.minimum(8, page.count(page.are("comma"))),
            page.count(digit & ~page.before(digit)) * per_word,
            page.count(page.are("upper")) / sizes,
            page.count(page.are("upper") & starts_word) * per_word,
            page.count(page.are("unspaced")) / sizes,
            np.minimum(6, page.count(page.are("mark"))),
            page.count(page.are("address")) > 0,
            page.count(page.are("asks")) > 0,
            page.count(page.are("bracket")) > 0,
        ]
    ).astype(np.float32)


def _wording(words: _Words, lexicon: Lexicon) -> Matrix:
    """What the words of each line tell: those of articles weigh more than 0, those of what surrounds them less."""
    of_distinct = lexicon.numbers(words.distinct)
    numbers = of_distinct[words.number]
    weights = lexicon.weights[numbers]
    counts = words.counts
    some = counts > 0
    per_word = 1 / np.maximum(1, counts)

    def of(position: Places) -> Places:
        return numbers[np.clip(position, 0, len(numbers) - 1)]

    if not len(numbers):
        return np.zeros((len(counts), 8), np.float32)
    lowest, highest = np.zeros((2, len(counts)), np.float32)
    lowest[some] = np.minimum.reduceat(weights, words.starts[some])
    highest[some] = np.maximum.reduceat(weights, words.starts[some])
    ends = words.starts + counts - 1
    return np.column_stack(
        [
            words.sums(weights) * per_word,
            np.clip(words.sums(weights), -12, 12),
            lowest,
            highest,
            np.where(some, lexicon.first[of(words.starts)], 0),
            np.where(counts > 1, lexicon.weights[of(words.starts + 1)], 0),
            np.where(some, lexicon.weights[of(ends)], 0),
            words.sums(numbers == 0) * per_word,
        ]
    ).astype(np.float32)


def _topicality(joined: str, words: _Words, url: str | None) -> Matrix:
    """How far a line shares its longer words with other lines and the page's address, and how often it stands there."""
    n = len(words.counts)
    address = (url or "").rpartition("//")[2].partition("/")[2].replace("_", " ").lower()
    slug = {token for token in _TOKEN.findall(address) if not token.isdigit()}
    size = len(words.distinct)
    long = np.fromiter(map(len, words.distinct), np.intp, size) >= _LONG_WORD
    named = np.fromiter(map(slug.__contains__, words.distinct), bool, size)
    pairs = np.unique(words.line * size + words.number)
    line, number = np.divmod(pairs, size)
    lines_with = np.bincount(number, minlength=size)

    def by_line(values: NDArray[np.generic]) -> Matrix:
        return np.bincount(line, values, n).astype(np.float32)

    chosen = long[number]
    own = np.maximum(1, by_line(chosen))
    in_slug = by_line(named[number])
    distinct = np.maximum(1, by_line(np.ones(len(line))))
    masked = _DIGITS.sub("0", joined).split("\n")[:n]
    times = Counter(masked)
    return np.column_stack(
        [
            by_line(chosen & (lines_with[number] > 1)) / own,
            by_line(chosen * lines_with[number]) / own,
            in_slug / distinct,
            in_slug / max(1, len(slug)),
            list(map(times.__getitem__, masked)),
        ]
    ).astype(np.float32)


def _neighbours(columns: Matrix, reach: int) -> Matrix:
    """The columns of each of the lines up to `reach` above and below; -1 beyond the page."""
    n = len(columns)
    padding = np.full((reach, columns.shape[1]), -1, np.float32)
    padded = np.concatenate([padding, columns, padding])
    steps = [step for step in range(2 * reach + 1) if step != reach]
    return np.concatenate([padded[step : step + n] for step in steps], axis=1)


def _around(columns: Matrix, *radii: int) -> Matrix:
    """Means over the lines up to each radius away."""
    n, places = len(columns), np.arange(len(columns))
    sums = np.zeros((n + 1, columns.shape[1]))
    np.cumsum(columns, axis=0, out=sums[1:])
    means = []
    for radius in radii:
        low, high = np.maximum(0, places - radius), np.minimum(n, places + radius + 1)
        means.append((sums[high] - sums[low]) / (high - low)[:, None])
    return np.concatenate(means, axis=1, dtype=np.float32)


def _since(flags: Matrix) -> Matrix:
    """Lines since the last one that is flagged, at most 60; 60 if there was none. Counts from the line itself."""
    places = np.arange(len(flags))
    last = np.maximum.accumulate(np.where(flags > 0, places[:, None], -60), axis=0)
    return np.minimum(60, places[:, None] - last).astype(np.float32)


def _until(flags: Matrix) -> Matrix:
    return _since(flags[::-1])[::-1]


def _main_part(gains: Matrix) -> Matrix:
    """Where each line stands to the run of lines that gains most, which the article tends to be.

    Maximum subsequence segmentation: Pasternack & Roth, Extracting Article Text from the Web, 2009.
    """
    n = len(gains)
    sums = np.concatenate([np.zeros(1), np.cumsum(gains, dtype=np.float64)])
    end = int(np.argmax(sums - np.minimum.accumulate(sums)))
    start = int(np.argmin(sums[: end + 1]))
    places = np.arange(n)
    prose = np.maximum(gains, 0)
    below = np.where(places >= end, np.cumsum(prose) - prose[:end].sum(), 0)
    total = max(1.0, float(prose.sum()))
    return np.column_stack(
        [
            (places >= start) & (places < end),
            np.clip(start - places, 0, 60),
            np.clip(places - end + 1, 0, 60),
            np.full(n, prose[start:end].sum() / total),
            below / total,
            np.minimum(60, places - start),
            np.minimum(60, end - places),
        ]
    ).astype(np.float32)


def of_lines(texts: Sequence[str], reasons: Sequence[Reason | None], url: str | None, lexicon: Lexicon) -> Matrix:
    """One row a line; `reasons` as the rules give them."""
    n = len(texts)
    read = [text if len(text) <= _READ else text[: _READ - _TAIL] + text[-_TAIL:] for text in texts]
    joined = "\n".join(read) + "\n"
    lower = joined.lower()
    characters = Characters(joined)
    words = _Words.of(lower, n)
    sizes = np.array([len(text) for text in texts], dtype=np.float32)
    unspaced = characters.count(characters.are("unspaced"))
    word_counts = words.counts + unspaced // 2
    shape = _shape(characters, word_counts, sizes)
    wording = _wording(words, lexicon)
    groups = _GROUPS_OF[[_ROW_OF[reason] for reason in reasons]]
    ends = shape[:, 3]
    ruled = groups[:, 0]
    prose = ((word_counts >= 10) & (ends > 0) | (word_counts >= 35)) & (ruled == 0)
    prose_sizes = np.where(prose, sizes, 0)
    before, prose_before = np.cumsum(sizes) - sizes, np.cumsum(prose_sizes) - prose_sizes
    places = np.arange(n, dtype=np.float32)
    flags = np.column_stack([prose, groups[:, 1:7], groups[:, 10]]).astype(np.float32)
    view = np.column_stack([shape[:, 0], ends, shape[:, 17], wording[:, 0], wording[:, 1], prose, ruled]).astype(
        np.float32
    )
    topicality = _topicality(lower, words, url)
    place = np.column_stack(
        [
            np.minimum(_FAR, places),
            np.minimum(_FAR, n - places),
            places / n,
            before / sizes.sum(),
            prose_before / max(1.0, prose_sizes.sum()),
            np.minimum(_FAR, np.cumsum(prose) - prose),
            np.minimum(_FAR, prose[::-1].cumsum()[::-1] - prose),
            prose,
            np.clip(places - int(np.argmax(topicality[:, 3])), -60, 60),
        ]
    )
    page = np.array(
        [
            min(7.0, np.log1p(n)),
            min(11.0, np.log1p(sizes.sum())),
            prose.mean(),
            ruled.mean(),
            shape[:, 0].mean(),
            np.log1p(prose_sizes.sum()),
            prose_sizes.sum() / max(1, prose.sum()),
        ]
    )
    wording_gain = np.where(ruled > 0, -_GAPS[0], np.clip(wording[:, 1], -6, 6) * 30)
    return np.column_stack(
        [
            shape,
            wording,
            groups,
            topicality,
            place,
            _since(flags),
            _until(flags),
            _neighbours(view, 3),
            _around(view, 2, 5, 12),
            *(_main_part(np.where(prose, np.minimum(_MUCH, sizes), -gap)) for gap in _GAPS),
            _main_part(wording_gain),
            np.broadcast_to(page, (n, len(page))),
        ]
    ).astype(np.float32)
