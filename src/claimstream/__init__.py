"""A streaming pipeline that turns raw news articles into a searchable record of who said what.

The rooms live at the top level of the repository (`publishing/`, `pipeline/`, `agents/`, `config/`, `cli/`) and are linked here,
so that they are installed and imported as `claimstream.pipeline` and so on, never under their generic names.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spacy.language import Language

__version__ = version("claimstream")


def load(**overrides: Any) -> "Language":
    """The claims pipeline: what `spacy.load("claimstream")` calls, with that function's arguments."""
    from spacy.util import load_model_from_config  # here, so that a scraper's import of the package stays light

    from claimstream.pipeline.extract import load as loaded

    pipeline = loaded()
    changes = overrides.pop("config", {})
    nlp: Language = load_model_from_config(pipeline.config.merge(changes), meta=pipeline.meta, **overrides)
    nlp.max_length = pipeline.max_length
    return nlp
