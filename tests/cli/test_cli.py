"""The command line, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cds.cli import app, main
from cds.cli.terminal import BAD_INPUT

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "fixtures/patients/rls-iron-epic/bundle.json"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "120"})


def test_advise_draws_the_cards() -> None:
    result = _run("advise", str(BUNDLE), "--today", "2026-05-15")

    assert result.exit_code == 0
    assert "depleted iron stores" in result.output
    assert "not a diagnosis" in result.output


def test_advise_gives_json_to_machines() -> None:
    result = _run("advise", str(BUNDLE), "--today", "2026-05-15", "--json")

    cards = json.loads(result.stdout)["cards"]
    assert cards[0]["extension"]["org.legwork.advice"][0]["topic"] == "iron"


def test_why_shows_criteria_met_not_met_and_unknown_with_their_data() -> None:
    result = _run("advise", str(BUNDLE), "--today", "2026-05-15", "--why")

    for word in ("met", "not met", "unknown", "IR-1 depleted-stores: advised", "Ferritin 11.0 ng/mL"):
        assert word in result.output


def test_on_another_day_the_results_are_too_old() -> None:
    result = _run("advise", str(BUNDLE), "--today", "2029-05-15", "--json")

    assert "depleted-stores" not in result.stdout


def test_a_patient_without_leg_symptoms_has_no_cards() -> None:
    result = _run("advise", str(ROOT / "fixtures/patients/well-epic/bundle.json"), "--today", "2026-05-15")

    assert "No cards." in result.output


def test_discovery_names_the_service_of_each_hook() -> None:
    services = json.loads(_run("discovery").stdout)["services"]

    assert [s["hook"] for s in services] == ["patient-view", "encounter-start", "order-select", "order-sign"]


def test_an_order_at_hand_is_judged(tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text('{"resourceType": "ServiceRequest", "id": "s", "code": {"text": "Compression stockings"}}')

    patient = ROOT / "fixtures/patients/diabetes-without-foot-examination/bundle.json"
    result = _run("advise", str(patient), "--hook", "order-sign", "--orders", str(order), "--today", "2026-05-15")

    assert "Compression stockings" in result.output


def test_an_order_that_nobody_speaks_of_is_met_with_silence_as_by_the_service(tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    order.write_text('{"resourceType": "ServiceRequest", "id": "s", "code": {"text": "Basic metabolic panel"}}')
    patient = json.loads((ROOT / "fixtures/patients/potassium-low-on-thiazide/bundle.json").read_bytes())
    for entry in patient["entry"]:  # an emergency, of which the service says nothing beside such an order
        if entry["resource"].get("valueQuantity", {}).get("value") == 2.8:
            entry["resource"]["valueQuantity"]["value"] = 2.3
    bundle = tmp_path / "bundle.json"
    bundle.write_text(json.dumps(patient))

    result = _run("advise", str(bundle), "--hook", "order-sign", "--orders", str(order), "--today", "2026-11-22")

    assert "Contact the patient" in _run("advise", str(bundle), "--today", "2026-11-22").output
    assert result.output.strip() == "No cards."


def test_review_fills_in_the_limits() -> None:
    result = _run("review", "iron")

    assert "below 15 ng/mL (34 pmol/L)" in result.output
    assert "not yet by any clinician" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["advise", "nowhere.json"], "does not exist"),
        (["advise", str(BUNDLE), "--today", "tomorrow"], "YYYY-MM-DD"),
        (["advise", str(BUNDLE), "--hook", "order-review"], "no service answers it"),
        (["advise", str(BUNDLE), "--hook", "order-sign"], "need it"),
        (["advise", str(BUNDLE), "--orders", str(BUNDLE)], "know no orders"),
        (["review", "gout"], "there are"),
    ],
)
def test_wrong_arguments_are_answered_with_what_would_be_right(arguments: list[str], words: str) -> None:
    result = _run(*arguments)

    assert result.exit_code == BAD_INPUT
    assert words in result.output.replace("\n", " ").replace("│", "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "not JSON"),
        ('{"resourceType": "Patient"}', "not a FHIR Bundle"),
        ('{"resourceType": "Bundle", "entry": []}', "no Patient"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line_and_exit_code_two(
    content: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bundle.json"
    file.write_text(content)
    monkeypatch.setattr(sys, "argv", ["legwork", "advise", str(file)])

    with pytest.raises(SystemExit) as stop:
        main()

    assert stop.value.code == BAD_INPUT
    assert words in capsys.readouterr().err


def test_the_command_is_installed() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "cds.cli", "topics"], capture_output=True, text=True, cwd=ROOT, check=True
    )

    assert "venousinsufficiency" in shown.stdout


def test_export_writes_a_package_and_says_how_much(tmp_path: Path) -> None:
    result = _run("export", str(tmp_path / "out"))

    written = list((tmp_path / "out" / "package").glob("*-*.json"))
    assert result.exit_code == 0
    assert result.output.startswith(f"{len(written)} resources in ")
    assert {"PlanDefinition-iron.json", "Questionnaire-leg-ache-intake.json"} <= {path.name for path in written}


def test_export_into_what_is_no_folder_is_one_line_and_exit_code_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "mine.txt").write_text("")
    monkeypatch.setattr(sys, "argv", ["legwork", "export", str(tmp_path)])

    with pytest.raises(SystemExit) as stop:
        main()

    assert stop.value.code == BAD_INPUT
    assert "holds something else" in capsys.readouterr().err


def test_pages_are_written_to_a_folder(tmp_path: Path) -> None:
    result = _run("pages", str(tmp_path))

    assert result.output.startswith(f"{len(list(tmp_path.iterdir()))} pages in ")
    assert "# Iron" in (tmp_path / "iron.md").read_text()
