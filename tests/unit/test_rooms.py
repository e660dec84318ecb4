"""The rooms of the house: who may enter which, and under which names they are installed."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import files, packages_distributions
from pathlib import Path

import pytest

import claimstream

HOUSE = Path(claimstream.__file__).parent
ROOMS = {
    "config": {"config"},
    "publishing": {"publishing"},
    "pipeline": {"config", "publishing", "pipeline"},
    "agents": {"config", "publishing", "pipeline", "agents"},
    "cli": {"config", "publishing", "pipeline", "agents", "cli"},
}


def imports(room: str) -> Iterator[tuple[Path, str]]:
    for path in (HOUSE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, name.name) for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield path, node.module


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_entered_from_the_left_only(room):
    seen = {(path.name, name) for path, name in imports(room) if name.startswith("claimstream.")}
    assert seen
    assert [(file, name) for file, name in seen if name.split(".")[1] not in ROOMS[room]] == []


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_are_never_imported_by_their_bare_names(room):
    assert [(path, name) for path, name in imports(room) if name.split(".")[0] in ROOMS] == []


def test_the_pipeline_knows_no_broker_and_no_index():
    """Not even through what it imports: that runs in every pool process."""
    code = (
        "import sys, claimstream.pipeline.messages;"
        "print([m for m in ('faust', 'aiokafka', 'elasticsearch', 'mode') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"


def test_only_claimstream_is_installed():
    """`pipeline` or `config` in site-packages would shadow a stranger's."""
    mine = [package for package, names in packages_distributions().items() if "claimstream" in names]
    assert set(mine) <= {"claimstream", "__editable___claimstream_finder"}
    assert not [file for file in files("claimstream") or () if file.parts[0] in ROOMS]
    code = f"import importlib.util as u; print([room for room in {list(ROOMS)} if u.find_spec(room)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout.strip() == "[]"
