"""What those who run the service see: figures, readiness, traces, and that drafts are not served unawares."""

import os
import re
import subprocess
import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from cds.app import create_app
from cds.errors import SettingsError
from cds.settings import Settings, load_settings
from tests.conftest import HERE
from tests.contract.calls import PATIENT, RESTLESS_LEGS, REVIEW, bundle, call, with_context
from tests.contract.shapes import outcome_of
from tests.contract.tokens import ISSUER, bearer, deployment
from tests.fetching.asking import asking
from tests.servers.stub import answering, stub_server

TOKEN = "a-token-for-prometheus"


@pytest.fixture
def service():
    with TestClient(create_app(Settings(fetch_deadline=20)), base_url=HERE, raise_server_exceptions=False) as service:
        yield service


def figures(service, token=None):
    answer = service.get("/metrics", headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {(s.name, *(f"{k}={v}" for k, v in sorted(s.labels.items()))): s.value for f in families for s in f.samples}


def test_calls_are_counted_by_service_client_and_status_and_timed(service):
    service.post(REVIEW, json=call())
    service.post(REVIEW, json=call({}))

    found = figures(service)
    of = ("client=development", "service=leg-ache-review")
    assert found["legwork_calls_total", *of, "status=200"] == 1
    assert found["legwork_calls_total", *of, "status=412"] == 1
    assert found["legwork_call_duration_seconds_count", "service=leg-ache-review"] == 2
    assert found["legwork_call_duration_seconds_bucket", "le=+Inf", "service=leg-ache-review"] == 2
    assert 0 < found["legwork_call_duration_seconds_sum", "service=leg-ache-review"] < 10


def test_what_plans_advised_is_counted_by_version(service):
    service.post(REVIEW, json=call())

    found = figures(service)
    version = next(name[3] for name in found if name[:2] == ("legwork_plan_loaded", "plan=rls"))
    assert found["legwork_plan_advice_total", "fate=shown", "plan=rls", version] == 1


def test_rejections_are_counted_by_what_was_wrong(service):
    service.post(REVIEW, json=with_context(userId="x"))
    service.get("/nothing")

    found = figures(service)
    assert found["legwork_rejections_total", "code=invalid", "status=422"] == 1
    assert found["legwork_rejections_total", "code=not-found", "status=404"] == 1


def test_what_was_not_known_and_not_fetched_is_counted(service):
    with stub_server() as fhir:
        fhir.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS)})
        fhir.behaviours["orders"] = answering(500)
        service.post(REVIEW, json=asking(fhir))

    found = figures(service)
    assert found["legwork_fetches_total", "key=orders", "outcome=the FHIR server failed"] == 1
    assert found["legwork_fetches_total", "key=labs", "outcome=whole"] == 1
    assert found["legwork_fetch_duration_seconds_count",] == 1
    assert found["legwork_unknown_total", "area=orders"] == 1


def test_a_plan_that_breaks_down_is_counted(service, monkeypatch):
    monkeypatch.setattr("cds.reasoning.plans.Plan.advise", _breaks_down)

    service.post(REVIEW, json=call())

    assert any(name[0] == "legwork_plan_failures_total" for name in figures(service))


def test_figures_of_a_service_with_clients_take_a_token_of_their_own(tmp_path):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = deployment(tmp_path, metrics_token=tmp_path / "token")

    with TestClient(create_app(settings)) as service:
        service.post(REVIEW, json=call(), headers=bearer(REVIEW))
        found = figures(service, TOKEN)
        outcome_of(service.get("/metrics"), 401)
        outcome_of(service.get("/metrics", headers=bearer("/metrics")), 401)

    assert found["legwork_calls_total", "client=ehr", "service=leg-ache-review", "status=200"] == 1
    assert found["legwork_records_lost_total",] == 0
    assert found["legwork_database_failures_total",] == 0


def test_without_that_token_there_are_no_figures_for_anybody(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as service:
        outcome_of(service.get("/metrics", headers=bearer("/metrics")), 404)


@pytest.mark.parametrize("held", ["", " \n", "short"])
def test_a_token_that_is_none_stops_the_start(tmp_path, held):
    (tmp_path / "token").write_text(held)

    with pytest.raises(SettingsError, match="LEGWORK_METRICS_TOKEN"):
        create_app(deployment(tmp_path, metrics_token=tmp_path / "token"))


def test_ready_says_no_while_no_client_can_be_verified(tmp_path):
    toml = f'[ehr]\nissuer = "{ISSUER}"\njku = ["https://keys.invalid/jwks.json"]\n'

    with TestClient(create_app(deployment(tmp_path, toml))) as service:
        answer = service.get("/ready")

    assert answer.status_code == 503
    assert answer.json()["keys"] == "those of 0 of 1 clients are to be had"


def test_ready_says_what_waits_to_be_written(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as service:
        assert service.get("/ready").json()["records"] == {"waiting": 0, "lost": 0}


def test_drafts_are_not_served_to_clients_unless_somebody_says_so(tmp_path):
    with pytest.raises(SettingsError, match=r"drafts that no clinician has signed.*LEGWORK_DRAFTS=allow"):
        create_app(deployment(tmp_path, drafts=None))
    with pytest.raises(SettingsError, match="drafts"):
        create_app(Settings(drafts="refuse"))


def test_every_answer_has_an_id_of_its_own_whatever_the_client_sends(client):
    ids = [client.get("/health", headers={"X-Correlation-Id": "theirs"}).headers["x-correlation-id"] for _ in range(3)]

    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"[0-9a-f-]{36}", id_) for id_ in ids)


def test_probes_leave_no_line(client, caplog):
    caplog.set_level("INFO", "cds")

    for path in ("/health", "/ready", "/metrics"):
        client.get(path)

    assert caplog.records == []


def test_secrets_may_stand_in_files(tmp_path, monkeypatch):
    (tmp_path / "legwork_database").write_text("sqlite:///from-a-file.db\n")
    monkeypatch.setenv("LEGWORK_SECRETS", str(tmp_path))

    assert load_settings().database == "sqlite:///from-a-file.db"

    monkeypatch.setenv("LEGWORK_SECRETS", str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="LEGWORK_SECRETS"):
        load_settings()


TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
held = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(held))
trace.set_tracer_provider(provider)

from starlette.testclient import TestClient
from cds.app import create_app
from cds.settings import Settings
from tests.contract.calls import REVIEW
from tests.fetching.asking import asking
from tests.servers.stub import stub_server

with stub_server() as fhir, TestClient(create_app(Settings()), base_url="http://127.0.0.1:8000") as service:
    answer = service.post(REVIEW, json=asking(fhir))
    service.get("/Nachtwander?Nachtwander=1")
    service.post(REVIEW + "?Nachtwander=1", json={})
print(answer.headers["x-correlation-id"])
for span in held.get_finished_spans():
    print(span.name, span.parent.span_id if span.parent else None, span.to_json(indent=None))
"""


def test_a_call_and_what_is_fetched_for_it_are_traced_where_somebody_listens():
    pytest.importorskip("opentelemetry.sdk")
    own = {name: value for name, value in os.environ.items() if not name.startswith("LEGWORK_")}
    ran = subprocess.run([sys.executable, "-c", TRACED], env=own, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    told = ran.stdout

    correlation, *spans = told.splitlines()
    assert sum(span.startswith("fetch ") for span in spans) == 15
    (call_span,) = [span for span in spans if span.startswith("POST /cds-services")]
    assert correlation in call_span
    assert "opaque-token" not in told
    assert "p-1" not in told
    assert "Nachtwander" not in told


def _breaks_down(*_: object, **__: object) -> None:
    raise KeyError("x")
