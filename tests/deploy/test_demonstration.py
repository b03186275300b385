"""docker-compose.yml and deploy/ start as they stand: a setting that is missing or wrong fails here."""

import shutil
from functools import partial

import httpx
import yaml

from tests.contract.test_server import free_port
from tests.deploy.plain import COMPOSE, ROOT, answers, of_image


def test_the_jobs_before_the_question_are_done(demonstration):
    assert set(demonstration.jobs) == {"keys", "migrate", "load"}


def test_the_ehr_that_is_played_gets_the_same_cards_by_prefetch_and_by_fetch(demonstration):
    asked = COMPOSE["services"]["ask"]["command"]

    done = demonstration.composed.run("ask")

    assert done.code == 0, done.said
    assert done.said.count("the same by prefetch and by fetch") == len(asked)
    assert all(f"{name}: " in done.said for name in asked)


def test_the_image_looks_at_the_health_of_what_runs(demonstration):
    machine = demonstration.composed.machine
    look = [word.replace("http://127.0.0.1:8000", demonstration.service) for word in of_image("HEALTHCHECK")]

    assert machine.run(look, {}, {}).code == 0


def test_the_service_gives_its_figures_to_who_has_the_token_that_was_made(demonstration):
    token = (demonstration.composed.machine.folder / "clients" / "metrics.token").read_text().strip()

    refused = httpx.get(f"{demonstration.service}/metrics")
    given = httpx.get(f"{demonstration.service}/metrics", headers={"Authorization": f"Bearer {token}"})

    assert (refused.status_code, given.status_code) == (401, 200)


def test_keys_are_made_once(demonstration):
    folder = demonstration.composed.machine.folder / "clients"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert demonstration.composed.run("keys").code == 0

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files


def test_nothing_is_written_where_a_container_could_not(demonstration):
    assert list(demonstration.composed.machine.empty.iterdir()) == []


class Example:
    """The containers of deploy/example: what kustomize makes of the files, with the secrets that its head names."""

    def __init__(self, demonstration):
        self.machine = demonstration.composed.machine
        pod = _read("base/deployment.yaml")["spec"]["template"]["spec"]
        (self.first,), (self.main,) = pod["initContainers"], pod["containers"]
        (settings,) = _read("example/kustomization.yaml")["configMapGenerator"]
        maps = {settings["name"]: dict(line.split("=", 1) for line in settings["literals"])}
        maps["legwork-database"] = {"LEGWORK_DATABASE": "postgresql://legwork:legwork@postgres/legwork"}
        self.environment = {
            name: value
            for source in self.main["envFrom"]
            for name, value in maps[(source.get("configMapRef") or source["secretRef"])["name"]].items()
        }
        self.port = free_port()
        secret = self.machine.folder / "legwork-clients"
        if not secret.exists():
            secret.mkdir()
            for name in ("clients.toml", "patient.key", "demo.jwks.json"):
                shutil.copy(self.machine.folder / "clients" / name, secret)
        self.mounts = {one["mountPath"]: secret for one in self.main["volumeMounts"] if one["name"] == "clients"}

    def command(self, container):
        return of_image("ENTRYPOINT") + container.get("args", of_image("CMD"))

    def with_settings(self, **more):
        return {**self.environment, "LEGWORK_PORT": str(self.port), **more}


def _read(path):
    return yaml.safe_load((ROOT / "deploy" / path).read_text(encoding="utf-8"))


def test_the_example_for_kubernetes_makes_its_tables_and_is_ready_once_somebody_answers_for_the_drafts(demonstration):
    example = Example(demonstration)
    settings = example.with_settings(LEGWORK_DRAFTS="allow")

    made = example.machine.run(example.command(example.first), settings, example.mounts)

    assert made.code == 0, made.said
    path = example.main["readinessProbe"]["httpGet"]["path"]
    ready = f"http://127.0.0.1:{example.port}{path}"
    with example.machine.serving(example.command(example.main), settings, example.mounts, partial(answers, ready)):
        assert httpx.get(ready).json()["database"] == "ok"


def test_the_example_for_kubernetes_lacks_no_setting_but_the_word_on_drafts(demonstration):
    """Who deploys says it, not we: as long as plans are drafts, the start is refused for that reason alone."""
    example = Example(demonstration)

    done = example.machine.run(example.command(example.main), example.with_settings(), example.mounts)

    assert done.code == 2
    assert "LEGWORK_DRAFTS=allow" in done.said
    assert len(done.said.strip().splitlines()) == 1
