"""The knowledge as FHIR resources: https://hl7.org/fhir/R4/http.html, read and search."""

import json
import re
import subprocess
import sys
from collections import Counter

import pytest
from fhir.resources.R4B import get_fhir_model_class

from cards.rendering import DATA_QUALITY, DIFFERENTIAL, INTAKE
from cards.wording import WORDING
from cds.errors import ExportError
from cds.export import package
from cds.export.elements import BASE
from cds.export.pages import makers
from cds.services import knowledge, plans
from cds.settings import SANDBOX
from tests.conftest import HERE
from tests.contract.calls import PATIENT_ID, REVIEW, call, days_ago, prefetch
from tests.contract.shapes import cards_of, empties, outcome_of

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
    model = get_fhir_model_class(kind)
    for id_, resource in package.exported(kind).items():
        model.model_validate(resource)
        assert resource["id"] == id_
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", id_)
        assert resource["url"] == f"https://legwork.org/fhir/{kind}/{id_}"
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", resource["name"])
        assert list(empties(resource)) == []


@pytest.mark.parametrize("address", ["/fhir/metadata", *(f"/fhir/{kind}" for kind in KINDS)])
def test_what_is_answered_is_valid(client, address):
    answered = got(client, address)

    get_fhir_model_class(answered["resourceType"]).model_validate(answered)


@pytest.mark.parametrize("kind", KINDS)
def test_no_two_resources_share_a_name(kind):
    names = Counter(resource["name"] for resource in package.exported(kind).values())

    assert [name for name, times in names.items() if times > 1] == []


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
        assert all(action["condition"] and action["trigger"] for action in shown["action"])


def test_conditions_are_told_apart_and_their_terms_explained():
    pad = package.exported("PlanDefinition")["pad"]
    actions = {action["id"]: action for action in pad["action"]}

    threat, order = actions["limb-threat"], actions["compression-with-low-index"]
    said = {c["expression"]["description"]: c["expression"]["expression"] for c in threat["condition"]}
    assert said["For whom"] == "alive, record active"
    assert said["When"] == "limb threat"
    assert "- **limb threat**: " in pad["description"]
    assert "## Changes\n\n- 0.1.0, " in pad["description"]
    assert {t["name"] for t in threat["trigger"]} == {"patient-view", "encounter-start"}
    assert {t["name"] for t in order["trigger"]} == {"order-select", "order-sign"}
    assert any(a.get("prefix") == "Consider" for a in threat["action"])
    tbi = next(a for a in threat["action"] if a.get("definitionCanonical", "").endswith("/tbi"))
    assert tbi["condition"][0]["expression"]["expression"].startswith("no toe index")


def _canonicals(content):
    """Walk through all addresses of ours that a resource names."""
    if isinstance(content, dict):
        for value in content.values():
            yield from _canonicals(value)
    elif isinstance(content, list):
        for value in content:
            yield from _canonicals(value)
    elif isinstance(content, str) and content.startswith(f"{BASE}/"):
        yield content


def test_every_address_of_ours_that_a_resource_names_is_published():
    published = {resource["url"] for kind in KINDS for resource in package.exported(kind).values()}
    named = {url for kind in KINDS for resource in package.exported(kind).values() for url in _canonicals(resource)}

    assert named - published == set()


def test_codes_of_ours_that_are_sent_are_in_their_code_systems():
    codes = {url: {c["code"] for c in s["concept"]} for url, s in ((s["url"], s) for s in _systems())}

    assert {plan.topic for plan in plans()} | {DIFFERENTIAL, DATA_QUALITY} <= codes[WORDING.topic_system]
    assert set(knowledge().overrides.reasons) == codes[knowledge().overrides.system]


def _systems():
    return package.exported("CodeSystem").values()


def test_extensions_hold_what_their_definitions_say():
    allowed = {
        d["url"]: {e["sliceName"] for e in d["differential"]["element"] if "sliceName" in e}
        for d in package.exported("StructureDefinition").values()
    }
    found = [e for kind in KINDS for r in package.exported(kind).values() for e in _extensions(r)]

    assert found
    for extension in (e for e in found if e["url"].startswith(BASE)):
        parts = {part["url"] for part in extension.get("extension", ())}
        assert parts <= allowed[extension["url"]]
        assert bool(parts) is bool(allowed[extension["url"]])


def _extensions(content):
    if isinstance(content, dict):
        yield from content.get("extension", ())
        for value in content.values():
            yield from _extensions(value)
    elif isinstance(content, list):
        for value in content:
            yield from _extensions(value)


def test_every_concept_that_a_rule_names_is_a_value_set():
    assert knowledge().asked <= set(package.exported("ValueSet"))


def test_value_sets_include_and_leave_out_as_the_reader_does():
    """A code, all below a code, and what is left out with all below it."""
    compose = package.exported("ValueSet")["infection-of-leg-skin"]["compose"]

    listed = [include for include in compose["include"] if "concept" in include]
    below = [include for include in compose["include"] if "filter" in include]
    assert listed
    assert below
    assert all("filter" not in include for include in listed)
    for one in (*below, *compose["exclude"]):
        (filter_,) = one["filter"]
        assert (filter_["property"], filter_["op"]) == ("concept", "is-a")


