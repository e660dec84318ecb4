"""Kibana's saved objects: attributes that its schemas take, references that lead somewhere, fields that exist."""

import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator, validate

from claimstream.config.indices import KINDS, Indices, template
from claimstream.config.kibana.objects import description, saved_objects
from claimstream.config.secrets import make
from claimstream.config.settings import Elasticsearch

from ..kql import translate
from ..lens import layer

OBJECTS = list(saved_objects(Indices(Elasticsearch())))
BY_ID = {(one["type"], one["id"]): one for one in OBJECTS}
FIELDS = {kind: template(kind)["template"]["mappings"]["properties"] for kind in KINDS}

SCHEMAS = yaml.safe_load((Path(__file__).parents[1] / "kibana.schema.yaml").read_text("utf-8"))
USES = {"terms": {"keyword"}, "date_histogram": {"date"}, "average": {"float", "integer"}, "max": {"float", "integer"}}
"""Mapping types that an operation of Lens can be used with."""


def of(kind: str) -> list[dict]:
    return [one for one in OBJECTS if one["type"] == kind]


def ids(one: dict) -> str:
    return f"{one['type']} {one['id']}"


def kind_of(view: str) -> str:
    return BY_ID["index-pattern", view]["attributes"]["title"]


def opened(value: object) -> object:
    """With the JSON that strings hold in place of these strings."""
    if not isinstance(value, dict):
        return value
    json_in = re.compile(r"JSON$|Map$")
    return {
        name: opened(json.loads(one) if json_in.search(name) and isinstance(one, str) else one)
        for name, one in value.items()
    }


@pytest.mark.parametrize("one", OBJECTS, ids=ids)
def test_an_object_is_what_kibanas_sources_say_of_its_type(one):
    for definition, value in (("object", one), (one["type"], opened(one["attributes"]))):
        validate(value, SCHEMAS | {"$ref": f"#/$defs/{definition}"}, Draft202012Validator)


@pytest.mark.parametrize("kind", ["index-pattern", "search", "lens", "dashboard"])
def test_what_kibana_does_not_know_would_be_found(kind):
    """At every depth: a name that no source has, in the place of each one that is there."""
    good = opened(of(kind)[0]["attributes"])
    check = Draft202012Validator(SCHEMAS | {"$ref": f"#/$defs/{kind}"})
    assert check.is_valid(good)
    spoilt = list(misspelt(good))
    ours = {"layers", "columns", "panelsJSON", "fieldFormatMap", "embeddableConfig"}  # the names in these are our own
    assert {path for path, one in spoilt if check.is_valid(one) and path.split("/")[-2] not in ours} == set()
    assert len(spoilt) > 2


