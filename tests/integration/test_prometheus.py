"""A real Prometheus scrapes a running worker: every metric arrives, each query answers, each alert's cause fires it."""

import json
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import yaml

from claimstream.cli.embedded import free_port

from ..conftest import own_settings
from ..stream import Stream, stop, until
from ..unit.test_prometheus import OURS, PANELS

CONFIG = Path(__file__).parents[2] / "config" / "prometheus"
pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")


def hurried(text: str) -> str:
    """Rules or queries in which seconds stand for minutes and hours, so that a test need not wait for them."""
    return re.sub(r"\b(\d+)[mh]\b", lambda match: f"{max(5, int(match[1]))}s", text)


class Prometheus:
    def __init__(self, folder: Path, worker_port: int) -> None:
        config = yaml.safe_load((CONFIG / "prometheus.yml").read_text("utf-8"))
        config["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms", "scrape_timeout": "500ms"}
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


def test_a_real_prometheus_sees_what_happens(servers, tmp_path):
    stream = Stream(own_settings(servers), tmp_path)
    stream.initialise()
    port = free_port()
    worker = stream.start_worker(CLAIMSTREAM_WORKER__WEB_PORT=str(port))
    prometheus = Prometheus(tmp_path, port)
    try:
        stream.wait_for_log(worker, "working: ")
        until(prometheus.up, "a scrape")
        stream.publish([b'{"id": "%d", "text": "%s"}' % (n, WORDS) for n in range(3)])
        stream.publish([b"no JSON"])
        until(lambda: prometheus.firing(alertname="ClaimstreamDeadLetters", fault="not-json"), "the alert")
        stream.wait()
        names = {next(iter(metric.describe())).name for metric in OURS}
        until(lambda: names <= seen(prometheus), "every metric")
        for panel in PANELS:
            answer = prometheus.get("query", query=hurried(panel["query"]))
            assert answer["resultType"] == "vector", panel
        lag = next(panel for panel in PANELS if panel["title"] == "Lag")["query"]
        until(lambda: values(prometheus, lag, "stage") == {"strip": 0, "extract": 0, "index": 0}, "the lag")
        told = values(prometheus, 'sum by (outcome) (claimstream_articles_total{outcome!="passed"})', "outcome")
        assert told == {"indexed": 3, "dead-lettered": 1}
        assert not prometheus.firing(alertname="ClaimstreamServerAway")
        assert not prometheus.firing(alertname="ClaimstreamNoWorker")

        servers.stop("elasticsearch")
        try:
            stream.publish([b'{"id": "4", "text": "%s"}' % WORDS])
            until(lambda: prometheus.firing(alertname="ClaimstreamServerAway", server="Elasticsearch"), "the alert")
        finally:
            servers.start("elasticsearch")

        stop(worker)
        until(lambda: prometheus.firing(alertname="ClaimstreamNoWorker"), "the alert")
    finally:
        prometheus.process.terminate()
        prometheus.process.wait()
        stream.stop_workers()


WORDS = b"The harbour master of Kessel, Jaro Mlinar, said on Monday that the ferry will sail again next week. " * 3


def seen(prometheus: Prometheus) -> set[str]:
    """The metrics that have arrived, without what tells their series apart."""
    names = prometheus.get("label/__name__/values")
    return {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in names}


def values(prometheus: Prometheus, query: str, label: str) -> dict[str, float]:
    return {one["metric"][label]: float(one["value"][1]) for one in prometheus.get("query", query=query)["result"]}