@pytest.mark.parametrize("kind", ["include", "exclude"])
def test_every_exported_code_means_what_it_does_to_the_reader(kind):
    lookup = knowledge().vocabulary.codes.lookup
    wrong = []
    for id_, value_set in package.exported("ValueSet").items():
        for part in value_set.get("compose", {}).get(kind, ()):
            for code in [c["code"] for c in part.get("concept", ())] + [f["value"] for f in part.get("filter", ())]:
                meant = [code, f"{code}9"] if "filter" in part else [code]
                if any((id_ in lookup(part["system"], one)[0]) is (kind == "exclude") for one in meant):
                    wrong.append((id_, code))

    assert wrong == []


def test_codes_that_are_trusted_less_say_so():
    includes = package.exported("ValueSet")["magnesium"]["compose"]["include"]
    uses = {
        concept["code"]: part["valueCode"]
        for include in includes
        for extension in include.get("extension", ())
        for part in extension["extension"]
        for concept in include["concept"]
        if part["url"] == "use"
    }

    assert uses["11554-3"] == "deprecated"
    assert "Retired codes" in package.exported("ValueSet")["magnesium"]["description"]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("url=https://legwork.org/fhir/ValueSet/ferritin", ["ferritin"]),
        ("name=Ferritin", ["ferritin"]),
        ("_id=ferritin", ["ferritin"]),
        ("_id=nothing", []),
        ("_id=ferritin,iron", ["ferritin", "iron"]),
        ("name=ferri", ["ferritin"]),
        ("name=Ferritin&_id=iron", []),
        ("title=HEAVY", ["heavy-legs"]),
        ("_id=ferritin&status=active", []),
        ("_id=ferritin&_summary=true&_count=5&x=y", ["ferritin"]),
    ],
)
def test_a_search_by_address_name_or_id(client, query, ids):
    assert [e["resource"]["id"] for e in got(client, f"/fhir/ValueSet?{query}").get("entry", [])] == ids


def test_the_self_link_names_the_parameters_that_were_heeded(client):
    (link,) = got(client, "/fhir/ValueSet?_id=ferritin&_count=5&x=%0a<b>")["link"]

    assert link == {"relation": "self", "url": f"{HERE}/fhir/ValueSet?_id=ferritin"}


def test_what_is_published_can_be_read_by_a_page_and_by_head(client):
    shown = client.get("/fhir/metadata", headers={"Origin": SANDBOX})

    assert shown.headers["access-control-allow-origin"] == SANDBOX
    assert client.head("/fhir/Questionnaire").headers["content-type"] == "application/fhir+json"
    outcome_of(client.post("/fhir/ValueSet", json={}), 405)


@pytest.mark.parametrize("address", ["/fhir/Patient", "/fhir/ValueSet/none", "/fhir/Observation/1", "/fhir/plan"])
def test_what_is_not_there_is_a_404_in_words(client, address):
    said = outcome_of(client.get(address), 404)

    assert ("PlanDefinition" in said) is (address != "/fhir/ValueSet/none")


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
    assert client.get(INTAKE).status_code == 200


def test_the_same_knowledge_is_written_as_the_same_package(tmp_path):
    for name in ("one", "two"):
        package.write(tmp_path / name)

    one, two = ({p.name: p.read_bytes() for p in (tmp_path / n / "package").iterdir()} for n in ("one", "two"))

    assert one == two
    index = {entry["filename"]: entry for entry in json.loads(one[".index.json"])["files"]}
    assert set(index) | {".index.json", "package.json"} == set(one)
    for name, entry in index.items():
        resource = json.loads(one[name])
        assert resource == package.exported(resource["resourceType"])[resource["id"]]
        assert entry["url"] == resource["url"]


def test_an_older_package_leaves_nothing_behind(tmp_path):
    package.write(tmp_path)
    (tmp_path / "package" / "ValueSet-of-old.json").write_text("{}")

    package.write(tmp_path)

    assert not (tmp_path / "package" / "ValueSet-of-old.json").exists()


@pytest.mark.parametrize("content", ["{}", "[]", "no json", '{"name": "another.package"}'])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, content):
    other = tmp_path / "package" / "package.json"
    other.parent.mkdir()
    other.write_text(content)

    with pytest.raises(ExportError, match="holds something else"):
        package.write(tmp_path)

    assert other.read_text() == content


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ExportError, match="cannot be written"):
        package.write(tmp_path / "file")


def test_the_service_starts_without_the_models_of_what_is_exported():
    said = subprocess.run(
        [sys.executable, "-c", "import sys, cds.app; print(any('plandefinition' in name for name in sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["pad", "codes", "differential", "index"])
def test_the_pages_for_reviewers_are_served_as_they_are_written(client, name):
    response = client.get(f"/knowledge/{name}")

    assert response.text == makers()[f"{name}.md"]()
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
