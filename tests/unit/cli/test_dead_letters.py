"""What a person sees of a message that somebody else wrote."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from claimstream.agents.dead_letters import Buried
from claimstream.cli import dead_letters
from claimstream.pipeline.outcomes import Fault
from claimstream.pipeline.records import DeadLetter

NOW = datetime(2026, 11, 1, tzinfo=UTC)
VALUE = "{poison \x1b[2J\x1b]0;title\x07 \x9b31m \x7f “quoted”".encode()


@pytest.fixture
def letter(monkeypatch) -> DeadLetter:
    one = DeadLetter(
        value=VALUE,
        key=b"\x1bkey",
        stage="strip",
        fault=Fault.NOT_JSON,
        error="the message is not JSON",
        topic="raw-articles",
        partition=0,
        offset=7,
        origin="raw-articles/0/7",
        received_at=NOW,
        died_at=NOW,
    )
    monkeypatch.setattr(dead_letters, "_read", lambda *_: [Buried(0, 1, one)])
    return one


@pytest.mark.parametrize("arguments", [["list"], ["show", "0-1"], ["list", "--json"], ["show", "0-1", "--json"]])
@pytest.mark.usefixtures("letter")
def test_a_dead_letter_cannot_command_the_terminal(arguments):
    shown = CliRunner().invoke(dead_letters.dead_letters, arguments).stdout
    assert "0-1" in shown
    assert not [c for c in shown if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]
    if arguments[-1] == "--json":
        (told,) = json.loads(shown) if arguments[0] == "list" else [json.loads(shown)]
        assert told["value"].encode() == VALUE
