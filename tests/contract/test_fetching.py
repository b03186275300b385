"""Fetching what prefetch did not bring: https://cds-hooks.hl7.org/2.0/#fhir-resource-access.

The FHIR server is a stub on this machine, and every call comes through the real door.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme
from starlette.testclient import TestClient

from cds.app import create_app
from cds.clients import DEVELOPMENT, Client
from cds.settings import Settings, load_settings
from tests.conftest import HERE
from tests.contract.calls import (
    AUTHORIZATION,
    DIABETES,
    NO_INDEX,
    NO_IRON_STUDIES,
    ORDER_SELECT,
    ORDER_SIGN,
    PATIENT,
    RESTLESS_LEGS,
    REVIEW,
    SNOMED,
    SOMEBODY_ELSE,
    STOCKINGS,
    SUBJECT,
    TYPES,
    bundle,
    call,
    coded,
    condition,
    ferritin,
    fixture_call,
    fixture_patients,
    prefetch,
    without,
)
from tests.contract.shapes import advised, cards_of, outcome_of, told, unknowns
from tests.servers import stub as behaviour
from tests.servers.http2 import tls_server
from tests.servers.stub import Stub, answering, paged, stub_server, then

HURRY = 0.25
"""A deadline [s] for what is meant to be late."""
PATIENCE = 20.0
"""One for what is not, however busy the machine is."""
LOW_IRON = "low-stores"
ALL_KEYS = ["patient", *TYPES]
TOKEN = "opaque-token-7c1f"
SCOPE = "patient/*.read"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(fetch_deadline=PATIENCE)), base_url=HERE) as client:
        yield client


@pytest.fixture(scope="module")
def hurried() -> Iterator[TestClient]:
    with TestClient(create_app(Settings(fetch_deadline=HURRY)), base_url=HERE) as client:
        yield client


@pytest.fixture
def in_time_for(client: TestClient, hurried: TestClient) -> Callable[[str], TestClient]:
    """Give the client that waits for a reason, and for no other longer than it must."""
    return lambda reason: hurried if reason == LATE else client


@pytest.fixture
def fhir() -> Iterator[Stub]:
    """Give a server that knows the patient, with restless legs and nothing else."""
    with stub_server() as stub:
        stub.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS)})
        yield stub


def asking(fhir: Stub, values: Any = None, hook: str = "patient-view", **token: Any) -> dict[str, Any]:
    """Make a call that offers the server, with these prefetch values and no others."""
    given = {**AUTHORIZATION, "access_token": TOKEN, "scope": SCOPE, **token}
    made = call({} if values is None else values, hook, fhirServer=fhir.base, fhirAuthorization=given)
    return made if values is not None else without(made, "prefetch")


def answer(client, made, address=REVIEW):
    return cards_of(client.post(address, json=made))


# What is asked, and what is not.


def test_without_any_prefetch_everything_is_fetched(client, fhir):
    """CH-P-01, F-01, F-05."""
    cards = answer(client, asking(fhir))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert fhir.keys() == sorted(ALL_KEYS)
    assert unknowns(cards) == set()


def test_every_request_is_a_read_about_the_patient_with_the_token_in_its_header(client, fhir):
    """CH-F-02, F-04, F-06, F-14, F-17, T-12."""
    answer(client, asking(fhir))

    for asked in fhir.seen:
        assert asked.method == "GET"
        assert "p-1" in asked.target
        assert "{{" not in asked.target
        assert TOKEN not in asked.target
        assert asked.headers["authorization"] == f"Bearer {TOKEN}"
        assert asked.headers["accept"] == "application/fhir+json"


def test_what_was_supplied_is_not_fetched(client, fhir):
    """CH-F-06, P-03, P-04, P-05: null and an empty Bundle are known, and a failed query is not asked again."""
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
    values = prefetch(RESTLESS_LEGS, labs=None, observations=bundle(), encounters=failed)

    answer(client, asking(fhir, without(values, "orders", "family")))

    assert fhir.keys() == ["family", "orders"]


def test_a_call_with_everything_asks_nothing(client, fhir):
    answer(client, asking(fhir, prefetch(RESTLESS_LEGS)))

    assert fhir.connections == 0


@pytest.mark.parametrize("value", ["123", 5, [], {}, {"resourceType": "Binary"}])
def test_a_value_that_is_none_counts_as_missing(client, fhir, value):
    """CH-P-12."""
    cards = answer(client, asking(fhir, prefetch(conditions=value)))

    assert fhir.keys() == ["conditions"]
    assert advised(cards) == [NO_IRON_STUDIES]


@pytest.mark.parametrize("base", ["", "/", "//"])
def test_a_base_with_and_without_a_slash_at_its_end_is_one(client, fhir, base):
    """CH-F-13."""
    made = asking(fhir) | {"fhirServer": fhir.base + base}

    assert advised(answer(client, made)) == [NO_IRON_STUDIES]
    assert all(asked.target.startswith("/fhir/") and "//" not in asked.target for asked in fhir.seen)


@pytest.mark.parametrize("address", [ORDER_SELECT, ORDER_SIGN])
def test_for_an_order_that_means_nothing_to_us_nothing_is_fetched(client, fhir, address):
    hook = address.removeprefix("/cds-services/leg-ache-")
    made = asking(fhir, {}, hook)
    made["context"]["draftOrders"] = bundle({**STOCKINGS, "code": {"text": "Chest X-ray"}})

    assert answer(client, made, address) == []
    assert fhir.connections == 0


@pytest.mark.parametrize("address", [ORDER_SELECT, ORDER_SIGN])
def test_for_an_order_that_means_something_the_chart_is_fetched(client, fhir, address):
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, DIABETES)

    cards = answer(client, asking(fhir, {}, address.removeprefix("/cds-services/leg-ache-")), address)

    assert advised(cards) == [NO_INDEX]


# Who may be asked, and for what.


def test_a_server_that_is_not_on_the_list_is_never_called(client, fhir, caplog):
    """CH-F-12."""
    caplog.set_level("INFO")
    made = asking(fhir) | {"fhirServer": "https://ehr.example.org/fhir"}

    words = outcome_of(client.post(REVIEW, json=made), 412)

    assert "not on the list" in words
    assert "not on the list" in caplog.text


ODD = ["//[::1", "//127.0.0.1:x/fhir", "//127.0.0.1:99999/fhir", "//2130706433/fhir", "//127.0.0.1.example.org/fhir"]


@pytest.mark.parametrize("base", [*ODD, "//127.0.0.1\\.example.org/fhir", "//löcal/fhir"])
def test_an_address_that_is_odd_harms_nobody(client, fhir, base):
    """CH-F-12."""
    outcome_of(client.post(REVIEW, json=asking(fhir) | {"fhirServer": f"http:{base}"}), 412, 422)


def test_a_server_on_the_list_is_called_and_another_is_not(fhir, monkeypatch):
    """CH-F-12."""
    monkeypatch.setattr("cds.app.DEVELOPMENT", Client(open_fhir=False))
    settings = load_settings(fhir_servers=f"https://ehr.example.org/fhir, {fhir.base}/")
    with stub_server() as other, TestClient(create_app(settings), base_url=HERE) as client:
        assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]
        outcome_of(client.post(REVIEW, json=asking(other)), 412)
        assert other.connections == 0


def test_without_a_token_no_server_is_called_unless_the_clients_terms_say_so(fhir, monkeypatch):
    """CH-F-09."""
    monkeypatch.setattr("cds.app.DEVELOPMENT", Client(loopback_fhir=True))
    with TestClient(create_app(Settings()), base_url=HERE) as client:
        words = outcome_of(client.post(REVIEW, json=without(asking(fhir), "fhirAuthorization")), 412)

    assert "token" in words
    assert fhir.connections == 0


def test_without_a_token_an_open_server_of_a_developer_is_read(client, fhir):
    """CH-F-09: and no empty token is sent."""
    made = without(asking(fhir), "fhirAuthorization")

    assert advised(answer(client, made)) == [NO_IRON_STUDIES]
    assert not any("authorization" in asked.headers for asked in fhir.seen)


@pytest.mark.parametrize("token", [{"expires_in": 0}, {"expires_in": -5}, {"access_token": "two words"}])
def test_a_token_that_cannot_be_used_is_not_used(client, fhir, token):
    """CH-F-07."""
    outcome_of(client.post(REVIEW, json=asking(fhir, **token)), 412)

    assert fhir.connections == 0


LABORATORY = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
OBSERVATIONS = {"labs", "observations", "examinations"}


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("patient/Patient.read patient/Condition.read patient/Observation.read", {"conditions", *OBSERVATIONS}),
        ("launch openid fhirUser user/Condition.rs user/Observation.s user/Patient.r", {"conditions", *OBSERVATIONS}),
        ("system/*.cruds", set(TYPES)),
        ("patient/*.*", set(TYPES)),
        ("user/Condition.write user/Condition.cud user/Observation.r", set()),
        (f"patient/Condition.rs patient/Observation.rs?category={LABORATORY}", {"conditions", "labs", "observations"}),
        ("urn:vendor:everything", set(TYPES)),
    ],
)
def test_only_what_the_scope_lets_us_read_is_asked(client, fhir, scope, asked):
    """CH-F-15."""
    client.post(REVIEW, json=asking(fhir, {"patient": PATIENT}, scope=scope))

    assert set(fhir.keys()) == asked


def test_what_a_scope_leaves_out_is_unknown_and_not_absent(client, fhir):
    """CH-F-15."""
    cards = answer(client, asking(fhir, scope="patient/Patient.r patient/Condition.rs"))

    assert NO_IRON_STUDIES not in advised(cards)


def test_what_a_scope_lets_us_read_in_part_is_unknown(client, fhir):
    """CH-F-15: a laboratory's results only, of all that were asked for by their codes."""
    granular = f"patient/Condition.rs?category=problem-list-item patient/Observation.rs?category={LABORATORY}"

    cards = answer(client, asking(fhir, scope=f"patient/Patient.r {granular}"))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == {"problem list (only a part is authorised)", "orders (not authorised)"}


