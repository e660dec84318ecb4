"""The audit of dependencies, with a pip-audit that says what the real one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit.py"
SOUND = {"name": "aiokafka", "version": "0.14.0", "vulns": []}
HOLE = {"id": "PYSEC-2026-1", "fix_versions": ["3.15"], "aliases": ["CVE-2026-1"], "description": "Lets anybody in."}
UNKNOWN = {"name": "faust", "skip_reason": "Dependency not found and could not be audited: faust (1)"}
NO_CONNECTION = (
    "ERROR:pip_audit._cli:Could not connect to the vulnerability feed\nERROR:pip_audit._cli:Tip: try another"
)


@pytest.fixture
def audit(tmp_path):
    def run(packages=None, trouble=""):
        answer = json.dumps({"dependencies": packages, "fixes": []}) if packages else ""
        (tmp_path / "pip_audit.py").write_text(
            f"import sys\nprint({trouble!r}, file=sys.stderr)\nprint({answer!r}, end='')"
        )
        return subprocess.run(
            [sys.executable, AUDIT, "requirements.txt"],
            check=False,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
        )

    return run


def test_a_known_vulnerability_fails_it(audit):
    done = audit([SOUND, {"name": "aiohttp", "version": "3.14", "vulns": [HOLE]}])
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "aiohttp 3.14: PYSEC-2026-1, mended in 3.15: Lets anybody in.",
        "requirements.txt: 1 known vulnerabilities in 2 packages",
    ]


def test_sound_packages_pass_and_what_the_service_does_not_know_is_told(audit):
    done = audit([SOUND, UNKNOWN])
    assert done.returncode == 0
    assert done.stdout == "requirements.txt: 0 known vulnerabilities in 1 packages, 1 more are unknown to the service\n"


@pytest.mark.parametrize("answer", [{"packages": [UNKNOWN]}, {"trouble": NO_CONNECTION}])
def test_a_service_that_cannot_be_asked_is_said_in_one_line(audit, answer):
    done = audit(**answer)
    assert done.returncode == 0
    assert done.stdout.startswith("requirements.txt: not audited")
    assert len(done.stdout.splitlines()) == 1


def test_trouble_of_its_own_fails_it(audit):
    done = audit(trouble="ERROR:pip_audit._cli:invalid requirements input: requirements.txt")
    assert done.returncode == 2
    assert "invalid requirements input" in done.stderr
