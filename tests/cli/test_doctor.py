"""`legwork doctor`: what stands in the way of a deployment."""

import json
import time
from email.utils import formatdate

import pytest
from typer.testing import CliRunner

from cds.cli import app
from tests.contract.tokens import ISSUER, deployment, private_key, public_jwk
from tests.servers.stub import answering, stub_server

CLIENT = f'[ehr]\nissuer = "{ISSUER}"\njwks = "ehr.jwks.json"\nloopback_fhir = true\n'


@pytest.fixture
def doctor(monkeypatch):
    def ask(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"LEGWORK_{name.upper()}", str(value))
        result = CliRunner().invoke(app, ["doctor"])
        return result.exit_code, result.output

    return ask


def test_on_ones_own_machine_nothing_stands_in_the_way(doctor):
    code, said = doctor()

    assert code == 0
    assert "nothing stands in the way" in said
    assert "✗" not in said


def test_every_setting_that_is_wrong_has_a_line(doctor):
    code, said = doctor(port="x", log="xml", drafts="perhaps")

    assert code == 1
    assert all(f"✗  settings: LEGWORK_{name}" in said for name in ("PORT", "LOG", "DRAFTS"))


def test_a_deployment_that_is_whole_passes(doctor, tmp_path):
    with stub_server() as fhir:
        fhir.behaviours["metadata"] = answering(200, {}, Date=formatdate(usegmt=True))
        made = deployment(tmp_path, f'{CLIENT}fhir_servers = ["{fhir.base}"]\n')
        code, said = doctor(clients=made.clients, database=made.database, patient_key=made.patient_key, drafts="allow")

    assert code == 0, said
    assert "✓  FHIR server of ehr" in said
    assert "✓  keys of ehr" in said
    assert "✓  clock" in said
    assert not made.patient_key.exists()  # it looks, and makes nothing


@pytest.mark.parametrize(
    ("behaviour", "line"),
    [
        (answering(500), "✗  FHIR server of ehr"),
        (answering(200, {}, Date=formatdate(time.time() - 600, usegmt=True)), "✗  clock: "),
    ],
)
def test_what_would_refuse_calls_is_named(doctor, tmp_path, behaviour, line):
    with stub_server() as fhir:
        fhir.behaviours["metadata"] = behaviour
        made = deployment(tmp_path, f'{CLIENT}fhir_servers = ["{fhir.base}"]\n')
        code, said = doctor(clients=made.clients, database=made.database, patient_key=made.patient_key, drafts="allow")

    assert code == 1
    assert line in said


def test_drafts_keys_and_the_public_sandbox_are_named(doctor, tmp_path):
    (tmp_path / "sandbox.jwks.json").write_text(json.dumps({"keys": [public_jwk(private_key("ES384"))]}))
    toml = '[sandbox]\nissuer = "https://sandbox.cds-hooks.org"\njwks = "sandbox.jwks.json"\n'
    toml += '[ehr]\nissuer = "https://ehr.example.org"\njku = ["https://127.0.0.1:1/jwks.json"]\n'
    made = deployment(tmp_path, toml)

    code, said = doctor(clients=made.clients, database=made.database, patient_key=made.patient_key)

    assert code == 1
    assert "✗  signatures" in said
    assert "✗  keys of ehr" in said
    assert "✗  client sandbox: anybody may call" in said


def test_a_database_that_is_away_is_named_without_its_password(doctor, tmp_path):
    made = deployment(tmp_path)

    code, said = doctor(
        clients=made.clients, drafts="allow", database="postgresql://legwork:nachtwander@127.0.0.1:1/legwork"
    )

    assert code == 1
    assert "✗  database: cannot be reached" in said
    assert "nachtwander" not in said


def test_a_key_that_others_may_read_is_named(doctor, tmp_path):
    made = deployment(tmp_path)
    made.patient_key.write_text("k" * 64)
    made.patient_key.chmod(0o644)

    _, said = doctor(clients=made.clients, drafts="allow", database=made.database, patient_key=made.patient_key)

    assert "chmod 600" in said
