"""What all tests share: servers to run on, settings of their own, and an environment without a person's settings."""

import os
import signal
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from claimstream.config.settings import Elasticsearch, Kafka, Settings, Worker

if TYPE_CHECKING:
    from .servers.embedded import EmbeddedServers
    from .servers.real import RealServers


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="run on real Apache Kafka and Elasticsearch")


def pytest_configure() -> None:
    """Tests in a shell's background ignore Ctrl-C, and the commands that they start would, too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--real"):
        only_real = [item for item in items if item.get_closest_marker("real")]
        items[:] = [item for item in items if item not in only_real]
        config.hook.pytest_deselected(items=only_real)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads a person's settings or depends on the working directory: it is empty."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CLAIMSTREAM_")]:
            patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("empty"))
        yield


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> "Iterator[EmbeddedServers | RealServers]":
    """Kafka and Elasticsearch: `.kafka` (host:port), `.elasticsearch` (url), `.analyzer` (the best one there).

    `.stop("kafka")` and `.start("kafka")`, or "elasticsearch", keep data and address. They block, so an async test
    calls them by asyncio.to_thread, and starts again what it has stopped.
    """
    if request.config.getoption("--real"):
        from .servers.real import real_servers as started
    else:
        from .servers.embedded import embedded_servers as started
    with started() as running:
        yield running


@pytest.fixture
def settings(servers: "EmbeddedServers | RealServers") -> Settings:
    return own_settings(servers)


def own_settings(servers: "EmbeddedServers | RealServers") -> Settings:
    """Settings with names of topics, groups and indices that no other test has."""
    prefix = f"test-{uuid.uuid4().hex[:8]}-"
    return Settings(
        kafka=Kafka(servers=servers.kafka, prefix=prefix, partitions=2),
        elasticsearch=Elasticsearch(url=servers.elasticsearch, prefix=prefix, analyzer=servers.analyzer),
        worker=Worker(pool_processes=1, web_port=0),
    )


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """The settings as the environment of a process, e.g. a worker."""
    return os.environ | settings.environment()
