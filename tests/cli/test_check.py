"""`legwork check`: what a server gives, and what of it is not understood."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cds.cli import app, main
from cds.cli.terminal import BAD_INPUT
from tests.servers.stub import answering, stub_server

PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Secret"}], "birthDate": "1960-01-01"}
ABOUT = {"subject": {"reference": "Patient/p"}}


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", *arguments], env={"COLUMNS": "200"})


def _file(folder: Path, *resources: dict[str, Any]) -> str:
    path = folder / "bundle.json"
    entries = [{"resource": resource} for resource in (PATIENT, *resources)]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    return str(path)


def _result(code: dict[str, Any], **value: Any) -> dict[str, Any]:
    made = {"resourceType": "Observation", "id": "o", "status": "final", "code": code, **ABOUT, **value}
    return made | {"effectiveDateTime": "2026-05-01"}


def test_a_check_in_which_nobody_could_be_looked_at_is_no_success(tmp_path):
    file = tmp_path / "nobody.json"
    file.write_text('{"resourceType": "Bundle", "entry": []}')

    result = _run(str(file))

    assert "the Bundle holds no Patient" in result.output
    assert result.exit_code == BAD_INPUT


def test_a_code_that_no_list_holds_is_named_when_its_words_matter(tmp_path):
    code = {"coding": [{"system": "http://loinc.org", "code": "99999-9"}], "text": "Ferritin"}

    output = _run(_file(tmp_path, _result(code))).output

    assert "http://loinc.org|99999-9 'Ferritin': may mean Ferritin; no list holds the code" in output


def test_a_code_of_a_list_is_no_news(tmp_path):
    code = {"coding": [{"system": "http://loinc.org", "code": "2276-4"}], "text": "Ferritin"}
    value = {"valueQuantity": {"value": 40, "unit": "ng/mL"}}

    assert "Not understood" not in _run(_file(tmp_path, _result(code, **value)), "--today", "2026-05-02").output


def test_a_unit_that_is_not_understood_is_named(tmp_path):
    code = {"coding": [{"system": "http://loinc.org", "code": "2276-4"}], "text": "Ferritin"}
    value = {"valueQuantity": {"value": 40, "unit": "furlongs"}}

    output = _run(_file(tmp_path, _result(code, **value)), "--today", "2026-05-02").output

    assert "may mean Ferritin; unit 'furlongs' not understood" in output


def test_a_code_system_of_which_nothing_is_known_is_named(tmp_path):
    code = {"coding": [{"system": "urn:oid:9.9.9", "code": "1"}]}

    assert "code system not known: Observation: urn:oid:9.9.9" in _run(_file(tmp_path, _result(code))).output


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["people", "machines"])
def test_a_patient_is_named_only_on_request(tmp_path, form):
    file = _file(tmp_path)

    assert "Secret" not in _run(file, *form).output
    assert "Secret" in _run(file, "--names", *form).output


def test_a_file_that_cannot_be_read_costs_only_itself(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text("{")

    output = _run(str(broken), _file(tmp_path)).output

    assert "broken.json: this is not JSON in UTF-8" in output
    assert "Patient p" in output


def test_an_address_that_is_no_fhir_server_is_an_error_in_words(monkeypatch, capsys):
    with stub_server() as stub:
        stub.behaviours["metadata"] = answering(200, b"<html>", "text/html")
        monkeypatch.setattr("sys.argv", ["legwork", "check", "--fhir-server", stub.base])

        with pytest.raises(SystemExit) as left:
            main()

    assert left.value.code == BAD_INPUT
    assert "metadata: the answer is not JSON" in capsys.readouterr().err.replace("\n", "")
