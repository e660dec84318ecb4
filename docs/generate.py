"""Writes what repeats the code: records.md, settings.md, metrics.md, raw-article.schema.json, Grafana's dashboard.

python docs/generate.py
"""

import ast
import inspect
import json
import types
from collections.abc import Iterable
from datetime import datetime
from enum import EnumType
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from prometheus_client.metrics import MetricWrapperBase
from pydantic import AwareDatetime, BaseModel, SecretStr
from pydantic.fields import FieldInfo

from claimstream.agents import metrics
from claimstream.config.settings import Settings
from claimstream.pipeline import outcomes, records
from claimstream.pipeline.strip import reasons
from claimstream.publishing import article

FOLDER = Path(__file__).parent
GRAFANA = FOLDER.parent / "config" / "grafana"

RECORDS = (
    article.RawArticle, records.Article, records.Removed, records.ClaimSet, records.Claim, records.Span,
    records.Speaker, records.Entity, records.Ending, records.DeadLetter,
    records.Sighting, records.SeenLine, records.Mark,
)  # fmt: skip
LISTS = {
    "Outcome": outcomes, "Refusal": outcomes, "Fault": outcomes, "Reason": reasons, "Stance": records,
    "Polarity": records, "Kind": records, "Quotation": records, "SpeakerType": records,
}  # fmt: skip
"""Closed lists of words, and the modules that define them."""

PLAIN = {
    str: "text", int: "integer", float: "number", bool: "true or false", bytes: "bytes", datetime: "time",
    AwareDatetime: "time", SecretStr: "text",
}  # fmt: skip
BY_MACHINE = {"CLAIMSTREAM_WORKER__POOL_PROCESSES": "cores − 1"}
"""Defaults that depend on where this program runs."""

TOP = "<!-- Written by docs/generate.py (make docs). -->\n\n"


def generated() -> dict[Path, str]:
    """The content of each file."""
    schema = article.RawArticle.model_json_schema(mode="validation")
    return {
        FOLDER / "records.md": TOP + "\n".join(records_page()),
        FOLDER / "settings.md": TOP + "\n".join(settings_page()),
        FOLDER / "raw-article.schema.json": json.dumps(schema, ensure_ascii=False, indent=2) + "\n",
        FOLDER / "metrics.md": TOP + "\n".join(metrics_page()),
        GRAFANA / "dashboard.json": json.dumps(grafana_dashboard(), indent=2) + "\n",
    }


# ── records.md ───────────────────────────────────────────────────────────────────────────────────────────────────────


def records_page() -> Iterable[str]:
    yield "# Records\n"
    yield (
        "What scrapers publish, what the stages hand on, and the closed lists of words that they use. All but the dead "
        "letter travel as JSON. Times are in UTC. Offsets count Unicode code points, as Python's `str` does, start "
        "inclusive, end exclusive, into the text of the [article](#article).\n"
    )
    yield "| topic | its messages |\n|---|---|"
    yield "| `raw-articles` | [RawArticle](#rawarticle), from scrapers |"
    yield "| `articles` | [Article](#article), from strip |"
    yield "| `claims` | [ClaimSet](#claimset), from extract |"
    yield "| `outcomes` | [Ending](#ending), from strip and extract |"
    yield "| `dead-letters` | [DeadLetter](#deadletter), from every stage |"
    yield "| `sites` | [Sighting](#sighting), from strip; [Mark](#mark), from `claimstream sites` |\n"
    for record in RECORDS:
        yield f"## {record.__name__}\n\n{inspect.getdoc(record)}\n"
        if record is article.RawArticle:
            yield (
                "A time is ISO 8601 (`2026-09-26T14:30:00Z`), the date form of e-mail and RSS, or a Unix time in "
                "seconds or milliseconds; without a zone it is UTC. JSON Schema: [raw-article.schema.json]"
                "(raw-article.schema.json), which `claimstream schema` prints.\n"
            )
        yield "| field | type | default | |\n|---|---|---|---|"
        for name, field in record.model_fields.items():
            yield row(f"`{name}`", limited(field), default(field), field.description or "")
        yield ""
    for name, module in LISTS.items():
        words = getattr(module, name)
        yield f"## {name}\n"
        if isinstance(words, EnumType):
            yield f"{vars(words).get('__doc__') or inspect.getdoc(module)}\n"
            told = docstrings(inspect.getsource(words))
            yield from (
                f"- `{word}`" + (f": {told[member]}" if member in told else "")
                for member, word in words.__members__.items()
            )
            yield ""
            continue
        if name in (told := docstrings(inspect.getsource(module))):
            yield f"{told[name]}\n"
        yield ", ".join(f"`{word}`" for word in get_args(words)) + "\n"


