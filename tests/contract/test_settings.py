"""Settings: what is wrong stops the start, in words."""

import pytest

from cds.app import create_app
from cds.errors import SettingsError
from cds.settings import Settings, load_settings


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", "127.0.0.1.example.org", " 127.0.0.1"])  # noqa: S104 - refused
def test_nothing_but_this_machine_is_listened_on(monkeypatch, host):
    with pytest.raises(SettingsError, match=r"LEGWORK_HOST: .*authenticated.*127\.0\.0\.1"):
        load_settings(host=host)

    monkeypatch.setenv("LEGWORK_HOST", host)
    with pytest.raises(SettingsError, match="LEGWORK_HOST"):
        create_app()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_every_form_of_loopback_is_listened_on(host):
    assert load_settings(host=host).is_loopback


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "x"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PUBLIC_URL", "legwork.example.org"),
        ("PUBLIC_URL", "https://legwork.example.org/?x=1"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://ehr.example.org/"),
        ("CORS_ORIGINS", "https://a.example.org,null"),
        ("CORS_ORIGINS", "https://*.example.org"),
        ("FHIR_SERVERS", "ehr.example.org/fhir"),
        ("FHIR_SERVERS", "https://ehr.example.org/fhir,https://user@ehr.example.org/fhir"),
        ("FETCH_DEADLINE", "0"),
        ("FETCH_DEADLINE", "soon"),
        ("MAX_BODY_BYTES", "12"),
        ("MAX_CARDS", "0"),
        ("SPECIFICATION_VERSION", "latest"),
    ],
)
def test_a_setting_that_is_wrong_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"LEGWORK_{name}", value)

    with pytest.raises(SettingsError, match=f"^LEGWORK_{name}: (?!Value error)"):
        load_settings()


def test_origins_are_separated_by_commas(monkeypatch):
    monkeypatch.setenv("LEGWORK_CORS_ORIGINS", "https://a.example.org, http://localhost:8080")

    assert load_settings().cors_origins == ("https://a.example.org", "http://localhost:8080")


def test_a_setting_that_is_empty_counts_as_not_set(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.setenv(f"LEGWORK_{name.upper()}", "")

    assert load_settings() == Settings()


def test_what_is_given_wins_over_the_environment(monkeypatch):
    monkeypatch.setenv("LEGWORK_PORT", "9001")

    assert load_settings(port=9002, host=None).port == 9002


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"host": "::1", "port": 9000}, "http://[::1]:9000"),
        ({"public_url": "https://cds.example.org/legwork/"}, "https://cds.example.org/legwork"),
    ],
)
def test_links_are_built_on_the_public_address(given, address):
    assert load_settings(**given).address == address


def test_fhir_servers_are_separated_by_commas_and_compared_in_one_form(monkeypatch):
    monkeypatch.setenv("LEGWORK_FHIR_SERVERS", "https://A.example.org:443/fhir/, http://b.example.org/r4")

    assert load_settings().fhir_servers == ("https://a.example.org/fhir", "http://b.example.org/r4")
