"""Settings: what is wrong stops the start, in words."""

import asyncio

import pytest
from sqlalchemy import text

from cds.app import create_app
from cds.errors import SettingsError, StoreError
from cds.settings import Settings, load_settings
from cds.store.database import Store
from tests.contract.tokens import deployment


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org", "127.0.0.1.example.org", " 127.0.0.1"])  # noqa: S104 - refused
def test_nothing_but_this_machine_is_listened_on(monkeypatch, host):
    with pytest.raises(SettingsError, match=r"LEGWORK_HOST: .*authenticated.*127\.0\.0\.1"):
        load_settings(host=host)

    monkeypatch.setenv("LEGWORK_HOST", host)
    with pytest.raises(SettingsError, match="LEGWORK_HOST"):
        create_app()


def test_with_clients_any_host_is_listened_on_and_the_address_they_call_is_named(tmp_path):
    settings = deployment(tmp_path, host="0.0.0.0")  # noqa: S104 - clients prove who they are

    assert not settings.is_loopback
    with pytest.raises(SettingsError, match=r"LEGWORK_PUBLIC_URL: .*https"):
        load_settings(clients=settings.clients, host=settings.host)
    with pytest.raises(SettingsError, match=r"LEGWORK_PUBLIC_URL: .*https"):
        load_settings(clients=settings.clients, host=settings.host, public_url="http://cds.example.org")


def test_with_clients_on_this_machine_no_address_need_be_named(tmp_path):
    assert load_settings(clients=deployment(tmp_path).clients).address == "http://127.0.0.1:8000"


def test_a_fault_in_the_clients_file_stops_the_start(tmp_path):
    with pytest.raises(SettingsError, match="ehr: has no keys"):
        create_app(deployment(tmp_path, '[ehr]\nissuer = "x"'))


def test_tables_of_a_later_version_stop_the_start(tmp_path):
    settings = deployment(tmp_path)
    store = Store(settings.database)
    store.migrate()
    asyncio.run(
        store.run(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    )
    store.close()

    with pytest.raises(StoreError, match="later version"):
        create_app(settings)


def test_all_settings_that_are_wrong_are_named_at_once(monkeypatch):
    for name in ("CLIENTS", "PORT", "PUBLIC_URL", "DATABASE"):
        monkeypatch.setenv(f"LEGWORK_{name}", "wrong")

    with pytest.raises(SettingsError) as fault:
        load_settings()

    assert all(f"LEGWORK_{name}: " in str(fault.value) for name in ("CLIENTS", "PORT", "PUBLIC_URL", "DATABASE"))


def test_the_password_of_the_database_is_shown_nowhere(monkeypatch):
    monkeypatch.setenv("LEGWORK_DATABASE", "mysql://legwork:nachtwander@db/legwork")

    with pytest.raises(SettingsError, match="LEGWORK_DATABASE") as fault:
        load_settings()

    assert "nachtwander" not in str(fault.value)
    assert "nachtwander" not in repr(Settings(database="postgresql://legwork:nachtwander@db/legwork"))


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
        ("CLIENTS", "/no/such/file.toml"),
        ("CLIENTS", "/"),
        ("OIDC_ISSUER", "idp.example.org"),
        ("OIDC_ISSUER", "http://idp.example.org"),
        ("REPORTS_PASSWORD", "/no/such/file"),
        ("DATABASE", "legwork.db"),
        ("DATABASE", "sqlite://"),
        ("SPECIFICATION_VERSION", "latest"),
    ],
)
def test_a_setting_that_is_wrong_is_named(monkeypatch, name, value):
    monkeypatch.setenv(f"LEGWORK_{name}", value)

    with pytest.raises(SettingsError, match=f"^LEGWORK_{name}: (?!Value error)"):
        load_settings()


OIDC = {"issuer": "https://idp.example.org", "client_id": "legwork", "client_secret": "secret", "values": "quality"}


@pytest.mark.parametrize("lacks", ["client_id", "client_secret", "values"])
def test_a_login_that_is_set_by_half_is_named(monkeypatch, tmp_path, lacks):
    (tmp_path / "secret").write_text("a secret of sixteen and more")
    monkeypatch.chdir(tmp_path)
    for name, value in OIDC.items():
        monkeypatch.setenv(f"LEGWORK_OIDC_{name.upper()}", "" if name == lacks else value)

    with pytest.raises(SettingsError, match=f"^LEGWORK_OIDC_{lacks.upper()}: .*LEGWORK_OIDC_ISSUER$"):
        load_settings()


def test_a_login_without_its_provider_is_named(monkeypatch):
    monkeypatch.setenv("LEGWORK_OIDC_VALUES", "quality")

    with pytest.raises(SettingsError, match=r"^LEGWORK_OIDC_VALUES: .*LEGWORK_OIDC_ISSUER"):
        load_settings()


def test_there_is_one_way_to_log_in(tmp_path):
    (tmp_path / "password").write_text("x")

    with pytest.raises(SettingsError, match=r"LEGWORK_OIDC_ISSUER: .*LEGWORK_REPORTS_PASSWORD"):
        load_settings(reports_password=tmp_path / "password", oidc_issuer="https://idp.example.org")


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
