"""A few of the inputs that `python -m tests.fuzz.run` makes many of."""

import contextlib
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from claimstream.config.settings import Limits
from claimstream.pipeline.messages import strip_message
from claimstream.pipeline.outcomes import Refused, Undeliverable
from claimstream.pipeline.strip.standing import NOTHING
from claimstream.publishing.article import RawArticle

from .run import RECEIVED_AT, fuzz

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5)
FIELDS = dict.fromkeys(RawArticle.model_fields, JSON | st.text(max_size=300) | st.just("https://a.example/1"))
LIMITS = Limits(min_words=1)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=FIELDS))
def test_whatever_the_fields_hold_strip_passes_refuses_or_gives_up(record):
    with contextlib.suppress(Refused, Undeliverable):
        strip_message(json.dumps(record).encode("utf-8", "surrogatepass"), RECEIVED_AT, LIMITS, NOTHING)


@settings(deadline=None)
@given(st.text(max_size=2000), st.sampled_from(["text", "html"]))
def test_whatever_the_page_holds_strip_passes_refuses_or_gives_up(page, field):
    with contextlib.suppress(Refused, Undeliverable):
        strip_message(json.dumps({"id": "1", field: page}).encode(), RECEIVED_AT, LIMITS, NOTHING)


async def test_whatever_arrives_ends_in_one_outcome_within_its_limits():
    ends = await fuzz(first=0, inputs=60, minutes=5, processes=1, findings=None)
    assert ends.total() == 60
    assert ends["finding"] == 0
    assert ends["passed"] > 10
    assert any(word.startswith("refused") for word in ends)
    assert any(word.startswith("dead-lettered") for word in ends)
