"""The files for Docker, .env.example and pom.xml agree with each other and with the settings class."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import BaseModel, ValidationError

from claimstream.cli.app import app
from claimstream.config.secrets import client, make
from claimstream.config.settings import Settings

from .. import compose
from ..compose import ROOT

COMPOSE = compose.read(compose.SECURE)
SERVICES = COMPOSE["services"]
PLAIN = compose.read(compose.SECURE, compose.PLAIN)["services"]
BOTH = pytest.mark.parametrize("services", [SERVICES, PLAIN], ids=["secure", "plain"])
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("claimstream:")]
POM = {
    element.tag.rpartition("}")[2].removesuffix(".version"): element.text
    for element in ET.parse(ROOT / "tests/servers/pom.xml").iterfind("./{*}properties/*")
}
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
DOCUMENTED = dict(line[1:].split("=", 1) for line in EXAMPLE.splitlines() if re.match(r"#[A-Z_]+=", line))


def variables(model: type[BaseModel], prefix: str = "CLAIMSTREAM_") -> Iterator[tuple[str, object]]:
    """The variable and default of each setting."""
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from variables(type(field.default), f"{prefix}{name}__".upper())
        else:
            yield f"{prefix}{name}".upper(), field.default


SETTINGS = dict(variables(Settings))
TEXT = "".join((ROOT / name).read_text("utf-8") for name in (compose.SECURE, compose.PLAIN))
SUBSTITUTED = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))


def test_every_setting_is_explained_with_its_default():
    assert {name for name in DOCUMENTED if name.startswith("CLAIMSTREAM_")} == set(SETTINGS)
    for name, default in SETTINGS.items():
        if name != "CLAIMSTREAM_WORKER__POOL_PROCESSES":  # by default as many as this machine's cores allow
            told = DOCUMENTED[name]
            assert told == "" if default in {None, ""} else type(default)(yaml.safe_load(told)) == default, name


def test_the_explained_defaults_are_accepted(tmp_path):
    env = tmp_path / ".env"
    env.write_text(re.sub(r"^#(?=[A-Z_]+=.)", "", EXAMPLE, flags=re.MULTILINE))
    assert Settings(_env_file=env).worker.pool_processes == 2
    env.write_text("CLAIMSTREAM_WORKER__POOL_PROCESES=2")
    with pytest.raises(ValidationError):
        Settings(_env_file=env)


def test_every_knob_of_the_compose_file_is_explained_with_its_default():
    knobs = {name: default for name, default in DOCUMENTED.items() if not name.startswith("CLAIMSTREAM_")}
    assert knobs.pop("COMPOSE_FILE") == compose.SECURE  # Compose's own
    assert f" {compose.SECURE}:{compose.PLAIN}\n" in EXAMPLE
    assert set(knobs) == {name for name in SUBSTITUTED if not name.startswith("CLAIMSTREAM_")}
    assert {name: DOCUMENTED[name] for name in SUBSTITUTED} == SUBSTITUTED


def test_the_servers_are_those_of_the_tests():
    images = {name: service["image"] for name, service in SERVICES.items()}
    assert images["kafka"] == f"apache/kafka:{POM['kafka']}"
    assert images["elasticsearch"] == f"elasticsearch:{POM['elasticsearch']}"
    assert images["kibana"] == f"kibana:{POM['elasticsearch']}"
    assert images["rights"] == images["kafka"]
    assert [image for image in images.values() if not re.search(r":(v?\d+\.\d+\.\d+|local)$", image)] == []


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    make(folder / "secrets", folder / ".env")
    return folder


@BOTH
@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings_and_valid(services, name, checkout, monkeypatch):
    environment = compose.environment(services[name], checkout if services is SERVICES else None)
    assert set(environment) <= set(SETTINGS)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings = Settings()
    kafka, kibana = services["kafka"]["environment"], services["kibana"]["environment"]
    assert f"CONTAINERS://{settings.kafka.servers}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert f"CONTAINERS:{settings.kafka.security_protocol}" in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    assert settings.elasticsearch.url == kibana["ELASTICSEARCH_HOSTS"]
    if services is SERVICES:
        assert settings.kafka.sasl_mechanism == kafka["KAFKA_SASL_ENABLED_MECHANISMS"]
        for one in (settings.kafka, settings.elasticsearch):
            assert one.username == ("claimstream" if name == "worker" else "admin")
            assert f"./secrets/public/ca.pem:{one.ca_file}:ro" in services[name]["volumes"]


def test_whoever_comes_from_outside_a_container_needs_a_login():
    kafka = SERVICES["kafka"]["environment"]
    protocols = dict(one.split(":") for one in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    for listener in kafka["KAFKA_LISTENERS"].split(","):
        name, _, address = listener.partition("://")
        assert protocols[name] == "SASL_SSL" or address.startswith("localhost:")
    assert "KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND" not in kafka
    elasticsearch = SERVICES["elasticsearch"]["environment"]
    assert elasticsearch["xpack.security.enabled"] == elasticsearch["xpack.security.http.ssl.enabled"] == "true"
    assert elasticsearch["transport.host"] == "localhost"
    assert SERVICES["kibana"]["environment"]["SERVER_SSL_ENABLED"] == "true"
    assert "GF_AUTH_ANONYMOUS_ENABLED" not in SERVICES["grafana"]["environment"]


def test_the_plain_arrangement_needs_no_secrets():
    for service in PLAIN.values():
        assert not [volume for volume in service.get("volumes", ()) if "secrets" in volume]
        assert [file for file in service.get("env_file", ()) if file != {"path": ".env", "required": False}] == []


def test_only_one_container_is_given_what_only_one_may_know():
    users: dict[str, list[str]] = {}
    for name, service in SERVICES.items():
        for file in service.get("env_file", ()):
            users.setdefault(file, []).append(name)
    administrators = users.pop("secrets/environment/admin.env")
    assert administrators == ["init", "kibana-objects"]
    assert users.pop(".env") == [*administrators, "worker"]
    assert {file: [file.split("/")[-1].removesuffix(".env")] for file in users} == users


@pytest.mark.skipif(
    subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0
    if shutil.which("docker")
    else True,
    reason="Docker Compose is not installed",
)
@pytest.mark.parametrize("arrangement", [[compose.SECURE], [compose.SECURE, compose.PLAIN]], ids=["secure", "plain"])
def test_docker_compose_reads_the_same(arrangement, checkout):
    """It needs no Docker for that."""
    files = [option for name in arrangement for option in ("--file", str(ROOT / name))]
    if len(arrangement) == 1:
        shutil.copy(ROOT / compose.SECURE, checkout)
        files = ["--file", str(checkout / compose.SECURE)]
    command = ["docker", "compose", *files, "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    theirs = json.loads(done.stdout)["services"]
    ours = compose.read(*arrangement)["services"]
    assert set(theirs) == set(ours)
    for name, service in ours.items():
        folder = checkout if len(arrangement) == 1 else None
        told = theirs[name].get("environment") or {}
        if "environment" in service:
            assert {variable: value.replace("$$", "$") for variable, value in told.items()} == compose.environment(
                service, folder
            )
        targets = [volume["target"] for volume in theirs[name].get("volumes", ())]
        assert targets == [volume.split(":")[1] for volume in service.get("volumes", ())]
        if "healthcheck" in service:
            assert theirs[name]["healthcheck"].get("test") == service["healthcheck"].get("test")


def test_the_defaults_reach_the_servers_from_outside_the_containers():
    ports = [port for name in ("kafka", "elasticsearch") for port in SERVICES[name]["ports"]]
    assert ports == ["127.0.0.1:${KAFKA_PORT:-9092}:9092", "127.0.0.1:${ELASTICSEARCH_PORT:-9200}:9200"]
    settings = Settings()
    assert settings.kafka.servers == "localhost:" + SUBSTITUTED["KAFKA_PORT"]
    assert settings.elasticsearch.url == "http://localhost:" + SUBSTITUTED["ELASTICSEARCH_PORT"]
    secured = client("ada", "word", Path("ca.pem"))
    assert secured["CLAIMSTREAM_ELASTICSEARCH__URL"] == "https://localhost:" + SUBSTITUTED["ELASTICSEARCH_PORT"]
    kafka = SERVICES["kafka"]["environment"]
    assert "HOST://localhost:${KAFKA_PORT:-9092}" in kafka["KAFKA_ADVERTISED_LISTENERS"].split(",")
    assert "HOST://:9092" in kafka["KAFKA_LISTENERS"].split(",")


@BOTH
def test_ports_are_open_to_this_machine_only(services):
    published = [port for service in services.values() for port in service.get("ports", ())]
    assert len(published) == 5
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_a_worker_has_memory_for_its_pool_and_time_to_stop():
    settings = Settings()
    needed = 512 + int(SUBSTITUTED["CLAIMSTREAM_WORKER__POOL_PROCESSES"]) * settings.limits.memory_mib
    assert int(SUBSTITUTED["WORKER_MEMORY"].removesuffix("g")) * 1024 >= needed
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace >= 2 * settings.worker.shutdown_seconds


def test_every_container_has_a_memory_limit_and_what_others_wait_for_has_a_health_check():
    assert all("mem_limit" in service for service in SERVICES.values())
    for service in SERVICES.values():
        for name, on in service.get("depends_on", {}).items():
            if on["condition"] == "service_healthy":
                assert SERVICES[name]["healthcheck"]["test"]
            else:
                assert SERVICES[name].get("restart") is None  # one that ends
    mounted = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    files = {volume for volume in mounted if volume.startswith("./")}
    made = {volume for volume in files if volume.startswith("./secrets/")}  # by `make secrets`
    assert mounted - files == set(COMPOSE["volumes"])
    assert [file for file in files - made if not (ROOT / file).exists()] == []


def test_prometheus_scrapes_the_workers_and_grafana_asks_prometheus():
    prometheus = yaml.safe_load((ROOT / "config/prometheus/prometheus.yml").read_text("utf-8"))
    (job,) = prometheus["scrape_configs"]
    (workers,) = job["dns_sd_configs"]
    assert set(workers["names"]) <= set(SERVICES)
    assert workers["port"] == Settings().worker.web_port
    (folder,) = [volume for volume in SERVICES["prometheus"]["volumes"] if volume.startswith("./")]
    inside = folder.split(":")[1]
    assert f"--config.file={inside}/prometheus.yml" in SERVICES["prometheus"]["command"]
    assert [rules for rules in prometheus["rule_files"] if not (ROOT / folder.split(":")[0] / rules).is_file()] == []
    port = SERVICES["prometheus"]["ports"][0].rpartition(":")[2]
    (source,) = yaml.safe_load((ROOT / "config/grafana/datasource.yml").read_text("utf-8"))["datasources"]
    assert source["url"] == f"http://prometheus:{port}"
    dashboard = json.loads((ROOT / "config/grafana/dashboard.json").read_text("utf-8"))
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"]} == {source["uid"]}
    (provider,) = yaml.safe_load((ROOT / "config/grafana/dashboards.yml").read_text("utf-8"))["providers"]
    shown = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert shown.rpartition("/")[0] == provider["options"]["path"]
    assert f"./config/grafana/dashboard.json:{shown}:ro" in SERVICES["grafana"]["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_containers_of_claimstream_can_change_nothing(name):
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def commands() -> Iterator[list[str]]:
    """What the containers and the health check run."""
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    entrypoint = json.loads(re.findall(r"^ENTRYPOINT (.*)", dockerfile, re.MULTILINE)[0])
    yield [*entrypoint, *json.loads(re.findall(r"^CMD (.*)", dockerfile, re.MULTILINE)[0])]
    yield json.loads(re.findall(r"^HEALTHCHECK .*CMD (.*)", dockerfile, re.MULTILINE)[0])
    yield from ([*entrypoint, *SERVICES[name]["command"]] for name in OURS if "entrypoint" not in SERVICES[name])


def test_the_commands_exist():
    known = typer.main.get_command(app).list_commands(None)
    for program, subcommand, *_ in commands():
        assert program == "claimstream"
        assert subcommand in known


def test_the_image_runs_the_tested_python_as_a_user():
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    (image,) = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert re.fullmatch(r"python:3\.1[1-9]-slim-\w+", image)
    assert re.search(r"^USER (?!root)\w+$", dockerfile, re.MULTILINE)
    assert "requirements.txt" in dockerfile


def test_the_build_sees_the_rooms_and_nothing_else():
    patterns = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert "*" in patterns
    rooms = {link.name for link in (ROOT / "src/claimstream").iterdir() if link.is_symlink()}
    assert {f"!{room}" for room in rooms} <= set(patterns)
    assert "!.env" not in patterns
