"""The envelope of a call: https://cds-hooks.hl7.org/2.0/#calling-a-cds-service."""

import json
from codecs import BOM_UTF8
from typing import Any

import pytest

from tests.contract.calls import (
    AUTHORIZATION,
    ENCOUNTER,
    FHIR_SERVER,
    NO_IRON_STUDIES,
    PATIENT_ID,
    REVIEW,
    call,
    prefetch,
    rich,
    whole,
    with_access,
    with_context,
    without,
)
from tests.contract.shapes import advised, cards_of, outcome_of, told

WRONG: list[Any] = [None, "", " ", 5, True, [], {}, ["x"]]


def post(client, body, address=REVIEW, **headers):
    return client.post(address, content=body, headers={"Content-Type": "application/json", **headers})


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/fhir+json", "text/html", "x/y"])
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/fhir+json"]
)
def test_a_call_is_answered_whatever_the_accept_header_and_the_charset(client, accept, content_type):
    """CH-Q-01, Z-10."""
    response = post(client, json.dumps(call()), Accept=accept, **{"Content-Type": content_type})

    assert advised(cards_of(response)) == [NO_IRON_STUDIES]


@pytest.mark.parametrize(
    "address", [f"{REVIEW}/", "/cds-services//leg-ache-review", "//cds-services/leg-ache-review//"]
)
def test_a_call_is_answered_whatever_the_slashes(client, address):
    """CH-Q-01, D-16: the sandbox joins a discovery address with a trailing slash as it is."""
    response = client.post(whole(client, address), json=call(), follow_redirects=False)

    assert advised(cards_of(response)) == [NO_IRON_STUDIES]


def test_a_mark_of_the_byte_order_changes_nothing(client):
    """CH-G-01: RFC 8259 lets it be ignored, and some clients' libraries write it."""
    assert advised(cards_of(post(client, BOM_UTF8 + json.dumps(call()).encode()))) == [NO_IRON_STUDIES]


def test_a_body_in_pieces_is_put_together(client):
    """CH-Q-01."""
    body = json.dumps(call()).encode()

    response = client.post(REVIEW, content=(body[i : i + 100] for i in range(0, len(body), 100)))

    assert advised(cards_of(response)) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("member", ["hook", "hookInstance", "context"])
@pytest.mark.parametrize("value", [..., *WRONG])
def test_a_required_member_that_is_missing_or_wrong_is_named(client, member, value):
    """CH-Q-02, Q-04, Q-06, G-05, Z-07."""
    made = without(call(), member) if value is ... else call(**{member: value})

    words = outcome_of(client.post(REVIEW, json=made), 422)

    assert member in words or "userId" in words  # context: {}


@pytest.mark.parametrize(
    ("address", "hook"),
    [(REVIEW, "encounter-start"), (ENCOUNTER, "patient-view"), (REVIEW, "order-select"), (REVIEW, "Patient-View")],
)
def test_another_hook_than_the_advertised_one_is_refused(client, address, hook):
    """CH-Q-03, H-02, H-03, H-05 to H-07."""
    made = {**call(hook="encounter-start"), "hook": hook}

    assert "hook" in outcome_of(client.post(address, json=made), 422)


@pytest.mark.parametrize(
    "instance", ["D1577C69-DFBE-44AD-BA6D-3E05E953B2EA", "urn:uuid:d1577c69-dfbe-44ad-ba6d-3e05e953b2ea", "17"]
)
def test_an_odd_hook_instance_is_taken(client, instance):
    """CH-Q-04."""
    assert advised(cards_of(client.post(REVIEW, json=call(hookInstance=instance)))) == [NO_IRON_STUDIES]


def test_the_same_hook_instance_is_answered_again(client):
    """CH-Q-14, R-06."""
    made = call()

    first, second = (cards_of(client.post(REVIEW, json=made)) for _ in range(2))

    assert told(first) == told(second)
    assert first[0]["uuid"] != second[0]["uuid"]


def test_fhir_authorization_without_a_fhir_server_is_refused(client):
    """CH-Q-07."""
    made = call(fhirAuthorization=AUTHORIZATION)

    assert "fhirServer" in outcome_of(client.post(REVIEW, json=made), 422)


