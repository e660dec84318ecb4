"""What a person sees of a page: each line kept or removed, in colour, with its reason."""

from io import StringIO

import pytest
from rich.console import Console
from typer.testing import CliRunner

from claimstream.agents.errors import Unavailable
from claimstream.cli import explain
from claimstream.cli.app import app

KEPT = (
    "The harbour master of Kessel, Jaro Mlinar, said on Monday that the ferry will sail again next week.",
    "Its engines had been taken out and looked at for two months, and nobody in Kessel had expected them back.",
)
REMOVED = {
    "Ferry to sail again": "title",
    "By Ada Lorn": "byline",
    "The ferry in May. Photo: Ada Lorn": "photo-caption",
    "Leave a Reply": "comment-form",
}
PAGE = (*list(REMOVED)[:3], *KEPT, list(REMOVED)[3])
GREEN, RED, DIM_RED, YELLOW = "\x1b[32m", "\x1b[31m", "\x1b[2;31m", "\x1b[33m"


@pytest.fixture
def shown(monkeypatch, tmp_path) -> list[str]:
    """The lines on a terminal with colours, without Kafka."""

    async def unreachable(*_: object) -> None:
        raise Unavailable("Kafka", "no answer")

    screen = StringIO()
    monkeypatch.setattr(explain, "read_sites", unreachable)
    monkeypatch.setattr(
        explain, "console", Console(file=screen, force_terminal=True, color_system="standard", width=200)
    )
    page = tmp_path / "page.txt"
    page.write_text("\n".join(PAGE))
    assert CliRunner().invoke(app, ["explain", str(page)]).exit_code == 0
    return screen.getvalue().splitlines()


def test_each_line_is_shown_in_colour_with_its_reason_in_the_pages_order(shown):
    page = [line for line in shown if line.startswith((f"{GREEN}kept", RED))]
    assert page[: len(REMOVED) - 1] == [f"{RED}{REMOVED[line]:16} \x1b[0m{DIM_RED}{line}\x1b[0m" for line in PAGE[:3]]
    assert [line.startswith(f"{GREEN}kept") for line in page] == [line in KEPT for line in PAGE]
    assert page[-1] == f"{RED}{'comment-form':16} \x1b[0m{DIM_RED}Leave a Reply\x1b[0m"


def test_a_claims_cue_is_marked_within_its_line(shown):
    (line,) = [line for line in shown if line.startswith(f"{GREEN}kept") and "harbour" in line]
    assert f"{YELLOW}said" in line
