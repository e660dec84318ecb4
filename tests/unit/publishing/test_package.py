"""The room as a scraper installs it: alone, light, under the same name."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[3] / "publishing"
HEAVY = {"spacy", "faust", "elasticsearch", "onnxruntime", "trafilatura", "pydantic_settings", "typer", "scrapy"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "publishing"
    source.mkdir()
    for file in (*ROOM.glob("*.py"), ROOM / "pyproject.toml", ROOM / "README.md", ROOM / "py.typed"):
        (source / file.name).write_bytes(file.read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder, source], check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    zipfile.ZipFile(built).extractall(folder / "installed")
    return folder / "installed"


def test_it_holds_this_room_only(installed):
    files = [file for file in installed.rglob("*") if file.is_file() and ".dist-info" not in file.parent.name]
    assert "py.typed" in {file.name for file in files}
    assert {str(file.parent.relative_to(installed)) for file in files} == {"claimstream/publishing"}


def test_it_imports_neither_spacy_nor_faust(installed):
    code = f"""
import json, sys
sys.path[:] = [{str(installed)!r}] + [path for path in sys.path if not path.endswith("/src")]
import claimstream.publishing
claimstream.publishing.Publisher
print(json.dumps([claimstream.publishing.__file__, *sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    file, *modules = json.loads(done.stdout)
    assert file.startswith(str(installed))
    assert HEAVY & set(modules) == set()
    assert {name for name in modules if name.startswith("claimstream.") and "publishing" not in name} == set()
