"""What every command prints with."""

import json
import logging
import re
import sys
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.logging import RichHandler

from claimstream.publishing.article import explain

CONTROLS = re.compile("[\x7f-\x9f]")
"""Those that JSON itself does not escape."""

console = Console()
errors = Console(stderr=True)


class Failed(Exception):
    """A command did not do all that it was asked for; the message, if any, is its last line."""


def print_error(error: Exception) -> None:
    """One line on stderr, if the error has anything to say; a ValidationError is about the settings."""
    line = str(error)
    if isinstance(error, ValidationError):
        line = f"settings: {explain(error)} (set as CLAIMSTREAM_<GROUP>__<FIELD>)"
    if line:
        errors.print(line, style="red", markup=False, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """Plain JSON for scripts; colours and wrapping are for people. What could command a terminal is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write(CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def log_to_stderr(level: str) -> None:
    """One line an event: coloured for a person, plain for a file."""
    handler: logging.Handler
    if errors.is_terminal:
        handler = RichHandler(console=errors, show_path=False, markup=False, rich_tracebacks=False)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    if level == "debug":
        logging.getLogger("aiokafka").setLevel(logging.DEBUG)
        return
    for chatty in ("faust", "mode", "elastic_transport", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # an outage is thousands of lines; delivery says it in one
