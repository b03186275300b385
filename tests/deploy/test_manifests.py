"""What the Dockerfile, docker-compose.yml and the manifests promise; their form is checked by `make check`."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from cds.settings import Settings
from tests.deploy.plain import COMPOSE, DOCKERFILE, ROOT

OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"] == "legwork"}
BASE = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "deploy" / "base").glob("*.yaml")
}
POD = BASE["deployment"]["spec"]["template"]["spec"]
NAMED = {"app.kubernetes.io/name": "legwork"}


def test_the_image_runs_as_nobody_and_has_no_tools_to_build_with() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]

    assert re.search(r"^USER 10001:10001$", final, re.MULTILINE)
    assert not re.search(r"\bpip\b|python3-venv|binutils", final)
    assert "--require-hashes" in DOCKERFILE


def test_the_image_copies_all_that_the_package_needs_and_nothing_else() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]

    names = {name for line in copied for name in line.split()}
    assert names == {"requirements/build.txt", "requirements/runtime.txt", "pyproject.toml", "README.md", "LICENSE"} | {
        "NOTICE"
    } | {name for name in packages if "." not in name}


@pytest.mark.parametrize("name", OURS)
def test_a_container_can_write_nothing_but_what_is_mounted(name: str) -> None:
    assert OURS[name]["read_only"] is True
    assert OURS[name]["cap_drop"] == ["ALL"]


def test_nothing_of_the_demonstration_is_reached_from_other_machines() -> None:
    ports = [port for one in COMPOSE["services"].values() for port in one.get("ports", ())]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_setting_that_is_given_is_one() -> None:
    example = yaml.safe_load((ROOT / "deploy/example/kustomization.yaml").read_text(encoding="utf-8"))
    literals = [line.partition("=")[0] for one in example["configMapGenerator"] for line in one["literals"]]
    given = {name for one in OURS.values() for name in one.get("environment", ())} | set(literals)

    assert given <= {f"LEGWORK_{name.upper()}" for name in Settings.model_fields}


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [volume.partition(":")[0] for one in COMPOSE["services"].values() for volume in one.get("volumes", ())]

    assert [path for path in mounted if path.startswith("./") and not (ROOT / path).exists()] == []
    assert {name for name in mounted if not name.startswith("./")} == set(COMPOSE["volumes"])


def test_selectors_mean_the_pods() -> None:
    assert BASE["deployment"]["spec"]["template"]["metadata"]["labels"] == NAMED
    assert BASE["deployment"]["spec"]["selector"]["matchLabels"] == NAMED
    assert BASE["service"]["spec"]["selector"] == NAMED
    assert BASE["disruption"]["spec"]["selector"]["matchLabels"] == NAMED
    assert BASE["network"]["spec"]["podSelector"]["matchLabels"] == NAMED


def test_every_manifest_is_taken() -> None:
    assert set(BASE["kustomization"]["resources"]) == {f"{name}.yaml" for name in BASE if name != "kustomization"}


@pytest.mark.parametrize("container", [*POD["initContainers"], *POD["containers"]], ids=lambda one: one["name"])
def test_a_container_is_confined_and_bounded(container: dict[str, Any]) -> None:
    security = container["securityContext"]

    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"]


def test_probes_ask_what_the_service_answers() -> None:
    (container,) = POD["containers"]

    assert container["livenessProbe"]["httpGet"]["path"] == "/health"
    assert container["readinessProbe"]["httpGet"]["path"] == "/ready"
    assert BASE["autoscaler"]["spec"]["metrics"][0]["resource"]["name"] == "cpu"
