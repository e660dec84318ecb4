"""Write a checkpoint as the run-time weights.

python -m training.claims.export CHECKPOINT --data DIR --base DIR --out DIR
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from claimstream.pipeline.extract.encoder.entities import N_TAGS
from claimstream.pipeline.extract.encoder.spans import DecodingConfig
from claimstream.pipeline.extract.encoder.words import WordPiece

from .batch import cues_to_read, decoder_batches, encoder_batch
from .checkpoint import load_checkpoint
from .data import Example, examples, read_lines, rows
from .graph import Floats, Graph
from .model import AttributionModel, ModelConfig

CALIBRATION_ARTICLES = 24
SMOOTHING = 0.6  # share of the activations' spread that moves into the weights
State = dict[str, Floats]


class Weights:
    """The trained tensors, with activation outliers moved into the weights where that is free or cheap.

    Activations are quantized per tensor at run time, so one wide channel costs all others their precision.
    SmoothQuant (Xiao et al., ICML 2023) divides each channel by a factor and multiplies the weight's column.
    """

    def __init__(self, state: State, ranges: State) -> None:
        self._state = state
        self._ranges = ranges

    def __getitem__(self, name: str) -> Floats:
        return self._state[name]

    def linear(self, graph: Graph, name: str, x: str) -> str:
        weight, factor = self[f"{name}.weight"], self.smoothing(name)
        if factor is not None:
            weight = weight * factor
            x = graph.op("Mul", x, graph.constant(1 / factor))
        return graph.linear(x, weight, self[f"{name}.bias"])

    def attention(self, graph: Graph, name: str, x: str, heads: int) -> str:
        """The factors of the output's input channels go into the value projection, at no cost."""
        out_bias = self[f"{name}.out.bias"]
        out = self[f"{name}.out.weight"]
        width = out.shape[1]
        qkv, bias = self[f"{name}.qkv.weight"].copy(), self[f"{name}.qkv.bias"].copy()
        factor = self.smoothing(f"{name}.out")
        if factor is not None:
            out = out * factor
            qkv[2 * width :] /= factor[:, None]
            bias[2 * width :] /= factor
        factor = self.smoothing(f"{name}.qkv")
        if factor is not None:
            qkv *= factor
            x = graph.op("Mul", x, graph.constant(1 / factor))
        mixed = graph.attention(graph.linear(x, qkv, bias), width, heads)
        return graph.linear(mixed, out, out_bias)

    def smoothing(self, name: str) -> Floats | None:
        if name not in self._ranges:
            return None
        activations = np.maximum(self._ranges[name], 1e-3)
        if name.endswith(".down"):  # GELU leaves most channels small: only the few wide ones are narrowed
            return np.asarray(np.maximum(1.0, activations / np.quantile(activations, 0.99)), np.float32)
        columns = np.maximum(np.abs(self[f"{name}.weight"]).max(0), 1e-3)
        factor = activations**SMOOTHING / columns ** (1 - SMOOTHING)
        return np.asarray(factor / np.exp(np.log(factor).mean()), np.float32)


def activation_ranges(model: AttributionModel, articles: list[list[Example]], wordpiece: WordPiece) -> State:
    """Largest absolute input per channel of the quantized products, over some articles."""
    ranges: State = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen = inputs[0].detach().float().abs().flatten(0, -2).max(0).values.numpy()
            ranges[name] = np.maximum(ranges[name], seen) if name in ranges else seen

        return hook

    handles = [
        module.register_forward_pre_hook(watch(name))
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and ".layers." in name
    ]
    with torch.inference_mode():
        for article in articles:
            for row in rows(article, wordpiece, 128):
                batch = encoder_batch([row])
                words = model.encode(batch.ids, batch.features, None, batch.first).vectors
                for part in decoder_batches(cues_to_read([row], None, 1.0, Random(0)), 4096):
                    given = words.index_select(0, part.index.flatten()).view(*part.index.shape, -1)
                    model.decoder(given, part.features, part.first, part.last, part.bias)
    for handle in handles:
        handle.remove()
    return ranges


def _layer(graph: Graph, weights: Weights, name: str, x: str, heads: int) -> str:
    """A post-norm layer as in model.Layer."""
    y = weights.attention(graph, name, x, heads)
    x = graph.op("Add", x, y)
    x = graph.norm(x, weights[f"{name}.norm1.weight"], weights[f"{name}.norm1.bias"], 1e-12)
    y = weights.linear(graph, f"{name}.down", graph.gelu(weights.linear(graph, f"{name}.up", x)))
    x = graph.op("Add", x, y)
    return graph.norm(x, weights[f"{name}.norm2.weight"], weights[f"{name}.norm2.bias"], 1e-12)


