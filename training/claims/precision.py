"""fp32 master weights, bf16 work, and a moving average of the weights."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from .model import AttributionModel


class MixedPrecision:
    """fp32 weights that the optimizer moves, and a bf16 copy of them that computes.

    Several times as fast as fp32 on a CPU with avx512_bf16, and without autocast's many casts.
    """

    def __init__(self, model: AttributionModel, options: dict[str, Any]) -> None:
        self.master = model
        self.work = copy.deepcopy(model).to(torch.bfloat16)
        self.pairs = [
            (master, work)
            for master, work in zip(model.parameters(), self.work.parameters(), strict=True)
            if master.requires_grad
        ]
        groups = self._groups(options)
        self.rates = [group["lr"] for group in groups]
        self.warmup: float = options["warmup"]
        self.clip: float = options["clip"]
        self.decay: float = options["average"]
        self.optimizer = torch.optim.AdamW(groups, betas=tuple(options["betas"]), eps=1e-6, fused=True)
        self.average: list[Tensor] | None = None

    def _groups(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        encoder = {id(p) for p in self.master.encoder.parameters()}
        groups = []
        for in_encoder, rate in ((True, options["encoder_rate"]), (False, options["head_rate"])):
            for matrix, decay in ((True, options["weight_decay"]), (False, 0.0)):
                chosen = [m for m, _ in self.pairs if (id(m) in encoder) is in_encoder and (m.dim() > 1) is matrix]
                groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
        return groups

    def step(self, loss: Tensor, progress: float) -> None:
        """progress: from 0 to 1 over the training; the rate rises, then falls linearly to 0."""
        factor = min(progress / self.warmup, (1 - progress) / (1 - self.warmup))
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * max(0.0, factor)
        torch.autograd.backward(loss)
        for master, work in self.pairs:
            master.grad = None if work.grad is None else work.grad.float()
            work.grad = None
        nn.utils.clip_grad_norm_([master for master, _ in self.pairs], self.clip)
        self.optimizer.step()
        with torch.no_grad():
            for master, work in self.pairs:
                work.copy_(master)

    @torch.no_grad()
    def update_average(self) -> None:
        """Exponential moving average of the weights (Polyak averaging)."""
        if self.average is None:
            self.average = [master.clone() for master, _ in self.pairs]
        for mean, (master, _) in zip(self.average, self.pairs, strict=True):
            mean.lerp_(master, 1 - self.decay)

    @torch.no_grad()
    def averaged(self) -> AttributionModel:
        model = copy.deepcopy(self.master)
        if self.average is not None:
            trained = (p for p in model.parameters() if p.requires_grad)
            for p, mean in zip(trained, self.average, strict=True):
                p.copy_(mean)
        return model.eval()
