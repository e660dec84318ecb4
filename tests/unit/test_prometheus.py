"""Rules and dashboard for Prometheus: valid, tested by promtool, about metrics that exist, with a runbook."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from claimstream.agents import metrics

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config" / "prometheus"
RULES = [
    rule for group in yaml.safe_load((CONFIG / "rules.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
PANELS = yaml.safe_load((ROOT / "config/grafana/dashboard.yaml").read_text("utf-8"))["panels"]
OURS = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
SUFFIXES = ("", "_total", "_bucket", "_sum", "_count")
SERIES = {f"{next(iter(metric.describe())).name}{suffix}" for metric in OURS for suffix in SUFFIXES}
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="Prometheus is not installed")


@needs_promtool
@pytest.mark.parametrize(
    "command",
    [["check", "config", "prometheus.yml"], ["check", "rules", "rules.yml"], ["test", "rules", "rules_test.yml"]],
)
def test_promtool_finds_nothing_wrong(command):
    done = subprocess.run(["promtool", *command], cwd=CONFIG, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_fired_in_promtools_tests():
    tests = yaml.safe_load((CONFIG / "rules_test.yml").read_text("utf-8"))["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", ())]
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    silent = {case["alertname"] for case in cases if not case["exp_alerts"]}
    alerts = {rule["alert"] for rule in RULES if "alert" in rule}
    assert fired == alerts
    assert alerts - silent <= {"ClaimstreamPoolRestarts"}


@pytest.mark.parametrize("query", [rule["expr"] for rule in RULES] + [panel["query"] for panel in PANELS])
def test_queries_name_metrics_that_exist(query):
    known = SERIES | {rule["record"] for rule in RULES if "record" in rule}
    named = set(re.findall(r"(?:stage:)?claimstream_[a-z_]+(?::\w+)?", query))
    assert named <= known
    assert named or 'up{job="claimstream"}' in query


def test_every_metric_is_shown_or_watched():
    told = " ".join([rule["expr"] for rule in RULES] + [panel["query"] for panel in PANELS])
    assert [metric for metric in OURS if next(iter(metric.describe())).name not in told] == []


def test_every_alert_has_its_place_in_the_runbook():
    headings = re.findall(r"^### (.*)", (ROOT / "docs/operating.md").read_text("utf-8"), re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert {rule["annotations"]["runbook"] for rule in RULES if "alert" in rule} <= anchors
