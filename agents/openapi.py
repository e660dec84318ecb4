"""The OpenAPI description of the intake, made from the record that it takes."""

from typing import Any

import claimstream
from claimstream.publishing import RawArticle

JSON = "application/json"
LINES = "application/x-ndjson"
PAGES = {"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text"}
"""Bodies that are the page itself, and the field that it becomes."""
FIELDS = ("url", "id", "site", "title", "published_at", "fetched_at", "language")
"""What a query can tell of a page."""


def describe(*, with_token: bool) -> dict[str, Any]:
    """Describe `POST /articles` in OpenAPI 3.1."""
    article = RawArticle.model_json_schema(mode="validation")
    refused = {
        "400": "A field is wrong, which is named; none of the articles is published.",
        "413": "The body, or one of the articles, is too large; none is published.",
        "415": "The body is of another type.",
        "429": "Too many requests wait already: try again after `Retry-After` seconds.",
        "503": "Kafka did not confirm all articles in time; `articles` are those that it has. Try again.",
    }
    if with_token:
        refused["401"] = "The token is missing or wrong."
    known = [
        {"name": name, "in": "query", "schema": {"type": "string"}, "description": article["properties"][name].get(
            "description", ""
        )}
        for name in FIELDS
    ]  # fmt: skip
    located = {
        "name": "Content-Location",
        "in": "header",
        "schema": {"type": "string"},
        "description": "`url`, if the body is the page.",
    }
    bodies = {
        JSON: {
            "schema": {"anyOf": [_ref("RawArticle"), {"type": "array", "items": _ref("RawArticle"), "minItems": 1}]},
            "example": {"url": "https://example.com/news/1", "html": "<p>The bridge is safe, the mayor said.</p>"},
        },
        LINES: {"schema": {"type": "string"}},
        **{page: {"schema": {"type": "string"}} for page in PAGES},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "claimstream", "version": claimstream.__version__},
        "paths": {
            "/articles": {
                "post": {
                    "operationId": "publish",
                    "summary": "Publish one raw article, or many.",
                    "description": "The body is a raw article as JSON, or a list of them; or one a line; or the page "
                    "itself, with what else is known of it in the query.",
                    "parameters": [*known, located],
                    "requestBody": {"required": True, "content": bodies},
                    "responses": {
                        "202": {
                            "description": "Kafka has all of them; the stream takes them up.",
                            "content": {JSON: {"schema": _ref("Receipts")}},
                        },
                        **{
                            status: {"description": told, "content": {JSON: {"schema": _ref("Errors")}}}
                            for status, told in refused.items()
                        },
                    },
                    **({"security": [{"token": []}]} if with_token else {}),
                }
            }
        },
        "components": {
            "schemas": {
                "RawArticle": article,
                "Receipts": _object(articles={"type": "array", "items": _ref("Receipt")}),
                "Receipt": _object(article_id={"type": "string"}, origin={"type": "string"}),
                "Errors": _object(errors={"type": "array", "items": {"type": "string"}}),
            },
            **({"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}} if with_token else {}),
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}
