"""A chart of Kibana's Lens -> the search that Kibana sends for it, and its answer -> the chart's rows.

As Kibana's `esaggs` does it: a bucket aggregation in the other for each column that groups, in the columns' order,
and one metric for a column that is no count. An automatic interval, which depends on the time range, is a day here.
"""

from collections.abc import Iterator
from typing import Any

from .kql import translate

METRICS = {"average": "avg", "max": "max"}


def layer(lens: dict[str, Any]) -> dict[str, Any]:
    (only,) = lens["attributes"]["state"]["datasourceStates"]["formBased"]["layers"].values()
    return only


def body(lens: dict[str, Any], mappings: dict[str, Any]) -> dict[str, Any]:
    columns = layer(lens)["columns"]
    query = translate(lens["attributes"]["state"]["query"]["query"], mappings)
    return {"size": 0, "track_total_hits": True, "query": query, "aggs": _aggs(list(columns.items()))}


def _aggs(columns: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    (name, column), *rest = columns
    field = {"field": column["sourceField"]}
    if column["operationType"] == "count":
        return {}
    if column["operationType"] in METRICS:
        return {name: {METRICS[column["operationType"]]: field}}
    if column["operationType"] == "date_histogram":
        kind = {"date_histogram": {**field, "calendar_interval": "1d", "min_doc_count": 0}}
    else:
        params = column["params"]
        counted = rest[-1][1]["operationType"] == "count"
        order = {"_count" if counted else params["orderBy"]["columnId"]: params["orderDirection"]}
        kind = {"terms": {**field, "size": params["size"], "order": order}}
    inner = _aggs(rest)
    if kind.get("terms") and len(rest) > 1 and rest[-1][1]["operationType"] in METRICS:
        inner |= _aggs(rest[-1:])  # what is ordered by stands beside the inner buckets, too
    return {name: {**kind, "aggs": inner} if inner else kind}


def rows(lens: dict[str, Any], answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    columns = list(layer(lens)["columns"].items())
    if len(columns) == 1 and columns[0][1]["operationType"] == "count":
        return [(answer["hits"]["total"]["value"],)]
    return list(_rows(columns, answer["aggregations"]))


def _rows(columns: list[tuple[str, dict[str, Any]]], found: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    (name, column), *rest = columns
    if column["operationType"] == "count":
        yield (found["doc_count"],)
    elif column["operationType"] in METRICS:
        yield (found[name]["value"],)
    else:
        for bucket in found[name]["buckets"]:
            key = bucket["key_as_string"][:10] if column["operationType"] == "date_histogram" else bucket["key"]
            yield from ((key, *row) for row in _rows(rest, bucket))
