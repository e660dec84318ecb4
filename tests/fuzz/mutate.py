"""Articles as they arrive when something went wrong on the way: cut, repeated, garbled, nested without end."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random

from ..faults.articles import articles

GOLDEN = Path(__file__).parents[1] / "golden" / "strip"
NASTY = (
    "<div>" * 3000, "</p>" * 500, "<table><tr><td colspan=99999999>", "<![CDATA[", "<!--", "<script>", "<style>",
    '<p title="' + "x" * 20_000, "&#x110000;", "&nbsp;" * 300, "&amp;" * 300, "<a href='" + "/a" * 4000 + "'>",
    "\x00", "\x1b[2J", "\u202e", "\u200b" * 300, "\u0301" * 500, "\ufeff", "\U0001f600", "\u2028\u2029", "\ud800",
    "“" * 200, "” said ", "'" * 200, '"' * 201, "— " * 300, "\n" * 2000, " " * 5000, "\t\r\n\x0b\x0c", "x" * 50_000,
    "1" * 5000, "said " * 3000, "He said that she said that " * 200, "(" * 2000, "." * 3000, "Mr. " * 500,
    "ﬁ\u00ad" * 200, "А" * 300, "漢字" * 500, "http://" + "a." * 2000, "2026-13-45", "-" * 3000, "|" * 2000,
)  # fmt: skip
"""Nesting, entities, control and combining characters, quotes that never close, words and lines without end."""

LARGE = 400_000
"""Characters; beyond what strip accepts of text."""


def mutated(seed: int) -> bytes:
    """Draw an article and do one to four things to it, in a field of it or in its bytes."""
    random = Random(seed)
    value = random.choice(originals())
    if random.random() < 0.1:
        raw = bytearray(value)
        for _ in range(random.randint(1, 8)):
            raw[random.randrange(len(raw))] = random.randrange(256)
        return bytes(raw)
    record = json.loads(value)
    weights = {"text": 20, "html": 20, "title": 2, "url": 1}
    (field,) = random.choices(present := [name for name in weights if name in record], [weights[n] for n in present])
    most = LARGE if random.random() < 0.02 else 15_000  # a few large ones would take most of the time
    for _ in range(random.randint(1, 4)):
        record[field] = random.choice(MUTATIONS)(random, record[field])[:most]
    return json.dumps(record).encode("utf-8", "surrogatepass")


def originals(found: list[bytes] = []) -> list[bytes]:  # noqa: B006 - made once
    if not found:
        found += [value for value in articles(0, 60) if value and value.startswith(b'{"url": "https')]
        for path in (*GOLDEN.glob("*.txt"), *GOLDEN.glob("*.html")):
            field = "html" if path.suffix == ".html" else "text"
            record = {"url": f"https://port-herald.example/{path.stem}", field: path.read_text("utf-8")}
            found.append(json.dumps(record).encode())
    return found


def _piece(random: Random, text: str) -> tuple[int, int]:
    start = random.randrange(len(text) + 1)
    return start, min(len(text), start + random.choice((1, 5, 50, 500, 5000)))


def _cut(random: Random, text: str) -> str:
    start, end = _piece(random, text)
    return text[:start] + text[end:]


def _truncate(random: Random, text: str) -> str:
    return text[: random.randrange(len(text) + 1)]


def _repeat(random: Random, text: str) -> str:
    start, end = _piece(random, text)
    return text[:end] + text[start:end] * random.choice((1, 3, 30, 300)) + text[end:]


def _insert(random: Random, text: str) -> str:
    start, _ = _piece(random, text)
    return text[:start] + random.choice(NASTY) + text[start:]


def _move(random: Random, text: str) -> str:
    start, end = _piece(random, text)
    rest = text[:start] + text[end:]
    at = random.randrange(len(rest) + 1)
    return rest[:at] + text[start:end] + rest[at:]


def _garble(random: Random, text: str) -> str:
    characters = list(text)
    for _ in range(min(len(text), random.choice((1, 10, 200)))):
        characters[random.randrange(len(text))] = chr(random.choice((random.randrange(128), random.randrange(0x11000))))
    return "".join(characters)


def _misread(random: Random, text: str) -> str:
    """Take the bytes for those of another encoding."""
    return text.encode("utf-8", "surrogatepass").decode(random.choice(("latin-1", "cp1252", "utf-16-le")), "replace")


def _join(random: Random, text: str) -> str:
    """Put everything on one line, or each word on one of its own."""
    return (" " if random.random() < 0.5 else "\n").join(text.split())


MUTATIONS: tuple[Callable[[Random, str], str], ...] = (
    _cut, _truncate, _repeat, _insert, _insert, _move, _garble, _misread, _join,
)  # fmt: skip
