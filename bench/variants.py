"""What a faster network costs in quality: full F1 against speed, as figures and as a picture.

    python -m bench.variants GOLD.jsonl[.gz] PICTURE.svg [NAME=WEIGHTS ...] [--articles 30] [--rounds 3]

WEIGHTS is a folder that training.claims.tune left; the weights that are shipped come first. Quality is that of the
whole stage on all of GOLD. Speed is that of the network alone and of the whole stage on the first articles, as a
multiple of `nlp.pipe` of spaCy's whole small English model on the same texts in the same run. textacy's direct
quotations on that model stand beside them.
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import spacy

from bench.claims import PEER, article, as_json, rows, seconds, textacy_claims
from bench.matching import Claim, match, scores
from claimstream.pipeline.extract import extract, load
from claimstream.pipeline.extract.encoder import Attributor

TEXTACY = "textacy, direct quotations"


class Point(NamedTuple):
    name: str
    full: float
    speed: float
    """Times that of spaCy's small model."""


def measured(
    gold: Sequence[dict[str, Any]], weights: dict[str, str | None], articles: int, rounds: int
) -> tuple[list[Point], list[Point]]:
    """The network alone, and the whole stage with textacy beside it."""
    peer = spacy.load(PEER)
    texts = [row["text"] for row in gold[:articles]]
    systems: dict[str, Callable[[], Iterable[object]]] = {PEER: lambda: peer.pipe(texts)}
    systems[TEXTACY] = lambda: (textacy_claims(peer, text) for text in texts)
    full = {TEXTACY: full_f1(gold, (textacy_claims(peer, row["text"]) for row in gold))}
    for name, folder in weights.items():
        nlp, network = load(folder), Attributor.load(None if folder is None else Path(folder))
        systems[f"{name}: network"] = lambda network=network: network.predict(texts)  # type: ignore[misc]  # bound now
        systems[name] = lambda nlp=nlp: (extract(article(row), nlp) for row in gold[:articles])  # type: ignore[misc]  # bound now
        full[name] = full_f1(gold, ([as_json(c) for c in extract(article(row), nlp).claims] for row in gold))
    took = seconds(systems, rounds)
    return (
        [Point(name, full[name], took[PEER] / took[f"{name}: network"]) for name in weights],
        [Point(name, full[name], took[PEER] / took[name]) for name in full],
    )


def full_f1(gold: Sequence[dict[str, Any]], found: Iterable[Sequence[Claim]]) -> float:
    pairs = zip(gold, found, strict=True)
    return scores([match(row["text"], row["attributions"], claims) for row, claims in pairs])["full"]


def draw(network: Sequence[Point], stage: Sequence[Point], picture: Path) -> None:
    from matplotlib import pyplot as plt  # requirements-bench.txt

    figure, axes = plt.subplots(figsize=(6.4, 4.2))
    axes.axvline(1, color="#999", linewidth=1, linestyle="--")
    axes.annotate("spaCy’s small English model", (1, 0.4), xytext=(4, 0), textcoords="offset points", color="#777")
    fastest = {point.name: point for point in (*stage, *network)}
    for one in stage:
        axes.plot([one.speed, fastest[one.name].speed], [one.full] * 2, color="#1f6f8b", linewidth=1)
        axes.annotate(
            one.name, (fastest[one.name].speed, one.full), xytext=(0, 9), textcoords="offset points", ha="center"
        )
    for points, mark, label in ((stage, "o", "whole stage"), (network, "^", "network alone")):
        axes.plot([p.speed for p in points], [p.full for p in points], mark, color="#1f6f8b", label=label)
    axes.set(
        xlim=(0, 1.15 * max(p.speed for p in fastest.values())),
        ylim=(0, 1),
        xlabel="articles per second, times spaCy’s",
        ylabel="full F1",
    )
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(picture, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("variants", nargs="*", metavar="NAME=WEIGHTS")
    parser.add_argument("--articles", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    weights: dict[str, str | None] = {"shipped": None} | dict(one.split("=", 1) for one in arguments.variants)
    network, stage = measured(list(rows(arguments.gold)), weights, arguments.articles, arguments.rounds)
    alone = {point.name: f"{point.speed:.2f} x" for point in network}
    print(f"{'':28} full F1   network   stage")
    for name, full, speed in stage:
        print(f"{name:28} {full:7.3f}  {alone.get(name, ''):>8}  {speed:5.2f} x")
    draw(network, stage, arguments.picture)


if __name__ == "__main__":
    main()
