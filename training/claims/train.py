"""Train the attribution model.

python -m training.claims.train --data DIR --base DIR --out DIR

With --teacher the losses of distil.py join those of losses.py, and the student may be smaller (prune.py).
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from claimstream.pipeline.extract.encoder.spans import softmax
from claimstream.pipeline.extract.encoder.words import WordPiece

from .batch import cues_to_read, decoder_batches, encoder_batch
from .checkpoint import load_checkpoint, save_checkpoint
from .data import Example, Row, batches, examples, read_lines, read_training_set
from .distil import reading_distillation, tag_distillation
from .evaluate import evaluate
from .losses import entity_loss, reading_losses, tag_loss
from .model import AttributionModel, ModelConfig
from .precision import MixedPrecision
from .prune import shrink, uses

MASK = 103  # [MASK] in the BERT vocabulary
PRUNING_BATCHES = 40  # of the first epoch

Config = dict[str, Any]
Plan = list[list[list[Row]]]


class Objective:
    """The loss of a batch of rows, with or without a teacher."""

    def __init__(self, config: Config, teacher: AttributionModel | None) -> None:
        self.options: Config = config["train"]
        self.weights: dict[str, float] = config["loss"]
        self.teacher = None if teacher is None else teacher.to(torch.bfloat16).eval()
        self.rng = random.Random(config["seed"])

    def __call__(self, model: AttributionModel, rows: Sequence[Row], epoch: float) -> dict[str, Tensor]:
        batch = encoder_batch(rows)
        bias = batch.bias.to(torch.bfloat16)
        ids = batch.ids.masked_fill(torch.rand(batch.ids.shape) < self.options["masking"], MASK)
        words, tags, entities = model.encode(ids, batch.features, bias, batch.first)
        losses = {"tags": tag_loss(tags, batch.tags), "entities": entity_loss(entities, batch.entities)}
        words_taught = None
        if self.teacher is not None:
            with torch.inference_mode():
                taught = self.teacher.encode(batch.ids, batch.features, bias, batch.first)
            words_taught = taught.vectors
            losses["tags_taught"] = tag_distillation(tags, taught.tags.clone())
            losses["entities_taught"] = tag_distillation(entities, taught.entities.clone())
        predicted = None
        if epoch >= self.options["false_cues_from"]:
            predicted = softmax(tags.detach().float().numpy())
        readings = cues_to_read(rows, predicted, self.options["cue_threshold"], self.rng)
        sums: dict[str, Tensor] = {}
        for part in decoder_batches(readings, self.options["max_padded_words"]):
            arguments = part.features, part.first, part.last, part.bias.to(torch.bfloat16)
            read = model.decoder(_gather(words, part.index), *arguments)
            found = reading_losses(read, part)
            if self.teacher is not None and words_taught is not None:
                with torch.inference_mode():
                    of_teacher = self.teacher.decoder(_gather(words_taught, part.index), *arguments)
                found |= reading_distillation(read, of_teacher, part)
            for name, value in found.items():
                sums[name] = sums[name] + value if name in sums else value
        for name, value in sums.items():
            if name in _COUNTED_BY:
                losses[name] = value / sums[_COUNTED_BY[name]].clamp(min=1)
        return losses

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        return torch.stack([self.weights[name] * value for name, value in losses.items()]).sum()


_COUNTED_BY = {
    "labels": "words",
    "path": "true",
    "source": "true",
    "valid": "cues",
    "labels_taught": "all_words",
    "boundaries_taught": "all_words",
    "source_taught": "cues",
    "valid_taught": "cues",
}


def _gather(words: Tensor, index: Tensor) -> Tensor:
    return words.index_select(0, index.flatten()).view(*index.shape, -1)


def train(
    mixed: MixedPrecision,
    objective: Objective,
    plan: Plan,
    *,
    average_from: float,
    minutes: float | None,
    after_epoch: Callable[[int, float], None],
) -> None:
    """Run the plan; with `minutes` the schedule ends after that time if it comes first."""
    total_steps = sum(map(len, plan))
    step, progress = 0, 0.0
    began = time.perf_counter()
    for epoch, epoch_batches in enumerate(plan):
        mixed.work.train()
        running: dict[str, float] = {}
        for i, rows in enumerate(epoch_batches):
            losses = objective(mixed.work, rows, epoch + i / len(epoch_batches))
            step += 1
            seconds = time.perf_counter() - began
            progress = step / total_steps if minutes is None else max(step / total_steps, seconds / 60 / minutes)
            mixed.step(objective.total(losses), progress)
            if progress >= average_from:
                mixed.update_average()
            for name, value in losses.items():
                now = float(value.detach())
                running[name] = 0.98 * running.get(name, now) + 0.02 * now
            if step % 50 == 0:
                shown = " ".join(f"{name} {value:.3f}" for name, value in running.items())
                print(f"{step}/{total_steps} {progress:.3f} {seconds:.0f}s {shown}", flush=True)
            if progress >= 1:
                break
        after_epoch(epoch, time.perf_counter() - began)
        if progress >= 1:
            break


def epoch_plan(articles: list[list[Example]], more: list[list[Example]], wordpiece: WordPiece, config: Config) -> Plan:
    """All epochs beforehand, so that the schedule knows the number of steps."""
    options = config["train"]
    rng = random.Random(config["seed"])
    shortest, longest = options["lengths"]
    plan = []
    for _ in range(options["epochs"]):
        extra = rng.sample(more, min(len(more), options["extra_readings"]))
        plan.append(batches(articles + extra, wordpiece, rng, (shortest, longest), options["max_padded"]))
    return plan


def initial_model(
    config: Config, base: Path, start: Path | None, teacher: AttributionModel | None, batches: Sequence[list[Row]]
) -> AttributionModel:
    """batches: what a student's heads and inner units are chosen by."""
    if start is not None:
        return load_checkpoint(start)
    if teacher is not None:
        hard = Objective(config, None)
        work = copy.deepcopy(teacher)
        found = uses(work, batches, lambda rows: hard.total(hard(work, rows, 1.0)))
        return shrink(work, config["student"], found)
    model = AttributionModel(ModelConfig(**config["model"]))
    model.encoder.load_base(base / "model.safetensors")
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.jsonl.gz and dev.jsonl.gz")
    parser.add_argument("--base", type=Path, required=True, help="folder of model.safetensors and vocab.txt")
    parser.add_argument("--entities", type=Path, required=True, help="written by training.claims.entities")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("config.toml"))
    parser.add_argument("--start", type=Path, help="checkpoint whose weights to go on from")
    parser.add_argument("--teacher", type=Path, help="checkpoint to distil")
    parser.add_argument("--minutes", type=float, help="end the schedule after this time, if it comes first")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    config = tomllib.loads(args.config.read_text())
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(args.threads)
    torch.manual_seed(config["seed"])
    wordpiece = WordPiece.load(args.base / "vocab.txt")
    articles, more = (
        [examples(article, wordpiece, config["max_pieces"] - 2) for article in part]
        for part in read_training_set(args.data, args.entities)
    )
    dev = read_lines(args.data / "dev.jsonl.gz")
    teacher = None if args.teacher is None else load_checkpoint(args.teacher)
    plan = epoch_plan(articles, more, wordpiece, config)
    model = initial_model(config, args.base, args.start, teacher, plan[0][:PRUNING_BATCHES])
    if config["train"]["frozen"]:
        model.encoder.freeze(config["train"]["frozen"])
    mixed = MixedPrecision(model, config["train"])

    def after_epoch(epoch: int, seconds: float) -> None:
        model = mixed.averaged()
        save_checkpoint(args.out / f"epoch{epoch}.safetensors", model)
        row = {
            "epoch": epoch,
            "seconds": round(seconds),
            **evaluate(model, wordpiece, dev, config["max_pieces"]),
        }
        print(json.dumps(row), flush=True)
        with (args.out / "curve.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    objective = Objective(config, teacher)
    train(
        mixed,
        objective,
        plan,
        average_from=config["train"]["average_from"],
        minutes=args.minutes,
        after_epoch=after_epoch,
    )


if __name__ == "__main__":
    main()
