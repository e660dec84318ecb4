"""The OpenAPI description as a page for people: plain html, with nothing from elsewhere and no script."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
h2 code { background: #e7eef7; padding: .2rem .5rem; border-radius: .3rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd }
code, pre { font: 14px ui-monospace, monospace }
pre { background: #f5f5f5; padding: .8rem; overflow-x: auto }
"""
LIMITS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "pattern": "matches `{}`",
}
"""Keywords of JSON Schema, in words."""

Json = dict[str, Any]


def page(description: Json) -> str:
    """Render an OpenAPI document."""
    info = description["info"]
    title = html.escape(f"{info['title']} {info['version']}")
    schemes = description["components"].get("securitySchemes", {})
    body = [
        f"<h1>{title}</h1>",
        '<p>For programs: <a href="openapi.json">openapi.json</a>, OpenAPI ' + html.escape(description["openapi"]),
        *(
            line
            for path, operations in description["paths"].items()
            for method, operation in operations.items()
            for line in _operation(f"{method.upper()} {path}", operation, schemes)
        ),
        *(line for name, schema in description["components"]["schemas"].items() for line in _record(name, schema)),
    ]
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>' + "\n".join(body) + "</body></html>"


def _operation(name: str, operation: Json, schemes: Json) -> Iterator[str]:
    yield f"<h2><code>{html.escape(name)}</code></h2>"
    yield f"<p><b>{_prose(operation['summary'])}</b> {_prose(operation['description'])}</p>"
    for scheme in (schemes[one] for needed in operation.get("security", ()) for one in needed):
        yield f"<p>Needs the header <code>Authorization: {html.escape(scheme['scheme'].title())} …</code></p>"
    yield "<h3>Parameters</h3>"
    yield from _table(
        ("name", "in", "", "what"),
        (
            (_code(one["name"]), html.escape(one["in"]), _type(one["schema"]), _prose(one["description"]))
            for one in operation["parameters"]
        ),
    )
    yield "<h3>Body</h3>"
    contents = operation["requestBody"]["content"]
    yield from _table(("type", "what"), ((_code(kind), _type(body["schema"])) for kind, body in contents.items()))
    for body in contents.values():
        if "example" in body:
            yield f"<pre>{html.escape(json.dumps(body['example'], ensure_ascii=False, indent=2))}</pre>"
    yield "<h3>Answers</h3>"
    yield from _table(
        ("status", "what", "body"),
        (
            (_code(status), _prose(answer["description"]), _type(body["schema"]))
            for status, answer in sorted(operation["responses"].items())
            for body in answer["content"].values()
        ),
    )


def _record(name: str, schema: Json) -> Iterator[str]:
    yield f'<h3 id="{html.escape(name)}">{html.escape(name)}</h3>'
    if "description" in schema:
        yield f"<p>{_prose(schema['description'])}</p>"
    required = schema.get("required", ())
    yield from _table(
        ("field", "", "what"),
        (
            (_code(field) + (" (always)" if field in required else ""), _type(one), _prose(one.get("description", "")))
            for field, one in schema["properties"].items()
        ),
    )


def _type(schema: Json) -> str:
    if "$ref" in schema:
        name = html.escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        kind = " or ".join(_type(one) for one in schema["anyOf"] if one.get("type") != "null")
    else:
        kind = f"list of {_type(schema['items'])}" if schema.get("type") == "array" else html.escape(schema["type"])
    return ", ".join([kind, *(_prose(words.format(schema[key])) for key, words in LIMITS.items() if key in schema)])


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _code(word: str) -> str:
    return f"<code>{html.escape(word)}</code>"


def _prose(text: str) -> str:
    """Escaped, with what stands in `backticks` as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
