"""The public face of the package: an engine with its stored weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from claimstream.pipeline.extract.encoder.attributor import Annotations, Engine
from claimstream.pipeline.extract.encoder.network import OnnxNetwork
from claimstream.pipeline.extract.encoder.spans import DecodingConfig
from claimstream.pipeline.extract.encoder.words import WordPiece

_WEIGHTS = Path(__file__).parent / "weights"


def load_engine(folder: Path) -> Engine:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    decoding = config["decoding"]
    decoding["calibration"] = tuple(decoding["calibration"])
    return Engine(
        WordPiece.load(folder / "vocab.txt"),
        OnnxNetwork(folder, config["max_distance"]),
        DecodingConfig(**decoding),
        config["max_pieces"],
    )


class Attributor:
    """Finds who said what in English texts. One thread; keeps nothing from one text to the next."""

    def __init__(self, engine: Engine, version: str) -> None:
        self._engine = engine
        self.version = version
        """Changes with the weights and thresholds: the first digits of their SHA-256."""

    @classmethod
    def load(cls, path: Path | None = None) -> Attributor:
        """Load the weights in `path`, or those that come with the package."""
        folder = path or _WEIGHTS
        weights = b"".join((folder / name).read_bytes() for name in ("encoder.onnx", "decoder.onnx", "config.json"))
        return cls(load_engine(folder), hashlib.sha256(weights).hexdigest()[:8])

    def predict(self, texts: Iterable[str]) -> Iterator[Annotations]:
        """What each text says; lazy. Offsets are those of the given text."""
        return self._engine.predict(texts)
