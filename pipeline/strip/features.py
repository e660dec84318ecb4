"""What a line looks like, and what stands around it: the numbers that the learned classifier decides on."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from math import log1p
from typing import Final

import numpy as np
from numpy.typing import NDArray

from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.rules import without_bullet

Matrix = NDArray[np.float32]

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ENDS = re.compile(r"[.!?。！？।؟][\"'”’»)\]]*$")
_UPPER = re.compile(r"[A-ZÀ-ÖØ-Þ]")
_MARKS = re.compile(r"[|•·›»/→>]")
_OPENS_QUOTE = re.compile(r"[\"“”„«‘']")
_CLOSES_QUOTE = re.compile(r"[\"”“’»][.,]?$")
_SENTENCE = re.compile(r"[.!?。！？][\"'”’»)\]]*(?:\s|$)")
_DIGITS = re.compile(r"\d+")
_FUNCTION: Final = frozenset(
    re.findall(
        r"\S+",
        "the of and to in that is was for on with as by at from he she it his her they their said has had be been "
        "are were an a not but this which who will would der die das und in den von zu mit ist im dem nicht ein "
        "eine auf sich des für es an werden le la les et des un une du dans que qui est pour sur pas par au plus "
        "ne se el los las y en una por con para del al lo como il che di e della per non sono da o os as do um uma "
        "na no não de het een en van op te dat voor met zijn ",
    )
)
_SAYING: Final = frozenset(
    re.findall(
        r"\S+",
        "said says told added saying according reported announced asked explained noted stated warned sagte "
        "erklärte dit dijo disse ",
    )
)
_YOU: Final = frozenset(
    re.findall(
        r"\S+",
        "you your you're our us we we're my me please ihr ihre sie vous votre ",
    )
)
_PAGE: Final = frozenset(
    re.findall(
        r"\S+",
        "subscribe newsletter newsletters cookie cookies comment comments share follow sign read more related "
        "advertisement advertise copyright rights reserved privacy policy terms click here login log account email "
        "mail website site app download join free register trending popular latest news updates alerts inbox "
        "facebook twitter instagram youtube whatsapp telegram linkedin pinterest photo photos image images video "
        "videos gallery getty reuters credit published updated posted editor contact about author tags topics "
        "categories search menu home next previous watch listen podcast shop buy price sale offer deals view all "
        "see also story stories article articles abo anmelden mehr lesen bild foto quelle anzeige kommentare ",
    )
)

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
_READ = 480
"""Characters of a line that are looked at: a paragraph that long is told by its start, and cost stays bounded."""
_GAPS = (60, 200)
"""Characters of prose that a line without any must be worth for the article to go on beyond it."""
_MUCH = 600
"""Characters of prose; a longer line says no more."""
_FAR = 150
"""Lines; further from the page's edges, distance tells nothing, and no page of the training data is much longer."""


def _shape(line: str, text: str, words: list[str]) -> list[float]:
    """`text`: the part of the line that is read."""
    bare = without_bullet(text)
    lower = set(map(str.lower, words))
    per, per_distinct = 1 / max(1, len(words)), 1 / max(1, len(lower))
    start = bare[:1]
    return [
        log1p(len(line)),
        log1p(len(words)),
        sum(map(len, words)) * per,
        _ENDS.search(line, max(0, len(line) - 8)) is not None,
        line.endswith(("...", "…")),
        line.endswith(":"),
        line.endswith((",", ";", "-", "–")),
        _CLOSES_QUOTE.search(line, max(0, len(line) - 3)) is not None,
        _OPENS_QUOTE.match(bare) is not None,
        start.isupper(),
        start.islower(),
        start.isdigit(),
        len(bare) != len(text),
        min(8, len(_SENTENCE.findall(text))),
        min(8, text.count(",")),
        len(_DIGITS.findall(text)) * per,
        len(_UPPER.findall(text)) / len(text),
        sum(map(str.isupper, [word[0] for word in words])) * per,
        len(lower & _FUNCTION) * per_distinct,
        len(lower & _SAYING),
        len(lower & _YOU) * per_distinct,
        len(lower & _PAGE) * per_distinct,
        min(6, len(_MARKS.findall(text))),
        "@" in text or "http" in text or "www." in text,
        "?" in text,
        "(" in text,
    ]


