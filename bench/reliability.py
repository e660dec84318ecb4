"""How far a claim's confidence can be believed, as figures and as a picture.

    python -m bench.reliability GOLD.jsonl[.gz] PREDICTED.jsonl [PICTURE.svg]

GOLD has `attributions`, PREDICTED is what `bench.claims predict` wrote. A claim is right if its content overlaps a gold
one by half and its source is right. Expected calibration error: Guo et al., ICML 2017, ten bins of equal width.
"""

import argparse
from pathlib import Path

import numpy as np

from bench.claims import rows
from bench.matching import match, scores

BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gold", type=Path)
    parser.add_argument("predicted", type=Path)
    parser.add_argument("picture", type=Path, nargs="?")
    arguments = parser.parse_args()
    found = {row["id"]: row["claims"] for row in rows(arguments.predicted)}
    matchings, confidence, right = [], [], []
    for row in rows(arguments.gold):
        claims = found[row["id"]]
        matching = match(row["text"], [a for a in row["attributions"] if a["content"]], claims)
        matchings.append(matching)
        confidence += [claim["confidence"] for claim in claims]
        right += [j in matching.right for j in range(len(claims))]
    print(scores(matchings))
    stated, true = np.array(confidence), np.array(right, float)
    where = np.minimum((stated * BINS).astype(int), BINS - 1)
    bins = [(stated[where == b].mean(), true[where == b].mean(), int((where == b).sum())) for b in sorted(set(where))]
    for said, share, count in bins:
        print(f"stated {said:.2f}  right {share:.2f}  of {count:5}")
    error = sum(abs(said - share) * count for said, share, count in bins) / len(stated)
    print(f"expected calibration error {error:.3f}")
    if arguments.picture:
        draw(bins, error, arguments.picture)


def draw(bins: list[tuple[float, float, int]], error: float, picture: Path) -> None:
    from matplotlib import pyplot as plt  # requirements-bench.txt

    figure, axes = plt.subplots(figsize=(5, 4.6))
    axes.plot([0, 1], [0, 1], color="#999", linewidth=1, linestyle="--", label="perfect")
    axes.plot(
        [b[0] for b in bins], [b[1] for b in bins], color="#1f6f8b", marker="o", label=f"claims (error {error:.3f})"
    )
    for said, share, count in bins:
        axes.annotate(
            f"{count:,}", (said, share), textcoords="offset points", xytext=(7, -10), fontsize=8, color="#555"
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence of a claim", ylabel="share of such claims that is right")
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(picture, metadata={"Date": None})


if __name__ == "__main__":
    main()