def encoder_graph(weights: Weights, config: ModelConfig, max_pieces: int) -> onnx.ModelProto:
    """ids, features [pieces], first [words] -> vectors [words, decoder width], tags [words, 3]."""
    g = Graph()
    words = weights["encoder.words.weight"]
    scale = np.maximum(np.abs(words).max(1, keepdims=True), 1e-8) / 127
    table = g.constant(np.round(words / scale).astype(np.int8))
    x = g.op("Cast", g.op("Gather", table, "ids"), to=onnx.TensorProto.FLOAT)
    x = g.op("Mul", x, g.op("Gather", g.constant(scale.astype(np.float32)), "ids"))
    positions = g.constant(weights["encoder.positions.weight"][:max_pieces])
    x = g.op("Add", x, g.op("Slice", positions, g.ints(0), g.op("Shape", "ids")))
    x = g.op("Add", x, g.op("Gather", g.constant(weights["encoder.features.weight"]), "features"))
    x = g.norm(x, weights["encoder.norm.weight"], weights["encoder.norm.bias"], 1e-12)
    x = g.op("Unsqueeze", x, g.ints(0))
    for i in range(config.layers):
        x = _layer(g, weights, f"encoder.layers.{i}", x, config.heads)
    x = g.op("Gather", g.op("Squeeze", x, g.ints(0)), "first")
    vectors = g.exact_linear(x, weights["project.weight"], weights["project.bias"])
    tags = g.exact_linear(x, weights["tagger.weight"], weights["tagger.bias"])
    padded = g.op("Pad", x, g.ints(1, 0, 1, 0))
    before, behind = (g.op("Slice", padded, g.ints(start), g.ints(end)) for start, end in ((0, -2), (2, 2**31)))
    near = g.op("Concat", before, x, behind, axis=-1)
    entities = g.exact_linear(near, weights["namer.weight"], weights["namer.bias"])
    return g.model(
        {"ids": ("int64", ["pieces"]), "features": ("int64", ["pieces"]), "first": ("int64", ["words"])},
        {
            "vectors": (vectors, ["words", config.decoder_width]),
            "tags": (tags, ["words", 3]),
            "entities": (entities, ["words", N_TAGS]),
        },
    )


def decoder_graph(weights: Weights, config: ModelConfig) -> onnx.ModelProto:
    """One segment of W words, C cues.

    vectors [W, width], features [W], distances [C, W] (from 0), means [C, W] (1 / n on the n words of the
    cue), first and last [C], flat_first and flat_last [C] (indices into [C x W]) -> words [C, W, 7]:
    three labels, two switches, source start and end; judged [C, 3]: valid, no source (start, end).
    """
    g = Graph()
    cue = g.op(
        "Concat",
        g.op("Gather", "vectors", "first"),
        g.op("Gather", "vectors", "last"),
        g.op("MatMul", "means", "vectors"),
        axis=-1,
    )
    cue = g.exact_linear(cue, weights["decoder.cue.weight"], weights["decoder.cue.bias"])
    x = g.op("Add", "vectors", g.op("Gather", g.constant(weights["decoder.features.weight"]), "features"))
    x = g.op("Add", x, g.op("Unsqueeze", cue, g.ints(1)))
    x = g.op("Add", x, g.op("Gather", g.constant(weights["decoder.distances.weight"]), "distances"))
    x = g.norm(x, weights["decoder.norm.weight"], weights["decoder.norm.bias"], 1e-5)
    for i in range(config.decoder_layers):
        x = _layer(g, weights, f"decoder.layers.{i}", x, config.decoder_heads)
    words = g.exact_linear(x, weights["decoder.heads.weight"], weights["decoder.heads.bias"])
    flat = g.op("Reshape", x, g.ints(-1, config.decoder_width))
    pooled = g.op("Concat", g.op("Gather", flat, "flat_first"), g.op("Gather", flat, "flat_last"), axis=-1)
    pooled = g.exact_linear(pooled, weights["decoder.pooled.weight"], weights["decoder.pooled.bias"])
    judged = g.exact_linear(g.gelu(pooled), weights["decoder.judge.weight"], weights["decoder.judge.bias"])
    per_cue = {name: ("int64", ["C"]) for name in ("first", "last", "flat_first", "flat_last")}
    return g.model(
        {
            "vectors": ("float", ["W", config.decoder_width]),
            "features": ("int64", ["W"]),
            "distances": ("int64", ["C", "W"]),
            "means": ("float", ["C", "W"]),
            **per_cue,
        },
        {"words": (words, ["C", "W", 7]), "judged": (judged, ["C", 3])},
    )


def export(model: AttributionModel, ranges: State, vocabulary: Path, out: Path, max_pieces: int) -> None:
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().float().numpy() for name, tensor in model.state_dict().items()}
    weights = Weights(state, ranges)
    onnx.save(encoder_graph(weights, model.config, max_pieces), out / "encoder.onnx")
    onnx.save(decoder_graph(weights, model.config), out / "decoder.onnx")
    shutil.copyfile(vocabulary, out / "vocab.txt")
    config = {
        "max_pieces": max_pieces,
        "max_distance": model.config.max_distance,
        "layers": model.config.layers,
        "decoding": asdict(DecodingConfig()),
    }
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.jsonl.gz")
    parser.add_argument("--base", type=Path, required=True, help="folder of vocab.txt")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--max-pieces", type=int, default=128)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_checkpoint(args.checkpoint)
    wordpiece = WordPiece.load(args.base / "vocab.txt")
    sample = [examples(a, wordpiece, 126) for a in read_lines(args.data / "train.jsonl.gz")[:CALIBRATION_ARTICLES]]
    ranges = activation_ranges(model, sample, wordpiece)
    export(model, ranges, args.base / "vocab.txt", args.out, args.max_pieces)


if __name__ == "__main__":
    main()
