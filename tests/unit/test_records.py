import json
from datetime import UTC, datetime, timedelta

import pytest

from claimstream.pipeline.outcomes import Fault, Undeliverable
from claimstream.pipeline.records import Article, Claim, ClaimSet, Ending, Sighting, Span
from claimstream.publishing.article import RawArticle

NOW = datetime(2026, 10, 1, 12, tzinfo=UTC)


def test_a_message_that_is_no_record_is_undeliverable_by_name():
    with pytest.raises(Undeliverable, match="fetched_at: ") as raised:
        Article.from_bytes(b'{"id": "1", "text": "words"}')
    assert raised.value.fault is Fault.INVALID_RECORD


class TestClaimId:
    def claim(self, article="a1", source="Mlinar", content="it is so", cue="said") -> Claim:
        return Claim(
            article_id=article,
            source=(Span(start=0, end=6, text=source),),
            cue=(Span(start=7, end=11, text=cue),),
            content=(Span(start=12, end=20, text=content),),
            stance="asserts",
            confidence=0.9,
        )

    def test_hangs_on_article_source_and_content_alone(self):
        one = self.claim()
        assert one.id == self.claim(cue="added").id
        assert (
            len({one.id, self.claim(article="a2").id, self.claim(source="Tiel").id, self.claim(content="no").id}) == 4
        )


def test_content_hash_sees_every_part_a_reader_sees():
    one = Article(id="1", url=None, site="s", title="T", fetched_at=NOW, language="en", text="words")
    changed = [
        one.model_copy(update=update)
        for update in ({"text": "word"}, {"title": "U"}, {"authors": ("A",)}, {"dateline": "D"}, {"published_at": NOW})
    ]
    assert len({a.content_hash for a in [one, *changed]}) == 6
    assert one.content_hash == one.model_copy(update={"fetched_at": NOW + timedelta(1)}).content_hash


FIRST = {
    RawArticle: b'{"url": "https://a.example/1", "text": "words"}',
    Article: b'{"id": "1", "url": null, "site": null, "title": null, "fetched_at": "2026-10-01T12:00:00Z",'
    b' "language": "en", "text": "He said yes."}',
    ClaimSet: b'{"article": {"id": "1", "url": null, "site": null, "title": null, "fetched_at": "2026-10-01T12:00:00Z",'
    b' "language": "en", "text": "He said yes."}, "claims": [{"article_id": "1", "source": [{"start": 0, "end": 2,'
    b' "text": "He"}], "cue": [{"start": 3, "end": 7, "text": "said"}], "content": [{"start": 8, "end": 11,'
    b' "text": "yes"}], "stance": "asserts", "confidence": 0.9}], "pipeline": "0.1.0", "model": "1"}',
    Ending: b'{"origin": "raw-articles/0/1", "outcome": "indexed", "stage": "index",'
    b' "received_at": "2026-10-01T12:00:00Z", "ended_at": "2026-10-01T12:00:01Z"}',
    Sighting: b'{"site": "a.example", "article_id": "1", "at": "2026-10-01T12:00:00Z",'
    b' "lines": [{"text": "Share", "kept": false, "above": 0}]}',
}
"""Messages as the first workers wrote them, with nothing that is optional: they may lie in Kafka for weeks."""


@pytest.mark.parametrize("record", FIRST, ids=lambda record: record.__name__)
class TestWorkersOfSeveralReleases:
    def test_what_an_older_one_wrote_is_read(self, record):
        assert record.from_bytes(FIRST[record]).to_bytes()

    def test_what_a_newer_one_adds_is_passed_over(self, record):
        newer = json.dumps(json.loads(FIRST[record]) | {"added_later": {"by": ["a", "newer", "release"]}}).encode()
        assert record.from_bytes(newer) == record.from_bytes(FIRST[record])
