import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimstream.publishing.identity import canonical_url, digest


@pytest.mark.parametrize(
    "spelling",
    [
        "https://ledger.example/news/1",
        "http://ledger.example/news/1",
        "HTTPS://WWW.Ledger.example:443/news/1/",
        "https://ledger.example//news/1#comments",
        "https://ledger.example/news/1?utm_source=x&utm_medium=y&fbclid=z",
        "https://amp.ledger.example/news/1",
        "https://m.ledger.example/news/1",
        "https://ledger.example/news/1/amp/",
        "https://ledger.example/news/1?amp=1",
        "https://ledger.example/amp/news/1",
        "https://ledger.example/news/1?outputType=amp",
        "https://www.m.ledger.example/news/1",
        "https://ledger-example.cdn.ampproject.org/c/s/ledger.example/news/1",
        "https://ledger-example.cdn.ampproject.org/v/s/www.ledger.example/news/1/amp?utm_source=x",
        "https://www.google.com/amp/s/amp.ledger.example/news/1",
        "https://www.google.co.uk/amp/ledger.example/news/1.amp",
        "https://ledger.example/news/1;jsessionid=0A1B",
        "https://ledger.example/%6eews/1?at_medium=RSS&at_campaign=K&xtor=AL-1&srsltid=x&_ga=1",
        "https://ledger.example/news/1?__twitter_impression=true&ncid=2&fb_ref=3&wt_zmc=4&s_cid=5&spref=tw",
        "  https://ledger.example/news/1 ",
    ],
)
def test_spellings_of_one_address(spelling):
    assert canonical_url(spelling) == "https://ledger.example/news/1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://ledger.example/news/1", "https://ledger.example/news/2"),
        ("https://ledger.example/?id=1", "https://ledger.example/?id=2"),
        ("https://ledger.example/News", "https://ledger.example/news"),
        ("https://ledger.example:8080/a", "https://ledger.example/a"),
        ("https://north.ledger.example/a", "https://south.ledger.example/a"),
        ("https://ledger.example/a%2Fb", "https://ledger.example/a/b"),
        ("https://ledger.example/amp", "https://ledger.example/amp/1"),
        ("https://www.google.com/amp", "https://www.google.com/amp/1"),
        ("https://ledger.example/?at_home=1", "https://ledger.example/"),
    ],
)
def test_different_articles_stay_apart(one, other):
    assert canonical_url(one) != canonical_url(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/caf%c3%a9", "https://a.example/café"),
        ("https://münzberg.example/a", "https://xn--mnzberg-n2a.example/a"),
        ("https://a.example/~x", "https://a.example/%7Ex"),
        ("https://a.example/news/1.amp.html", "https://a.example/news/1.html"),
    ],
)
def test_spellings_of_one_path(one, other):
    assert canonical_url(one) == canonical_url(other)


def test_order_of_parameters_does_not_matter():
    assert canonical_url("https://a.example/?b=2&a=1") == canonical_url("https://a.example/?a=1&b=2")


@pytest.mark.parametrize(
    "wrong", ["", "news/1", "ftp://a.example/x", "https://", "javascript:alert(1)", "https://[half"]
)
def test_what_is_no_address(wrong):
    with pytest.raises(ValueError):
        canonical_url(wrong)


@given(
    st.from_regex(
        r"https?://(www\.|m\.|amp\.){0,2}[a-z]{1,8}\.example(/(amp|[a-zé0-9]{0,5}|%[0-9a-f]{2})){0,3}(\?[a-z]=[0-9])?",
        fullmatch=True,
    )
)
def test_canonical_is_stable(url):
    assert canonical_url(canonical_url(url)) == canonical_url(url)


def test_parts_do_not_run_together():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest("\ud800") != digest("\ud801")