# What a server may do to us.

LATE = "not fetched in time"
FAILED = "the FHIR server failed"
REFUSED = "the FHIR server refused"
UNREADABLE = "the FHIR server's answer could not be read"
ELSE = "the FHIR server answered something else than what was asked"
TOO_LARGE = "the FHIR server's answer is too large"
UNREACHABLE = "the FHIR server could not be reached"
WRONG = {
    "silence": (behaviour.never, LATE),
    "a body that drips": (behaviour.dripping, LATE),
    "a body that stops": (behaviour.head_only, LATE),
    "500": (answering(500, b"oh"), FAILED),
    "502 in HTML": (answering(502, b"<html>", "text/html"), FAILED),
    "503 for ever": (answering(503), FAILED),
    "503 with a wait": (answering(503, Retry_After="9"), FAILED),
    "429": (answering(429), FAILED),
    "400": (answering(400), FAILED),
    "401": (answering(401), REFUSED),
    "403": (answering(403), REFUSED),
    "HTML": (answering(200, b"<html>p-1</html>", "text/html"), UNREADABLE),
    "nothing": (answering(200, b""), UNREADABLE),
    "null": (answering(200, b"null"), UNREADABLE),
    "broken JSON": (answering(200, b'{"resourceType": "Bundle"'), UNREADABLE),
    "no UTF-8": (
        answering(200, b'{"resourceType": "Bundle", "x": "\xff"}'),
        UNREADABLE,
    ),
    "a deep body": (answering(200, b"[" * 100_000), UNREADABLE),
    "a compressed body": (
        answering(200, b"\x1f\x8b\x08", Content_Encoding="gzip"),
        UNREADABLE,
    ),
    "a redirect": (answering(302, Location="https://elsewhere.example.org/"), "the FHIR server leads elsewhere"),
    "an OperationOutcome": (answering(200, {"resourceType": "OperationOutcome"}), "the query failed"),
    "another type": (
        answering(200, PATIENT | {"resourceType": "Practitioner"}),
        ELSE,
    ),
    "a search of another type": (
        answering(200, bundle(ferritin(20) | {"resourceType": "Procedure"})),
        ELSE,
    ),
    "too many values": (answering(200, b"[" + b"1," * 800_000 + b"1]"), TOO_LARGE),
    "hanging up": (behaviour.hanging_up, UNREACHABLE),
    "a body cut off": (behaviour.cut_off, UNREACHABLE),
    "no HTTP": (behaviour.no_http, UNREACHABLE),
}