def misspelt(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield copies of a value, each with one name of its dictionaries changed, and where."""
    match value:
        case dict():
            for name, inner in value.items():
                yield f"{path}/{name}", {(f"{key}x" if key == name else key): one for key, one in value.items()}
                yield from ((at, value | {name: one}) for at, one in misspelt(inner, f"{path}/{name}"))
        case list():
            for number, inner in enumerate(value):
                for at, one in misspelt(inner, f"{path}/{number}"):
                    yield at, [*value[:number], one, *value[number + 1 :]]


@pytest.mark.parametrize("one", OBJECTS, ids=ids)
def test_references_lead_to_objects_that_come_before(one):
    assert len({(other["type"], other["id"]) for other in OBJECTS}) == len(OBJECTS)
    before = OBJECTS[: OBJECTS.index(one)]
    for reference in one["references"]:
        assert BY_ID[reference["type"], reference["id"]] in before


@pytest.mark.parametrize("search", of("search"), ids=ids)
def test_a_saved_search_names_fields_of_its_index(search):
    source = json.loads(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    (reference,) = search["references"]
    assert reference["name"] == source["indexRefName"]
    fields = FIELDS[kind_of(reference["id"])]
    assert set(search["attributes"]["columns"]) <= set(fields)
    assert all(fields[field]["type"] == "date" for field, _ in search["attributes"]["sort"])
    translate(source["query"]["query"], fields)


@pytest.mark.parametrize("lens", of("lens"), ids=ids)
def test_a_chart_uses_fields_as_their_types_allow(lens):
    (reference,) = lens["references"]
    fields = FIELDS[kind_of(reference["id"])]
    state = lens["attributes"]["state"]
    assert (
        reference["name"]
        == f"indexpattern-datasource-layer-{next(iter(state['datasourceStates']['formBased']['layers']))}"
    )
    columns = layer(lens)["columns"]
    assert layer(lens)["columnOrder"] == list(columns)
    for column in columns.values():
        if column["operationType"] != "count":
            assert fields[column["sourceField"]]["type"] in USES[column["operationType"]]
    translate(state["query"]["query"], fields)
    shown = re.findall(r'"(by-\d|value)"', json.dumps(state["visualization"]))
    assert set(shown) == set(columns)


@pytest.mark.parametrize("dashboard", of("dashboard"), ids=ids)
def test_a_dashboard_shows_its_panels_beside_each_other(dashboard):
    attributes = dashboard["attributes"]
    panels = json.loads(attributes["panelsJSON"])
    named = {reference["name"]: reference["type"] for reference in dashboard["references"]}
    assert {
        f"{panel['panelIndex']}:{panel['panelRefName']}": panel["type"] for panel in panels
    }.items() <= named.items()
    taken = set()
    for panel in panels:
        x, y, w, h = (panel["gridData"][side] for side in "xywh")
        cells = {(column, row) for column in range(x, x + w) for row in range(y, y + h)}
        assert x + w <= 48
        assert not taken & cells
        taken |= cells
    for name in json.loads(attributes["controlGroupInput"]["panelsJSON"]):
        (reference,) = [one for one in dashboard["references"] if one["name"].startswith(f"controlGroup_{name}:")]
        assert FIELDS[kind_of(reference["id"])][name]["type"] == "keyword"


def test_what_the_pages_should_show_is_there():
    told = {
        key: [panel.get("title", "search") for panel in one["panels"]]
        for key, one in description()["dashboards"].items()
    }
    assert told["claims"] == [
        "Claims", "Time line", "Who speaks most", "Stance by outlet", "Who denies, about whom", "People",
        "Organizations", "Places", "search",
    ]  # fmt: skip
    assert len(told["stream"]) == 8


@pytest.mark.parametrize("view", of("index-pattern"), ids=ids)
def test_a_data_view_is_of_an_index_with_that_time(view):
    fields = FIELDS[view["attributes"]["title"]]
    assert fields[view["attributes"]["timeFieldName"]]["type"] == "date"
    assert set(json.loads(view["attributes"]["fieldFormatMap"])) <= set(fields)


# ── the import ───────────────────────────────────────────────────────────────────────────────────────────────────


COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "docker-compose.yml").read_text("utf-8"))


@contextmanager
def stand_in(secrets: Path | None = None) -> Iterator[tuple[str, list[dict]]]:
    """What Kibana's import would be sent; it refuses what has `broken` in it."""
    received: list[dict] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            boundary = "--" + self.headers["Content-Type"].partition("boundary=")[2]
            head, _, file = body.split(boundary)[1].partition("\r\n\r\n")
            objects = [json.loads(line) for line in file.strip().splitlines()]
            received.append({"path": self.path, "headers": self.headers, "objects": objects})
            good = 'name="file"; filename="' in head and self.headers["kbn-xsrf"] and "broken" not in file
            errors = {"success": False, "errors": [{"id": "1", "error": {"type": "unknown"}}]}
            answer = {"success": True, "successCount": len(objects)} if good else errors
            self.send_response(401 if "forbidden" in file else 200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        if secrets:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(secrets / "kibana/certificate.pem", secrets / "kibana/key.pem")
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever).start()
        yield f"{'https' if secrets else 'http'}://127.0.0.1:{server.server_port}", received
        server.shutdown()


@pytest.fixture
def kibana():
    with stand_in() as running:
        yield running


def put_objects(*arguments: str, prefix: str = "", **settings: str) -> "subprocess.CompletedProcess[str]":
    entrypoint = COMPOSE["services"]["kibana-objects"]["entrypoint"]
    assert entrypoint[0] == "python"
    environment = {**os.environ, "CLAIMSTREAM_ELASTICSEARCH__PREFIX": prefix, **settings}
    command = [sys.executable, *entrypoint[1:], *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_all_objects_are_put_with_the_prefix_and_the_login(kibana):
    url, received = kibana
    login = {"CLAIMSTREAM_ELASTICSEARCH__USERNAME": "ada", "CLAIMSTREAM_ELASTICSEARCH__PASSWORD": "brook"}
    done = put_objects(url, prefix="test-", **login)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(OBJECTS)} saved objects" in done.stdout
    (request,) = received
    assert request["path"] == "/api/saved_objects/_import?overwrite=true"
    assert request["headers"]["Authorization"] == "Basic YWRhOmJyb29r"
    assert all(one["id"].startswith("test-claimstream-") for one in request["objects"])
    titles = {one["attributes"]["title"] for one in request["objects"] if one["type"] == "index-pattern"}
    assert titles == {f"test-{kind}" for kind in KINDS}


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("broken-", r"Kibana at \S+ does not take all objects: .*unknown.*\n"),
        ("forbidden-", r"Kibana at \S+ refuses the import: 401 .*\n"),
    ],
)
def test_what_kibana_refuses_is_one_line(kibana, prefix, told):
    done = put_objects(kibana[0], prefix=prefix)
    assert done.returncode == 1
    assert re.fullmatch(told, done.stderr)


def test_the_secured_kibana_is_known_by_its_certificate(tmp_path):
    make(tmp_path / "secrets", tmp_path / ".env")
    with stand_in(tmp_path / "secrets") as (url, received):
        ca_file = str(tmp_path / "secrets/public/ca.pem")
        done = put_objects(url, CLAIMSTREAM_ELASTICSEARCH__CA_FILE=ca_file)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(received) == 1
        stranger = put_objects(url)
        assert stranger.returncode == 1
        assert re.fullmatch(r"Kibana at \S+ does not answer: .*certificate.*\n", stranger.stderr)
        assert put_objects(url, CLAIMSTREAM_ELASTICSEARCH__VERIFY_CERTIFICATES="false").returncode == 0


def test_an_absent_kibana_is_one_line():
    done = put_objects("http://127.0.0.1:9")
    assert done.returncode == 1
    assert re.fullmatch(r"Kibana at \S+ does not answer: .*\n", done.stderr)


def test_without_a_url_the_objects_are_printed():
    assert [json.loads(line) for line in put_objects().stdout.splitlines()] == OBJECTS
