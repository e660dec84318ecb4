import numpy as np
import pytest

from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.standing import Standing, seen, shape, vote

OWN = [
    "The harbour of Estermouth will be closed for two weeks from Monday, the port authority announced.",
    "“Nobody will be sent home,” its director, Halvard Brenning, told the dockers at the north gate.",
    "The union had feared that the work would be given to the port of Veldra, as it was three years ago.",
]
ABOUT = "The Estermouth Courier has covered the coast since 1911 and belongs to its four hundred readers."


def judged(*lines: str, unlikely: tuple[str, ...] = (), **known: object) -> dict[str, Reason | None]:
    """What becomes of the lines, which read as an article's unless they are `unlikely`, on a site that has `known`."""
    shapes = {
        name: {shape(one): value for one, value in lines_.items()} for name, lines_ in known.items() if name == "shares"
    }
    marks = {name: frozenset(map(shape, lines_)) for name, lines_ in known.items() if name != "shares"}
    reasons: list[Reason | None] = [None] * len(lines)
    likely = np.array([0.3 if line in unlikely else 0.9 for line in lines], np.float32)
    vote(list(lines), reasons, likely, Standing(**shapes, **marks))
    return {
        line: reason or (None if like >= 0.5 else Reason.OUTSIDE)
        for line, reason, like in zip(lines, reasons, likely, strict=True)
    }


def test_a_standing_line_goes_wherever_it_stands():
    found = judged(OWN[0], "Courier subscribers get more", OWN[1], shares={"Courier subscribers get more": 0.3})
    assert found["Courier subscribers get more"] is Reason.STANDING
    assert found[OWN[0]] is found[OWN[1]] is None


def test_a_rare_line_that_reads_as_the_articles_stays():
    assert judged(*OWN, "Background", shares={"Background": 0.08})["Background"] is None


def test_a_standing_paragraph_goes_at_the_edge_and_stays_between_own_ones():
    assert judged(*OWN, ABOUT, shares={ABOUT: 0.2})[ABOUT] is Reason.STANDING
    assert judged(ABOUT, *OWN, shares={ABOUT: 0.2})[ABOUT] is Reason.STANDING
    assert judged(OWN[0], ABOUT, OWN[1], shares={ABOUT: 0.2})[ABOUT] is None


@pytest.mark.parametrize(
    "line",
    [
        "This is a developing story.",
        "The story is being updated",
        "More details to follow.",
        "Breaking news: check back for updates",
        "“We will go on for as long as it takes,” the union’s leader said.",
        '"We will go on for as long as it takes" is what the union says.',
    ],
)
def test_developing_stories_and_quotations_are_safe(line: str):
    assert judged(*OWN, line, shares={line: 0.3})[line] is None


def test_a_quotation_mark_saves_no_line_that_is_on_most_pages():
    line = "Sign up for “The Morning Tide”"
    assert judged(*OWN, line, shares={line: 0.9})[line] is Reason.STANDING


def test_articles_begin_and_end_where_the_sites_do():
    caption = "Dockers on their way to the north gate of the harbour of Estermouth on Sunday evening."
    comment = "My brother works there and says that the crane has been broken since the spring of last year."
    found = judged(
        caption, "Print", *OWN, "Readers write", comment, unlikely=("Print", "Readers write"),
        shares={"Print": 1.0, "Readers write": 0.9}, starts=["Print"], ends=["Readers write"],
    )  # fmt: skip
    assert found[caption] is found[comment] is Reason.BEYOND
    assert [found[line] for line in OWN] == [None] * 3


def test_a_line_of_the_menu_below_is_no_end_where_the_article_has_it_too():
    lines = (OWN[0], "College of Arts", OWN[1], OWN[2], "Contact us", "College of Arts")
    found = judged(*lines, unlikely=("Contact us",), ends=["College of Arts", "Contact us"])
    assert [found[line] for line in OWN] == [None] * 3


def test_a_page_built_in_another_way_is_left_alone():
    found = judged(OWN[0], *OWN[1:], "Print", starts=["Print"], unlikely=("Print",), shares={"Print": 1.0})
    assert [found[line] for line in OWN] == [None] * 3


def test_between_start_and_end_doubtful_lines_are_the_articles():
    doubtful = "9 a.m. to 5 p.m., north gate"
    lines = ("Print", OWN[0], doubtful, OWN[1], "Readers write")
    unlikely = (doubtful, "Print", "Readers write")
    shares = {"Print": 1.0, "Readers write": 1.0}
    assert judged(*lines, unlikely=unlikely, shares=shares)[doubtful] is Reason.OUTSIDE
    found = judged(*lines, unlikely=unlikely, shares=shares, starts=["Print"], ends=["Readers write"])
    assert found[doubtful] is None


def test_a_pinned_line_goes_whatever_it_is():
    assert judged(OWN[0], OWN[1], OWN[2], pinned=[OWN[1]])[OWN[1]] is Reason.STANDING


def test_what_is_seen_of_a_page_depends_on_the_page_alone():
    texts = ["Menu", *OWN, "Readers write"]
    reasons = [Reason.NAVIGATION, None, None, None, None]
    told = seen(texts, reasons, np.array([0, 0.9, 0.9, 0.9, 0.1], np.float32))
    assert [line.text for line in told] == texts
    assert [line.kept for line in told] == [False, True, True, True, False]
    assert [line.above for line in told] == [0, 0, 33, 66, 100]
    assert seen(["Menu"], [None], np.array([0.1], np.float32)) == ()