@pytest.mark.parametrize(("wrong", "reason"), WRONG.values(), ids=WRONG)
def test_what_a_server_does_wrong_leaves_the_data_unknown_and_the_card_says_so(
    in_time_for, fhir, caplog, wrong, reason
):
    """CH-F-10, F-16: laboratory results are then not "not found", and what else is known is still said."""
    caplog.set_level("DEBUG")
    fhir.behaviours.update(dict.fromkeys(OBSERVATIONS | {"patient"}, wrong))

    start = time.perf_counter()
    cards = answer(in_time_for(reason), asking(fhir, {"patient": PATIENT}))
    seconds = time.perf_counter() - start

    assert NO_IRON_STUDIES not in advised(cards)
    assert f"laboratory results: {reason}" in cards[0]["detail"].replace("\\", "").replace("&#x27;", "'")
    assert f"labs: {reason}" in caplog.text
    assert "p-1" not in caplog.text
    assert TOKEN not in caplog.text
    assert seconds < 5


@pytest.mark.parametrize("key", ["patient", "conditions"])
@pytest.mark.parametrize(("wrong", "reason"), WRONG.values(), ids=WRONG)
def test_without_what_is_required_the_answer_is_a_failed_precondition(in_time_for, fhir, key, wrong, reason):
    """CH-P-09, F-10, Z-02."""
    fhir.behaviours[key] = wrong

    words = outcome_of(in_time_for(reason).post(REVIEW, json=asking(fhir)), 412)

    assert f"prefetch.{key}" in words
    assert reason in words


