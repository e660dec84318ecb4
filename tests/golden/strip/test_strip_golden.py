"""Each page beside this file becomes the article, or the refusal, that the .json of its name tells."""

import html
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from claimstream.config.settings import Limits
from claimstream.pipeline.outcomes import Refused
from claimstream.pipeline.strip import strip
from claimstream.publishing.article import RawArticle

HERE = Path(__file__).parent
PAGES = sorted(path for path in HERE.iterdir() if path.suffix in {".txt", ".html"})
RECEIVED = datetime(2025, 11, 1, tzinfo=UTC)


def outcome(page: Path) -> dict[str, object]:
    raw = RawArticle.model_validate({"id": page.stem, page.suffix[1:].replace("txt", "text"): page.read_text("utf-8")})
    try:
        article = strip(raw, RECEIVED, Limits())
    except Refused as refused:
        return {"refused": refused.refusal.value}
    return {
        "title": article.title,
        "authors": list(article.authors),
        "dateline": article.dateline,
        "published_at": article.published_at and article.published_at.isoformat(),
        "text": article.text.split("\n"),
        "removed": [f"{removed.reason}: {removed.text}" for removed in article.removed],
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page: Path):
    assert outcome(page) == json.loads(page.with_suffix(".json").read_text("utf-8"))


REFUSED = [page for page in PAGES if "refused" in json.loads(page.with_suffix(".json").read_text("utf-8"))]


@pytest.mark.parametrize("page", REFUSED, ids=lambda page: page.stem)
def test_a_page_is_refused_as_html_for_the_same_reason(page: Path):
    lines = "".join(f"<p>{html.escape(line)}</p>" for line in page.read_text("utf-8").splitlines())
    source = f"<html><head><title>Page</title></head><body>{lines}</body></html>"
    with pytest.raises(Refused) as refused:
        strip(RawArticle(id="page", html=source), RECEIVED, Limits())
    assert outcome(page) == {"refused": refused.value.refusal}


def test_pages_that_are_no_article_are_told_apart():
    found = {json.loads(page.with_suffix(".json").read_text("utf-8"))["refused"] for page in REFUSED}
    assert found >= {"index-page", "consent-wall", "paywall-stub", "media-page", "no-article", "not-english"}


def test_every_expectation_has_its_page():
    assert {path.stem for path in HERE.glob("*.json")} == {page.stem for page in PAGES}
