"""Checkpoints in safetensors, with the model's configuration in the header."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file, save_file

from .model import AttributionModel, ModelConfig


def save_checkpoint(path: Path, model: AttributionModel) -> None:
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, str(path), {"config": json.dumps(asdict(model.config))})


def load_checkpoint(path: Path) -> AttributionModel:
    with safe_open(str(path), "pt") as file:
        config = ModelConfig(**json.loads(file.metadata()["config"]))
    model = AttributionModel(config)
    model.load_state_dict(load_file(str(path)))
    return model.eval()
