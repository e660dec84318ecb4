"""The embedded servers start, are found, stop, and never stay behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from claimstream.cli import embedded
from claimstream.cli.embedded import EmbeddedError
from claimstream.cli.leash import end, leashed

PATIENCE = 20
"""Seconds; far more than any of this takes, so that only a hang fails."""

OWNER = """
import psutil, sys
from claimstream.cli import embedded
with embedded.temporary():
    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """A process with temporary servers, and what it has started: the guard and the servers."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        children = [psutil.Process(int(pid)) for pid in process.stdout.readline().split()]
        assert len(children) == 2
        yield process, children
        process.kill()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "kept"
    embedded.down(tmp_path / "kept")


def test_temporary_servers_end_with_their_block():
    with embedded.temporary() as servers:
        processes = [psutil.Process(servers.pid), *psutil.Process(servers.pid).children()]
        assert len(processes) == 2
    assert not any(process.is_running() for process in processes)
    assert not servers.data.exists()


def test_servers_listen_on_loopback_only():
    """They ask nobody for a login."""
    with embedded.temporary() as servers:
        processes = [psutil.Process(servers.pid), *psutil.Process(servers.pid).children()]
        found = [one.laddr for process in processes for one in process.net_connections() if one.status == "LISTEN"]
    assert {f"{ip}:{port}" for ip, port in found} >= {servers.kafka, servers.elasticsearch.removeprefix("http://")}
    assert {ip for ip, _ in found} == {"127.0.0.1"}


def test_temporary_servers_end_with_a_block_that_fails():
    with pytest.raises(RuntimeError), embedded.temporary() as servers:
        raise RuntimeError
    assert not psutil.pid_exists(servers.pid)


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda death: death.name)
def test_temporary_servers_end_with_the_process_that_asked_for_them(owner, death):
    process, children = owner
    process.send_signal(death)
    process.wait(PATIENCE)
    assert psutil.wait_procs(children, PATIENCE)[1] == []


def test_ctrl_c_in_the_terminal_leaves_the_end_of_the_servers_to_the_process(owner):
    process, children = owner
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in errors
    assert "EmbeddedError" not in errors
    assert psutil.wait_procs(children, PATIENCE)[1] == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can bind a process to its parent's life")
def test_temporary_servers_end_even_when_their_guard_is_killed(owner):
    _, (guard, server) = owner
    guard.kill()
    assert psutil.wait_procs([server], PATIENCE)[1] == []


def test_all_that_a_command_started_ends_with_it(tmp_path):
    with (tmp_path / "log").open("wb") as log:
        process = leashed(["sh", "-c", "sleep 1000 & wait"], log)
    guard = psutil.Process(process.pid)
    family: list[psutil.Process] = []
    while [child.name() for child in family] != ["sh", "sleep"]:
        assert process.poll() is None
        family = guard.children(recursive=True)
    end(process)
    assert not any(child.is_running() for child in family)


def test_up_finds_the_running_servers_and_down_keeps_their_data(kept):
    ports = embedded.free_port(), embedded.free_port()
    started = embedded.up(kept, *ports)
    assert (started.kafka, started.elasticsearch) == (f"127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
    assert embedded.up(kept, embedded.free_port(), embedded.free_port()) == started
    with embedded.Elasticsearch(started.elasticsearch) as client:
        client.index(index="kept", id="1", document={"word": "kept"}, refresh=True)

    process = psutil.Process(started.pid)
    assert embedded.down(kept)
    process.wait(PATIENCE)
    assert embedded.status(kept) is None
    assert not embedded.down(kept)

    again = embedded.up(kept, *ports)
    with embedded.Elasticsearch(again.elasticsearch) as client:
        assert client.get(index="kept", id="1")["_source"] == {"word": "kept"}


def test_a_record_of_killed_servers_is_not_taken_for_running_ones(kept):
    ports = embedded.free_port(), embedded.free_port()
    killed = psutil.Process(embedded.up(kept, *ports).pid)
    killed.kill()
    killed.wait(PATIENCE)
    record = kept / "noida.control.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": os.getpid()}))  # the pid is another's now
    assert embedded.status(kept) is None
    assert not embedded.down(kept)
    assert embedded.up(kept, *ports).pid != killed.pid


def test_a_taken_port_is_named(kept, tmp_path):
    ports = embedded.free_port(), embedded.free_port()
    embedded.up(kept, *ports)
    with pytest.raises(EmbeddedError, match=f"^kafka: port {ports[0]} is already in use$"):
        embedded.up(tmp_path / "other", *ports)
    assert embedded.status(tmp_path / "other") is None


def test_servers_that_do_not_start_say_why(monkeypatch, tmp_path):
    failing = tmp_path / "noida-db"
    failing.write_text(
        "#!/bin/sh\necho 'libc.so.6: weak version `GLIBC_2.39'\"' not found\"\necho error: disk full\nexit 1\n"
    )
    failing.chmod(0o755)
    monkeypatch.setattr(embedded, "_binary", lambda: str(failing))
    with (
        pytest.raises(EmbeddedError, match=r"^the server at .* ended while it started: disk full$"),
        embedded.temporary(),
    ):
        pass
    with pytest.raises(EmbeddedError, match=r"^disk full$"):
        embedded.up(tmp_path / "data")


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever():
    address = f"127.0.0.1:{embedded.free_port()}"
    with pytest.raises(EmbeddedError, match=rf"^the server at {address} does not answer after 0\.2 s$"):
        embedded.wait_until_answering(address, lambda: True, seconds=0.2)


def test_a_platform_without_a_build_is_told_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "noida_db", None)
    with pytest.raises(EmbeddedError, match=r"no embedded servers for \w+ on \w+: .*docker compose up"):
        embedded.up(tmp_path)