def test_a_body_without_end_is_not_read_to_its_end(client, fhir):
    """CH-F-16, Q-10."""
    fhir.behaviours["conditions"] = behaviour.endless

    assert TOO_LARGE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


def test_a_type_that_a_server_does_not_have_is_as_if_it_had_never_been_set_up(client, fhir):
    """CH-F-10: equal to an EHR that leaves out the key; other keys of the same area still make it known."""
    fhir.behaviours.update(dict.fromkeys(["statements", "administrations", "answers", "family"], answering(404)))
    by_prefetch = without(prefetch(RESTLESS_LEGS), "statements", "administrations", "answers", "family")

    assert told(answer(client, asking(fhir))) == told(answer(client, call(by_prefetch)))


def test_a_server_that_nobody_is_at_is_said_so(client, fhir):
    with stub_server() as gone:
        base = gone.base

    words = outcome_of(client.post(REVIEW, json=asking(fhir) | {"fhirServer": base}), 412)

    assert "could not be reached" in words


@pytest.mark.parametrize("passing", [answering(503), behaviour.hanging_up, behaviour.cut_off])
def test_what_passes_is_asked_once_more(client, fhir, passing):
    fhir.behaviours["conditions"] = then(passing, behaviour.well)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]
    assert fhir.keys().count("conditions") == 2


def test_a_late_key_costs_only_itself(hurried, fhir):
    """CH-F-16: half of the keys."""
    late = [key for key in ALL_KEYS[1:] if key not in {"conditions", "labs", "observations"}]
    fhir.behaviours.update(dict.fromkeys(late, behaviour.never))
    fhir.values["labs"] = bundle(ferritin(20))

    cards = answer(hurried, asking(fhir))

    assert LOW_IRON in advised(cards)
    assert "not fetched in time" in cards[0]["detail"]


def test_one_deadline_holds_over_all_pages(hurried, fhir):
    """CH-F-16."""
    fhir.behaviours["conditions"] = then(paged(bundle(RESTLESS_LEGS), bundle()), behaviour.never)

    cards = answer(hurried, asking(fhir))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == {"problem list (only a part was supplied)"}


# Whose data come back.

