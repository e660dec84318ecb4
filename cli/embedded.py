"""Kafka and Elasticsearch on this machine without Docker and Java: noida-db, one small binary from PyPI.

Kept servers (`up`, `down`) run in the background and keep their data in a folder. `temporary` servers live as
long as the block, or the process, that asked for them.
"""

import asyncio
import json
import platform
import re
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from elasticsearch import ApiError, Elasticsearch, TransportError

from claimstream.cli.leash import end, leashed
from claimstream.cli.output import Failed

START_SECONDS = 30
"""They are usually up within one."""


class EmbeddedError(Failed):
    """The embedded servers can't start or stop; the message says why."""


@dataclass(frozen=True)
class Embedded:
    """Running servers."""

    data: Path
    pid: int
    kafka: str
    """host:port"""
    elasticsearch: str
    """http://host:port"""


def up(data: Path, kafka_port: int = 9092, elasticsearch_port: int = 9200) -> Embedded:
    """Start the servers in the background, or find them running, perhaps on other ports.

    Raises EmbeddedError.
    """
    data.mkdir(parents=True, exist_ok=True)
    noida("up", *_start_options(kafka_port, elasticsearch_port), data=data)
    servers = status(data)
    if servers is None:
        raise EmbeddedError(f"the servers ended as soon as they had started: {_last_lines(data)}")
    for address in (servers.kafka, servers.elasticsearch):
        wait_until_answering(address, lambda: status(data) is not None)
    return servers


def down(data: Path) -> bool:
    """Stop the servers, their data kept. False if they were not running. Raises EmbeddedError."""
    if status(data) is None:
        return False
    noida("down", data=data)
    return True


def status(data: Path) -> Embedded | None:
    """Find the servers that run on this folder; a record left by a process that has ended is none.

    Raises EmbeddedError.
    """
    if not (data / "noida.control.json").exists():
        return None
    running = noida("status", data=data, check=False)
    if running.returncode:
        return None
    try:
        addresses = dict(re.findall(r"^ *✔ (\w+) +(?:http://)?(\S+:\d+)", running.stdout, re.MULTILINE))
        pid = json.loads((data / "noida.control.json").read_text("utf-8"))["pid"]
        return Embedded(data, pid, addresses["kafka"], f"http://{addresses['elasticsearch']}")
    except (OSError, ValueError, KeyError) as error:
        raise EmbeddedError(f"noida-db runs on {data}, but not with Kafka and Elasticsearch: stop it first") from error


@contextmanager
def temporary() -> Iterator[Embedded]:
    """Run servers on free ports with an empty folder; they end with the block or else with this process.

    Not for use inside a running event loop. Raises EmbeddedError.
    """
    with tempfile.TemporaryDirectory(prefix="claimstream-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        kafka, elasticsearch = free_port(), free_port()
        command = [_binary(), "start", "--data-dir", folder, *_start_options(kafka, elasticsearch)]
        with (data / "noida.log").open("wb") as log:
            process = leashed(command, log)
        try:
            servers = Embedded(data, process.pid, f"127.0.0.1:{kafka}", f"http://127.0.0.1:{elasticsearch}")
            try:
                for address in (servers.kafka, servers.elasticsearch):
                    wait_until_answering(address, lambda: process.poll() is None)
            except EmbeddedError as error:
                raise EmbeddedError(f"{error}: {_last_lines(data)}") from error
            yield servers
        finally:
            end(process)


def noida(*arguments: str, data: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of noida-db on a data folder. Raises EmbeddedError if it fails and `check` is set."""
    command = [_binary(), *arguments, "--data-dir", str(data)]
    try:
        done = subprocess.run(  # noqa: S603 - the commands are noida-db's, literal in this module and its callers
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,  # what `up` leaves running must outlive the terminal
            timeout=START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedError(f"noida-db {arguments[0]} did not end within {START_SECONDS} s") from error
    if check and done.returncode:
        raise EmbeddedError(_reason(done.stdout + done.stderr))
    return done


def _binary() -> str:
    try:
        binary = files("noida_db").joinpath("noida-db")
    except ModuleNotFoundError:
        binary = None
    if binary is None or not binary.is_file():
        raise EmbeddedError(
            f"there are no embedded servers for {platform.system()} on {platform.machine()}: run Kafka and "
            "Elasticsearch with `docker compose up`"
        )
    return str(binary)


def _start_options(kafka_port: int, elasticsearch_port: int) -> list[str]:
    options = ["--only", "kafka,elasticsearch", "--kafka-port", str(kafka_port)]
    return [*options, "--elasticsearch-port", str(elasticsearch_port)]


def _last_lines(data: Path) -> str:
    return _reason((data / "noida.log").read_text("utf-8", errors="replace"))


def _reason(output: str) -> str:
    """Why noida-db failed, from what it printed, on one line."""
    # The dynamic linker's warning about a newer libc says nothing about the failure.
    lines = [line.strip() for line in output.splitlines() if line.strip() and "weak version `GLIBC" not in line]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return "; ".join(errors or lines[-5:]) or "it printed nothing"


def free_port() -> int:
    """Find a free loopback port outside the range that the system gives to outgoing connections.

    A port of that range could be taken, even by the client that connects to it, while its server restarts.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def wait_until_answering(
    address: str, running: Callable[[], bool], seconds: float = START_SECONDS, **login: Any
) -> None:
    """Wait until Kafka (host:port) gives its metadata or Elasticsearch (a url, perhaps with a login) its health.

    Raises EmbeddedError if it takes too long or `running` says that the server has ended.
    """
    ask = partial(_elasticsearch_answers, **login) if address.startswith("http") else partial(_kafka_answers)
    deadline = time.monotonic() + seconds
    while not (_listens(address) and ask(address)):
        if not running():
            raise EmbeddedError(f"the server at {address} ended while it started")
        if time.monotonic() > deadline:
            raise EmbeddedError(f"the server at {address} does not answer after {seconds:g} s")
        time.sleep(0.05)


def _listens(address: str) -> bool:
    """Try this first, because the clients log each failure."""
    host, port = address.rpartition("/")[2].split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def _kafka_answers(address: str) -> bool:
    async def request_metadata() -> None:
        client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=5000)
        try:
            await client.bootstrap()
        finally:
            await client.close()

    try:
        asyncio.run(request_metadata())
    except (KafkaError, OSError):
        return False
    return True


def _elasticsearch_answers(url: str, **login: Any) -> bool:
    with Elasticsearch(url, request_timeout=5, max_retries=0, **login) as client:
        try:
            return not client.cluster.health(wait_for_status="yellow")["timed_out"]
        except (ApiError, TransportError):
            return False
