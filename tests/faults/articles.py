"""Articles drawn from a seed: html and text from several sites, with everything wrong that scrapers do."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from claimstream.pipeline.outcomes import Fault

SITES = ("kessel-courier.example", "lornpost.example", "tarn-today.example", "harbourwire.example", "veldnews.example")
PEOPLE = ("Jaro Mlinar", "Sanna Tiel", "Oskar Venn", "Greta Lund", "Pavel Dorin", "Ida Krey", "Nora Essen")
OFFICES = ("mayor of Tarn", "harbour master", "spokeswoman of the company", "head of the fishing union", "engineer")
THINGS = ("the bridge", "the new ferry", "the lighthouse", "the northern quay", "the dredging plan", "the fish market")
STATES = ("safe", "too expensive", "late by a year", "damaged", "well used", "open to everybody", "in need of repair")
PARAGRAPHS = (
    "{one}, the {office}, said on {day} that {thing} near berth {n} was {state} and that a vote was due in May.",
    "“We have seen {thing} ourselves, and it is {state},” said {one}, a neighbour of berth {n}. “Nobody asked us.”",
    "{one} denied that {thing} was {state}. According to {two}, the repair of berth {n} will cost {some} million.",
    "The {office} told reporters at berth {n} that {one} and {two} had promised to pay for {thing}, which is {state}.",
    "On {day} a crowd of {some} walked from berth {n} to {thing} and back again, past the shops of the old town.",
)
PAGE = """<html><head><title>{title}</title></head><body>
<nav><a href="/">Home</a><a href="/sport">Sport</a></nav><article><h1>{title}</h1>
{body}</article><footer><p>Share this article</p></footer></body></html>"""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

HURTS: dict[str, Fault] = {"hang": Fault.TIMED_OUT, "eat": Fault.OUT_OF_MEMORY, "crash": Fault.CRASHED}
"""What an article does to its process, and what it then dies of. hurtful.py makes it so, until it is mended."""
HURTING = ("strip", "extract")
AUTHOR = "hurts"
"""Mark of such an article, in a field that comes through strip: `hurts strip hang`."""

POISON: tuple[bytes | None, ...] = (
    b"{poison",
    b"\xff\xfe\x00binary",
    b"[]",
    b'{"text": "no address and no id"}',
    b'{"url": "nowhere", "text": "no address"}',
    b'{"id": "1", "text": "w", "fetched_at": "2999-01-01T00:00:00Z"}',
    b"",
    None,
)


def articles(seed: int, count: int) -> Iterator[bytes | None]:
    """Yield `count` messages, with everything wrong that scrapers do.

    2% are poison, 2% too short, 1% hurt the process that handles them, 5% are duplicates, and 5% have a newer version,
    half of them before the older one.
    """
    random = Random(seed)
    recent: list[bytes] = []
    number = left = 0
    while left < count:
        for value in _next(random, number, recent):
            if left < count:
                yield value
                left += 1
        number += 1


def _next(random: Random, number: int, recent: list[bytes]) -> list[bytes | None]:
    drawn = random.random()
    if drawn < 0.02:
        return [random.choice(POISON)]
    if drawn < 0.04:
        return [_message(number, random.choice(SITES), {"text": "The harbour office is closed today."})]
    if drawn < 0.05:
        mark = f"{AUTHOR} {random.choice(HURTING)} {random.choice(list(HURTS))}"
        return [_message(number, random.choice(SITES), _story(random, number), authors=[mark])]
    if drawn < 0.10 and recent:
        return [random.choice(recent)]
    site = random.choice(SITES)
    value = _message(number, site, _story(random, number))
    if drawn > 0.95:
        newer = _message(number, site, _story(random, number), version=1)
        return [value, newer] if random.random() < 0.5 else [newer, value]
    recent.append(value)
    del recent[:-50]
    return [value]


def _message(number: int, site: str, page: dict[str, str], version: int = 0, **fields: Any) -> bytes:
    fetched = f"2026-10-{1 + number % 20:02}T{8 + version:02}:00:00Z"
    record = {"url": f"https://www.{site}/news/{number}", "fetched_at": fetched, **page, **fields}
    return json.dumps(record, ensure_ascii=False).encode()


def _story(random: Random, number: int) -> dict[str, str]:
    paragraphs = [_paragraph(random, number) for _ in range(random.randint(3, 6))]
    title = f"Council of Tarn argues about berth {number}"
    if random.random() < 0.5:
        return {"title": title, "text": "\n".join(paragraphs)}
    return {"html": PAGE.format(title=title, body="".join(f"<p>{one}</p>\n" for one in paragraphs))}


def _paragraph(random: Random, number: int) -> str:
    one, two = random.sample(PEOPLE, 2)
    drawn = {"office": OFFICES, "thing": THINGS, "state": STATES, "day": DAYS, "some": range(20, 900)}
    words = {name: random.choice(choices) for name, choices in drawn.items()}
    return random.choice(PARAGRAPHS).format(one=one, two=two, n=number, **words)
