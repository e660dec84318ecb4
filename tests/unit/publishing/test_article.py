import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from claimstream.pipeline.outcomes import Fault
from claimstream.publishing.article import RawArticle, checked
from claimstream.publishing.errors import Invalid

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)
URL = "https://port-herald.example/a"


def raw(**fields) -> RawArticle:
    return RawArticle.from_bytes(json.dumps({"url": URL, "text": "words", **fields}).encode())


@pytest.mark.parametrize(
    ("value", "fault", "words"),
    [
        (None, Fault.NO_VALUE, "no value"),
        (b"", Fault.NOT_JSON, "not JSON"),
        (b"{", Fault.NOT_JSON, "not JSON"),
        (b"\xff\xfe\x00binary", Fault.NOT_JSON, "not JSON"),
        (b"[" * 100_000, Fault.NOT_JSON, "not JSON"),
        (b'{"n": ' + b"1" * 5000 + b"}", Fault.NOT_JSON, "not JSON"),
        (b'"text"', Fault.NOT_JSON, "a JSON str, not an object"),
        (b"[]", Fault.NOT_JSON, "a JSON list, not an object"),
        (b"null", Fault.NOT_JSON, "a JSON NoneType, not an object"),
        (b'{"text": "words"}', Fault.INVALID_RECORD, "url: is missing"),
        (b'{"url": "https://a.example/1"}', Fault.INVALID_RECORD, "text: is missing"),
        (b'{"url": "no address", "text": "words"}', Fault.INVALID_RECORD, "url: must be an absolute http"),
        (b'{"url": 7, "text": "words"}', Fault.INVALID_RECORD, "url: "),
        (b'{"id": "1", "text": ["words"]}', Fault.INVALID_RECORD, "text: "),
        (b'{"id": "", "text": "words"}', Fault.INVALID_RECORD, "id: "),
        (b'{"id": "1", "text": "words", "authors": "Ann"}', Fault.INVALID_RECORD, "authors: "),
        (b'{"id": "1", "text": "w", "published_at": "soon"}', Fault.INVALID_RECORD, "published_at: is no date"),
        (b'{"id": "1", "text": "w", "fetched_at": 1e300}', Fault.INVALID_RECORD, "fetched_at: is out of range"),
        (b'{"id": "1", "text": "w", "fetched_at": true}', Fault.INVALID_RECORD, "fetched_at: "),
        (b'{"id": "1", "text": "w", "fetched_at": "0001-01-01T00:00:00+14:00"}', Fault.INVALID_RECORD, "fetched_at: "),
    ],
)
def test_a_bad_message_names_the_field(value, fault, words):
    with pytest.raises(Invalid) as raised:
        RawArticle.from_bytes(value)
    assert raised.value.reason == fault
    assert words in str(raised.value)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_read_or_undeliverable(value):
    with contextlib.suppress(Invalid):
        RawArticle.from_bytes(value)


@given(
    st.fixed_dictionaries(
        {"url": st.just(URL), "text": st.text()},
        optional={
            "title": st.text(max_size=50),
            "site": st.text(max_size=50),
            "authors": st.lists(st.text(), max_size=3),
        },
    )
)
def test_a_record_survives_the_way_through_kafka(fields):
    one = RawArticle.model_validate(fields)
    assert RawArticle.from_bytes(one.to_bytes()) == one


@pytest.mark.parametrize(
    "date",
    [
        "2026-09-26T14:30:00Z",
        "2026-09-26T16:30:00+02:00",
        "2026-09-26 14:30",
        "Sat, 26 Sep 2026 14:30:00 GMT",
        1790433000,
        1790433000000,
    ],
)
def test_dates_of_many_forms_are_utc(date):
    published = raw(published_at=date).published_at
    assert published == datetime(2026, 9, 26, 14, 30, tzinfo=UTC)
    assert published.utcoffset() == timedelta(0)


@pytest.mark.parametrize("name", ["published_at", "fetched_at"])
def test_a_date_from_the_future_is_refused_by_name(name):
    article = raw(**{name: (NOW + timedelta(hours=25)).isoformat()})
    with pytest.raises(Invalid, match=f"{name}: .* lies in the future"):
        article.check_dates(NOW, timedelta(hours=24))
    article.check_dates(NOW, timedelta(hours=26))


def test_unprintable_characters_are_replaced_one_for_one():
    text = RawArticle.from_bytes(b'{"id": "1", "text": "a\\u0000b\\ud800c\\u001b[31m\\u0093d\\u0094\\tline\\n"}').text
    assert text == "a\ufffdb\ufffdc\ufffd[31m“d”\tline\n"


def test_site_is_the_host_unless_given():
    assert raw(url="https://www.port-herald.example/a").outlet == "port-herald.example"
    assert raw(site="Port Herald").outlet == "Port Herald"
    assert RawArticle.model_validate({"id": "1", "text": "w"}).outlet is None


def test_unknown_fields_are_ignored():
    assert raw(spider="news").text == "words"


def test_the_id_is_the_addresss_not_the_spellings():
    one = raw(url="http://www.port-herald.example/a/?utm_source=feed#top")
    assert one.article_id == raw(url=URL).article_id == raw(id="7").article_id
    assert one.article_id != raw(url=URL + "b").article_id


def test_an_id_without_address_counts_within_its_site():
    a, b, again = (
        RawArticle.model_validate({"id": "7", "site": site, "text": "w"})
        for site in ("a.example", "b.example", "a.example")
    )
    assert a.article_id == again.article_id != b.article_id


SCHEMA = Draft202012Validator(RawArticle.model_json_schema(mode="validation"))
PIECES = st.none() | st.text(max_size=3) | st.just(URL) | st.just(1790433000)


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"url": URL},
        {"text": "words"},
        {"url": None, "text": "words"},
        {"url": URL, "text": None},
        {"url": "ftp://a.example/", "text": "words"},
        {"id": "", "text": "words"},
        {"id": "1", "text": ["words"]},
        {"id": "1", "html": "<p>", "published_at": {}},
    ],
)
def test_the_schema_rejects_what_the_stream_would(message):
    assert not SCHEMA.is_valid(message)
    with pytest.raises(Invalid):
        checked(RawArticle, message)


@given(st.dictionaries(st.sampled_from([*RawArticle.model_fields, "spider"]), PIECES))
def test_the_schema_accepts_whatever_the_stream_does(message):
    with contextlib.suppress(Invalid):
        checked(RawArticle, message)
        SCHEMA.validate(message)
