"""Fit the entity tagger to the end, on an encoder that stays as it is: logistic regression on its vectors.

python -m training.claims.namer CHECKPOINT --data DIR --entities FILE --base DIR --out CHECKPOINT

While the encoder moves, the tagger only follows; and entities must not cost the attributions anything.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from claimstream.pipeline.extract.encoder.words import WordPiece

from .batch import IGNORE, encoder_batch
from .checkpoint import load_checkpoint, save_checkpoint
from .data import examples, read_lines, rows
from .model import AttributionModel, with_neighbours

MAX_PIECES = 128  # of a row, as at run time
EPOCHS, BATCH, RATE = 12, 4096, 2e-3


@torch.inference_mode()
def vectors(model: AttributionModel, articles: list[dict[str, Any]], wordpiece: WordPiece) -> tuple[Tensor, Tensor]:
    """Of all words [words, 3 x width], and their tags [words]."""
    work = model.to(torch.bfloat16)
    found, tags = [], []
    for article in articles:
        for row in rows(examples(article, wordpiece, MAX_PIECES - 2), wordpiece, MAX_PIECES):
            batch = encoder_batch([row])
            hidden = work.encoder(batch.ids, batch.features, None).flatten(0, 1).index_select(0, batch.first)
            found.append(with_neighbours(hidden))
            tags.append(batch.entities)
    return torch.cat(found), torch.cat(tags)


def fit(x: Tensor, tags: Tensor) -> nn.Linear:
    head = nn.Linear(x.shape[1], int(tags.max()) + 1)
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=0.01)
    steps = EPOCHS * (len(x) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, steps)
    for epoch in range(EPOCHS):
        total = 0.0
        for index in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(head(x[index].float()), tags[index], ignore_index=IGNORE)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(index)
        print(f"epoch {epoch} loss {total / len(x):.4f}", flush=True)
    return head


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.jsonl.gz and dev.jsonl.gz")
    parser.add_argument("--entities", type=Path, required=True, help="written by training.claims.entities")
    parser.add_argument("--base", type=Path, required=True, help="folder of vocab.txt")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(1)
    wordpiece = WordPiece.load(args.base / "vocab.txt")
    named = {row["id"]: row["entities"] for row in read_lines(args.entities)}
    train, dev = (
        [article | {"entities": named[article["id"]]} for article in read_lines(args.data / f"{part}.jsonl.gz")]
        for part in ("train", "dev")
    )
    model = load_checkpoint(args.checkpoint)
    head = fit(*(part.clone() for part in vectors(model, train, wordpiece)))
    x, tags = (part.clone() for part in vectors(model, dev, wordpiece))
    right = (head(x.float()).argmax(-1) == tags)[tags > 0].float().mean()
    print(f"tags of entities on dev: {float(right):.3f} as the teacher has them")
    fitted = load_checkpoint(args.checkpoint)
    fitted.namer.load_state_dict(head.state_dict())
    save_checkpoint(args.out, fitted)


if __name__ == "__main__":
    main()
