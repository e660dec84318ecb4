"""docs/searching.md: each question's KQL and its `claimstream search` find the same, and the answer is on the page."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from claimstream.config.indices import Indices, template

from ..kql import translate

DOCS = Path(__file__).parents[2] / "docs"
SEARCHING = runpy.run_path(str(DOCS / "searching.py"))
QUESTIONS = SEARCHING["QUESTIONS"]
FIELDS = template("claims")["template"]["mappings"]["properties"]


@pytest.fixture
def search(samples, monkeypatch):
    for name, value in samples.settings.environment().items():
        monkeypatch.setenv(name, value)

    return SEARCHING["search"]


def in_kibana(stream, question):
    """What Kibana would be answered: the claims of a query, or their counts by a field."""
    limit = int((re.findall(r"--limit (\d+)", question["search"]) or [20])[0])
    by = {"by": {"terms": {"field": question["by"], "size": limit}}} if "by" in question else None
    with Elasticsearch(stream.settings.elasticsearch.url) as client:
        alias = Indices(stream.settings.elasticsearch).alias("claims")
        query = translate(question["kql"], FIELDS)
        answer = client.search(index=alias, query=query, size=100, aggs=by)
    if by:
        return [(one["key"], one["doc_count"]) for one in answer["aggregations"]["by"]["buckets"]]
    return sorted(hit["_id"] for hit in answer["hits"]["hits"])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one["ask"])
def test_kibana_and_the_command_line_answer_alike(samples, search, question):
    found = search(shlex.split(question["search"]))
    if "by" in question:
        answer = [(one["value"], one["claims"]) for one in found]
    else:
        answer = sorted(one["claim_id"] for one in found["claims"])
        assert len(answer) == found["total"] < 10, "an answer should be short enough to read"
    assert answer
    assert in_kibana(samples, question) == answer


def test_the_page_has_the_answers(search):
    assert len(QUESTIONS) == 20
    assert (DOCS / "searching.md").read_text("utf-8") == SEARCHING["page"](search), "run `make docs`"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--where", "site"], "--where: 'site' is not FIELD=VALUE"),
        (["--where", "content=x"], "--where: claims have no keyword field 'content'; choose among article_id, url,"),
        (["--by", "date"], "--by: claims have no keyword field 'date'"),
    ],
)
def test_what_has_no_exact_values_is_told(samples, run_cli, arguments, told):
    line = run_cli(samples, "search", *arguments, status=1).stderr
    assert told in re.sub(r"\s+", " ", line)
