from datetime import UTC, datetime, timedelta

import pytest

from claimstream.pipeline.outcomes import Fault, Undeliverable
from claimstream.pipeline.records import Article, Claim, Span

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