def _topicality(texts: Sequence[str], words: Sequence[list[str]], url: str | None) -> Matrix:
    """How far a line shares its longer words with other lines and the page's address, and how often it stands there."""
    slug = frozenset(
        _WORD.findall((url or "").rpartition("//")[2].partition("/")[2].replace("-", " ").replace("_", " ").lower())
    )
    bags = [frozenset([word for word in own if len(word) > 4]) for own in words]
    lines_with = Counter(chain.from_iterable(bags))
    shared = {word for word, lines in lines_with.items() if lines > 1}
    masked = [_DIGITS.sub("0", text.lower()) for text in texts]
    times = Counter(masked)
    return np.array(
        [
            (
                len(bag & shared) / max(1, len(bag)),
                sum([lines_with[word] for word in bag]) / max(1, len(bag)),
                len(bag & slug) / max(1, len(bag)),
                len(bag & slug) / max(1, len(slug)),
                times[line],
            )
            for bag, line in zip(bags, masked, strict=True)
        ],
        dtype=np.float32,
    ).reshape(len(texts), 5)


def _shifted(column: Matrix, by: int) -> Matrix:
    """`column[i + by]` at i; -1 beyond the page."""
    out = np.full_like(column, -1)
    if by > 0:
        out[:-by] = column[by:]
    else:
        out[-by:] = column[:by]
    return out


def _around(columns: Matrix, radius: int) -> Matrix:
    """Mean over the lines up to `radius` away."""
    n = len(columns)
    sums = np.vstack([np.zeros((1, columns.shape[1]), np.float32), np.cumsum(columns, axis=0, dtype=np.float32)])
    low, high = np.maximum(0, np.arange(n) - radius), np.minimum(n, np.arange(n) + radius + 1)
    means: Matrix = ((sums[high] - sums[low]) / (high - low)[:, None]).astype(np.float32)
    return means


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


def of_lines(texts: Sequence[str], reasons: Sequence[Reason | None], url: str | None) -> Matrix:
    """One row a line; `reasons` as the rules give them."""
    n = len(texts)
    read = [text[:_READ] for text in texts]
    words_of = [_WORD.findall(text) for text in read]
    shape = np.array(list(map(_shape, texts, read, words_of)), dtype=np.float32)
    groups = _GROUPS_OF[[_ROW_OF[reason] for reason in reasons]]
    sizes = np.array([len(text) for text in texts], dtype=np.float32)
    words, ends = np.expm1(shape[:, 1]), shape[:, 3]
    ruled = groups[:, 0]
    prose = ((words >= 10) & (ends > 0) | (words >= 35)) & (ruled == 0)
    prose_sizes = np.where(prose, sizes, 0)
    before, prose_before = np.cumsum(sizes) - sizes, np.cumsum(prose_sizes) - prose_sizes
    places = np.arange(n, dtype=np.float32)
    flags = np.column_stack([prose, groups[:, 1:7], groups[:, 10]]).astype(np.float32)
    view = np.column_stack([shape[:, 0], ends, shape[:, 17], shape[:, 18], prose, ruled]).astype(np.float32)
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
        ]
    )
    page = np.array([min(7.0, log1p(n)), min(11.0, log1p(sizes.sum())), prose.mean(), ruled.mean(), shape[:, 0].mean()])
    return np.column_stack(
        [
            shape,
            groups,
            _topicality(read, [[word.lower() for word in words] for words in words_of], url),
            place,
            _since(flags),
            _until(flags),
            *(_shifted(view, by) for by in (-3, -2, -1, 1, 2, 3)),
            *(_around(view, radius) for radius in (2, 5, 12)),
            *(_main_part(np.where(prose, np.minimum(_MUCH, sizes), -gap)) for gap in _GAPS),
            np.broadcast_to(page, (n, len(page))),
        ]
    ).astype(np.float32)
