"""Prefetch templates: https://cds-hooks.hl7.org/2.0/#prefetch-template."""

import re
from urllib.parse import parse_qsl, unquote

import pytest
from starlette.testclient import TestClient

from tests.contract.calls import TYPES
from tests.contract.shapes import strict_json

TOKEN = re.compile(r"\{\{(.*?)\}\}")
TOKENS_OF_2_0 = {"userPractitionerId", "userPractitionerRoleId", "userPatientId", "userRelatedPersonId"}
CONTEXT_TOKENS = {
    "patient-view": {"context.userId", "context.patientId", "context.encounterId"},
    "encounter-start": {"context.userId", "context.patientId", "context.encounterId"},
    "order-select": {"context.userId", "context.patientId", "context.encounterId"},
    "order-sign": {"context.userId", "context.patientId", "context.encounterId"},
}
R4_PARAMETERS = {
    "Condition": {"patient"},
    "Observation": {"patient", "category", "code"},
    "MedicationRequest": {"patient"},
    "MedicationStatement": {"patient"},
    "MedicationAdministration": {"patient"},
    "ServiceRequest": {"patient"},
    "Procedure": {"patient"},
    "DiagnosticReport": {"patient"},
    "Encounter": {"patient"},
    "QuestionnaireResponse": {"patient"},
    "FamilyMemberHistory": {"patient"},
    "AllergyIntolerance": {"patient"},
}
"""Search parameters of FHIR R4 that servers by US Core know; `_sort` and `_count` come to all."""

READ, SEARCH = r"[A-Z][A-Za-z]+/\{\{[^{}]+\}\}", r"[A-Z][A-Za-z]+\?[^?]+"


@pytest.fixture(scope="module")
def services(client: TestClient) -> list[dict]:
    return strict_json(client.get("/cds-services").content)["services"]


def templates(services: list[dict]) -> list[tuple[str, str, str]]:
    return [(s["hook"], key, template) for s in services for key, template in s["prefetch"].items()]


def searches(services: list[dict]) -> list[tuple[str, list[tuple[str, str]]]]:
    found = [template.split("?", 1) for _, _, template in templates(services) if "?" in template]
    return [(kind, parse_qsl(query, strict_parsing=True)) for kind, query in found]


def test_every_token_is_one_that_a_2_0_client_can_fill_in_for_the_hook(services):
    """CH-T-01 to T-04, T-09, T-16: no FHIRPath, no today(), no field that is not a token of the hook."""
    for hook, _, template in templates(services):
        tokens = set(TOKEN.findall(template))

        assert tokens
        assert tokens <= CONTEXT_TOKENS[hook] | TOKENS_OF_2_0
        assert not re.search(r"[{}]", TOKEN.sub("", template))


def test_every_template_is_a_relative_read_or_search_of_one_type(services):
    """CH-T-05."""
    for _, _, template in templates(services):
        assert re.fullmatch(f"{READ}|{SEARCH}", template)


def test_every_search_keeps_to_parameters_of_r4_that_servers_know(services):
    """CH-T-06, T-07, T-10, T-11, T-15: no modifier, include, chain or _maxresults; no slip of the standard's sample."""
    for kind, parameters in searches(services):
        for name, value in parameters:
            assert name in R4_PARAMETERS[kind] | {"_sort", "_count"}
            assert name != "_sort" or value == "-date"
            assert name != "_count" or value.isdecimal()


def test_every_search_names_the_patient(services):
    """CH-T-12, N-05: nobody else's data are asked for."""
    for _, parameters in searches(services):
        assert ("patient", "{{context.patientId}}") in parameters


def test_no_search_repeats_a_parameter(services):
    """CH-T-06: the public sandbox joins repeated parameters into an OR."""
    for _, parameters in searches(services):
        assert len({name for name, _ in parameters}) == len(parameters)


def test_no_template_uses_another_key(services):
    """CH-T-08: %key belongs to 3.0."""
    assert all("%" not in template and unquote(template) == template for _, _, template in templates(services))


def test_keys_are_the_documented_ones_and_stay(services):
    """CH-T-13, Q-15: analysts copy them by hand."""
    for service in services:
        assert list(service["prefetch"]) == ["patient", *TYPES]
        assert all(re.fullmatch(r"[a-z]+", key) for key in service["prefetch"])


def test_each_key_asks_for_the_type_it_is_documented_with(services):
    """CH-T-05, T-13."""
    for _, key, template in templates(services):
        assert re.split(r"[/?]", template)[0] == {"patient": "Patient", **TYPES}[key]


def test_no_required_key_hangs_on_an_optional_field_of_the_context(services):
    """CH-T-14: encounterId may stay unresolved in patient-view."""
    for service in services:
        (required,) = service["extension"].values()

        assert all("encounterId" not in service["prefetch"][key] for key in required)


def test_no_template_is_longer_than_what_servers_take_as_an_address(services):
    """CH-T-05: 8 KiB is the usual limit of a request line."""
    assert all(len(template) < 6000 for _, _, template in templates(services))