OTHER = condition(coded(SNOMED, "38341003", "Hypertension"), id="other")
OTHERS = {**OTHER, "subject": SOMEBODY_ELSE}


@pytest.mark.parametrize("foreign", [OTHERS, without(OTHERS, "subject"), {**OTHERS, "subject": 5}])
def test_an_answer_with_another_patients_data_says_nothing_of_what_is_absent(client, fhir, foreign, caplog):
    """CH-P-13: a server that overlooks the patient; what in its answer is this patient's own still counts."""
    caplog.set_level("INFO")
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, foreign)
    fhir.values["labs"] = fhir.values["observations"] = bundle(ferritin(20, subject=SOMEBODY_ELSE))

    cards = answer(client, asking(fhir))
    fhir.values["conditions"] = bundle(foreign)
    words = outcome_of(client.post(REVIEW, json=asking(fhir)), 412)

    assert LOW_IRON not in advised(cards)
    assert NO_IRON_STUDIES not in advised(cards)
    assert "another or an unnamed patient" in words
    assert "conditions: the FHIR server answered with data of another or an unnamed patient" in caplog.text


@pytest.mark.parametrize("patient", [{**PATIENT, "id": "p-2"}, without(PATIENT, "id"), bundle(PATIENT)])
def test_another_patient_is_not_taken_for_the_one_of_the_call(client, fhir, patient):
    """CH-P-13."""
    fhir.values["patient"] = patient

    assert "prefetch.patient" in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


def test_outcomes_and_included_resources_in_a_search_are_no_data(client, fhir):
    """CH-P-06."""
    beside = [{"resourceType": "OperationOutcome"}, {"resourceType": "Practitioner", "id": "x"}, {"resourceType": "X"}]
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, *beside, total=1)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


def test_entries_that_are_no_list_cannot_be_read(client, fhir):
    """CH-F-10."""
    fhir.values["conditions"] = bundle(entry="x")

    assert UNREADABLE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)


def test_a_broken_resource_costs_only_itself(client, fhir):
    """CH-P-14."""
    broken = [None, 5, {}, {"resourceType": 5}, {"resourceType": "Condition", "subject": SUBJECT, "code": 5}]
    fhir.values["conditions"] = bundle(*broken, RESTLESS_LEGS, total=...)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


# Pages.


def test_pages_are_followed_to_the_end(client, fhir):
    """CH-F-11."""
    fhir.behaviours["conditions"] = paged(bundle(total=1), bundle(total=1), bundle(RESTLESS_LEGS))

    cards = answer(client, asking(fhir))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == set()
    assert all(asked.headers["authorization"] for asked in fhir.seen)


def test_the_pages_of_a_prefetch_value_are_followed_with_the_token(client, fhir):
    """CH-P-07."""
    fhir.behaviours["conditions"] = answering(200, bundle(RESTLESS_LEGS, total=2))
    first = bundle(OTHER, total=2, link=[{"relation": "next", "url": f"{fhir.base}/Condition?page=1"}])

    cards = answer(client, asking(fhir, prefetch(conditions=first)))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert unknowns(cards) == set()
    assert [(asked.target, asked.headers["authorization"]) for asked in fhir.seen] == [
        ("/fhir/Condition?page=1", f"Bearer {TOKEN}")
    ]


def test_a_prefetch_value_cut_short_without_a_link_is_fetched_anew(client, fhir):
    """CH-P-07: the sandbox passes on the first page only."""
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, DIABETES)

    cards = answer(client, asking(fhir, prefetch(conditions=bundle(RESTLESS_LEGS, total=2))))

    assert unknowns(cards) == set()
    assert fhir.keys() == ["conditions"]


def test_a_page_of_prefetch_whose_next_cannot_be_had_is_a_part(client, fhir):
    """CH-P-08."""
    fhir.behaviours["conditions"] = answering(500)
    first = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": f"{fhir.base}/Condition?page=1"}])

    cards = answer(client, asking(fhir, prefetch(conditions=first)))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}


