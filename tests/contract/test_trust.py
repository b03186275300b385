"""Who may call: https://cds-hooks.hl7.org/2.0/#trusting-cds-clients."""

import json
import time
import uuid

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from cds.app import create_app
from cds.hooks.keys import PublishedKey
from cds.settings import Settings
from tests.conftest import HERE
from tests.contract.calls import AUTHORIZATION, FIXTURES, NO_IRON_STUDIES, REVIEW, call
from tests.contract.shapes import advised, cards_of, outcome_of
from tests.contract.tokens import (
    BASE,
    CURVES,
    ISSUER,
    KID,
    bearer,
    claims,
    deployment,
    encoded,
    private_key,
    public_jwk,
    raw,
    sign,
)

DISCOVERY = "/cds-services"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Give a service that knows one client, which signs with several algorithms."""
    keys = [public_jwk(private_key(name), kid=name) for name in ("ES384", "ES512", "RS384")]
    keys += [public_jwk(private_key("ES384")), public_jwk(private_key("ES256"), kid="ES256")]
    keys += [public_jwk(private_key("RS384", 1024), kid="weak")]
    keys += [public_jwk(private_key("ES384"), kid="for encryption", use="enc")]
    keys += [public_jwk(private_key("ES384"), kid="for ES512", alg="ES512")]
    keys += [public_jwk(private_key("ES384"), kid="twice"), public_jwk(private_key("ES512"), kid="twice")]
    toml = f'[ehr]\nissuer = "{ISSUER}"\njwks = "ehr.jwks.json"\njku = ["https://ehr.example.org/jwks.json"]\n'
    toml += "limits = {calls_per_minute = 100000}\n"
    with TestClient(create_app(deployment(tmp_path_factory.mktemp("clients"), toml, *keys))) as client:
        yield client


STRANGER = ec.generate_private_key(ec.SECP384R1())
HMAC_KEY = (
    private_key("ES384")
    .public_key()
    .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
)


def now() -> int:
    return int(time.time())


def ask(service, token, path=DISCOVERY, **headers):
    return service.get(path, headers={"Authorization": f"Bearer {token}", **headers})


def forged(header, said, signature=b"x" * 96):
    return f"{encoded(header)}.{encoded(said)}.{raw(signature)}"


def with_hmac(algorithm):
    """Sign with the public key as if it were a shared secret."""
    head, said = encoded({"alg": algorithm, "kid": KID, "typ": "JWT"}), encoded(claims())
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA384).sign(
        f"{head}.{said}".encode(), HMAC_KEY
    )
    return f"{head}.{said}.{raw(signature)}"


def header(**members):
    return sign(claims(), private_key("ES384"), **members)


def said(**changes):
    return sign(claims(**changes))


ATTACKS = {
    # CH-J-04 to J-06: algorithms
    "alg none": ("alg:", lambda: f"{encoded({'alg': 'none', 'kid': KID, 'typ': 'JWT'})}.{encoded(claims())}."),
    "alg None": ("alg:", lambda: forged({"alg": "None", "kid": KID, "typ": "JWT"}, claims(), b"")),
    "alg NONE, signed": ("alg:", lambda: header(alg="NONE")),
    "no alg": ("header", lambda: header(alg=...)),
    "alg null": ("header", lambda: header(alg=None)),
    "alg a list": ("header", lambda: header(alg=["ES384"])),
    "HS384 with the public key": ("alg:", lambda: with_hmac("HS384")),
    "HS256 with the public key": ("alg:", lambda: with_hmac("HS256")),
    "ES256, too weak": ("alg: must be", lambda: sign(claims(), algorithm="ES256", kid="ES256")),
    "RS256, too weak": ("alg: must be", lambda: sign(claims(), private_key("RS384"), "RS256", kid="RS384")),
    "an algorithm in lower case": ("alg: must be", lambda: header(alg="es384")),
    "RS384 with the id of a curve's key": (
        "takes a key of kty RSA",
        lambda: sign(claims(), private_key("RS384"), "RS384"),
    ),
    "ES384 with the id of an RSA key": ("takes a key of kty EC", lambda: header(kid="RS384")),
    "ES384 with a key on another curve": ("takes a key of kty EC and crv P-384", lambda: header(kid="ES512")),
    "another algorithm than the key is for": ("is not for ES384", lambda: header(kid="for ES512")),
    "a key of 1024 bits": ("2048", lambda: sign(claims(), private_key("RS384", 1024), "RS384", kid="weak")),
    # CH-J-08: kid
    "no kid": ("header", lambda: header(kid=...)),
    "kid null": ("header", lambda: header(kid=None)),
    "an unknown kid": ("none of the keys", lambda: header(kid="other")),
    "a kid that leads elsewhere": ("none of the keys", lambda: header(kid="../../../../dev/null")),
    "a kid for a database": ("none of the keys", lambda: header(kid="x' OR '1'='1")),
    "a key for encryption": ("not meant for signatures", lambda: header(kid="for encryption")),
    "a kid that two keys share": ("none of the keys", lambda: header(kid="twice")),
    # CH-J-09: typ
    "no typ": ("header", lambda: header(typ=...)),
    "another typ": ("typ:", lambda: header(typ="at+jwt")),
    # CH-J-10, J-11, J-18, J-22: keys and their addresses in the header
    "jwk": ("jwk:", lambda: header(jwk=public_jwk(private_key("ES384")))),
    "x5c": ("x5c:", lambda: header(x5c=["MIIB"])),
    "x5u": ("x5u:", lambda: header(x5u="https://evil.example/cert.pem")),
    "jku of a stranger": ("jku:", lambda: header(jku="https://evil.example/jwks.json")),
    "jku that begins alike": ("jku:", lambda: header(jku="https://ehr.example.org/jwks.json.evil.example")),
    "jku with a user": ("jku:", lambda: header(jku="https://ehr.example.org@evil.example/jwks.json")),
    "jku upwards": ("jku:", lambda: header(jku="https://ehr.example.org/x/../jwks.json")),
    "jku at the metadata of a cloud": ("jku:", lambda: header(jku="http://169.254.169.254/latest/meta-data")),
    "jku on this machine": ("jku:", lambda: header(jku="http://127.0.0.1:8000/health")),
    "jku a file": ("jku:", lambda: header(jku="file:///etc/passwd")),
    "crit": ("crit:", lambda: header(crit=["exp"], exp=now())),
    "b64 false": ("signature", lambda: header(b64=False)),
    # CH-J-12: iss
    "no iss": ("claims", lambda: said(iss=...)),
    "another iss": ("iss:", lambda: said(iss="https://evil.example")),
    "iss with a slash": ("iss:", lambda: said(iss=f"{ISSUER}/")),
    "iss in capitals": ("iss:", lambda: said(iss=ISSUER.upper())),
    "iss a list": ("claims", lambda: said(iss=[ISSUER])),
    # CH-J-13: aud
    "no aud": ("claims", lambda: said(aud=...)),
    "aud the base": ("aud:", lambda: said(aud=BASE)),
    "aud another service": ("aud:", lambda: said(aud=f"{BASE}{REVIEW}")),
    "aud longer": ("aud:", lambda: said(aud=f"{BASE}{DISCOVERY}x")),
    "aud of another host": ("aud:", lambda: said(aud=f"https://evil.example{DISCOVERY}")),
    "aud by Host": ("aud:", lambda: said(aud=f"http://testserver{DISCOVERY}")),
    "aud over http": ("aud:", lambda: said(aud=f"http{BASE.removeprefix('https')}{DISCOVERY}")),
    "aud empty": ("aud:", lambda: said(aud=[])),
    "aud a list of others": ("aud:", lambda: said(aud=[BASE, "https://evil.example"])),
    "aud a number": ("claims", lambda: said(aud=5)),
    # CH-J-14, J-15, J-27, J-32: times
    "no exp": ("claims", lambda: said(exp=...)),
    "exp past": ("exp: the token has run out", lambda: said(iat=now() - 400, exp=now() - 100)),
    "exp a string": ("claims", lambda: said(exp=str(now() + 300))),
    "exp true": ("claims", lambda: said(exp=True)),
    "exp without end": ("claims", lambda: sign(encode_as("exp", "1e999"))),
    "exp NaN": ("claims", lambda: sign(encode_as("exp", "NaN"))),
    "no iat": ("claims", lambda: said(iat=...)),
    "iat in the future": ("iat:", lambda: said(iat=now() + 200, exp=now() + 400)),
    "iat below zero": ("exp: must be after", lambda: said(iat=-1)),
    "nbf in the future": ("nbf:", lambda: said(nbf=now() + 200)),
    "longer than an hour": ("exp: must be after", lambda: said(exp=now() + 4000)),
    "exp before iat": ("exp: must be after", lambda: said(iat=now() + 30, exp=now() + 20)),
    # CH-J-16: jti
    "no jti": ("claims", lambda: said(jti=...)),
    "jti blank": ("jti:", lambda: said(jti=" ")),
    "jti a number": ("claims", lambda: said(jti=5)),
    "jti without end": ("jti:", lambda: said(jti="x" * 300)),
    # CH-J-18: signature
    "no signature": ("signature", lambda: said().rpartition(".")[0] + "."),
    "a signature of zeros": (
        "signature",
        lambda: forged({"alg": "ES384", "kid": KID, "typ": "JWT"}, claims(), b"\0" * 96),
    ),
    "a signature in DER": (
        "signature",
        lambda: forged({"alg": "ES384", "kid": KID, "typ": "JWT"}, claims(), b"\x30\x06\x02\x01\x00"),
    ),
    "claims changed": (
        "signature",
        lambda: ".".join((said().split(".")[0], encoded(claims(exp=now() + 3000)), said().split(".")[2])),
    ),
    "signed by another": ("signature", lambda: sign(claims(), STRANGER)),
    # shapes
    "nothing": ("Bearer and a token", lambda: ""),
    "no token": ("three parts", lambda: "rubbish"),
    "two parts": ("three parts", lambda: said().rpartition(".")[0]),
    "five parts": ("three parts", lambda: f"{said()}.x.y"),
    "a header that is no JSON": ("header", lambda: f"{raw(b'{')}.{encoded(claims())}.x"),
    "a header that is a list": ("header", lambda: f"{encoded([])}.{encoded(claims())}.x"),
    "a header without bottom": ("header", lambda: f"{raw(b'[' * 3000)}.{encoded(claims())}.x"),
    "a member without bottom": ("signature", lambda: f"{raw(deep_header())}.{encoded(claims())}.x"),
    "claims without bottom": ("claims", lambda: sign(b'{"x":' * 800 + b"1" + b"}" * 800)),
    "no base64": ("header", lambda: f"!{said()}"),
    "a token without end": ("longer than", lambda: said(extra="x" * 10_000)),
    "a token of the body's kind": ("three parts", lambda: "opaque-token-f81d4fae"),
}
"""What is tried -> the reason that our log gives, and a token that tries it. Each is right, but for that."""


def encode_as(name, literal):
    return json.dumps({**claims(), name: 0}).replace(f'"{name}": 0', f'"{name}": {literal}').encode()


def deep_header():
    return (
        json.dumps({"alg": "ES384", "kid": KID, "typ": "JWT", "x": 0}).encode().replace(b"0", b"[" * 900 + b"]" * 900)
    )


@pytest.mark.parametrize(("reason", "attack"), ATTACKS.values(), ids=ATTACKS)
def test_every_attack_gets_the_same_answer(guarded, reason, attack, caplog):
    """CH-J-04 to J-22, J-28, Z-08: 401, and nothing in it says why; our log does."""
    caplog.set_level("INFO", "cds")

    refused = ask(guarded, attack())
    assert reason in caplog.text
    none = guarded.get(DISCOVERY)

    words = outcome_of(refused, 401)
    assert words == outcome_of(none, 401)
    assert refused.headers["www-authenticate"] == none.headers["www-authenticate"] == "Bearer"
    assert {*refused.headers} == {*none.headers}


@pytest.mark.parametrize("algorithm", ["ES384", "ES512", "RS384", "RS512", "PS384", "PS512"])
def test_strong_algorithms_are_trusted(guarded, algorithm):
    """CH-J-07."""
    key = algorithm if algorithm in CURVES else "RS384"

    assert ask(guarded, sign(claims(), private_key(key), algorithm, kid=key)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        lambda: {"aud": [f"{BASE}{DISCOVERY}", "https://other.example"]},
        lambda: {"iat": now() + 40, "exp": now() + 300},
        lambda: {"iat": now() - 300, "exp": now() - 30},
        lambda: {"exp": now() + 3590.5},
        lambda: {"nbf": now() + 40},
        lambda: {"nbf": now() - 300, "sub": "cds-client", "exp": now() + 900},
        lambda: {"tenant": "any"},
        lambda: {"tenant": None, "nbf": None},
        lambda: {"unknown": {"deep": [1]}},
    ],
    ids=["several addresses", "a fast clock", "a slow clock", "an hour", "soon", "as Epic", "a tenant", "null", "more"],
)
def test_what_the_standard_allows_is_trusted(guarded, changes):
    """CH-J-13, J-17, J-25, J-27, J-32."""
    assert ask(guarded, said(**changes())).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_may_be_written_in_any_case(guarded, scheme):
    """CH-J-03."""
    assert guarded.get(DISCOVERY, headers={"Authorization": f"{scheme} {said()}"}).status_code == 200


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer ", "Basic eDp5", "Token {}", "{}", "Bearer{}"])
def test_another_scheme_is_refused(guarded, given):
    """CH-J-03."""
    outcome_of(guarded.get(DISCOVERY, headers={"Authorization": given.format(said())}), 401)


def test_two_tokens_are_refused(guarded):
    """CH-J-03: one of us might take the first, another the second."""
    twice = [("Authorization", f"Bearer {said()}"), ("Authorization", f"Bearer {said()}")]

    outcome_of(guarded.get(DISCOVERY, headers=twice), 401)


@pytest.mark.parametrize("place", ["?access_token={}", "?token={}"])
def test_a_token_in_the_address_is_not_looked_at(guarded, place):
    """CH-J-20."""
    outcome_of(guarded.get(DISCOVERY + place.format(said())), 401)


def test_the_header_jku_may_be_one_of_the_clients(guarded):
    """CH-J-10: with keys exchanged beforehand it is compared, and nothing is fetched."""
    assert ask(guarded, header(jku="https://ehr.example.org/jwks.json")).status_code == 200


def test_a_call_is_answered_like_any_other(guarded):
    """CH-J-03: and each address has its own audience."""
    answer = guarded.post(REVIEW, json=call(), headers=bearer(REVIEW))

    assert advised(cards_of(answer)) == [NO_IRON_STUDIES]
    outcome_of(guarded.post(REVIEW, json=call(), headers=bearer()), 401)


@pytest.mark.parametrize("path", [f"/cds-services//{REVIEW.rpartition('/')[2]}", f"{REVIEW}/"])
def test_an_address_that_is_tidied_may_be_named_as_called_or_as_it_is(guarded, path):
    """CH-J-13: the sandbox joins addresses carelessly, and signs what it calls."""
    for named in (path, REVIEW):
        assert cards_of(guarded.post(path, json=call(), headers=bearer(named)))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", DISCOVERY),
        ("HEAD", DISCOVERY),
        ("POST", REVIEW),
        ("POST", f"{REVIEW}/feedback"),
        ("POST", "/cds-services/unknown"),
        ("PUT", REVIEW),
        ("GET", "/nothing"),
        ("GET", "/try"),
        ("POST", "/try/why"),
        ("GET", "/connect"),
        ("GET", "//cds-services"),
        ("GET", "/%63ds-services"),
        ("GET", "/healthy"),
    ],
)
def test_nothing_is_told_before_a_client_is_known(guarded, method, path):
    """CH-J-03, Z-08: not even which services there are."""
    assert guarded.request(method, f"{HERE}{path}").status_code == 401


def test_pages_lead_to_nothing_that_only_clients_may_see(guarded):
    for path in ("/knowledge", "/intake"):
        page = guarded.get(path, headers={"Accept": "text/html"}).text
        assert not any(f'href="{closed}' in page for closed in ("/try", "/connect"))


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/knowledge/iron", "/intake", "/fhir/metadata"])
def test_what_is_about_no_patient_is_open(guarded, path):
    """CH-N-01: probes, and the pages that cards link to."""
    assert guarded.get(path).status_code == 200


def test_a_body_is_not_looked_at_before_the_caller_is_known(guarded):
    """CH-J-02, Z-08."""
    outcome_of(guarded.post(REVIEW, content=b"{"), 401)
    outcome_of(guarded.post(REVIEW, content=b"{", headers={"Content-Encoding": "gzip"}), 401)


def test_the_token_of_the_body_is_for_the_fhir_server_and_proves_nothing(guarded):
    """CH-J-31: even where it is one that would have been trusted."""
    made = call(fhirServer=ISSUER, fhirAuthorization={**AUTHORIZATION, "access_token": sign(claims(REVIEW))})

    outcome_of(guarded.post(REVIEW, json=made), 401)


@settings(deadline=None)
@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda value: f"{raw(value)}.{raw(value)}.{raw(value)}"))
def test_any_text_is_refused_and_breaks_nothing(guarded, text):
    """CH-J-18, Z-04."""
    header = f"Bearer {text}".encode("utf-8", "surrogatepass").translate(None, bytes(range(32)) + b"\x7f")

    outcome_of(guarded.get(DISCOVERY, headers={b"Authorization": header}), 401)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.sampled_from(["iss", "aud", "exp", "iat", "jti", "nbf", "tenant"]), JSON)
def test_whatever_a_claim_is_somebody_is_let_in_or_refused(guarded, name, value):
    """CH-J-12 to J-17: a signed token, one claim of which may be anything."""
    assert ask(guarded, said(**{name: value})).status_code in {200, 401}


@settings(deadline=None)
@given(st.sampled_from(["alg", "kid", "typ", "jku", "crit", "jwk", "b64", "x"]), JSON)
def test_whatever_a_member_of_the_header_is_somebody_is_let_in_or_refused(guarded, name, value):
    """CH-J-04 to J-11."""
    assert ask(guarded, header(**{name: value})).status_code in {200, 401}


def test_the_sandboxs_key_is_one(guarded):
    """CH-J-07: as published; trusted by nobody unless its lines in the example are taken over."""
    (key,) = json.loads((FIXTURES.parent / "docs/sandbox.jwks.json").read_bytes())["keys"]

    assert PublishedKey(key).ready("ES384")


def test_a_preflight_needs_no_token_and_a_refusal_can_be_read_by_the_page(guarded):
    """CH-X-02, X-04."""
    origin = {"Origin": "https://sandbox.cds-hooks.org"}
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}

    assert guarded.options(REVIEW, headers={**origin, **wish}).status_code == 200
    refused = guarded.post(REVIEW, json=call(), headers=origin)

    outcome_of(refused, 401)
    assert refused.headers["access-control-allow-origin"] == origin["Origin"]


def test_the_log_names_the_reason_by_the_answers_id_and_nothing_of_the_token(guarded, caplog):
    """CH-J-19, J-20, Z-13."""
    caplog.set_level("DEBUG")
    token = sign(claims(aud="https://nachtwander.example"), jku="https://nachtwander.example/jwks")

    refused = ask(guarded, token)

    line = next(r.getMessage() for r in caplog.records if refused.headers["x-correlation-id"] in r.getMessage())
    assert "aud: must be the address that is called" in line
    assert "nachtwander" not in caplog.text
    assert not any(part in caplog.text + refused.text for part in token.split("."))


def test_a_token_is_used_once(guarded, caplog):
    """CH-J-16."""
    caplog.set_level("INFO")
    token = said()

    assert ask(guarded, token).status_code == 200
    outcome_of(ask(guarded, token), 401)
    assert "jti: client ehr sent this token before" in caplog.text


def test_another_token_with_the_same_id_is_refused(guarded):
    """CH-J-16: the id counts, not the letters of the token."""
    jti = str(uuid.uuid4())

    assert ask(guarded, said(jti=jti)).status_code == 200
    outcome_of(ask(guarded, said(jti=jti, exp=now() + 500)), 401)


def test_a_token_that_is_not_signed_right_does_not_use_up_its_id(guarded):
    """CH-J-16: or anybody could keep a client out."""
    jti = str(uuid.uuid4())

    outcome_of(ask(guarded, sign(claims(jti=jti), STRANGER)), 401)
    outcome_of(ask(guarded, said(jti=jti, aud=BASE)), 401)
    assert ask(guarded, said(jti=jti)).status_code == 200


def test_a_token_is_used_once_over_all_workers_and_after_a_restart(tmp_path):
    """CH-J-16, J-23."""
    settings, token = deployment(tmp_path), said()

    with TestClient(create_app(settings)) as one, TestClient(create_app(settings)) as other:
        assert ask(one, token).status_code == 200
        outcome_of(ask(other, token), 401)
    with TestClient(create_app(settings)) as restarted:
        outcome_of(ask(restarted, token), 401)


def test_without_the_database_clients_are_answered_and_each_worker_still_knows_its_tokens(tmp_path, caplog):
    """CH-J-23: cards are worth more; the loss is logged, and /ready tells it."""
    settings, token = deployment(tmp_path, database=f"sqlite:///{tmp_path}/missing/legwork.db"), said()

    with TestClient(create_app(settings)) as service:
        assert ask(service, token).status_code == 200
        outcome_of(ask(service, token), 401)
        assert "not to be had" in service.get("/ready").json()["database"]
    assert "the database is not to be had" in caplog.text


def test_ready_says_that_the_database_is_to_be_had(guarded):
    assert guarded.get("/ready").json()["database"] == "ok"


def test_tenants_are_told_apart(tmp_path):
    """CH-J-17."""
    terms = '[{0}]\nissuer = "{1}"\njwks = "ehr.jwks.json"\ntenants = ["{0}"]\n'
    toml = terms.format("north", ISSUER) + terms.format("south", ISSUER)

    with TestClient(create_app(deployment(tmp_path, toml))) as service:
        assert ask(service, said(tenant="north")).status_code == 200
        assert ask(service, said(tenant="south")).status_code == 200
        for tenant in ("east", ..., None, "NORTH"):
            outcome_of(ask(service, said(tenant=tenant)), 401)


def test_without_clients_whoever_is_on_this_machine_may_call(client):
    """CH-J-02: for development; a token is then of no account."""
    assert client.get(DISCOVERY).status_code == 200
    assert client.get(DISCOVERY, headers={"Authorization": "Bearer rubbish"}).status_code == 200


def test_without_clients_no_database_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with TestClient(create_app(Settings())) as service:
        assert "database" not in service.get("/ready").json()
    assert not list(tmp_path.iterdir())
