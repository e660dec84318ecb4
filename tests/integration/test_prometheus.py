"""A real Prometheus scrapes a running worker: every metric arrives, each query answers, each alert's cause fires it."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import yaml

from claimstream.cli.embedded import free_port

from ..conftest import own_settings
from ..stream import Stream, Worker, children, stop, until
from ..unit.test_prometheus import OURS, PANELS, RULES

CONFIG = Path(__file__).parents[2] / "config" / "prometheus"
pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")


def hurried(text: str) -> str:
    """Rules or queries in which seconds stand for minutes and hours, so that a test need not wait for them."""
    text = re.sub(r"\[\d+[mh]\]", "[30s]", text)  # longer than between two looks of a worker at Kafka
    return re.sub(r"> \d\d+\b", "> 5", re.sub(r"\b\d+[mh]\b", "5s", text))


class Prometheus:
    def __init__(self, folder: Path, worker_port: int) -> None:
        config = yaml.safe_load((CONFIG / "prometheus.yml").read_text("utf-8"))
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
        (job,) = config["scrape_configs"]
        assert job.pop("dns_sd_configs") == [
            {"names": ["worker"], "type": "A", "port": 6066, "refresh_interval": "15s"}
        ]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{worker_port}"]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (folder / "rules.yml").write_text(hurried((CONFIG / "rules.yml").read_text("utf-8")))
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/api/v1"
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "prometheus.log").open("wb") as log:
            command.append(f"--web.listen-address=127.0.0.1:{port}")
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def get(self, path: str, **query: str):
        with urllib.request.urlopen(f"{self._url}/{path}?{urllib.parse.urlencode(query)}", timeout=10) as answer:
            return json.load(answer)["data"]

    def up(self) -> bool:
        try:
            return [one["value"][1] for one in self.get("query", query="up")["result"]] == ["1"]
        except OSError:
            return False

    def firing(self, **labels: str) -> bool:
        return any(
            alert["state"] == "firing" and labels.items() <= alert["labels"].items()
            for alert in self.get("alerts")["alerts"]
        )


@contextmanager
def watched(servers, folder: Path, *arguments: str, **settings: str) -> Iterator[tuple[Stream, Worker, Prometheus]]:
    """A worker that a Prometheus scrapes."""
    stream = Stream(own_settings(servers), folder)
    stream.initialise()
    port = free_port()
    worker = stream.start_worker(*arguments, CLAIMSTREAM_WORKER__WEB_PORT=str(port), **settings)
    prometheus = Prometheus(folder, port)
    try:
        stream.wait_for_log(worker, "working: ")
        until(prometheus.up, "a scrape")
        yield stream, worker, prometheus
    finally:
        prometheus.process.terminate()
        prometheus.process.wait()
        stream.stop_workers()


def article(name: str) -> bytes:
    return b'{"id": "%s", "text": "%s"}' % (name.encode(), WORDS)


def test_a_real_prometheus_sees_what_happens(servers, tmp_path):
    with watched(servers, tmp_path) as (stream, worker, prometheus):
        stream.publish([article("1"), article("2"), article("3"), b"no JSON"])
        until(lambda: prometheus.firing(alertname="ClaimstreamDeadLetters", fault="not-json"), "the alert")
        stream.wait()
        names = {next(iter(metric.describe())).name for metric in OURS}
        until(lambda: names <= seen(prometheus), "every metric")
        for panel in PANELS:
            asked = hurried(panel["query"])
            until(lambda asked=asked: prometheus.get("query", query=asked)["result"], panel["title"])
        lag = next(panel for panel in PANELS if panel["title"] == "Lag")["query"]
        until(lambda: values(prometheus, lag, "stage") == {"strip": 0, "extract": 0, "index": 0}, "the lag")
        told = values(prometheus, 'sum by (outcome) (claimstream_articles_total{outcome!="passed"})', "outcome")
        assert told == {"indexed": 3, "dead-lettered": 1}
        for alert in ("ClaimstreamServerAway", "ClaimstreamPoolRestarts"):
            assert not prometheus.firing(alertname=alert)

        stop(worker)
        until(lambda: prometheus.firing(alertname="ClaimstreamNoWorker"), "the alert")


@pytest.mark.parametrize(("service", "server"), [("elasticsearch", "Elasticsearch"), ("kafka", "Kafka")])
def test_a_server_that_is_away_is_told(servers, tmp_path, service, server):
    with watched(servers, tmp_path) as (stream, _, prometheus):
        servers.stop(service)
        try:
            if service == "elasticsearch":  # nobody asks it for anything without an article
                stream.publish([article("1")])
            until(lambda: prometheus.firing(alertname="ClaimstreamServerAway", server=server), "the alert")
        finally:
            servers.start(service)


def test_an_agent_that_no_worker_runs_is_behind(servers, tmp_path):
    with watched(servers, tmp_path, "--agents", "strip,extract") as (stream, _, prometheus):
        stream.publish([article("1")])
        until(lambda: prometheus.firing(alertname="ClaimstreamBehind", stage="index"), "the alert")


def test_an_agent_that_hangs_stands_still(servers, tmp_path):
    with watched(servers, tmp_path, CLAIMSTREAM_LIMITS__SECONDS="600") as (stream, worker, prometheus):
        hanging = pool(worker)
        for one in hanging:
            one.suspend()
        stream.publish([article("1")])
        until(lambda: prometheus.firing(alertname="ClaimstreamStalled", stage="strip"), "the alert")
        for one in hanging:
            one.resume()
        stream.wait()


def test_lost_pool_processes_are_told(servers, tmp_path):
    with watched(servers, tmp_path, CLAIMSTREAM_WORKER__FUSE="1000") as (stream, worker, prometheus):
        stream.publish([article(str(n)) for n in range(100)])

        def told_after_one_more() -> bool:
            for one in pool(worker):
                one.kill()
            return prometheus.firing(alertname="ClaimstreamPoolRestarts")

        until(told_after_one_more, "the alert")


def pool(worker: Worker) -> list[psutil.Process]:
    """The processes of a worker in which articles are stripped and extracted."""
    found = []
    for one in children(worker):
        with suppress(psutil.NoSuchProcess):
            if any("spawn_main" in argument for argument in one.cmdline()):
                found.append(one)
    return found


WORDS = b"The harbour master of Kessel, Jaro Mlinar, said on Monday that the ferry will sail again next week. " * 3


def test_every_alert_is_fired_above():
    source = Path(__file__).read_text("utf-8")
    assert [one["alert"] for one in RULES if "alert" in one and f'alertname="{one["alert"]}"' not in source] == []


def seen(prometheus: Prometheus) -> set[str]:
    """The metrics that have arrived, without what tells their series apart."""
    names = prometheus.get("label/__name__/values")
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in names}


def values(prometheus: Prometheus, query: str, label: str) -> dict[str, float]:
    return {one["metric"][label]: float(one["value"][1]) for one in prometheus.get("query", query=query)["result"]}
