"""A worker in which marked articles hang, eat memory or crash their process, as a defect of a library would.

`claimstream worker` itself is the mended one, in which they do no harm.
"""

import os
import time
from typing import Any

import claimstream.agents.extract
import claimstream.agents.strip
from claimstream.pipeline.messages import Passed, extract_message, strip_message

from .articles import AUTHOR


def hurt(value: bytes | None, stage: str) -> None:
    for word, does in (("hang", lambda: time.sleep(3600)), ("eat", lambda: bytearray(2**40)), ("crash", os.abort)):
        if f"{AUTHOR} {stage} {word}".encode() in (value or b""):
            does()


def hurtful_strip(value: bytes | None, *arguments: Any) -> Passed:
    hurt(value, "strip")
    return strip_message(value, *arguments)


def hurtful_extract(value: bytes | None) -> Passed:
    hurt(value, "extract")
    return extract_message(value)


def install() -> None:
    claimstream.agents.strip.strip_message = hurtful_strip
    claimstream.agents.extract.extract_message = hurtful_extract
