"""The mean of the weights of checkpoints that began from the same one.

python -m training.claims.average CHECKPOINT CHECKPOINT ... --out CHECKPOINT

Model soups (Wortsman et al., ICML 2022): the mean often generalizes better than each, at no cost when it runs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from .checkpoint import load_checkpoint, save_checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    first, *others = map(load_checkpoint, args.checkpoints)
    states = [model.state_dict() for model in (first, *others)]
    first.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    save_checkpoint(args.out, first)


if __name__ == "__main__":
    main()
