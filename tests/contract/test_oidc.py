"""Login to the reports at an OpenID provider: who may is let in, and whatever does not hold is not."""

import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from tests.contract import provider as providers
from tests.contract.provider import CLIENT_ID, SECRET, Provider
from tests.contract.tokens import encoded, private_key
from tests.feedback.service import Service, running

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providers.running() as provider:
        yield provider


@pytest.fixture
def service(tmp_path, provider) -> Iterator[Service]:
    (tmp_path / "secret").write_text(SECRET)
    login = {
        "oidc_issuer": provider.issuer, "oidc_client_id": CLIENT_ID, "oidc_client_secret": tmp_path / "secret",
        "oidc_values": ("quality",),
    }  # fmt: skip
    with running(f"sqlite:///{tmp_path}/legwork.db", tmp_path, **login) as service:
        service.http.follow_redirects = False
        service.http.headers.update(BROWSER)
        yield service


def at_provider(service, path="/reports"):
    """Ask for a page, and go where one is sent; give the address by which the provider sends one back."""
    login = service.http.get(path)
    assert login.headers["location"] == "/reports/login"
    sent = service.http.get("/reports/login")
    assert sent.status_code == 302
    return httpx.get(sent.headers["location"], trust_env=False).headers["location"]


def logged_in(service, path="/reports"):
    return service.http.get(at_provider(service, path))


def is_in(service):
    return service.http.get("/reports").status_code == 200


def test_who_may_is_let_in_and_comes_to_what_was_asked_for(service):
    answer = logged_in(service, "/reports?client=ehr&from=2026-03-02")

    assert answer.status_code == 303
    assert answer.headers["location"] == "/reports?client=ehr&from=2026-03-02"
    assert is_in(service)


def test_the_provider_is_asked_by_code_with_pkce_state_and_nonce(service, provider):
    at_provider(service)

    asked = provider.asked
    assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT_ID, "S256")
    assert asked["scope"] == "openid groups"
    assert asked["redirect_uri"] == "http://127.0.0.1:8000/reports/callback"
    assert asked["state"]
    assert asked["nonce"]


WRONG = {
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": ...},
    "another issuer": {"iss": "https://idp.example.org"},
    "another audience": {"aud": "another"},
    "an audience among others, of another party": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "no audience": {"aud": ...},
    "run out": {"exp": int(time.time()) - 600},
    "never to run out": {"exp": ...},
    "yet to begin": {"nbf": int(time.time()) + 3600},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG)
def test_a_token_that_does_not_hold_lets_nobody_in(service, provider, claims):
    provider.claims = claims

    answer = logged_in(service)

    assert answer.status_code == 403
    assert "log in again" in answer.text
    assert not is_in(service)


def test_a_signature_of_another_key_lets_nobody_in(service, provider):
    provider.key = private_key("RS256", 3072)

    assert logged_in(service).status_code == 403
    assert not is_in(service)


def test_no_signature_at_all_lets_nobody_in_even_if_the_provider_offers_that(service, provider):
    provider.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
    back = at_provider(service)
    now = int(time.time())
    claims = {"iss": provider.issuer, "sub": "u", "aud": CLIENT_ID, "iat": now, "exp": now + 300}
    claims |= {"nonce": provider.asked["nonce"], "groups": ["quality"]}
    provider.id_token = f"{encoded({'alg': 'none'})}.{encoded(claims)}."

    assert service.http.get(back).status_code == 403

    back = at_provider(service)
    provider.id_token = jwt.encode({**claims, "nonce": provider.asked["nonce"]}, SECRET.ljust(32), "HS256")
    assert service.http.get(back).status_code == 403
    assert not is_in(service)


def test_without_an_id_token_nobody_is_let_in(service, provider):
    provider.id_token = ...

    assert logged_in(service).status_code == 403


def test_a_state_that_is_not_of_this_browser_lets_nobody_in(service):
    back = at_provider(service)
    service.http.cookies.clear()

    assert service.http.get(back).status_code == 403
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert service.http.get(back.replace(state, "another")).status_code == 403


def test_an_answer_of_the_provider_can_be_used_once(service):
    back = at_provider(service)
    service.http.get(back)

    assert service.http.get(back).status_code == 403


def test_who_may_not_read_reports_is_told_so(service, provider):
    provider.claims = {"groups": ["nurses"]}

    answer = logged_in(service)

    assert answer.status_code == 403
    assert "may not read the reports" in answer.text
    assert not is_in(service)


@pytest.mark.parametrize("groups", [..., None, "quality-nurses", {"quality": True}, []])
def test_a_claim_of_another_shape_is_no_leave(service, provider, groups):
    provider.claims = {"groups": groups}

    assert logged_in(service).status_code == 403


def test_a_claim_of_one_word_is_leave_too(service, provider):
    provider.claims = {"groups": "quality"}

    assert logged_in(service).status_code == 303


def test_who_would_not_log_in_is_told_how_to_go_on(service, provider):
    provider.refuses = True

    answer = logged_in(service)

    assert answer.status_code == 403
    assert "open the reports anew" in answer.text


def test_a_provider_that_calls_itself_otherwise_is_not_used(service, provider):
    provider.metadata = {"issuer": "https://idp.example.org"}

    answer = service.http.get("/reports/login")
    assert answer.status_code == 503
    provider.metadata = {}
    assert service.http.get("/reports/login").status_code == 302


def test_a_provider_that_is_away_is_said_to_be_away(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    login = {
        "oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": CLIENT_ID, "oidc_client_secret": tmp_path / "secret",
        "oidc_values": ("quality",),
    }  # fmt: skip
    with running(f"sqlite:///{tmp_path}/legwork.db", tmp_path, **login) as service:
        answer = service.http.get("/reports", headers=BROWSER)

    assert answer.status_code == 503
    assert "not to be had" in answer.text


def test_no_token_and_no_name_stand_in_the_log(service, caplog):
    caplog.set_level("DEBUG")

    back = at_provider(service)
    service.http.get(back)

    state = parse_qs(urlsplit(back).query)["state"][0]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("cds")]
    assert "somebody logged in to the reports" in ours
    assert not any(state in line or "u-1" in line or "the-code" in line for line in ours)
