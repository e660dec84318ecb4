"""Bounded, retried Elasticsearch bulk writes with a verdict for every item."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, AsyncElasticsearch, TransportError

from claimstream.agents import metrics
from claimstream.agents.errors import Fatal, Unavailable
from claimstream.agents.provision import advised, translated
from claimstream.config.settings import Elasticsearch

OVERLOADED = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Action:
    """One item of a bulk: write a document, or delete it, unless a later version of it is there."""

    index: str
    id: str
    document: dict[str, Any] | None
    """None deletes."""
    version: int
    version_type: Literal["external", "external_gte"] = "external_gte"
    """Whether the same version may be written again."""

    def lines(self) -> list[bytes]:
        where = {"_index": self.index, "_id": self.id, "version": self.version, "version_type": self.version_type}
        if self.document is None:
            return [json.dumps({"delete": where}).encode()]
        return [json.dumps({"index": where}).encode(), json.dumps(self.document, ensure_ascii=False).encode()]


@dataclass(frozen=True)
class Rejected:
    """The document itself is at fault."""

    error: str


Verdict = Literal["written", "newer"] | Rejected
"""`newer`: a later version is there already."""


class Bulk:
    """Writes actions in requests bounded by count and bytes."""

    def __init__(self, client: AsyncElasticsearch, settings: Elasticsearch, *, require_alias: bool = True) -> None:
        self._client = client
        self._settings = settings
        self._require_alias = require_alias

    async def write(self, actions: Sequence[Action]) -> list[Verdict]:
        """Try each action once and return its verdict.

        Raises Unavailable if any may succeed later (those that succeeded can be written again: versions and ids make
        that harmless), and Fatal if a person is needed.
        """
        verdicts: list[Verdict] = []
        for chunk in self._chunks(actions):
            verdicts += await self._request(chunk)
        return verdicts

    def _chunks(self, actions: Sequence[Action]) -> Iterator[list[list[bytes]]]:
        """Yield the actions' lines, in pieces small enough for one request."""
        chunk: list[list[bytes]] = []
        size = 0
        for action in actions:
            lines = action.lines()
            more = sum(map(len, lines)) + len(lines)
            full = len(chunk) >= self._settings.max_bulk_documents or size + more > self._settings.max_bulk_bytes
            if chunk and full:
                yield chunk
                chunk, size = [], 0
            chunk.append(lines)
            size += more
        if chunk:
            yield chunk

    async def _request(self, chunk: Sequence[list[bytes]]) -> list[Verdict]:
        lines: list[Any] = [line for action in chunk for line in action]
        metrics.BULK_DOCUMENTS.observe(len(chunk))
        metrics.BULK_BYTES.observe(sum(map(len, lines)))
        try:
            answer = await self._client.bulk(operations=lines, require_alias=self._require_alias)
        except ApiError as error:
            if error.status_code in {400, 413}:  # the whole request for the sake of one item
                return await self._isolate(chunk, error)
            raise translated(error, self._settings.url) from error
        except TransportError as error:
            raise translated(error, self._settings.url) from error
        items = answer.get("items", [])
        if len(items) != len(chunk):
            raise Unavailable("Elasticsearch", f"answered {len(items)} of {len(chunk)} items")
        return [self._verdict(next(iter(item.values()))) for item in items]

    async def _isolate(self, chunk: Sequence[list[bytes]], error: ApiError) -> list[Verdict]:
        if len(chunk) == 1:
            return [Rejected(f"{error.status_code} {error.message}: {str(error.body)[:500]}")]
        half = len(chunk) // 2
        return await self._request(chunk[:half]) + await self._request(chunk[half:])

    def _verdict(self, item: dict[str, Any]) -> Verdict:
        status, error = item["status"], item.get("error") or {}
        if status < 300 or (status == 404 and not error):  # what was to be deleted is not there
            return "written"
        if status == 409:
            return "newer"
        kind = error.get("type", "")
        if status in OVERLOADED or status in {401, 403, 404} or "cluster_block" in kind:
            raise self.misfortune(status, error)
        cause = f" ({error['caused_by']['reason']})" if "caused_by" in error else ""
        return Rejected(f"{status} {kind}: {error.get('reason')}{cause}")

    def misfortune(self, status: int, error: dict[str, Any]) -> Unavailable | Fatal:
        """What an item's error says about the server rather than about the document."""
        what = f"{error.get('type')}: {error.get('reason')}"
        if error.get("type") == "index_not_found_exception" or status == 404:
            return Fatal(f"Elasticsearch at {self._settings.url} lacks an index: run `claimstream init`: {what}")
        if status in {401, 403} and "cluster_block" not in what:
            return Fatal(f"Elasticsearch at {self._settings.url} forbids this user to write: {what}")
        return Unavailable("Elasticsearch", f"{status} {advised(what)}")
