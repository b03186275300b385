"""The knowledge as FHIR resources: https://hl7.org/fhir/R4/http.html, read and search."""

import json
from importlib import import_module

import pytest

from cards.rendering import INTAKE
from cds.export import package
from cds.services import knowledge, plans
from tests.contract.calls import PATIENT_ID, REVIEW, call, days_ago, prefetch
from tests.contract.shapes import cards_of, outcome_of

KINDS = package.KINDS


def got(client, address):
    response = client.get(address)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/fhir+json"
    return response.json()


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_gives_every_resource_and_each_can_be_read(client, kind):
    bundle = got(client, f"/fhir/{kind}")

    assert bundle["type"] == "searchset"
    assert bundle["total"] == len(bundle["entry"]) > 0
    for entry in bundle["entry"][:5]:
        resource = entry["resource"]
        assert got(client, f"/fhir/{kind}/{resource['id']}") == resource


@pytest.mark.parametrize("kind", KINDS)
def test_every_resource_is_valid_and_its_address_leads_to_it(kind):
    model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    for id_, resource in package.exported()[kind].items():
        model.model_validate(resource)
        assert resource["id"] == id_
        assert resource["url"].startswith("https://legwork.org/fhir/")


def test_every_plan_and_recommendation_is_there_as_a_draft(client):
    found = {e["resource"]["id"]: e["resource"] for e in got(client, "/fhir/PlanDefinition")["entry"]}

    assert set(found) == {plan.topic for plan in plans()}
    for plan in plans():
        shown = found[plan.topic]
        assert shown["status"] == "draft"
        assert shown["version"] == plan.knowledge.file.version
        assert [action["id"] for action in shown["action"]] == [r.name for r in plan.recommends]
        assert len(shown["extension"][0]["extension"]) == 13
        assert all(action["textEquivalent"] for action in shown["action"])


def test_every_suggested_order_leads_to_its_definition():
    named = {
        order["definitionCanonical"].rsplit("/", 1)[1]
        for plan in package.exported()["PlanDefinition"].values()
        for action in plan["action"]
        for order in action.get("action", ())
    }

    assert named <= set(package.exported()["ActivityDefinition"])


def test_every_concept_that_a_rule_names_is_a_value_set():
    assert knowledge().asked <= set(package.exported()["ValueSet"])


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("url=https://legwork.org/fhir/ValueSet/ferritin", ["ferritin"]),
        ("name=Ferritin", ["ferritin"]),
        ("_id=ferritin", ["ferritin"]),
        ("_id=nothing", []),
        ("_id=ferritin&_summary=true&_count=5&x=y", ["ferritin"]),
    ],
)
def test_a_search_by_address_name_or_id(client, query, ids):
    assert [e["resource"]["id"] for e in got(client, f"/fhir/ValueSet?{query}").get("entry", [])] == ids


@pytest.mark.parametrize("address", ["/fhir/Patient", "/fhir/ValueSet/none", "/fhir/Observation/1", "/fhir/plan"])
def test_what_is_not_there_is_a_404_in_words(client, address):
    outcome_of(client.get(address), 404)


def test_the_metadata_name_what_can_be_asked(client):
    stated = got(client, "/fhir/metadata")

    assert stated["fhirVersion"] == "4.0.1"
    assert [r["type"] for r in stated["rest"][0]["resource"]] == list(KINDS)


def test_the_intake_form_asks_all_questions_behind_its_first(client):
    form = got(client, "/fhir/Questionnaire/leg-ache-intake")

    first, *others = form["item"]
    assert first == {**first, "linkId": "leg-symptom", "type": "boolean", "required": True}
    assert all(item["enableWhen"][0]["question"] == "leg-symptom" for item in others)


def test_an_answer_made_from_the_form_is_understood(client):
    form = got(client, "/fhir/Questionnaire/leg-ache-intake")
    asked = {item["linkId"]: item for item in form["item"]}
    dangling = next(o for o in asked["better-when"]["answerOption"] if o["valueCoding"]["code"] == "dangling")
    response = {
        "resourceType": "QuestionnaireResponse",
        "id": "intake",
        "questionnaire": form["url"],
        "status": "completed",
        "subject": {"reference": f"Patient/{PATIENT_ID}"},
        "authored": days_ago(1),
        "item": [
            {"linkId": "leg-symptom", "answer": [{"valueBoolean": True}]},
            {"linkId": "better-when", "answer": [dangling]},
        ],
    }
    answers = {"resourceType": "Bundle", "entry": [{"resource": response}]}

    cards = cards_of(client.post(REVIEW, json=call(prefetch(answers=answers))))

    assert "pad" in {card["source"]["topic"]["code"] for card in cards}


def test_the_link_of_a_card_leads_to_the_form(client):
    got(client, INTAKE)


def test_the_same_knowledge_is_written_as_the_same_package(tmp_path):
    for name in ("one", "two"):
        package.write(tmp_path / name)

    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n / "package").iterdir()} for n in ("one", "two"))

    assert one == two
    files = {entry["filename"] for entry in json.loads(one[".index.json"])["files"]}
    assert files | {".index.json", "package.json"} == set(one)
