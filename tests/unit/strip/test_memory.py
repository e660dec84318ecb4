import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from claimstream.pipeline.records import Mark, SeenLine, Sighting, SiteRecord
from claimstream.pipeline.strip.memory import A_DAY, DAYS, ENOUGH, OLDEST, WINDOW, Memory, SiteMemory
from claimstream.pipeline.strip.standing import NOTHING, shape

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOX = "The Courier is printed in Estermouth"


def sighting(n: int, *lines: str, minutes: float | None = None, site: str = "courier.example") -> Sighting:
    """The n-th article of a site, a minute after the one before it, with two paragraphs of its own."""
    own = [f"Paragraph {word} of article {chr(97 + n % 26) * (1 + n // 26)}, {'x' * 80}" for word in ("one", "two")]
    seen = [SeenLine(text=text, kept=True, above=50 * i) for i, text in enumerate(own)]
    seen += [SeenLine(text=text, kept=False, above=100) for text in lines]
    at = NOON + timedelta(minutes=n if minutes is None else minutes)
    return Sighting(site=site, article_id=f"{n:032x}", at=at, lines=tuple(seen))


def memory_of(*sightings: Sighting) -> SiteMemory:
    memory = SiteMemory()
    for one in sightings:
        memory.see(one)
    return memory


def share(memory: SiteMemory, line: str, at: datetime = NOON + timedelta(days=1)) -> float:
    return memory.standing(at).shares.get(shape(line), 0)


def test_a_line_stands_once_enough_distinct_articles_have_it():
    sightings = [sighting(n, BOX) for n in range(ENOUGH)]
    assert share(memory_of(*sightings[:-1]), BOX) == 0
    assert share(memory_of(*sightings), BOX) == 1
    assert share(memory_of(*sightings, *(sighting(n) for n in range(20, 23))), BOX) == 0.5


def test_what_is_masked_makes_no_difference():
    memory = memory_of(*(sighting(n, f"UPDATED {n} times – by the desk") for n in range(ENOUGH)))
    assert share(memory, "Updated 17 times: by the Desk")


def test_an_article_fetched_again_counts_once():
    again = [sighting(0, BOX, minutes=minutes) for minutes in range(0, 5000, 300)]
    assert share(memory_of(*again, sighting(1, BOX)), BOX) == 0
    own = sighting(0).lines[0].text
    assert share(memory_of(*again), own) == 0


def test_a_copy_under_another_address_counts_once():
    copies = [sighting(0, BOX, minutes=n).model_copy(update={"article_id": f"copy-{n}"}) for n in range(10)]
    memory = memory_of(*copies, sighting(1, BOX))
    assert memory.standing(NOON + timedelta(days=1)).shares == {}


def test_the_article_itself_is_no_evidence():
    memory = memory_of(*(sighting(n, BOX) for n in range(ENOUGH)))
    at = NOON + timedelta(days=1)
    assert memory.standing(at, besides=f"{0:032x}").shares == {}
    assert memory.standing(at, besides="another").shares


def test_later_articles_do_not_change_what_was_known():
    sightings = [sighting(n, BOX, minutes=90 * n) for n in range(200)]
    memory, then = SiteMemory(), {}
    for one in sightings:
        then[one.at] = memory.standing(one.at, one.article_id)
        memory.see(one)
    replayed = [one for one in sightings if one.at > sightings[-1].at - timedelta(days=7)]
    assert len(replayed) > 100
    for one in replayed:
        assert memory.standing(one.at, one.article_id) == then[one.at]


def test_a_redesign_is_unlearned():
    old = [sighting(n, BOX) for n in range(30)]
    new = [sighting(n, "The Courier, Estermouth", minutes=1440 + n) for n in range(30, 30 + WINDOW)]
    newer = [sighting(n, "The Courier, Estermouth", minutes=2880 + n) for n in range(80, 80 + WINDOW)]
    memory = memory_of(*old, *new, *newer)
    assert share(memory, BOX, NOON + timedelta(hours=12))
    assert not share(memory, BOX, NOON + timedelta(days=3))
    assert share(memory, "The Courier, Estermouth", NOON + timedelta(days=3)) == 1


def test_what_was_not_seen_for_long_no_longer_counts():
    memory = memory_of(*(sighting(n, BOX) for n in range(20)))
    assert share(memory, BOX, NOON + OLDEST)
    assert not share(memory, BOX, NOON + OLDEST + timedelta(hours=1))


