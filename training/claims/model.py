"""The attribution model: a MiniLM encoder, a cue tagger and a cue-centred decoder.

The encoder (MiniLM: Wang et al., NeurIPS 2020) reads packed paragraphs once. A BIO tagger finds the
cues; for each cue a small transformer reads the words of its paragraph again, conditioned on the cue
(one reading per cue, as in CofeNet: Hu et al., COLING 2022), and finds its source and its content.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from claimstream.pipeline.extract.encoder.entities import N_TAGS

LABELS = ("none", "source", "content")
TAGS = ("O", "B", "I")
N_FEATURES = 16


@dataclass(frozen=True)
class ModelConfig:
    layers: int = 6
    width: int = 384
    heads: int = 12
    head: int = 32
    inner: int = 1536
    vocabulary: int = 30522
    positions: int = 512
    decoder_layers: int = 2
    decoder_width: int = 256
    decoder_heads: int = 4
    decoder_head: int = 64
    decoder_inner: int = 768
    max_distance: int = 64
    dropout: float = 0.1


class Dropout(nn.Module):
    """Dropout whose masks are slices of one fixed random pool: drawing bits is 10% of a step on a CPU."""

    pool: Tensor | None = None
    size = 1 << 24

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        if Dropout.pool is None:
            Dropout.pool = ((torch.rand(self.size) >= self.rate) / (1 - self.rate)).to(x.dtype)
        n = x.numel()
        if n > self.size // 2:
            return functional.dropout(x, self.rate, True)
        offset = int(torch.randint(self.size - n, ()))
        return x * Dropout.pool[offset : offset + n].view_as(x)


class Layer(nn.Module):
    """A post-norm transformer layer as in BERT."""

    def __init__(self, width: int, heads: int, head: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.head = head
        self.drop = Dropout(dropout)
        self.qkv = nn.Linear(width, 3 * heads * head)
        self.out = nn.Linear(heads * head, width)
        self.norm1 = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """x: [batch, length, width]; bias: [batch, 1, 1, length], 0 or a large negative number."""
        batch, length, _ = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, self.head)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        scores = (query * self.head**-0.5) @ key.transpose(-1, -2)
        if bias is not None:
            scores = scores + bias
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.drop(self.out(mixed)))
        hidden: Tensor = self.norm2(x + self.drop(self.down(functional.gelu(self.up(x)))))
        return hidden


class Encoder(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.words = nn.Embedding(config.vocabulary, config.width)
        self.words.weight.requires_grad_(False)
        self.positions = nn.Embedding(config.positions, config.width)
        self.features = nn.Embedding(N_FEATURES, config.width)
        self.norm = nn.LayerNorm(config.width, eps=1e-12)
        self.layers = nn.ModuleList(
            Layer(config.width, config.heads, config.head, config.inner, config.dropout) for _ in range(config.layers)
        )
        self.drop = Dropout(config.dropout)
        nn.init.zeros_(self.features.weight)

    def forward(self, ids: Tensor, features: Tensor, bias: Tensor | None) -> Tensor:
        """ids, features: [batch, length] -> [batch, length, width]."""
        embedded = self.words(ids) + self.positions.weight[: ids.shape[1]] + self.features(features)
        x: Tensor = self.drop(self.norm(embedded))
        for layer in self.layers:
            x = layer(x, bias)
        return x

    def freeze(self, layers: int) -> None:
        """Leave the embeddings and the lowest layers as they are, which saves their backward pass."""
        for part in (self.positions, self.features, self.norm, *self.layers[:layers]):
            part.requires_grad_(False)

    def load_base(self, path: Path) -> None:
        """Take the weights of a BERT-shaped checkpoint (sentence-transformers MiniLM-L6)."""
        base = load_file(str(path))
        with torch.no_grad():
            self.words.weight.copy_(base["embeddings.word_embeddings.weight"])
            types = base["embeddings.token_type_embeddings.weight"]
            self.positions.weight.copy_(base["embeddings.position_embeddings.weight"] + types[0])
            self.norm.weight.copy_(base["embeddings.LayerNorm.weight"])
            self.norm.bias.copy_(base["embeddings.LayerNorm.bias"])
            for i, layer in enumerate(self.layers):
                assert isinstance(layer, Layer)
                prefix = f"encoder.layer.{i}."
                for kind in ("weight", "bias"):
                    parts = [base[f"{prefix}attention.self.{n}.{kind}"] for n in ("query", "key", "value")]
                    getattr(layer.qkv, kind).copy_(torch.cat(parts))
                    for ours, theirs in (
                        (layer.out, "attention.output.dense"),
                        (layer.norm1, "attention.output.LayerNorm"),
                        (layer.up, "intermediate.dense"),
                        (layer.down, "output.dense"),
                        (layer.norm2, "output.LayerNorm"),
                    ):
                        getattr(ours, kind).copy_(base[f"{prefix}{theirs}.{kind}"])


class Readings(NamedTuple):
    """What the decoder says of each cue; W words of its segment."""

    labels: Tensor  # [cues, W, 3] none, source, content
    boundaries: Tensor  # [cues, W, 2] content starts at, has ended before the word
    source: Tensor  # [cues, W + 1, 2] start and end of the source; index 0 is "no source"
    valid: Tensor  # [cues]


class Decoder(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.decoder_width
        self.max_distance = config.max_distance
        self.features = nn.Embedding(N_FEATURES, width)
        self.distances = nn.Embedding(2 * config.max_distance + 1, width)
        self.cue = nn.Linear(3 * width, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(
            Layer(width, config.decoder_heads, config.decoder_head, config.decoder_inner, config.dropout)
            for _ in range(config.decoder_layers)
        )
        self.heads = nn.Linear(width, 7)
        self.pooled = nn.Linear(2 * width, width)
        self.judge = nn.Linear(width, 3)
        self.drop = Dropout(config.dropout)
        nn.init.constant_(self.heads.bias, 0.0)
        with torch.no_grad():
            self.heads.bias[3:5] = -1.0  # a switch between inside and outside costs something at first

    def forward(
        self, words: Tensor, features: Tensor, cue_first: Tensor, cue_last: Tensor, bias: Tensor | None
    ) -> Readings:
        """words: [cues, W, width]; features: [cues, W]; cue_first, cue_last: [cues], inclusive."""
        index = torch.arange(words.shape[1], device=words.device)[None]
        first, last = cue_first[:, None], cue_last[:, None]
        distance = torch.clamp(index - first, max=0) + torch.clamp(index - last, min=0)
        distance = distance.clamp(-self.max_distance, self.max_distance) + self.max_distance
        at_first = (index == first).to(words.dtype)[:, None]
        at_last = (index == last).to(words.dtype)[:, None]
        inside = ((index >= first) & (index <= last)).to(words.dtype)[:, None]
        inside = inside / inside.sum(-1, keepdim=True)
        cue = self.cue(torch.cat([at_first @ words, at_last @ words, inside @ words], -1))
        x = words + cue + self.features(features) + self.distances(distance)
        x = self.drop(self.norm(x))
        for layer in self.layers:
            x = layer(x, bias)
        out = self.heads(x)
        pooled = torch.cat([(at_first @ x)[:, 0], (at_last @ x)[:, 0]], -1)
        judged = self.judge(functional.gelu(self.pooled(pooled)))
        source = torch.cat([judged[:, None, 1:], out[..., 5:]], 1)
        return Readings(out[..., :3], out[..., 3:5], source, judged[:, 0])


class Encoded(NamedTuple):
    """What the encoder says of each word."""

    vectors: Tensor  # [words, decoder width]
    tags: Tensor  # [words, 3] outside, begins, continues a cue
    entities: Tensor  # [words, N_TAGS]


def with_neighbours(words: Tensor) -> Tensor:
    """words: [words, width] -> [words, 3 x width], each with the one before and the one behind it."""
    padded = functional.pad(words, (0, 0, 1, 1))
    return torch.cat([padded[:-2], words, padded[2:]], -1)


class AttributionModel(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.tagger = nn.Linear(config.width, len(TAGS))
        self.namer = nn.Linear(3 * config.width, N_TAGS)
        self.project = nn.Linear(config.width, config.decoder_width)
        self.decoder = Decoder(config)
        self.drop = Dropout(config.dropout)

    def encode(self, ids: Tensor, features: Tensor, bias: Tensor | None, first: Tensor) -> Encoded:
        """ids, features: [rows, length]; first: [words], flat index of first pieces."""
        hidden = self.encoder(ids, features, bias).flatten(0, 1).index_select(0, first)
        hidden = self.drop(hidden)
        return Encoded(self.project(hidden), self.tagger(hidden), self.namer(with_neighbours(hidden)))
