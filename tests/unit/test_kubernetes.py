"""The manifests agree with the settings class, the image and docker-compose.yml, and fit Kubernetes' schemas."""

import re
import shutil
import subprocess

import pytest
import yaml

from claimstream.config.settings import Settings

from .. import compose

FOLDER = compose.ROOT / "config" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))
OBJECTS = {
    one["kind"]: one
    for file in KUSTOMIZATION["resources"]
    for one in yaml.safe_load_all((FOLDER / file).read_text("utf-8"))
}
CONTAINERS = {kind: OBJECTS[kind]["spec"]["template"]["spec"]["containers"][0] for kind in ("Deployment", "Job")}
SERVICES = {"Deployment": "worker", "Job": "init"}
LOGIN = {
    f"CLAIMSTREAM_{server}__{field}": "word"
    for server in ("KAFKA", "ELASTICSEARCH")
    for field in ("USERNAME", "PASSWORD")
}
"""What docs/operating.md has people put into the secrets."""


def environment(container: dict) -> dict[str, str]:
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    maps, secrets = (
        [one[kind]["name"] for one in container["envFrom"] if kind in one] for kind in ("configMapRef", "secretRef")
    )
    assert maps == [generated["name"]]
    assert len(secrets) == 1
    own = {one["name"]: one["value"] for one in container.get("env", ())}
    return dict(line.split("=", 1) for line in generated["literals"]) | LOGIN | own


@pytest.mark.parametrize("kind", CONTAINERS)
def test_variables_are_settings_and_valid(kind, monkeypatch):
    container = CONTAINERS[kind]
    for variable, value in environment(container).items():
        monkeypatch.setenv(variable, value)
    settings = Settings()  # which refuses unknown names
    (mount,) = [one["mountPath"] for one in container["volumeMounts"] if one["name"] == "authorities"]
    assert {str(one.ca_file.parent) for one in (settings.kafka, settings.elasticsearch)} == {mount}
    if kind == "Deployment":
        ports = {one["name"]: one["containerPort"] for one in container["ports"]}
        assert ports == {"web": settings.worker.web_port}
        annotations = OBJECTS[kind]["spec"]["template"]["metadata"]["annotations"]
        assert annotations["prometheus.io/port"] == str(settings.worker.web_port)
        spec = OBJECTS[kind]["spec"]["template"]["spec"]
        assert spec["terminationGracePeriodSeconds"] >= 2 * settings.worker.shutdown_seconds
        memory = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
        assert memory >= 512 + settings.worker.pool_processes * settings.limits.memory_mib


@pytest.mark.parametrize("kind", CONTAINERS)
def test_containers_run_what_compose_runs_and_can_change_nothing(kind):
    container, pod = CONTAINERS[kind], OBJECTS[kind]["spec"]["template"]["spec"]
    service = compose.read(compose.SECURE)["services"][SERVICES[kind]]
    assert container["args"] == service["command"]
    assert "command" not in container  # the image's entrypoint
    assert container["image"] == KUSTOMIZATION["images"][0]["name"] == service["image"].split(":")[0]
    (user,) = re.findall(r"useradd .*--uid (\d+)", compose.DOCKERFILE)
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}


def test_the_probe_asks_a_page_that_a_worker_serves():
    source = (compose.ROOT / "agents/health.py").read_text("utf-8")
    container = CONTAINERS["Deployment"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/health", "port": "web"}
    pages = re.findall(r'web\.get\("([^"]+)"', source)
    told = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["annotations"]["prometheus.io/path"]
    assert {"/health", told} == set(pages)


def test_every_secret_is_told_how_to_make():
    page = (compose.ROOT / "docs/operating.md").read_text("utf-8")
    made = re.findall(r"create secret generic (\w+)", page)
    used = set(
        re.findall(r"secret(?:Ref: \{ name|Name): (\w+)", "".join(p.read_text("utf-8") for p in FOLDER.iterdir()))
    )
    assert set(made) == used
    assert len(made) == 3


def test_selectors_choose_the_pods_of_their_template():
    spec = OBJECTS["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    (spread,) = spec["template"]["spec"]["topologySpreadConstraints"]
    assert spec["selector"]["matchLabels"] == spread["labelSelector"]["matchLabels"] == labels


def validate(one: dict) -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="100 MiB of schemas: pip install kubernetes-validate")
    schemas.validate(one, "1.34", strict=True)


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_fits_the_schema_of_its_kind(kind):
    validate(OBJECTS[kind])


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_builds_objects_that_fit():
    done = subprocess.run(["kubectl", "kustomize", FOLDER], capture_output=True, text=True, check=True)
    objects = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert set(objects) == {*OBJECTS, "ConfigMap"}
    for one in objects.values():
        validate(one)
