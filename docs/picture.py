"""Writes what really stands on a terminal: demo.svg, the most telling part of `claimstream demo`, and lag.svg.

python docs/picture.py
"""

import asyncio
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from claimstream.agents.connections import publisher
from claimstream.agents.lag import Reading
from claimstream.cli.demo import SAMPLES, running_worker, temporary_stream
from claimstream.cli.lag import view
from claimstream.config.settings import Kafka, Settings

COLUMNS = 110
ARTICLE = "portherald.example"
"""The outlet whose claims are shown; the table holds those of three."""


def printed(command: list[str]) -> str:
    """What a command prints on a terminal of COLUMNS, escape sequences included. Raises CalledProcessError."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment) as process:  # noqa: S603 - ours
        os.close(its)
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:  # how Linux says that nobody holds the other end any more
            pass
        os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, b"".join(pieces))
    return b"".join(pieces).decode()


def telling(lines: list[str]) -> Iterator[str]:
    """The end of the progress bar, the claims of one article, the first search, the outcomes and the lag."""
    texts = [Text.from_ansi(line).plain.rstrip() for line in lines]
    claims, *searches, outcomes = (
        i for i, text in enumerate(texts) if text in {"Claims", "Outcomes"} or text.startswith("claimstream search")
    )
    end = texts.index(next(text for text in texts[claims:] if text.startswith("└")))
    begun = [i for i in range(claims + 4, end) if texts[i].endswith("│") and texts[i][-3].isdigit()]
    first = next(i for i in begun if ARTICLE in texts[i])
    behind = next((i for i in begun if i > first and ARTICLE not in texts[i]), end)
    yield from lines[claims - 1 : claims + 4]
    yield from ["  ⋮", *lines[first:behind], "  ⋮", ""]
    yield from lines[searches[0] : searches[1]]
    yield from lines[outcomes:]


def demo() -> Iterator[Text]:
    raw = printed([sys.executable, "-m", "claimstream.cli", "demo"])
    # A progress bar draws itself again and again: of each line, what was drawn last is what stays.
    lines = [
        line.rstrip("\r").rpartition("\r")[2] for line in re.sub(r"\x1b\[(?:\?25[hl]|[012]?K|1A)", "", raw).split("\n")
    ]
    yield Text("$ make demo", style="bold")
    for line in telling(lines):
        yield Text.from_ansi(line)


async def publish(kafka: Kafka, articles: Iterable[dict[str, Any]]) -> None:
    async with publisher(kafka) as one:
        for article in articles:
            await one.publish(article)


def lag() -> Iterator[Any]:
    """What `claimstream lag --watch` shows after a while, with two workers that have too much to do."""
    yield Text("$ claimstream lag --watch", style="bold")
    yield ""
    articles = [json.loads(line) | {"id": str(n)} for n in range(60) for line in SAMPLES[:3]]
    with temporary_stream() as (settings, _), running_worker(settings):
        readings = [read(settings)]
        while not all(one.owner for one in readings[-1].partitions):
            time.sleep(0.5)
            readings = [read(settings)]
        asyncio.run(publish(settings.kafka, articles))
        while len(readings) < 20:
            time.sleep(1)
            readings.append(read(settings))
    yield view(readings)


def read(settings: Settings) -> Reading:
    return asyncio.run(Reading.of(settings.kafka))


def main() -> None:
    for name, shown in (("demo", demo()), ("lag", lag())):
        console = Console(width=COLUMNS, record=True, file=StringIO(), force_terminal=True)
        for one in shown:
            console.print(one, soft_wrap=isinstance(one, Text))
        picture = console.export_svg(title="claimstream", theme=MONOKAI, unique_id=name)
        # No fonts that a reader would have to load from elsewhere.
        picture = re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.DOTALL)
        picture = picture.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
        (Path(__file__).parent / f"{name}.svg").write_text(picture, "utf-8")


if __name__ == "__main__":
    main()
