"""`make secrets`: certificates that clients accept, files that only those can read who must, made only once."""

import os
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from claimstream.config.secrets import make
from claimstream.config.settings import Settings

from ... import compose

SERVICES = compose.read(compose.SECURE)["services"]


@pytest.fixture
def folder(tmp_path):
    make(tmp_path / "secrets", tmp_path / ".env")
    return tmp_path


def files(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_all_that_docker_compose_reads_is_made(folder):
    mounted = {
        volume.split(":")[0] for one in SERVICES.values() for volume in one.get("volumes", ()) if "/secrets/" in volume
    }
    assert len(mounted) == 6
    named = {file for one in SERVICES.values() for file in one.get("env_file", ())}
    assert len(named) == 5
    assert [path for path in mounted | named if not (folder / path).exists()] == []
    assert "secrets/" in (compose.ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_a_second_run_changes_nothing(folder):
    before = files(folder)
    assert make(folder / "secrets", folder / ".env") == []
    assert files(folder) == before


def test_what_was_deleted_is_made_anew_for_the_same_passwords(folder):
    before = files(folder)
    for name in ("users", "service_tokens", "key.pem", "certificate.pem", "ca.pem"):
        (folder / "secrets/elasticsearch" / name).unlink()
    (folder / "secrets/elasticsearch").rmdir()
    assert make(folder / "secrets", folder / ".env") == [folder / "secrets/elasticsearch"]
    assert handshake(folder / "secrets", "elasticsearch", "elasticsearch") is None
    after = files(folder)
    assert set(after) == set(before)
    assert {path.parent.name for path in after if after[path] != before[path]} == {"elasticsearch"}


@pytest.mark.parametrize("root", ["authority", "passwords"])
def test_without_what_the_rest_was_made_with_nothing_is_made(folder, root):
    (folder / "secrets" / root).rename(folder / "gone")
    before = files(folder)
    with pytest.raises(ValueError, match=f"secrets/{root} is missing.*: delete it"):
        make(folder / "secrets", folder / ".env")
    assert files(folder) == before


def test_nobody_else_on_the_machine_can_read_it(tmp_path):
    mask = os.umask(0)
    try:
        make(tmp_path / "secrets", tmp_path / ".env")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    others = {path.parent.name for path in files(tmp_path) if path.stat().st_mode & 0o077}
    assert others == {"public", "kafka", "elasticsearch", "kibana"}


def test_containers_can_read_what_is_mounted_whatever_the_umask(tmp_path):
    mask = os.umask(0o077)
    try:
        make(tmp_path / "secrets", tmp_path / ".env")
    finally:
        os.umask(mask)
    for path in (
        path for path in files(tmp_path) if path.parent.name in {"public", "kafka", "elasticsearch", "kibana"}
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_what_env_says_already_stays(tmp_path):
    env = tmp_path / ".env"
    env.write_text("WORKER_MEMORY=4g\nCLAIMSTREAM_KAFKA__USERNAME=ada")
    make(tmp_path / "secrets", env)
    lines = env.read_text("utf-8").splitlines()
    assert lines[:2] == ["WORKER_MEMORY=4g", "CLAIMSTREAM_KAFKA__USERNAME=ada"]
    assert sum(line.startswith("CLAIMSTREAM_KAFKA__USERNAME=") for line in lines) == 1


def test_commands_on_this_machine_find_their_login(folder, monkeypatch):
    monkeypatch.chdir(folder)
    settings = Settings()
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.elasticsearch.url == "https://localhost:9200"
    for one in (settings.kafka, settings.elasticsearch):
        assert one.username == "claimstream"
        assert one.password.get_secret_value() == Path("secrets/passwords/claimstream").read_text("utf-8")
        assert one.ca_file.exists()


def handshake(secrets: Path, server: str, name: str) -> None:
    """Let a client that knows the authority speak to a server. Raises what either finds wrong."""
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if server == "kafka":
        own.load_cert_chain(secrets / "kafka/keystore.pem")
    else:
        own.load_cert_chain(secrets / server / "certificate.pem", secrets / server / "key.pem")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=secrets / "public/ca.pem").wrap_bio(back, there, server_hostname=name)
    answering = own.wrap_bio(there, back, server_side=True)
    for side in (client, answering, client, answering):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


@pytest.mark.parametrize("server", ["kafka", "elasticsearch", "kibana"])
def test_a_certificate_is_good_for_the_names_by_which_the_server_is_called(folder, server):
    assert server in SERVICES
    for name in (server, "localhost", "127.0.0.1"):
        handshake(folder / "secrets", server, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(folder / "secrets", server, "elsewhere.example")


def test_the_command_says_what_it_made(tmp_path):
    for told in ("made secrets/authority", "nothing to make"):
        command = [sys.executable, "-m", "claimstream.config.secrets"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(told)
        assert (tmp_path / "secrets/passwords/admin").read_text("utf-8") not in done.stdout
    (tmp_path / "secrets/passwords").rename(tmp_path / "gone")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
