"""Kibana's saved objects, made of objects.yaml: data views, saved searches, Lens charts and dashboards.

Types, attributes and references are those of Kibana 9's sources: the schemas that its plugins data_views, saved_search,
lens and dashboard register for their types, at the versions named in VERSIONS. Kibana itself brings an object from
there to what it uses today.
"""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import yaml

from claimstream.config.indices import Indices, template

VERSIONS = {"index-pattern": "8.0.0", "search": "10.5.0", "lens": "8.9.0", "dashboard": "10.2.0"}
TOP = 10
"""Values of a field that a chart shows."""
LAYER = "layer"

Object = dict[str, Any]


def description() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(files(__package__).joinpath("objects.yaml").read_text("utf-8"))
    return loaded


def saved_objects(indices: Indices) -> Iterator[Object]:
    """Yield each object after those that it refers to. Their ids carry the prefix of the indices."""
    told, prefix = description(), f"{indices.settings.prefix}claimstream"
    for kind, view in told["views"].items():
        yield _data_view(f"{prefix}-{kind}", indices.alias(kind), view)
    for name, search in told["searches"].items():
        yield _search(f"{prefix}-{name}", search, f"{prefix}-{search['view']}", told["views"][search["view"]])
    for name, dashboard in told["dashboards"].items():
        for number, panel in enumerate(dashboard["panels"]):
            if "search" not in panel:
                yield _lens(f"{prefix}-{name}-{number}", panel, f"{prefix}-{panel['view']}")
        yield _dashboard(prefix, name, dashboard)


def ndjson(indices: Indices) -> str:
    """What Kibana's import takes: one object a line."""
    return "".join(json.dumps(one) + "\n" for one in saved_objects(indices))


def _object(kind: str, name: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> Object:
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": VERSIONS[kind],
    }


def _reference(name: str, kind: str, target: str) -> dict[str, str]:
    return {"name": name, "type": kind, "id": target}


def _data_view(name: str, alias: str, view: dict[str, Any]) -> Object:
    formats = {field: {"id": "url"} for field in view["links"]}
    return _object(
        "index-pattern",
        name,
        {
            "title": alias,
            "name": alias,
            "timeFieldName": view["time"],
            "fieldFormatMap": json.dumps(formats),
        },
        [],
    )


def _query(text: str) -> dict[str, str]:
    return {"query": text, "language": "kuery"}


def _search(name: str, search: dict[str, Any], view: str, of: dict[str, Any]) -> Object:
    index = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {"query": _query(search.get("query", "")), "filter": [], "indexRefName": index}
    return _object(
        "search",
        name,
        {
            "title": search["title"],
            "description": "",
            "columns": search["columns"],
            "sort": [[of["time"], "desc"]],
            "grid": {},
            "hideChart": False,
            "isTextBasedQuery": False,
            "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
        },
        [_reference(index, "index-pattern", view)],
    )


# ── charts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _lens(name: str, panel: dict[str, Any], view: str) -> Object:
    columns = dict(_columns(panel))
    layer = {"columns": columns, "columnOrder": list(columns), "incompleteColumns": {}}
    kind, visualization = _visualization(panel, list(columns))
    return _object(
        "lens",
        name,
        {
            "title": panel["title"],
            "description": "",
            "visualizationType": kind,
            "state": {
                "datasourceStates": {"formBased": {"layers": {LAYER: layer}}},
                "visualization": visualization,
                "query": _query(panel.get("query", "")),
                "filters": [],
                "internalReferences": [],
                "adHocDataViews": {},
            },
        },
        [_reference(f"indexpattern-datasource-layer-{LAYER}", "index-pattern", view)],
    )


