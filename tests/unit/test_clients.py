"""The clients' file: what may stand there, and every fault named at once."""

import json

import pytest

from cds.clients import DEVELOPMENT, Client, normal, read_clients
from cds.errors import SettingsError
from cds.outbound import Reach
from tests.contract.tokens import private_key, public_jwk

GOOD = """
[north]
issuer = "https://north.example/fhir"
jku = ["https://north.example/jwks.json?v=1"]
fhir_servers = ["https://FHIR.north.example:443/r4/"]
dialect = "epic"
unevaluated = "card"
limits = {calls_per_minute = 60, concurrent = 4}

[south]
issuer = "https://south.example/fhir"
jwks = "south.jwks.json"
tenants = ["a", "b"]
fhir_servers = ["http://10.0.0.5:8080/fhir"]
private_network = true
"""


@pytest.fixture
def read(tmp_path):
    """Read a file with this text, beside a file of keys."""

    def reading(text: str, *keys: object):
        held = list(keys) or [public_jwk(private_key("ES384"))]
        (tmp_path / "south.jwks.json").write_text(json.dumps({"keys": held}))
        (tmp_path / "clients.toml").write_text(text)
        return read_clients(tmp_path / "clients.toml")

    return reading


def test_each_client_has_its_terms(read):
    north, south = read(GOOD).values()

    assert (north.name, north.dialect, north.unevaluated) == ("north", "epic", "card")
    assert (north.limits.calls_per_minute, north.limits.concurrent) == (60, 4)
    assert north.reach == Reach.PUBLIC
    assert north.may_read("https://fhir.north.example/r4")
    assert (south.tenants, len(south.keys), south.reach) == (("a", "b"), 1, Reach.PUBLIC | Reach.PRIVATE)


PUBLISHED = "[north]\nissuer = 'x'\njku = ['https://x.example/k']\n"

FAULTS = {
    "": "names no client",
    "x": "cannot be read",
    "north = 5": "north. must be a table",
    "[north]\njku = ['https://x.example/k']": "north.issuer: Field required",
    "[north]\nissuer = ''\njku = ['https://x.example/k']": "north.issuer: ",
    "[north]\nissuer = ' x'\njku = ['https://x.example/k']": "north.issuer: ",
    "[north]\nissuer = 'x'": "north: has no keys",
    "[north]\nissuer = 'x'\njku = ['http://x.example/k']": "north: jku: http is for private networks",
    "[north]\nissuer = 'x'\njku = ['https://u@x.example/k']": "north.jku: must be addresses",
    "[north]\nissuer = 'x'\njku = ['file:///k']": "north.jku: must be addresses",
    "[north]\nissuer = 'x'\njku = 'https://x.example/k'": "north.jku: ",
    "[north]\nissuer = 'x'\njwks = 'missing.json'": "north.jwks: missing.json cannot be read",
    "[north]\nissuer = 'x'\njwks = 'clients.toml'": "north.jwks: clients.toml cannot be read",
    PUBLISHED + "fhir_servers = ['http://x.example']": "north: fhir_servers: http",
    PUBLISHED + "fhir_servers = ['x']": "north.fhir_servers: must be FHIR bases",
    PUBLISHED + "fhir_server = 'x'": "north.fhir_server: Extra inputs",
    PUBLISHED + "dialect = 'meditech'": "north.dialect: ",
    PUBLISHED + "limits = {concurrent = 0}": "north.limits.concurrent: ",
    PUBLISHED + "name = 'y'": "north.name: is no term",
    "[north]\nissuer = 'x'\njwks = 'south.jwks.json'\nkeys = []": "north.keys: is no term",
    "[a]\nissuer = 'x'\njwks = 'south.jwks.json'\n[b]\nissuer = 'x'\njwks = 'south.jwks.json'": "a, b: have one issuer",
    "[a]\nissuer = 'x'\njwks = 'south.jwks.json'\n"
    "[b]\nissuer = 'x'\njwks = 'south.jwks.json'\ntenants = ['t']": "a, b: have one issuer",
    "[a]\nissuer = 'x'\njwks = 'south.jwks.json'\ntenants = ['t', 't']": "a: have one issuer",
}


@pytest.mark.parametrize(("text", "words"), FAULTS.items())
def test_a_fault_is_named_with_its_place(read, text, words):
    with pytest.raises(SettingsError) as fault:
        read(text)

    assert words in str(fault.value)
    assert "Value error" not in str(fault.value)


def test_all_faults_are_named_at_once(read):
    text = (
        GOOD.replace('"epic"', '"meditech"')
        .replace("south.jwks.json", "missing.json")
        .replace("[south]", "[south]\nx = 1")
    )

    with pytest.raises(SettingsError) as fault:
        read(text)

    assert all(words in str(fault.value) for words in ("north.dialect", "south.x"))


@pytest.mark.parametrize("key", [{"kty": "EC", "d": "x"}, {"kty": "oct", "k": "x"}, 5])
def test_a_file_of_keys_holds_public_keys_only(read, key):
    with pytest.raises(SettingsError, match=r"south\.jwks: south\.jwks\.json holds"):
        read(GOOD, key)


@pytest.mark.parametrize(
    "base",
    [
        "https://ehr.example.org/fhir",
        "https://ehr.example.org/fhir/",
        "https://EHR.example.org/fhir",
        "https://ehr.example.org:443/fhir",
    ],
)
def test_a_base_may_be_written_in_several_ways(base):
    assert Client(fhir_servers=("https://ehr.example.org/fhir",)).may_read(base)


@pytest.mark.parametrize(
    "base",
    [
        "http://ehr.example.org/fhir",
        "https://ehr.example.org",
        "https://ehr.example.org/fhir/r4",
        "https://ehr.example.org/FHIR",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2e/admin",
        "https://ehr.example.org:8443/fhir",
        "https://ehr.example.org.evil.example/fhir",
        "https://ehr.example.org@evil.example/fhir",
        "https://user@ehr.example.org/fhir",
        "https://evil.example/https://ehr.example.org/fhir",
        "https://ehr.example.org\\@evil.example/fhir",
        "https://ehr.example.org#@evil.example/fhir",
        "https://ehr.example.org:443:443/fhir",
        "https://ehr.example.org/fhir?x=1",
        "https://ehr.example.org/fhir#x",
        "https://[ehr.example.org/fhir",
        "https://127.0.0.1/fhir",
        "http://localhost/fhir",
        "",
    ],
)
def test_no_other_base_is_read(base):
    assert not Client(fhir_servers=("https://ehr.example.org/fhir",)).may_read(base)


@pytest.mark.parametrize(
    "base",
    ["http://127.0.0.1@evil.example/", "http://127.0.0.1.evil.example/", "http://2130706433/", "http://[127.0.0.1/"],
)
def test_on_ones_own_machine_only_that_machine_is_read(base):
    assert not DEVELOPMENT.may_read(base)
    assert DEVELOPMENT.may_read("http://127.0.0.1:8090/fhir")


def test_two_forms_of_a_base_are_one():
    assert normal("HTTPS://A.example:443/x/") == normal("https://a.example/x")