@pytest.mark.parametrize(
    "address",
    [
        "ftp://ehr.example.org",
        "ehr.example.org/fhir",
        "https://",
        "https://user:secret@ehr.example.org/fhir",
        "",
        5,
        [],
    ],
)
def test_a_fhir_server_that_is_no_web_address_is_refused_and_not_repeated(client, address):
    """CH-Q-08, Z-13."""
    words = outcome_of(client.post(REVIEW, json=call(fhirServer=address)), 422)

    assert words.startswith("fhirServer")
    assert "secret" not in words


@pytest.mark.parametrize(
    "address", [FHIR_SERVER, f"{FHIR_SERVER}/", "https://ehr.example.org", "http://127.0.0.1:8080/r4"]
)
def test_a_fhir_server_alone_changes_nothing(client, address):
    """CH-Q-08, F-09: without a token nothing is fetched."""
    assert advised(cards_of(client.post(REVIEW, json=call(fhirServer=address)))) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("value", [[], "x", 5, True])
def test_a_prefetch_that_is_no_object_is_refused(client, value):
    """CH-Q-09."""
    assert outcome_of(client.post(REVIEW, json={**call(), "prefetch": value}), 422).startswith("prefetch")


@pytest.mark.parametrize(
    "made", [without(call(), "prefetch"), {**call(), "prefetch": None}, {**call(), "prefetch": {}}]
)
def test_a_call_without_prefetch_lacks_the_patient(client, made):
    """CH-Q-09, P-09: 412 and not an empty list of cards."""
    assert "prefetch.patient" in outcome_of(client.post(REVIEW, json=made), 412)


def test_unknown_members_and_fields_and_keys_are_ignored_unread(client):
    """CH-G-07, Q-10, H-35, P-11, E-01, E-04, E-06."""
    plain = call()
    odd: dict[str, Any] = {"com.epic.cdshooks.request.bpa-trigger-action": "23", "deep": [[[]]], "null": None}
    full = {
        **plain,
        "extension": odd,
        "unknown": odd,
        "context": {**plain["context"], "extension": odd, "selections": [None], "draftOrders": "broken"},
        "prefetch": {
            **plain["prefetch"],
            "patientToGreet": {"resourceType": 5},
            "user": "123",
            "": [None],
            "x": "\x00",
        },
    }

    assert told(cards_of(client.post(REVIEW, json=full))) == told(cards_of(client.post(REVIEW, json=plain)))


@pytest.mark.parametrize("extension", [None, {}, [], "x", [{"url": "https://example.org", "valueString": "x"}]])
def test_no_form_of_an_extension_does_harm(client, extension):
    """CH-E-02, E-04."""
    made = with_context(extension=extension)

    assert advised(cards_of(client.post(REVIEW, json={**made, "extension": extension}))) == [NO_IRON_STUDIES]


def test_optional_members_that_are_null_count_as_absent(client):
    """CH-Q-11."""
    made = {**with_context(encounterId=None), "fhirServer": None, "fhirAuthorization": None, "extension": None}

    assert advised(cards_of(client.post(REVIEW, json=made))) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("member", ["access_token", "token_type", "expires_in", "scope", "subject"])
@pytest.mark.parametrize("value", [..., None, "", 5.5, []])
def test_a_token_of_the_wrong_shape_is_refused_by_name(client, member, value):
    """CH-Q-12."""
    words = outcome_of(client.post(REVIEW, json=with_access(**{member: value})), 422)

    assert words.startswith("fhirAuthorization")
    assert member in words


@pytest.mark.parametrize("patient", [..., None, PATIENT_ID])
def test_a_token_of_the_right_shape_is_taken_and_never_repeated(client, patient):
    """CH-Q-12, F-03."""
    response = client.post(REVIEW, json=with_access(patient=patient))

    assert advised(cards_of(response)) == [NO_IRON_STUDIES]
    assert AUTHORIZATION["access_token"] not in response.text


def test_a_token_for_another_patient_is_refused(client):
    """CH-F-08."""
    assert "patient" in outcome_of(client.post(REVIEW, json=with_access(patient="p-2")), 422)


