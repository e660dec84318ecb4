"""Read the run-time weights back into a checkpoint, to go on training where nothing else is left.

python -m training.claims.reopen WEIGHTS --base DIR --out CHECKPOINT

The product is the same but for the rounding to int8, which the float weights inherit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper

from .checkpoint import save_checkpoint
from .graph import Floats
from .model import AttributionModel, ModelConfig


class Graph:
    """The constants of a graph of graph.py, by the kind of node that they feed, in the order of the nodes."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path).graph
        constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
        made_by = {name: node for node in graph.node for name in node.output}
        self.linear: list[tuple[Floats, Floats]] = []
        self.exact: list[tuple[Floats, Floats]] = []
        self.norms: list[tuple[Floats, Floats]] = []
        self.tables: list[Floats] = []
        for node in graph.node:
            given = [constants.get(name) for name in node.input]
            if node.op_type == "DynamicQuantizeMatMul":
                weight = (given[1].astype("float32") * given[2]).T
                before = made_by.get(node.input[0])
                if before is not None and before.op_type == "Mul" and before.input[1] in constants:
                    weight = weight * constants[before.input[1]]  # the smoothing factor, back out of the weight
                self.linear.append((weight, given[4]))
            elif node.op_type == "Add" and given[1] is not None and made_by[node.input[0]].op_type == "MatMul":
                self.exact.append((constants[made_by[node.input[0]].input[1]].T, given[1]))
            elif node.op_type == "LayerNormalization":
                self.norms.append((given[1], given[2]))
            elif node.op_type in {"Gather", "Slice"} and given[0] is not None:
                self.tables.append(given[0])


def state(weights: Path) -> Iterator[tuple[str, Floats]]:
    """The parameters of model.AttributionModel, by name; positions only as far as the product reads."""
    encoder, decoder = Graph(weights / "encoder.onnx"), Graph(weights / "decoder.onnx")
    words, scale, positions, features = encoder.tables
    yield "encoder.words.weight", words.astype("float32") * scale
    yield "encoder.positions.weight", positions
    yield "encoder.features.weight", features
    yield "decoder.features.weight", decoder.tables[0]
    yield "decoder.distances.weight", decoder.tables[1]
    named = [
        *zip(("project", "tagger", "namer"), encoder.exact, strict=True),
        *zip(("decoder.cue", "decoder.heads", "decoder.pooled", "decoder.judge"), decoder.exact, strict=True),
    ]
    for part, graph in (("encoder", encoder), ("decoder", decoder)):
        named.append((f"{part}.norm", graph.norms[0]))
        for i in range(len(graph.linear) // 4):
            names = [f"{part}.layers.{i}.{name}" for name in ("qkv", "out", "up", "down", "norm1", "norm2")]
            named += zip(names, graph.linear[4 * i :][:4] + graph.norms[2 * i + 1 :][:2], strict=True)
    for name, (weight, bias) in named:
        yield f"{name}.weight", weight
        yield f"{name}.bias", bias


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="folder of encoder.onnx and decoder.onnx")
    parser.add_argument("--base", type=Path, required=True, help="folder of model.safetensors")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found = {name: torch.tensor(value) for name, value in state(args.weights)}
    layers = sum(name.startswith("encoder.layers.") and name.endswith("qkv.weight") for name in found)
    config = ModelConfig(
        layers=layers,
        heads=found["encoder.layers.0.out.weight"].shape[1] // ModelConfig.head,
        inner=found["encoder.layers.0.up.bias"].shape[0],
        decoder_inner=found["decoder.layers.0.up.bias"].shape[0],
    )
    model = AttributionModel(config)
    model.encoder.load_base(args.base / "model.safetensors")  # the positions that only training reads
    positions = model.encoder.positions.weight.detach().clone()
    positions[: len(found["encoder.positions.weight"])] = found["encoder.positions.weight"]
    model.load_state_dict(found | {"encoder.positions.weight": positions})
    save_checkpoint(args.out, model)


if __name__ == "__main__":
    main()
