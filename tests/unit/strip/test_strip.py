from datetime import UTC, datetime, timedelta

import pytest

from claimstream.cli.demo import SAMPLES
from claimstream.config.settings import Limits
from claimstream.pipeline.outcomes import Fault, Refusal, Refused
from claimstream.pipeline.records import Article
from claimstream.pipeline.strip import Reason, strip
from claimstream.publishing.article import RawArticle
from claimstream.publishing.errors import Invalid

NOW = datetime(2025, 10, 4, 12, tzinfo=UTC)
PARAGRAPHS = (
    "Agriculture Minister Pell Aldane defended a new levy on grain exports before two thousand farmers on Friday.",
    "“Nobody at this table wants to ruin you,” Aldane said, and was booed by most of those who had come.",
    "The opposition has asked the constitutional court to suspend the levy, its leader Oda Brenning told reporters.",
)
TEXT = "\n\n".join(("Minister defends grain levy", "By Ada Lorn", *PARAGRAPHS))
HEAD = """<title>Minister defends grain levy - The Courier</title>
<meta property="og:title" content="Minister defends grain levy"><meta name="author" content="Ada Lorn">"""


def html(head: str = HEAD, paragraphs: tuple[str, ...] = PARAGRAPHS) -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return f"<html><head>{head}</head><body><article><h1>Minister defends grain levy</h1>{body}</article></body></html>"


def stripped(limits: Limits | None = None, **fields: object) -> Article:
    return strip(RawArticle.model_validate({"id": "a"} | fields), NOW, limits or Limits())


def refusal(limits: Limits | None = None, **fields: object) -> Refusal:
    with pytest.raises(Refused) as refused:
        stripped(limits, **fields)
    return refused.value.refusal


@pytest.mark.parametrize("page", [{"text": TEXT}, {"html": html()}], ids=["text", "html"])
def test_fields_come_from_the_page_unless_the_scraper_knows_better(page: dict[str, str]):
    article = stripped(**page)
    assert (article.title, article.authors) == ("Minister defends grain levy", ("Ada Lorn",))
    assert article.text.split("\n") == list(PARAGRAPHS)
    assert article.language == "en"
    article = stripped(**page, title="Levy defended", authors=["Mika Dahl"], language="en-GB", site="courier.example")
    assert (article.title, article.authors, article.site) == ("Levy defended", ("Mika Dahl",), "courier.example")


def test_identity_and_site_are_the_addresss():
    url = "https://www.courier.example/2025/levy?utm_source=x"
    article = stripped(text=TEXT, url=url)
    assert article.id == RawArticle(url="https://courier.example/2025/levy", text="x").article_id
    assert article.site == "courier.example"


def test_fetched_at_defaults_to_the_messages_time():
    assert stripped(text=TEXT).fetched_at == NOW
    earlier = NOW - timedelta(days=3)
    assert stripped(text=TEXT, fetched_at=earlier).fetched_at == earlier


def test_html_is_used_rather_than_text():
    assert stripped(text="Other words", html=html()).text.split("\n") == list(PARAGRAPHS)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-10-03T14:00:00+02:00", datetime(2025, 10, 3, 12, tzinfo=UTC)),
        ("2031-01-01T00:00:00Z", None),
        ("yesterday at noon", None),
    ],
)
def test_date_of_the_page(written: str, read: datetime | None):
    head = f'{HEAD}<meta property="article:published_time" content="{written}">'
    assert stripped(html=html(head)).published_at == read


def test_date_of_the_scraper_in_the_future_is_no_article_to_keep():
    with pytest.raises(Invalid) as invalid:
        stripped(text=TEXT, published_at=(NOW + timedelta(days=9)).isoformat())
    assert invalid.value.reason == Fault.INVALID_RECORD


def test_dateline_becomes_a_field():
    article = stripped(
        text="\n".join(("Grain levy stays", f"ORSK, Oct 3 (Meridian) - {PARAGRAPHS[0]}", *PARAGRAPHS[1:]))
    )
    assert article.dateline == "ORSK, Oct 3 (Meridian)"
    assert article.text.startswith("Agriculture Minister")
    assert Reason.DATELINE in {removed.reason for removed in article.removed}


def test_what_readers_say_below_an_article_is_not_its_text():
    said = "I have grown wheat for forty years, and the minister has never once come to see us, Brenning said to me."
    page = html().replace("</body>", f'<ol class="comment-list"><li><p>{said}</p></li></ol></body>')
    article = stripped(html=page)
    assert article.text.endswith(PARAGRAPHS[-1])
    assert [(line.text, line.reason) for line in article.removed if line.text == said] == [(said, Reason.COMMENT)]