def test_a_line_between_page_and_text_tells_where_articles_begin_and_end():
    def page(n: int) -> Sighting:
        lines = [
            SeenLine(text="Print this article", kept=False, above=0 if n % 2 else 4),
            SeenLine(text="Sign up", kept=False, above=90),
            SeenLine(text="Readers write", kept=False, above=99),
        ]
        return sighting(n).model_copy(update={"lines": tuple(lines)})

    known = memory_of(*map(page, range(12))).standing(NOON + timedelta(days=1))
    assert known.starts == {shape("Print this article")}
    assert known.ends == {shape("Readers write")}


def test_subtitles_above_a_line_make_it_no_start():
    def page(n: int) -> Sighting:
        line = SeenLine(text="Print this article", kept=False, above=4)
        return sighting(n).model_copy(update={"lines": (line,)})

    assert not memory_of(*map(page, range(12))).standing(NOON + timedelta(days=1)).starts


def test_memory_is_bounded():
    memory = Memory(most=3)
    kept = set()
    for n in range(3000):
        one = sighting(n, BOX, minutes=37 * n, site=f"site-{n % 3}.example")
        kept |= {one.key}
        kept -= set(memory.learn(one))
    assert set(memory.sites) == {f"site-{n}.example" for n in range(3)}
    assert all(len(site) <= A_DAY * DAYS + WINDOW + A_DAY for site in memory.sites.values())
    assert len(kept) == sum(map(len, memory.sites.values()))
    gone = memory.learn(sighting(0, site="new.example", minutes=10**6))
    assert gone
    assert set(memory.sites) == {"site-1.example", "site-2.example", "new.example"}


def test_forget_and_pin():
    memory = memory_of(*(sighting(n, BOX, "Menu") for n in range(10)))
    later = NOON + timedelta(hours=2)
    memory.mark(Mark(site="courier.example", line=BOX, pinned=False, at=NOON + timedelta(hours=1)))
    assert not share(memory, BOX, later)
    assert share(memory, "Menu", later)
    assert share(memory, BOX, NOON + timedelta(minutes=30)), "what was judged before stays as it was"
    memory.mark(Mark(site="courier.example", pinned=False, at=NOON + timedelta(hours=1)))
    assert memory.standing(later) == NOTHING
    memory.mark(Mark(site="courier.example", line="Own words", pinned=True, at=NOON + timedelta(hours=1)))
    assert memory.standing(later).pinned == {shape("Own words")}
    for n in range(10, 10 + ENOUGH):
        memory.see(sighting(n, BOX, minutes=120 + n))
    assert share(memory, BOX) == 1, "it is learned anew"


def test_records_survive_the_way_through_kafka():
    mark = Mark(site="courier.example", line=BOX, pinned=True, at=NOON)
    for record in (sighting(1, BOX), mark):
        assert SiteRecord.validate_json(record.to_bytes()) == record
    assert mark.key == mark.model_copy(update={"pinned": False, "at": NOON + timedelta(days=1)}).key


SIGHTINGS = st.lists(
    st.builds(
        lambda n, minutes, site: sighting(n, BOX, f"Box {chr(97 + n % 3)}", minutes=minutes, site=site),
        st.integers(0, 60),
        st.integers(0, 20 * 1440),
        st.sampled_from(["a.example", "b.example"]),
    ),
    max_size=150,
)


@given(SIGHTINGS, st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_nor_who_heard_what_changes_the_memory(
    sightings: list[Sighting], chance: random.Random
):
    """What follows for a page is the same on all workers, after every restart and every replay."""
    one, other, third = Memory(2), Memory(2), Memory(2)
    log: dict[bytes, Sighting] = {}
    for sighted in sightings:
        log.setdefault(sighted.key, sighted)
    for sighted in log.values():
        one.learn(sighted)
    shuffled = [*log.values(), *log.values()]
    chance.shuffle(shuffled)
    for sighted in shuffled:
        other.learn(sighted)
    # A third one starts late: it reads what the topic still has.
    for sighted in shuffled:
        for key in one.learn(sighted):
            log.pop(key, None)
    for sighted in log.values():
        third.learn(sighted)
    for site in ("a.example", "b.example"):
        for day in range(0, 22, 3):
            at = NOON + timedelta(days=day)
            known = one.standing(site, at)
            assert other.standing(site, at) == known
            assert third.standing(site, at) == known


@given(SIGHTINGS)
def test_what_is_told_is_enough_for_others(sightings: list[Sighting]):
    mine, log = Memory(5), {}
    for sighted in sightings:
        log.update(mine.news(sighted))
    assert not any(mine.news(sighted) for sighted in sightings if log.get(sighted.key))
    theirs = Memory(5)
    for value in log.values():
        if value is not None:
            theirs.learn(SiteRecord.validate_json(value))
    assert {name: set(site.names) for name, site in theirs.sites.items()} == {
        name: set(site.names) for name, site in mine.sites.items()
    }
