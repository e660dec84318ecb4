"""What was seen of each site, and what follows from it.

The memory of a site is a sample of its articles: of each day the first few, each with its lines (a sighting). It
depends on nothing but which articles were seen when, not on the order in which one hears of them, nor on how often (a
join-semilattice: Shapiro et al., Conflict-free Replicated Data Types, 2011). So workers that share no state but a log
of sightings agree, and a log that is read again teaches the same.

A page is judged by what had been seen when it arrived; so neither later pages nor a later run change the verdict.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from claimstream.pipeline.records import Mark, Sighting
from claimstream.pipeline.strip.standing import NOTHING, Standing, shape

WINDOW: Final = 40
"""Articles that a page is judged by: the newest that came before it."""
ENOUGH: Final = 3
"""Distinct articles among these that must have a line."""
A_DAY: Final = 20
"""Articles of a day that are remembered, the first ones: a new design is learned within two days."""
DAYS: Final = 8
"""Newest days with articles that are remembered, and before them as many as make a `WINDOW`: by default Kafka keeps raw
articles for a week, and a replay is to find what the first run knew."""
OLDEST: Final = timedelta(days=90)
"""What was not seen for so long no longer counts."""

_LANDMARK: Final = 6
"""Articles, and half of all, that must have a line before it tells where articles begin or end."""
_AGREE: Final = 0.8
"""Share of these on which nearly all text must stand on the same side of it."""
_ABOVE_START: Final = 10
"""Percent of the text that may stand above a start: captions read like text."""
_ABOVE_END: Final = 98
"""Percent of the text that must stand above an end: below many a box there is one more paragraph."""
_NOTHING_ABOVE: Final = 1 / 3
"""Share of articles that must have no text at all above a start: captions are missing at times, subtitles are not."""
_PARAGRAPH: Final = 80
"""Characters of a kept line by which copies of an article know each other."""


@dataclass(frozen=True, order=True)
class _Page:
    at: datetime
    article_id: str
    name: str = field(compare=False)
    lines: NDArray[np.uint32] = field(compare=False)
    """By shape, each once."""
    above: NDArray[np.uint8] = field(compare=False)
    """Percent of the text above each."""
    paragraphs: NDArray[np.uint32] = field(compare=False)

    @classmethod
    def of(cls, sighting: Sighting) -> "_Page":
        above = {shape(line.text): line.above for line in sighting.lines}
        paragraphs = {shape(line.text) for line in sighting.lines if line.kept and len(line.text) >= _PARAGRAPH}
        return cls(
            sighting.at,
            sighting.article_id,
            sighting.name,
            np.array(list(above), np.uint32),
            np.array(list(above.values()), np.uint8),
            np.array(list(paragraphs), np.uint32),
        )


class SiteMemory:
    """The memory of one site."""

    def __init__(self) -> None:
        self._days: dict[int, dict[str, _Page]] = {}
        """The sightings of each day, by name."""
        self._marks: dict[int | None, Mark] = {}
        self._originals: list[_Page] | None = None
        self._last: tuple[tuple[object, ...], Standing] = ((), NOTHING)

    def __iter__(self) -> Iterator[_Page]:
        return chain.from_iterable(day.values() for day in self._days.values())

    def __len__(self) -> int:
        """Sightings that are remembered."""
        return sum(map(len, self._days.values()))

    @property
    def names(self) -> list[str]:
        return [page.name for page in self]

    @property
    def marks(self) -> list[Mark]:
        """What persons said, in order of time."""
        return sorted(self._marks.values(), key=lambda mark: mark.at)

    @property
    def newest(self) -> datetime | None:
        """When the last article was seen."""
        return max((page.at for page in self), default=None)

    def see(self, sighting: Sighting) -> list[str]:
        """Remember an article; return the names of sightings that are no longer needed, maybe its own."""
        day = self._days.setdefault(sighting.at.toordinal(), {})
        known = day.get(sighting.name)
        if known and known.at <= sighting.at:
            return []
        day[sighting.name] = _Page.of(sighting)
        dropped = [page.name for page in sorted(day.values())[A_DAY:]]
        beyond = 0
        for old in sorted(self._days, reverse=True)[DAYS:]:
            if beyond >= WINDOW:
                dropped += self._days[old]
            beyond += len(self._days[old])
        for name in dropped:
            self.drop(name)
        self._originals = None
        return dropped

    def knows(self, sighting: Sighting) -> bool:
        """Whether the article is remembered from then or earlier."""
        return any(page.article_id == sighting.article_id and page.at <= sighting.at for page in self)

    def mark(self, mark: Mark) -> None:
        line = None if mark.line is None else shape(mark.line)
        if line not in self._marks or self._marks[line].at <= mark.at:
            self._marks[line] = mark

    def drop(self, name: str) -> None:
        """Forget a sighting. What was once superfluous stays so."""
        for number, day in self._days.items():
            if day.pop(name, None):
                self._originals = None
                if not day:
                    del self._days[number]
                return

    def standing(self, at: datetime, besides: str | None = None) -> Standing:
        """What was known at `at`, from other articles than `besides`."""
        marks = {line: mark for line, mark in self._marks.items() if mark.at <= at}
        since = max(at - OLDEST, marks[None].at) if None in marks else at - OLDEST
        if self._originals is None:
            self._originals = _without_copies(sorted(self))
        until = bisect_right(self._originals, at, key=lambda page: page.at)
        pages = [p for p in self._originals[:until] if p.at > since and p.article_id != besides][-WINDOW:]
        key = (*pages, *marks.values())
        if self._last[0] != key:
            self._last = key, _concluded(pages, marks)
        return self._last[1]


def _without_copies(pages: Iterable[_Page]) -> list[_Page]:
    """Leave out an earlier one's article, fetched again or under another address.

    Then two thirds of the shorter one's paragraphs are the other's.
    """
    ids = set()
    originals: list[_Page] = []
    having: dict[int, list[int]] = defaultdict(list)
    for page in pages:
        if page.article_id in ids:
            continue
        ids.add(page.article_id)
        paragraphs = page.paragraphs.tolist()
        shared = Counter(number for paragraph in paragraphs for number in having[paragraph])
        if not any(3 * n > 2 * min(len(paragraphs), len(originals[i].paragraphs)) for i, n in shared.items()):
            for paragraph in paragraphs:
                having[paragraph].append(len(originals))
            originals.append(page)
    return originals


def _concluded(pages: list[_Page], marks: Mapping[int | None, Mark]) -> Standing:
    pinned = frozenset(line for line, mark in marks.items() if line is not None and mark.pinned)
    if len(pages) < ENOUGH:
        return Standing(pinned=pinned) if pinned else NOTHING
    lines = np.concatenate([page.lines for page in pages])
    above = np.concatenate([page.above for page in pages])
    forgotten = {line: mark.at for line, mark in marks.items() if line is not None and not mark.pinned}
    for line, until in forgotten.items():
        old = np.concatenate([np.full(len(page.lines), page.at <= until) for page in pages])
        lines, above = (column[~(old & (lines == line))] for column in (lines, above))
    distinct, places, counts = np.unique(lines, return_inverse=True, return_counts=True)
    landmarks = counts >= max(_LANDMARK, len(pages) / 2)
    near_top = np.bincount(places, above <= _ABOVE_START) >= _AGREE * counts
    at_top = np.bincount(places, above == 0) >= _NOTHING_ABOVE * counts
    below = np.bincount(places, above >= _ABOVE_END) >= _AGREE * counts
    often = counts >= ENOUGH
    return Standing(
        shares=dict(zip(distinct[often].tolist(), (counts[often] / len(pages)).tolist(), strict=True)),
        starts=frozenset(distinct[landmarks & near_top & at_top].tolist()),
        ends=frozenset(distinct[landmarks & below].tolist()),
        pinned=pinned,
    )


class Memory:
    """The memory of all sites."""

    def __init__(self, most: int) -> None:
        """Of more than `most` sites, those are forgotten of which no article came for the longest time."""
        self.sites: dict[str, SiteMemory] = {}
        self._most = most

    def learn(self, record: Sighting | Mark) -> list[bytes]:
        """Take in a record; return the keys of those that are no longer needed, maybe its own."""
        site = self.sites.setdefault(record.site, SiteMemory())
        if isinstance(record, Mark):
            site.mark(record)
            return []
        dropped = [f"{record.site} {name}".encode() for name in site.see(record)]
        return [*dropped, *self._evicted()]

    def news(self, sighting: Sighting) -> list[tuple[bytes, bytes | None]]:
        """Take in a sighting of one's own; return what others are to be told, by key: records, or None to drop one."""
        if sighting.site in self.sites and self.sites[sighting.site].knows(sighting):
            return []
        dropped = self.learn(sighting)
        own = [] if sighting.key in dropped else [(sighting.key, sighting.to_bytes())]
        return [*own, *((key, None) for key in dropped if key != sighting.key)]

    def drop(self, key: bytes) -> None:
        """Forget the sighting whose record has this key."""
        site, _, name = key.decode(errors="replace").rpartition(" ")
        if site in self.sites:
            self.sites[site].drop(name)
            self._tidy(site)

    def standing(self, site: str, at: datetime, besides: str | None = None) -> Standing:
        """What was known of a site at `at`, from other articles than `besides`."""
        return self.sites[site].standing(at, besides) if site in self.sites else NOTHING

    def _evicted(self) -> Iterator[bytes]:
        if len(self.sites) <= self._most:
            return
        seen = sorted((memory.newest, site) for site, memory in self.sites.items() if memory.newest is not None)
        for _, site in seen[: -self._most]:
            for name in self.sites[site].names:
                self.sites[site].drop(name)
                yield f"{site} {name}".encode()
            self._tidy(site)

    def _tidy(self, site: str) -> None:
        if not len(self.sites[site]) and not self.sites[site].marks:
            del self.sites[site]
