"""Kibana's query language -> the Elasticsearch query that Kibana sends for it, as far as this project uses it.

The translations are those of Kibana 9's `toElasticsearchQuery` (packages kbn-es-query, kuery/functions): `and` becomes
`filter`, `or` becomes `should`, a word without a field is looked for in every field, a quoted one is a phrase in a text
field, any is the exact value of a keyword field, `field: *` asks whether there is a value, dates are ranges.
"""

import re
from typing import Any

TOKENS = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(<=|>=|[<>():{}])|([^\s"<>():{}]+))')
RANGES = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}

Query = dict[str, Any]


def translate(text: str, mappings: dict[str, Any]) -> Query:
    """Translate a query for an index with the given `properties`. Raises ValueError if it is not KQL or names no field.

    An empty one finds all, as an empty search bar does.
    """
    if not text.strip():
        return {"match_all": {}}
    parser = Parser(text, mappings)
    query = parser.either()
    if parser.tokens:
        raise ValueError(f"not understood: {parser.tokens}")
    return query


class Parser:
    def __init__(self, text: str, mappings: dict[str, Any]) -> None:
        self._mappings = mappings
        self.tokens = [match.group(match.lastindex or 0) for match in TOKENS.finditer(text)]
        if "".join(self.tokens) != "".join(re.findall(r'"[^"]*"|\S', text)):
            raise ValueError(f"not KQL: {text}")

    def either(self, field: str | None = None) -> Query:
        return self._joined("or", self._all, field, lambda parts: {"should": parts, "minimum_should_match": 1})

    def _all(self, field: str | None) -> Query:
        return self._joined("and", self._maybe_not, field, lambda parts: {"filter": parts})

    def _joined(self, word: str, part: Any, field: str | None, clause: Any) -> Query:
        parts = [part(field)]
        while self.tokens and self.tokens[0].lower() == word:
            self.tokens.pop(0)
            parts.append(part(field))
        return parts[0] if len(parts) == 1 else {"bool": clause(parts)}

    def _maybe_not(self, field: str | None) -> Query:
        if self.tokens and self.tokens[0].lower() == "not":
            self.tokens.pop(0)
            return {"bool": {"must_not": self._one(field)}}
        return self._one(field)

    def _one(self, field: str | None) -> Query:
        token = self.tokens.pop(0)
        if token == "(":
            inside = self.either(field)
            if self.tokens.pop(0) != ")":
                raise ValueError("a bracket is not closed")
            return inside
        following = self.tokens[0] if self.tokens else ""
        if field is None and following == ":":
            self.tokens.pop(0)
            self.mapping(token)
            return self._one(token)
        if field is None and following in RANGES:
            self.mapping(token)
            return {"range": {token: {RANGES[self.tokens.pop(0)]: self.tokens.pop(0).strip('"')}}}
        if token in {*RANGES, ")", ":", "{", "}"}:
            raise ValueError(f"{token!r} is not expected here")
        return self._is(field, token)

    def _is(self, field: str | None, value: str) -> Query:
        quoted = value.startswith('"')
        value = value.strip('"')
        if field is None:
            kind = "phrase" if quoted else "best_fields"
            # Kibana names no fields, which for Elasticsearch is all of these; the embedded one has to be told.
            fields = [name for name, one in self._mappings.items() if one["type"] in {"text", "keyword"}]
            fields += [f"{name}.{sub}" for name in fields for sub in self._mappings[name].get("fields", {})]
            return {"multi_match": {"type": kind, "query": value, "fields": fields, "lenient": True}}
        if value == "*":
            return {"exists": {"field": field}}
        kind = self.mapping(field)["type"]
        if "*" in value and not quoted:
            return (
                {"wildcard": {field: {"value": value}}}
                if kind == "keyword"
                else {"query_string": {"fields": [field], "query": value}}
            )
        if kind == "date":
            return {"range": {field: {"gte": value, "lte": value}}}
        if kind == "keyword":
            return {"term": {field: {"value": value}}}
        return {"match_phrase" if quoted else "match": {field: value}}

    def mapping(self, field: str) -> dict[str, Any]:
        """The mapping of a field, of a multi-field too. Raises ValueError if there is none."""
        name, *rest = field.split(".")
        found = self._mappings.get(name, {})
        for part in rest:
            found = found.get("fields", found.get("properties", {})).get(part, {})
        if "type" not in found:
            raise ValueError(f"no field {field!r}")
        return found