@pytest.mark.parametrize(
    "scope",
    [
        "patient/Patient.read patient/Observation.read",
        "user/*.rs",
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory",
        "launch openid fhirUser system/Patient.cruds epic.vendor.scope",
    ],
)
def test_scopes_of_either_smart_version_and_of_vendors_are_taken(client, scope):
    """CH-Q-13, V-03."""
    assert advised(cards_of(client.post(REVIEW, json=with_access(scope=scope)))) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("field", ["userId", "patientId"])
@pytest.mark.parametrize("value", [None, "", 5, [], {}])
@pytest.mark.parametrize("hook", ["patient-view", "encounter-start"])
def test_a_required_field_of_the_context_that_is_wrong_is_named(client, field, value, hook):
    """CH-H-01, H-04, H-34."""
    made = call(hook=hook)
    made["context"][field] = value

    assert field in outcome_of(client.post({"patient-view": REVIEW}.get(hook, ENCOUNTER), json=made), 422)


@pytest.mark.parametrize("value", [..., None, "", 5, "Encounter/e-1"])
def test_encounter_start_requires_the_encounter(client, value):
    """CH-H-04, H-34."""
    made = call(hook="encounter-start")
    made["context"] = without(made["context"], "encounterId") | ({} if value is ... else {"encounterId": value})

    assert "encounterId" in outcome_of(client.post(ENCOUNTER, json=made), 422)


@pytest.mark.parametrize(
    "user", ["Practitioner/1", "PractitionerRole/a.B-2", "Patient/p-1", "RelatedPerson/" + "x" * 64]
)
def test_every_kind_of_user_that_the_hook_names_is_taken(client, user):
    """CH-H-01, H-20."""
    assert advised(cards_of(client.post(REVIEW, json=with_context(userId=user)))) == [NO_IRON_STUDIES]


@pytest.mark.parametrize(
    "user", ["1", "Practitioner/", "Device/1", "Practitioner/1/2", "Practitioner/ 1", "/Practitioner/1"]
)
def test_a_user_that_is_no_reference_to_one_is_refused(client, user):
    """CH-H-20."""
    assert "userId" in outcome_of(client.post(REVIEW, json=with_context(userId=user)), 422)


@pytest.mark.parametrize("id_", ["Patient/p-1", "p 1", "p_1", "../p-1", "p-1?x=1", "x" * 65, "é", "p-1\n", "\u0661"])
@pytest.mark.parametrize("field", ["patientId", "encounterId"])
def test_an_id_that_is_no_bare_fhir_id_is_refused_and_not_repeated(client, field, id_):
    """CH-H-21, Z-13."""
    words = outcome_of(client.post(REVIEW, json=with_context(**{field: id_})), 422)

    assert field in words
    assert id_ not in words


def test_the_encounter_of_the_call_is_that_of_the_proposed_order(client):
    """CH-H-01, H-04, A-07."""
    with_one = cards_of(client.post(REVIEW, json=with_context(encounterId="e-9")))
    without_one = cards_of(client.post(REVIEW, json=call()))

    orders = [s["actions"][0]["resource"] for s in with_one[0]["suggestions"]]
    assert [order["encounter"] for order in orders] == [{"reference": "Encounter/e-9"}] * len(orders)
    assert all("encounter" not in s["actions"][0]["resource"] for s in without_one[0]["suggestions"])


def test_both_hooks_give_the_same_advice(client):
    """CH-H-01, H-04: one chart, one answer."""
    values = rich()["prefetch"]

    opened, begun = (
        cards_of(client.post(address, json=call(values, hook=hook)))
        for address, hook in ((REVIEW, "patient-view"), (ENCOUNTER, "encounter-start"))
    )

    assert advised(opened) == advised(begun) != []


def test_an_encounter_may_start_several_times(client):
    """CH-H-04."""
    made = call(hook="encounter-start")

    first, second = (cards_of(client.post(ENCOUNTER, json=made)) for _ in range(2))

    assert told(first) == told(second)


def test_a_chart_without_a_leg_symptom_gives_no_card(client):
    """CH-R-02: 200 and an empty list, not 204."""
    response = client.post(REVIEW, json=call(prefetch()))

    assert cards_of(response) == []
    assert response.json() == {"cards": []}
