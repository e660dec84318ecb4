"""The embedded servers, with each of the two to be stopped and started again like the real ones."""

from collections.abc import Iterator
from contextlib import contextmanager

from claimstream.cli.embedded import Embedded, noida, temporary, wait_until_answering


class EmbeddedServers:
    """Both servers in one process; each can be stopped and started again."""

    analyzer = "english"

    def __init__(self, servers: Embedded) -> None:
        self._data = servers.data
        self.kafka = servers.kafka
        self.elasticsearch = servers.elasticsearch

    def start(self, service: str) -> None:
        """Start `kafka` or `elasticsearch` and wait until it answers."""
        noida("start", service, data=self._data)
        wait_until_answering(getattr(self, service), lambda: True)

    def stop(self, service: str) -> None:
        """Stop it in an orderly way; data stay."""
        noida("stop", service, data=self._data)


@contextmanager
def embedded_servers() -> Iterator[EmbeddedServers]:
    with temporary() as servers:
        yield EmbeddedServers(servers)
