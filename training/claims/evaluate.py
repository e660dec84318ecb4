"""Claim and full F1 on articles, with the network run by torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from bench.matching import match, scores
from claimstream.pipeline.extract.encoder.attributor import Encoded, Engine
from claimstream.pipeline.extract.encoder.packing import Ints, Pack
from claimstream.pipeline.extract.encoder.spans import DecodingConfig, Floats, Readings
from claimstream.pipeline.extract.encoder.words import WordPiece

from .model import AttributionModel


class TorchNetwork:
    """The run-time network's two calls, on the training model."""

    def __init__(self, model: AttributionModel) -> None:
        self.model = model.eval()

    def encode(self, pack: Pack) -> Encoded:
        with torch.inference_mode():
            ids, features, first = map(torch.from_numpy, (pack.ids, pack.features, pack.first))
            encoded = self.model.encode(ids[None], features[None], None, first)
        return Encoded(*(part.float().numpy() for part in encoded))

    def decode(self, words: Floats, features: Ints, first: Ints, last: Ints) -> Readings:
        with torch.inference_mode():
            vectors = torch.from_numpy(words).to(self.model.project.weight.dtype).expand(len(first), -1, -1)
            feature_ids = torch.from_numpy(features).expand(len(first), -1)
            cues = torch.from_numpy(first), torch.from_numpy(last)
            read = self.model.decoder(vectors, feature_ids, *cues, None)
        return Readings(*(part.float().numpy() for part in read))


def evaluate(
    model: AttributionModel, wordpiece: WordPiece, articles: Sequence[dict[str, Any]], max_pieces: int
) -> dict[str, float]:
    """With the decoding of DecodingConfig's defaults, so that epochs compare."""
    engine = Engine(wordpiece, TorchNetwork(model.to(torch.bfloat16)), DecodingConfig(), max_pieces)
    predicted = engine.predict(article["text"] for article in articles)
    pairs = zip(articles, predicted, strict=True)
    return scores([match(a["text"], a["attributions"], list(map(asdict, found.attributions))) for a, found in pairs])