@pytest.mark.parametrize("relative", ["Condition?page=1", "/fhir/Condition?page=1", "?page=1&of=Condition"])
def test_a_next_page_may_be_named_relative_to_the_base(client, fhir, relative):
    """CH-F-11."""
    first = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": relative}])
    fhir.values[""] = bundle()

    cards = answer(client, asking(fhir, prefetch(conditions=first)))

    assert unknowns(cards) == set()


def test_pages_in_circles_end(client, fhir):
    """CH-F-11."""
    circle = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": f"{fhir.base}/Condition?page=1"}])
    fhir.behaviours["conditions"] = answering(200, circle)

    cards = answer(client, asking(fhir))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert fhir.keys().count("conditions") == 2


def test_pages_without_end_end(client, fhir):
    """CH-F-11."""
    fhir.behaviours["conditions"] = paged(bundle(RESTLESS_LEGS), *[bundle()] * 50)

    cards = answer(client, asking(fhir))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert fhir.keys().count("conditions") == 10


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://localhost:{port}/fhir/Condition?page=1",
        "https://127.0.0.1:{port}/fhir/Condition?page=1",
        "http://127.0.0.1:1/fhir/Condition?page=1",
        "http://127.0.0.1:{port}@example.org/fhir/Condition",
        "http://x@127.0.0.1:{port}/fhir/Condition",
        "//example.org/fhir/Condition",
        "http://127.0.0.1:{port}/admin",
        "http://127.0.0.1:{port}/fhirish/Condition",
        "http://127.0.0.1:{port}/fhir/../admin",
        "http://127.0.0.1:{port}/fhir/%2e%2e/admin",
        "http://127.0.0.1:{port}/fhir/..\\admin",
        "file:///etc/passwd",
        "http://[",
        "http://127.0.0.1:{port}/fhir/Condition?page=1\r\nX: y",
    ],
)
def test_a_next_page_elsewhere_is_not_followed(client, fhir, elsewhere):
    """CH-F-04, F-12: neither the request nor the token goes anywhere but below the server of the call."""
    url = elsewhere.format(port=fhir.base.split(":")[2].split("/")[0])
    fhir.values["conditions"] = bundle(RESTLESS_LEGS, link=[{"relation": "next", "url": url}])

    cards = answer(client, asking(fhir))

    assert unknowns(cards) == {"problem list (only a part was supplied)"}
    assert fhir.keys() == sorted(ALL_KEYS)


def test_a_redirect_is_not_followed_and_takes_no_token_along(client, fhir):
    """CH-F-04."""
    with stub_server() as other:
        fhir.behaviours["conditions"] = answering(307, Location=f"{other.base}/Condition")

        outcome_of(client.post(REVIEW, json=asking(fhir)), 412)

        assert other.connections == 0


# Prefetch, fetch and a mix of both.


def known_at(fhir: Stub, made: dict[str, Any]) -> None:
    """Let the server hold what a call supplies."""
    fhir.values = dict(made["prefetch"])


@pytest.mark.parametrize("patient", fixture_patients(), ids=lambda path: path.name)
def test_prefetch_and_fetch_and_a_mix_give_equal_advice(client, fhir, patient):
    """CH-P-19, F-05."""
    made = fixture_call(patient)
    id_ = made["context"]["patientId"]
    for value in made["prefetch"].values():
        for entry in value.get("entry", ()):
            for member in ("subject", "patient"):
                entry["resource"].pop(member, None)
            name = (
                "patient"
                if entry["resource"]["resourceType"] in {"AllergyIntolerance", "FamilyMemberHistory"}
                else "subject"
            )
            entry["resource"][name] = {"reference": f"Patient/{id_}"}
    fhir.values = made["prefetch"]
    offered = {"fhirServer": fhir.base, "fhirAuthorization": {**AUTHORIZATION, "scope": SCOPE}}
    half = dict(list(made["prefetch"].items())[::2])
    answers = [
        told(cards_of(client.post(REVIEW, json={**made, **offered, "prefetch": values}), id_))
        for values in (made["prefetch"], {}, half, None)
    ]

    assert answers == [answers[0]] * 4


# Where the process is spared.


def test_connections_are_kept_for_the_next_call(client, fhir):
    answer(client, asking(fhir))
    first = fhir.connections
    answer(client, asking(fhir))

    assert 0 < first <= len(ALL_KEYS)
    assert fhir.connections == first