def test_each_line_is_kept_or_removed_with_its_reason():
    lines = ["Minister defends grain levy", *PARAGRAPHS[:2], "Advertisement", PARAGRAPHS[2], "Leave a Reply", "Name *"]
    article = stripped(text="\n".join(lines))
    assert article.text.split("\n") == list(PARAGRAPHS)
    assert [(removed.text, removed.reason) for removed in article.removed] == [
        (lines[0], Reason.TITLE),
        ("Advertisement", Reason.ADVERTISEMENT),
        ("Leave a Reply", Reason.COMMENT_FORM),
        ("Name *", Reason.COMMENT_FORM),
    ]


LINE = "The harbour master of Kessel, Jaro Mlinar, said on Monday that the ferry will sail again next week, after the"
LONGER = f"{LINE} engineers had looked at both of its engines"


@pytest.mark.parametrize("page", [{"text": LONGER}, {"html": f"<p>{LONGER}</p>"}, {"text": f"Menu\n{LONGER}"}])
def test_a_page_of_one_line_is_that_line_even_if_it_ends_like_no_sentence(page: dict[str, str]):
    assert stripped(**page).text == LONGER
    assert refusal(text=LINE) is Refusal.TOO_SHORT


@pytest.mark.parametrize("blank", ["", " \n\t\n", "\ufeff\n\xa0"])
@pytest.mark.parametrize("kind", ["text", "html"])
def test_blank_is_empty(kind: str, blank: str):
    assert refusal(**{kind: blank}) is Refusal.EMPTY


PAGE = html(paragraphs=(*PARAGRAPHS, "The harbour of Ræka, Aldane added, would pay no levy at all."))
WORDS = sum(len(paragraph.split()) for paragraph in PARAGRAPHS)


@pytest.mark.parametrize(
    ("limit", "most", "page", "word"),
    [
        ("max_text_chars", len(TEXT * 3), {"text": TEXT * 3}, Refusal.TOO_LARGE),
        ("max_html_bytes", len((PAGE * 2).encode()), {"html": PAGE * 2}, Refusal.TOO_LARGE),
        ("min_words", -WORDS, {"text": TEXT}, Refusal.TOO_SHORT),
    ],
)
def test_a_limit_allows_what_it_says_and_no_more(limit: str, most: int, page: dict[str, str], word: Refusal):
    stripped(Limits(**{limit: abs(most)}), **page)
    assert refusal(Limits(**{limit: abs(most - 1)}), **page) is word


@pytest.mark.parametrize("name", ["fetched_at", "published_at"])
def test_a_clock_may_run_ahead_as_far_as_it_says_and_no_further(name: str):
    limits = Limits(clock_skew_hours=2)
    stripped(limits, text=TEXT, **{name: NOW + timedelta(hours=2)})
    with pytest.raises(Invalid, match=name):
        stripped(limits, text=TEXT, **{name: NOW + timedelta(hours=2, seconds=1)})


def test_names_and_figures_do_not_make_english_foreign():
    text = "\n".join(
        (
            "Brenning, Halvard and Marten met Aldane in Veldra on Monday and Tuesday to talk about the port.",
            "Oda Brenning told Coastline News that Teo Halvard had offered 11 days, 62 euros and 8 hours to the union.",
        )
    )
    assert stripped(text=text).language == "en"


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 10_000 + "<p>deep</p>",
        "<ul><li>" * 10_000,
        "<b>" * 100_000,
        "<" * 100_000,
        "&" * 100_000,
        "\x00\x01\x02PK\x03\x04" * 1000,
        "".join(map(chr, range(0x80, 0x2000))),
        "<table><tr><td colspan=1000000000 rowspan=999999999>a</td></tr></table>",
        "<script type='application/ld+json'>" + '{"a":' * 10_000 + "</script><p>a</p>",
        "<meta charset=utf-16><p>words</p>",
        "<?xml version='1.0' encoding='utf-7'?><p>words</p>",
        "<p title='" + "x" * 1_000_000 + "'>words</p>",
        "<a href=/x>words</a><br>" * 60_000,
        "\ud800\udfff",
    ],
    ids=lambda page: repr(page[:24]),
)
def test_whatever_calls_itself_html_ends_in_a_refusal(page: str):
    assert refusal(html=page) in set(Refusal)


def test_huge_page_keeps_its_article():
    links = "<li><a href=/x>Ferry cancelled</a></li>" * 30_000
    text = stripped(html=html().replace("<article>", f"<ul>{links}</ul><article>")).text
    assert text.split("\n") == list(PARAGRAPHS)


def test_nul_bytes_within_an_article_do_no_harm():
    article = stripped(html=html().replace("Friday", "Fri\x00day"))
    assert len(article.text.split("\n")) == len(PARAGRAPHS)


def test_a_denial_of_a_few_words_below_the_last_paragraph_stays():
    """The classifier is not sure of it; to lose it is to lose a claim."""
    northlight = next(line for line in SAMPLES if b"northlight-wire" in line)
    article = strip(RawArticle.from_bytes(northlight), datetime.now(UTC), Limits())
    assert article.text.endswith("\nKovalik denied that the data would reach third countries.")
