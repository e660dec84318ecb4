"""Writes the tables of docs/reliability.md from runs.jsonl."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

RUNS = Path(__file__).with_name("runs.jsonl")
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- written by tests/faults/report.py -->\n", "<!-- end -->\n"


def write() -> None:
    page = PAGE.read_text("utf-8")
    told = "\n".join(tables([json.loads(line) for line in RUNS.read_text("utf-8").splitlines()]))
    PAGE.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: BEGIN + told + END, page, flags=re.DOTALL), "utf-8")


def tables(runs: list[dict]) -> Iterator[str]:
    for servers, title in (("real", "Apache Kafka and Elasticsearch"), ("embedded", "The embedded servers")):
        mine = [run for run in runs if run["servers"] == servers]
        if mine:
            yield f"### {title}\n"
            yield from table(mine)


def table(runs: list[dict]) -> Iterator[str]:
    seconds: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for name, took, _ in run["recoveries"]:
            seconds[name].append(took)
    articles, claims, lost, doubled = (sum(run[of] for run in runs) for of in ("articles", "claims", "lost", "doubled"))
    faults = sum(map(len, seconds.values()))
    yield f"{articles} articles, {claims} claims, {faults} faults, {sum(map(killed, runs))} workers killed:"
    yield f"**{lost} lost, {doubled} doubled.**\n"
    yield "| fault | times | seconds to recover, median | longest |\n|---|--:|--:|--:|"
    for name, took in sorted(seconds.items()):
        yield f"| {name} | {len(took)} | {median(took):.0f} | {max(took):.0f} |"
    yield "\n| run | articles | faults | killed | minutes | lost | doubled |\n|---|--:|--:|--:|--:|--:|--:|"
    for run in runs:
        counts = (run["articles"], len(run["recoveries"]), killed(run), run["minutes"], run["lost"], run["doubled"])
        yield f"| {run['date']} `{run['command']}` | " + " | ".join(map(str, counts)) + " |"
    yield ""


def killed(run: dict) -> int:
    return sum(kills for _, _, kills in run["recoveries"])


if __name__ == "__main__":
    write()