def test_what_is_not_waited_for_any_longer_is_broken_off(hurried, fhir):
    fhir.behaviours["conditions"] = behaviour.never

    outcome_of(hurried.post(REVIEW, json=asking(fhir)), 412)

    assert fhir.left_by_client.wait(5)


def test_the_log_tells_keys_and_reasons_in_one_line(client, fhir, caplog):
    caplog.set_level("INFO")
    fhir.behaviours["orders"] = answering(500)

    answer(client, asking(fhir))

    (line,) = [record.getMessage() for record in caplog.records if "fetched" in record.getMessage()]
    assert "orders: the FHIR server failed" in line
    assert "conditions 1" in line


# Over TLS.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusting(authority, monkeypatch, tmp_path) -> Iterator[TestClient]:
    """Give a client of a service on a machine that trusts the authority."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with TestClient(create_app(Settings(fetch_deadline=PATIENCE)), base_url=HERE) as client:
        yield client


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
def test_http2_is_spoken_where_it_is_offered(trusting, authority, protocol, caplog):
    caplog.set_level("DEBUG")
    with tls_server(authority, protocol) as fhir:
        fhir.values.update({"patient": PATIENT, "conditions": bundle(RESTLESS_LEGS)})
        first = answer(trusting, asking(fhir))
        kept = fhir.connections
        second = answer(trusting, asking(fhir))

        assert advised(first) == advised(second) == [NO_IRON_STUDIES]
        assert len(fhir.seen) == 2 * len(ALL_KEYS)
        assert fhir.connections == kept
        assert (":authority" in fhir.seen[0].headers) == (protocol == "h2")
        assert {asked.headers["authorization"] for asked in fhir.seen} == {f"Bearer {TOKEN}"}
    assert TOKEN not in caplog.text


def test_a_server_whose_certificate_nobody_vouches_for_gets_no_token(client, authority):
    """CH-F-04."""
    with tls_server(authority, "http/1.1") as fhir:
        assert UNREACHABLE in outcome_of(client.post(REVIEW, json=asking(fhir)), 412)
        assert fhir.seen == []


# Large charts.


def test_large_answers_are_read_like_small_ones(client, fhir):
    others = [condition({"text": "x" * 300}, id=f"c-{number}") for number in range(5_000)]
    fhir.values["conditions"] = bundle(*others, RESTLESS_LEGS)

    assert advised(answer(client, asking(fhir))) == [NO_IRON_STUDIES]


def test_what_a_large_call_lacks_is_fetched(client, fhir):
    others = [condition({"text": "x" * 300}, id=f"c-{number}") for number in range(5_000)]

    cards = answer(client, asking(fhir, {"patient": PATIENT, "conditions": bundle(*others, RESTLESS_LEGS)}))

    assert advised(cards) == [NO_IRON_STUDIES]
    assert fhir.keys() == sorted(without(TYPES, "conditions"))


# Cards instead of statuses.


@pytest.fixture(scope="module")
def drawing() -> Iterator[TestClient]:
    """Give a client of a service whose callers draw a failure as "all clear"."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cds.app.DEVELOPMENT", DEVELOPMENT.model_copy(update={"unevaluated": "card"}))
        with TestClient(create_app(Settings(fetch_deadline=HURRY)), base_url=HERE) as client:
            yield client


def test_where_a_client_wants_it_a_card_says_that_nothing_could_be_evaluated(drawing, fhir):
    fhir.behaviours["conditions"] = behaviour.never

    (card,) = answer(drawing, asking(fhir))

    assert card["indicator"] == "info"
    assert "could not be evaluated" in card["summary"]
    assert "problem list (not fetched in time)" in card["detail"].replace("\\", "")


def test_a_missing_patient_is_said_by_that_card_too(drawing):
    (card,) = answer(drawing, call(without(prefetch(), "patient")))

    assert "patient's record (not supplied)" in card["detail"].replace("\\", "")


def test_a_call_that_is_wrong_is_still_an_error(drawing):
    outcome_of(drawing.post(REVIEW, json={}), 422)
