"""Attribution spans (source, cue, content) of a text by a small neural network."""

from claimstream.pipeline.extract.encoder.attributor import Annotations, Attribution, Entity
from claimstream.pipeline.extract.encoder.load import Attributor

__all__ = ["Annotations", "Attribution", "Attributor", "Entity"]
