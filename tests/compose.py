"""docker-compose.yml as Docker Compose reads it: with its second file merged in, and the defaults of variables."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
SECURE = "docker-compose.yml"
PLAIN = "docker-compose.plain.yml"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
RESET = object()


class Override:
    def __init__(self, value: Any) -> None:
        self.value = value


class Loader(yaml.SafeLoader):
    """Knows the tags by which one file takes back what another says."""


def override(loader: yaml.Loader, node: yaml.Node) -> Override:
    if isinstance(node, yaml.SequenceNode):
        return Override(loader.construct_sequence(node, deep=True))
    raise NotImplementedError(node)


Loader.add_constructor("!reset", lambda _loader, _node: RESET)
Loader.add_constructor("!override", override)


def merged(base: Any, over: Any) -> Any:
    if isinstance(over, Override):
        return over.value
    if not isinstance(base, dict):
        return over
    both = base | {name: merged(base.get(name), value) for name, value in over.items()}
    return {name: value for name, value in both.items() if value is not RESET}


def read(*names: str) -> dict[str, Any]:
    """The files `--file` names, merged; lists that are not tagged replace, as Compose does with commands and tests."""
    found: dict[str, Any] = {}
    for name in names:
        found = merged(found, yaml.load((ROOT / name).read_text("utf-8"), Loader))
    return found


def substituted(text: object, **variables: str) -> str:
    """With each variable's value or default; `$$` is a dollar."""
    put = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1], match[2]), str(text))
    return put.replace("$$", "$")


def env_file(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def environment(service: dict[str, Any], folder: Path | None = None) -> dict[str, str]:
    """What a service's container is given, with its files from a folder; without one, of `environment` alone."""
    told: dict[str, str] = {}
    if folder:
        for one in service.get("env_file", ()):
            told |= env_file(folder / (one if isinstance(one, str) else one["path"]))
    return told | {name: substituted(value) for name, value in service["environment"].items()}


def entrypoint() -> list[str]:
    """Of our image."""
    found: list[str] = json.loads(re.findall(r"^ENTRYPOINT (.*)", DOCKERFILE, re.MULTILINE)[0])
    return found
