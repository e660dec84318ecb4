"""A smaller model out of a trained one: fewer layers, attention heads and inner units, the most useful ones kept.

Heads are ranked by the gradient of a gate on each (Michel et al., NeurIPS 2019), inner units likewise (the first-order
term of Molchanov et al., ICLR 2017).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from .data import Row
from .model import AttributionModel, Layer

Uses = dict[Layer, tuple[Tensor, Tensor]]
"""For each layer: of its heads [heads], of its inner units [inner]."""


def uses(model: AttributionModel, batches: Iterable[Sequence[Row]], loss: Callable[[Sequence[Row]], Tensor]) -> Uses:
    """How much the loss would change without each head and each inner unit, to first order, summed over batches."""
    layers = [module for module in model.modules() if isinstance(module, Layer)]
    found = {one: (torch.zeros(one.heads), torch.zeros(one.up.out_features)) for one in layers}
    for rows in batches:
        model.zero_grad()
        torch.autograd.backward(loss(rows))
        for layer, (heads, inner) in found.items():
            heads.add_(_by_input(layer.out).view(layer.heads, layer.head).sum(1).abs())
            inner.add_(_by_input(layer.down).abs())
    model.zero_grad()
    return found


def _by_input(linear: nn.Linear) -> Tensor:
    """The derivative of the loss by a factor on each input of the product: [in]."""
    if linear.weight.grad is None:
        return torch.zeros(linear.in_features)
    return (linear.weight * linear.weight.grad).float().sum(0).detach()


def shrink(teacher: AttributionModel, student: dict[str, Any], of_use: Uses) -> AttributionModel:
    """student: encoder layers to keep, heads and inner units of each of them, inner units of the decoder's."""
    config = replace(
        teacher.config,
        layers=len(student["layers"]),
        heads=student["heads"],
        inner=student["inner"],
        decoder_inner=student["decoder_inner"],
    )
    model = AttributionModel(config)
    for name, module in teacher.named_children():
        if name not in {"encoder", "decoder"}:
            model.get_submodule(name).load_state_dict(module.state_dict())
    for part, chosen in (("encoder", student["layers"]), ("decoder", range(config.decoder_layers))):
        old, new = teacher.get_submodule(part), model.get_submodule(part)
        rest = {name: value for name, value in old.state_dict().items() if not name.startswith("layers.")}
        new.load_state_dict(rest, strict=False)
        for target, index in zip(new.get_submodule("layers"), chosen, strict=True):
            source = old.get_submodule(f"layers.{index}")
            assert isinstance(target, Layer)
            assert isinstance(source, Layer)
            _fill(target, source, *of_use[source])
    return model


@torch.no_grad()
def _fill(target: Layer, source: Layer, heads: Tensor, inner: Tensor) -> None:
    kept_heads = heads.topk(target.heads).indices.sort().values
    kept = inner.topk(target.up.out_features).indices.sort().values
    columns = (kept_heads[:, None] * source.head + torch.arange(source.head)).flatten()
    rows = (torch.arange(3)[:, None] * source.out.in_features + columns).flatten()
    for name in ("norm1", "norm2"):
        target.get_submodule(name).load_state_dict(copy.deepcopy(source.get_submodule(name).state_dict()))
    target.qkv.weight.copy_(source.qkv.weight[rows])
    target.qkv.bias.copy_(source.qkv.bias[rows])
    target.out.weight.copy_(source.out.weight[:, columns])
    target.out.bias.copy_(source.out.bias)
    target.up.weight.copy_(source.up.weight[kept])
    target.up.bias.copy_(source.up.bias[kept])
    target.down.weight.copy_(source.down.weight[:, kept])
    target.down.bias.copy_(source.down.bias)