def _columns(panel: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the columns of a Lens layer by id: first what is grouped by, last what is measured."""
    fields = template(panel["view"])["template"]["mappings"]["properties"]
    for number, field in enumerate(panel.get("by", ())):
        is_date = fields[field]["type"] == "date"
        by_time = {"interval": "auto", "includeEmptyRows": True, "dropPartials": False}
        by_value = {
            "size": TOP,
            "orderBy": {"type": "column", "columnId": "value"},
            "orderDirection": "desc",
            "otherBucket": False,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
        }
        yield (
            f"by-{number}",
            {
                "label": field,
                "customLabel": True,
                "dataType": "date" if is_date else "string",
                "operationType": "date_histogram" if is_date else "terms",
                "scale": "interval" if is_date else "ordinal",
                "sourceField": field,
                "isBucketed": True,
                "params": by_time if is_date else by_value,
            },
        )
    operation = {"average": "average", "highest": "max"}
    measured = [(operation[word], panel[word]) for word in operation if word in panel] or [("count", "___records___")]
    for kind, field in measured:
        yield (
            "value",
            {
                "label": panel["title"],
                "customLabel": True,
                "dataType": "number",
                "operationType": kind,
                "scale": "ratio",
                "sourceField": field,
                "isBucketed": False,
                "params": {"emptyAsNull": kind != "count"},
            },
        )


def _visualization(panel: dict[str, Any], columns: list[str]) -> tuple[str, dict[str, Any]]:
    layer = {"layerId": LAYER, "layerType": "data"}
    if panel["as"] == "metric":
        return "lnsMetric", {**layer, "metricAccessor": "value"}
    if panel["as"] == "table":
        return "lnsDatatable", {**layer, "columns": [{"columnId": column} for column in columns]}
    series = {"bars": "bar_stacked", "rows": "bar_horizontal_stacked", "line": "line"}[panel["as"]]
    split = {"splitAccessor": "by-1"} if "by-1" in columns else {}
    return "lnsXY", {
        "legend": {"isVisible": bool(split), "position": "right"},
        "valueLabels": "hide",
        "preferredSeriesType": series,
        "layers": [{**layer, "seriesType": series, "xAccessor": "by-0", "accessors": ["value"], **split}],
    }


# ── dashboards ───────────────────────────────────────────────────────────────────────────────────────────────────


def _dashboard(prefix: str, name: str, dashboard: dict[str, Any]) -> Object:
    panels, references = [], []
    for number, panel in enumerate(dashboard["panels"]):
        kind = "search" if "search" in panel else "lens"
        target = f"{prefix}-{panel['search']}" if "search" in panel else f"{prefix}-{name}-{number}"
        place = dict(zip("xywh", panel["at"], strict=True))
        panels.append(
            {
                "type": kind,
                "panelIndex": f"{number}",
                "gridData": {**place, "i": f"{number}"},
                "embeddableConfig": {"enhancements": {}},
                "panelRefName": f"panel_{number}",
            }
        )
        references.append(_reference(f"{number}:panel_{number}", kind, target))
    controls: dict[str, Any] = {}
    for view, fields in dashboard["controls"].items():
        for field in fields:
            controls[field] = {
                "type": "optionsListControl",
                "order": len(controls),
                "width": "medium",
                "grow": True,
                "explicitInput": {"id": field, "fieldName": field, "title": field, "selectedOptions": []},
            }
            references.append(
                _reference(f"controlGroup_{field}:optionsListDataView", "index-pattern", f"{prefix}-{view}")
            )
    return _object(
        "dashboard",
        f"{prefix}-{name}",
        {
            "title": dashboard["title"],
            "description": dashboard["description"],
            "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps({"query": _query(""), "filter": []})},
            "timeRestore": True,
            "timeFrom": dashboard["from"],
            "timeTo": "now",
            "optionsJSON": json.dumps({"useMargins": True, "hidePanelTitles": False}),
            "panelsJSON": json.dumps(panels),
            "controlGroupInput": {
                "chainingSystem": "HIERARCHICAL",
                "controlStyle": "oneLine",
                "showApplySelections": False,
                "ignoreParentSettingsJSON": json.dumps({"ignoreFilters": False, "ignoreQuery": False}),
                "panelsJSON": json.dumps(controls),
            },
        },
        references,
    )
