"""What docker-compose.yml and deploy/ run, as plain processes: their commands, environment and files as they stand.

Only what a container engine gives is replaced: each volume is a folder, and each address a port of this machine.
"""

import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PROGRAMS = {"legwork": [sys.executable, "-m", "cds.cli"], "python": [sys.executable]}
LONGEST = 120
"""For how long a job or a start may take on a busy machine [s]."""


def of_image(instruction: str) -> list[str]:
    """Give the command after an instruction of the Dockerfile: ENTRYPOINT, CMD or HEALTHCHECK."""
    found = re.findall(rf"^{instruction} (?:[^\[]*CMD )?(\[.+\])$", DOCKERFILE, re.MULTILINE)
    command: list[str] = json.loads(found[-1])
    return command


@dataclass(frozen=True, slots=True)
class Done:
    """A process that has ended."""

    code: int
    said: str


@dataclass(slots=True)
class Machine:
    """Where processes run as if in containers of our image.

    Attributes:
        folder: what they may use; the folder in which they run, and their home, must stay empty.
        addresses: what stands in our files for a host and its port -> what it is here.
        services: how many were started.
    """

    folder: Path
    addresses: dict[str, str]
    services: int = 0

    def __post_init__(self) -> None:
        self.empty.mkdir()

    @property
    def empty(self) -> Path:
        """What a container could not write to."""
        return self.folder / "empty"

    def here(self, text: str, mounts: Mapping[str, Path]) -> str:
        """Put what is here in the place of addresses and mounted folders."""
        for there, here in self.addresses.items():
            text = text.replace(there, here)
        for there, path in mounts.items():
            text = re.sub(rf"(?<![\w./]){re.escape(there)}(?=/|$)", str(path), text)
        return text

    def popen(
        self, command: Sequence[str], environment: Mapping[str, str], mounts: Mapping[str, Path], log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a process with this environment and no other."""
        command = [self.here(word, mounts) for word in [*PROGRAMS.get(command[0], command[:1]), *command[1:]]]
        own = {"PATH": os.environ["PATH"], "HOME": str(self.empty), "PYTHONPATH": str(ROOT)}
        own |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}  # as the Dockerfile says
        given = {name: self.here(value, mounts) for name, value in environment.items()}
        with log.open("wb") as said:
            return subprocess.Popen(command, cwd=self.empty, env=own | given, stdout=said, stderr=subprocess.STDOUT)  # noqa: S603 - ours

    def run(self, command: Sequence[str], environment: Mapping[str, str], mounts: Mapping[str, Path]) -> Done:
        """Do a job."""
        log = self.folder / "job.log"
        with self.popen(command, environment, mounts, log) as process:
            code = process.wait(LONGEST)
        return Done(code, log.read_text(encoding="utf-8"))

    @contextlib.contextmanager
    def serving(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        mounts: Mapping[str, Path],
        is_ready: Callable[[], bool],
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a service, once it is ready; end it afterwards.

        Raises:
            AssertionError: it does not start; with what it said.
        """
        self.services += 1
        log = self.folder / f"service-{self.services}.log"
        with self.popen(command, environment, mounts, log) as process:
            try:
                deadline = time.monotonic() + LONGEST
                while not is_ready():
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise AssertionError(f"it did not start:\n{log.read_text(encoding='utf-8')}")
                    time.sleep(0.05)  # it tells nobody when it begins to listen
                yield process
            finally:
                process.terminate()
                process.wait(LONGEST)


def answers(address: str, authority: Path | None = None) -> bool:
    """Whether somebody is well at an address; an authority may have to make itself first."""
    try:
        context = ssl.create_default_context(cafile=authority)
        with urllib.request.urlopen(address, timeout=5, context=context):  # noqa: S310 - loopback
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return False
    except OSError:
        return False


class Composed:
    """The services and jobs of docker-compose.yml; volumes are folders of the machine."""

    def __init__(self, machine: Machine, patients: Sequence[str]) -> None:
        """Lay out the folders that are mounted, with these patients among the fixtures."""
        self.machine = machine
        for name in COMPOSE["volumes"]:
            (machine.folder / name).mkdir()
        (machine.folder / "demo").mkdir()
        for file in (ROOT / "demo").iterdir():
            if file.is_file():
                text = machine.here(file.read_text(encoding="utf-8"), {})
                (machine.folder / "demo" / file.name).write_text(text, encoding="utf-8")
        for name in patients:
            shutil.copytree(ROOT / "fixtures/patients" / name, machine.folder / "fixtures/patients" / name)

    def mounts(self, name: str) -> dict[str, Path]:
        """Give the folder behind each path at which a service has something mounted."""
        volumes = [volume.split(":") for volume in COMPOSE["services"][name].get("volumes", ())]
        return {there: self.machine.folder / here.removeprefix("./") for here, there, *_ in volumes}

    def command(self, name: str, *instead: str) -> list[str]:
        """Give what a service or job runs, or what else is asked of it (docker compose run)."""
        service = COMPOSE["services"][name]
        default = [] if "entrypoint" in service else of_image("CMD")
        return [*service.get("entrypoint", of_image("ENTRYPOINT")), *(instead or service.get("command", default))]

    def run(self, name: str, *instead: str) -> Done:
        """Do a job."""
        environment = COMPOSE["services"][name].get("environment", {})
        return self.machine.run(self.command(name, *instead), environment, self.mounts(name))

    @contextlib.contextmanager
    def serving(self, name: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
        """Run a service of ours on that port."""
        environment = COMPOSE["services"][name]["environment"] | {"LEGWORK_PORT": str(port)}
        ready = partial(answers, f"http://127.0.0.1:{port}/ready")
        with self.machine.serving(self.command(name), environment, self.mounts(name), ready) as process:
            yield process

    @contextlib.contextmanager
    def proxying(self) -> Iterator[Path]:
        """Run the proxy, before which a worker runs; give the certificate of the authority that it makes for itself."""
        mounts = self.mounts("proxy")
        config, data = mounts["/etc/caddy/Caddyfile"], mounts["/data"]
        command = ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]  # as its image does
        environment = {"XDG_DATA_HOME": str(data), "XDG_CONFIG_HOME": str(data), "HOME": str(data)}  # it writes there
        authority = data / "caddy/pki/authorities/local/root.crt"
        (site,) = re.findall(r"^https://\S+(?= {)", config.read_text(encoding="utf-8"), re.MULTILINE)
        ready = partial(answers, f"{site}/health", authority)
        with self.machine.serving(command, environment, mounts, ready):
            yield authority


def before(name: str) -> list[str]:
    """Give what Compose starts before a service, in an order that it may take."""
    waits = {one: set(service.get("depends_on", ())) for one, service in COMPOSE["services"].items()}
    order = list(TopologicalSorter(waits).static_order())
    needed, found = [name], set[str]()
    while needed:
        new = waits[needed.pop()] - found
        found |= new
        needed += new
    return [one for one in order if one in found]