def docstrings(source: str) -> dict[str, str]:
    """The strings that stand behind assignments, by the assigned name, in a module or in its first class."""
    body = ast.parse(source).body
    if len(body) == 1 and isinstance(body[0], ast.ClassDef):
        body = body[0].body
    found = {}
    for assignment, behind in pairwise(body):
        match assignment, behind:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
    return found


def limited(field: FieldInfo) -> str:
    """A field's type with the bounds set on it, e.g. `text, up to 512 characters`."""
    kind = type_of(field.annotation)
    what = " characters" if "text" in kind and "list" not in kind else ""
    bounds = {key: value for one in field.metadata for key in ("min_length", "max_length", "ge", "le")
              if (value := getattr(one, key, None)) is not None}  # fmt: skip
    if "ge" in bounds:
        kind += f", from {bounds['ge']}"
    if "le" in bounds:
        kind += f" to {bounds['le']}"
    if "min_length" in bounds:
        kind += f", at least {bounds['min_length']}{what if 'max_length' not in bounds else ''}"
    if "max_length" in bounds:
        kind += f", at most {bounds['max_length']}{what}"
    return kind


def type_of(annotation: Any) -> str:
    for name, module in LISTS.items():
        if annotation == getattr(module, name):
            return f"[{name}](#{name.lower()})"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_of(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(type_of(one) for one in arguments if one is not type(None))
    if origin is tuple:
        return f"list of {type_of(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return PLAIN[annotation]


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    return {None: "none", (): "empty"}.get(field.default) or f"`{field.default}`"


# ── settings.md ──────────────────────────────────────────────────────────────────────────────────────────────────────


def settings_page() -> Iterable[str]:
    yield "# Settings\n"
    yield (
        "Each is an environment variable, or a line of a file `.env` in the folder where `claimstream` is started; the "
        "environment wins. A misspelt name is an error. [.env.example](../.env.example) is a file to "
        "start from.\n"
    )
    groups = {name: field for name, field in Settings.model_fields.items() if isinstance(field.default, BaseModel)}
    for name, field in groups.items():
        group = type(field.default)
        yield f"## {group.__name__}\n"
        if group.__doc__ and group.__doc__ != group.__base__.__doc__:
            yield f"{inspect.getdoc(group)}\n"
        yield from table(f"CLAIMSTREAM_{name.upper()}__", group.model_fields)
    yield "## Other\n"
    yield from table("CLAIMSTREAM_", {n: f for n, f in Settings.model_fields.items() if n not in groups})


def table(prefix: str, fields: dict[str, FieldInfo]) -> Iterable[str]:
    yield "| variable | default | |\n|---|---|---|"
    for name, field in fields.items():
        variable = prefix + name.upper()
        value = {None: "", "": ""}.get(field.default, f"`{field.default}`")
        told = field.description or ""
        if get_origin(field.annotation) is Literal:
            told += f" One of {', '.join(f'`{word}`' for word in get_args(field.annotation))}."
        yield row(f"`{variable}`", BY_MACHINE.get(variable, value), told)
    yield ""


# ── metrics.md and Grafana's dashboard ───────────────────────────────────────────────────────────────────────────────


def metrics_page() -> Iterable[str]:
    yield "# Metrics\n"
    yield "What each worker serves at `/metrics`, beside Python's and the process's own.\n"
    yield "| metric | type | labels | |\n|---|---|---|---|"
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001 - told nowhere else
            yield row(f"`{name}`", family.type, labels, family.documentation)
    yield ""


def grafana_dashboard() -> dict[str, Any]:
    """Describe the dashboard of dashboard.yaml as Grafana provisions it: three panels a row, of its 24 columns."""
    told = yaml.safe_load((GRAFANA / "dashboard.yaml").read_text("utf-8"))
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "uid": "claimstream",
        "title": told["title"],
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": [
            {
                "id": number + 1,
                "type": "timeseries",
                "title": panel["title"],
                "datasource": source,
                "gridPos": {"x": number % 3 * 8, "y": number // 3 * 8, "w": 8, "h": 8},
                "fieldConfig": {"defaults": {"unit": panel["unit"], "min": 0}, "overrides": []},
                "targets": [
                    {"refId": "A", "datasource": source, "expr": panel["query"], "legendFormat": panel["legend"]}
                ],
            }
            for number, panel in enumerate(told["panels"])
        ],
    }


def row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    for path, content in generated().items():
        path.write_text(content, "utf-8")
