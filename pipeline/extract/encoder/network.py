"""The network in onnxruntime: one thread, int8 weights."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # what runs here is nobody else's business; read at the import
import onnxruntime

from claimstream.pipeline.extract.encoder.attributor import Encoded
from claimstream.pipeline.extract.encoder.packing import Ints, Pack
from claimstream.pipeline.extract.encoder.spans import Floats, Readings


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # The graphs are written as they should run; the optimizer would fuse a slower layer norm.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class OnnxNetwork:
    def __init__(self, folder: Path, max_distance: int) -> None:
        self._encoder = _session(folder / "encoder.onnx")
        self._decoder = _session(folder / "decoder.onnx")
        self._max_distance = max_distance

    def encode(self, pack: Pack) -> Encoded:
        inputs = {"ids": pack.ids, "features": pack.features, "first": pack.first}
        return Encoded(*self._encoder.run(list(Encoded._fields), inputs))

    def decode(self, words: Floats, features: Ints, first: Ints, last: Ints) -> Readings:
        n, width = len(first), len(words)
        index = np.arange(width)
        from_first, from_last = index - first[:, None], index - last[:, None]
        limit = self._max_distance
        distances = np.clip(np.minimum(from_first, 0) + np.maximum(from_last, 0), -limit, limit) + limit
        inside = (from_first >= 0) & (from_last <= 0)
        rows = np.arange(n) * width
        inputs = {
            "vectors": words,
            "features": features,
            "distances": distances,
            "means": (inside / inside.sum(1, keepdims=True)).astype(np.float32),
            "first": first,
            "last": last,
            "flat_first": rows + first,
            "flat_last": rows + last,
        }
        scores, judged = self._decoder.run(["words", "judged"], inputs)
        source = np.concatenate([judged[:, None, 1:], scores[..., 5:]], 1)
        return Readings(scores[..., :3], scores[..., 3:5], source, judged[:, 0])
