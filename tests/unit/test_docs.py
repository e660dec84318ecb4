"""The documentation says what the code does: generated pages are up to date, commands and links in the others exist."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import typer

from claimstream.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))["generated"]()


@pytest.mark.parametrize("path", GENERATED, ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path):
    assert path.read_text("utf-8") == GENERATED[path], "run `make docs`"


def test_every_field_and_setting_is_described():
    tables = [line for page in GENERATED.values() for line in page.splitlines() if line.startswith("| `")]
    assert len(tables) > 100
    assert [line for line in tables if not line.split(" | ")[-1].rstrip(" |")] == []


def headings(page: Path) -> set[str]:
    """The anchors of a page, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.is_file(), target
        assert not anchor or anchor in headings(file), target


def commands() -> list[str]:
    """What the pages tell to type: `claimstream ...` and `make ...`, without comments and what stands for others."""
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    code = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL) + re.findall(r"^ {4}(.*)", text, re.MULTILINE))
    blocks = re.findall(r"^((?:claimstream|make) [^\n#&|]*)", code, re.MULTILINE)
    inline = re.findall(r"`((?:claimstream|make) [^`<]*)`", text)
    return sorted({re.sub(r"\[.*?\]|\.\.\.", "", " ".join(one.split())).strip() for one in (*blocks, *inline)})


@pytest.mark.parametrize("command", commands())
def test_commands_exist_with_their_options(command):
    program, *words = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
        assert set(words) <= set(targets), command
        return
    group = typer.main.get_command(app)
    if words and words[0].startswith("--"):
        assert words.pop(0) in {option for parameter in group.params for option in parameter.opts}, command
    while hasattr(group, "list_commands"):
        if not words:
            return
        group = group.get_command(None, words.pop(0))
        assert group is not None, command
    needed = sum(parameter.required for parameter in group.params)
    if words or not needed:
        group.make_context(program, words)


PICTURES = {
    "demo": ("README.md", ["portherald.example", "--stance denies", "dead-lettered", "raw-articles"]),
    "lag": ("docs/operating.md", ["claimstream lag --watch", "course", "Partitions", "█", "/s"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_shown_whole_and_small(name):
    page, words = PICTURES[name]
    picture = (ROOT / "docs" / f"{name}.svg").read_text("utf-8")
    assert f"{name}.svg)" in (ROOT / page).read_text("utf-8")
    assert picture.rstrip().endswith("</svg>")
    assert len(picture) < 150_000
    assert "@font-face" not in picture
    shown = re.sub(r"<[^>]*>", " ", picture).replace("&#160;", " ")
    assert [word for word in words if word not in shown] == []
