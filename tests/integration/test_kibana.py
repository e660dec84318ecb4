"""Each chart of the dashboards: the search that Kibana would send returns the rows that the documents give by hand."""

from collections import Counter
from itertools import groupby

import pytest
from elasticsearch import Elasticsearch

from claimstream.config.indices import Indices, template
from claimstream.config.kibana.objects import TOP, description, saved_objects
from claimstream.config.settings import Elasticsearch as Settings

from ..lens import body, layer, rows

OBJECTS = list(saved_objects(Indices(Settings())))
CHARTS = [one for one in OBJECTS if one["type"] == "lens"]


def by_hand(documents: list[dict], columns: list[dict]) -> list[tuple]:
    """Group and measure in Python: the ten most frequent values at each level, days in order."""
    column, *rest = columns
    field = column["sourceField"]
    match column["operationType"]:
        case "count":
            return [(len(documents),)]
        case "average":
            return [(sum(one[field] for one in documents) / len(documents),)]
        case "max":
            return [(max(one[field] for one in documents),)]
        case "date_histogram":
            days = sorted(documents, key=lambda one: one[field])
            groups = {day: list(group) for day, group in groupby(days, lambda one: one[field][:10])}
            return [(day, *row) for day, group in groups.items() for row in by_hand(group, rest)]
    values = {id(one): one[field] if isinstance(one[field], list) else [one[field]] for one in documents}
    groups = {
        value: [one for one in documents if value in values[id(one)]]
        for value in {value for found in values.values() for value in found if value is not None}
    }
    if rest[-1]["operationType"] == "count":
        size = Counter({value: len(group) for value, group in groups.items()})
    else:
        size = {value: by_hand(group, rest[-1:])[0][0] for value, group in groups.items()}
    top = sorted(groups, key=lambda value: (-size[value], value))[:TOP]
    return [(value, *row) for value in top for row in by_hand(groups[value], rest)]


@pytest.mark.parametrize("chart", CHARTS, ids=lambda one: one["id"])
def test_a_chart_shows_what_the_documents_say(samples, chart):
    indices = Indices(samples.settings.elasticsearch)
    (kind,) = [kind for kind in description()["views"] if chart["references"][0]["id"].endswith(f"-{kind}")]
    asked = body(chart, template(kind)["template"]["mappings"]["properties"])
    with Elasticsearch(samples.settings.elasticsearch.url) as client:
        found = client.search(index=indices.alias(kind), query=asked["query"], size=1000)["hits"]["hits"]
        shown = rows(chart, client.search(index=indices.alias(kind), **asked))
    shown = [row for row in shown if row[-1]]  # days between two with claims are drawn as none
    expected = by_hand([hit["_source"] for hit in found], list(layer(chart)["columns"].values()))
    assert expected
    if layer(chart)["columns"]["value"]["operationType"] != "count":  # the embedded server can't order by a metric
        shown, expected = sorted(shown), sorted(expected)
    assert [row[:-1] for row in shown] == [row[:-1] for row in expected]
    assert [row[-1] for row in shown] == pytest.approx([row[-1] for row in expected])


def test_the_filters_of_the_charts_choose_the_right_documents(samples):
    """By hand for those that have one; the rest count everything."""
    outcomes = samples.documents("outcomes")
    claims = samples.documents("claims")
    expected = {
        "Who denies, about whom": [c for c in claims if c["stance"] == "denies" or c["polarity"] == "negative"],
        "Dead letters": [o for o in outcomes if o["outcome"] == "dead-lettered"],
        "Seconds from publication to index": [o for o in outcomes if o["outcome"] in {"indexed", "unchanged"}],
    }
    asked = {one["attributes"]["title"]: one for one in CHARTS if one["attributes"]["state"]["query"]["query"]}
    assert set(asked) == set(expected)
    for title, chart in asked.items():
        kind = "claims" if expected[title][0] in claims else "outcomes"
        query = body(chart, template(kind)["template"]["mappings"]["properties"])["query"]
        with Elasticsearch(samples.settings.elasticsearch.url) as client:
            alias = Indices(samples.settings.elasticsearch).alias(kind)
            hits = client.search(index=alias, query=query, size=1000)["hits"]["hits"]
        assert sorted(str(hit["_source"]) for hit in hits) == sorted(map(str, expected[title])) != []
