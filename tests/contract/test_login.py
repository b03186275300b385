"""The reports and their login, over HTTP: who sees them, and what is on them."""

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cds.app import create_app
from cds.cli import app
from cds.errors import SettingsError
from cds.passwords import hashed
from cds.settings import SANDBOX, Settings
from cds.store import drift
from tests.contract.tokens import deployment
from tests.feedback.service import DAY, Service, entry, running

HTML = {"Accept": "text/html"}
PASSWORD = "nachtwander-und-mehr"
HASH = hashed(PASSWORD)


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    """Run a service of development: its reports are open to its own machine."""
    with running(f"sqlite:///{tmp_path}/legwork.db", tmp_path) as service:
        service.http.headers.update(HTML)
        yield service


@pytest.fixture
def guarded(tmp_path) -> Iterator[Service]:
    """Run a service whose reports take a password."""
    (tmp_path / "password").write_text(HASH)
    database = f"sqlite:///{tmp_path}/legwork.db"
    with running(database, tmp_path, reports_password=tmp_path / "password") as service:
        service.http.headers.update(HTML)
        yield service


def found_in(text, pattern):
    match = re.search(pattern, text)
    assert match, text
    return match[1]


def form_of(page):
    return found_in(page.text, r'name="form" value="([\w-]+)"')


def log_in(service, path="/reports", password=PASSWORD, **options):
    form = form_of(service.http.get(path))
    return service.http.post("/reports/login", data={"form": form, "password": password}, **options)


# --- what is on the page ---


def test_the_page_says_what_was_advised_and_what_became_of_it(service):
    service.set_aside(service.cards()[0])

    page = service.http.get("/reports").text

    assert "Restless legs" in page
    assert "1 overridden" in page
    assert "Patient declined: 1" in page
    assert "No drift" in page
    assert " style=" not in page


def test_of_a_silent_client_it_says_what_would_have_been_shown(service):
    service.becomes(name="watching", silent=True)
    service.cards()

    page = service.http.get("/reports").text

    assert "watching, silent: what would have been shown" in page
    assert "1 would have been shown" in page
    assert "accepted" not in page


def test_free_text_is_nowhere(service):
    (card,) = service.cards()
    reason = {"reason": {"code": "=nachtwander x", "display": "nachtwander"}, "userComment": "nachtwander"}
    service.say(entry(card["uuid"], overrideReason=reason))

    answers = [service.http.get(f"/reports{part}") for part in ("", "/figures.csv", "/figures.json")]

    assert all(answer.status_code == 200 for answer in answers)
    assert not any("nachtwander" in answer.text for answer in answers)


def test_the_files_hold_what_the_page_shows(service):
    service.cards()
    service.becomes(name="other")
    service.cards()

    page = service.http.get("/reports?client=other&plan=rls").text
    rows, whole = (
        service.http.get(found_in(page, rf'href="(/reports/figures\.{kind}[^"]*)"').replace("&amp;", "&"))
        for kind in ("csv", "json")
    )

    assert [(row["client"], row["plan"]) for row in csv.DictReader(io.StringIO(rows.text))] == [("other", "rls")]
    assert rows.headers["content-disposition"].startswith('attachment; filename="legwork-')
    assert [(line["client"], line["plan"]) for line in json.loads(whole.text)["lines"]] == [("other", "rls")]


def test_days_are_filtered_and_the_last_one_is_within(service):
    service.now = 1_772_582_400  # 4 March 2026
    service.cards()

    def calls(query):
        return json.loads(service.http.get(f"/reports/figures.json?{query}").text)["lines"]

    assert calls("from=2026-03-04&to=2026-03-04")
    assert not calls("from=2026-03-05")
    assert not calls("to=2026-03-03")


@pytest.mark.parametrize("query", ["from=soon", "to=0001-01-01", "to=9999-12-31", "from=2026-03-02&to=2026-03-01"])
def test_days_that_are_none_are_refused_in_words(service, query):
    answer = service.http.get(f"/reports?{query}")

    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("text/html")


def test_what_drifts_stands_on_top_whichever_days_are_shown(service, monkeypatch):
    """How drift is told is proved in tests/unit/test_alarms.py."""
    service.now -= 35 * DAY
    service.cards()
    service.now += 35 * DAY
    service.cards()

    def alarms(lines):
        weeks = sorted({line.week for line in lines})
        return [drift.Alarm(weeks[-1], "ehr", "rls", "fired of calls", 0.9, 0.1, 0.2)] if len(weeks) > 1 else []

    monkeypatch.setattr(drift, "alarms", alarms)
    today = datetime.fromtimestamp(service.now, UTC).date()

    page = service.http.get(f"/reports?from={today}").text
    assert page.index("90.0 %, where 10.0 to 20.0 % would be usual") < page.index("<form")
    assert "90.0 %" not in service.http.get(f"/reports?from={today}&plan=iron").text


def test_a_database_that_is_away_is_said_to_be_away(service, monkeypatch):
    def away():
        raise OperationalError("", {}, Exception("nachtwander"))

    monkeypatch.setattr(service.store, "snapshot", away)

    answer = service.http.get("/reports")
    assert answer.status_code == 503
    assert "The database is not to be had" in answer.text
    assert "nachtwander" not in answer.text


# --- who sees it ---


def test_without_a_database_the_page_says_what_to_set(client):
    page = client.get("/reports", headers=HTML)

    assert page.status_code == 404
    assert "LEGWORK_DATABASE" in page.text
    assert "LEGWORK_OIDC_ISSUER" not in page.text
    assert 'href="/reports"' not in page.text


def test_scripts_of_pages_that_may_call_the_service_do_not_read_its_reports(service):
    answer = service.http.get("/reports/figures.json", headers={"Origin": SANDBOX})

    assert answer.status_code == 403
    assert "lines" not in answer.text


def test_where_clients_call_there_are_no_reports_without_a_login(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as http:
        page = http.get("/reports", headers=HTML)

        assert page.status_code == 404
        assert "LEGWORK_REPORTS_PASSWORD" in page.text
        assert "LEGWORK_OIDC_ISSUER" in page.text
        assert http.get("/reports/figures.csv").status_code == 404


def test_behind_a_public_address_there_are_no_reports_without_a_login(tmp_path):
    database = f"sqlite:///{tmp_path}/legwork.db"
    settings = Settings(database=database, patient_key=tmp_path / "key", public_url="https://cds.example.org")
    with TestClient(create_app(settings)) as http:
        assert http.get("/reports").status_code == 404


@pytest.mark.parametrize("path", ["/reports", "/reports/figures.csv", "/reports/figures.json"])
def test_nothing_is_shown_before_the_login(guarded, path):
    answer = guarded.http.get(path, follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/reports/login"
    assert answer.content == b""


def test_who_knows_the_password_comes_to_what_was_asked_for(guarded):
    answer = log_in(guarded, "/reports?client=ehr&plan=iron", follow_redirects=False)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/reports?client=ehr&plan=iron"
    assert guarded.http.get("/reports/figures.csv", follow_redirects=False).status_code == 200


def test_a_wrong_password_is_said_to_be_wrong(guarded):
    answer = log_in(guarded, password="another-password")

    assert answer.status_code == 403
    assert "This is not the password." in answer.text
    assert guarded.http.get("/reports", follow_redirects=False).status_code == 303


def test_too_many_wrong_passwords_and_not_even_the_right_one_is_looked_at(guarded, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("cds.pages.login.time.monotonic", lambda: now[0])
    for _ in range(5):
        log_in(guarded, password="another-password")

    answer = log_in(guarded)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) <= 301
    assert "too many wrong passwords" in answer.text.lower()
    now[0] += 301
    assert log_in(guarded, follow_redirects=False).status_code == 303


def test_a_login_runs_out_and_what_was_asked_is_kept(guarded):
    log_in(guarded)
    guarded.now += 8 * 3600 + 1

    asked = guarded.http.get("/reports?client=ehr", follow_redirects=False)
    assert asked.headers["location"] == "/reports/login"
    assert log_in(guarded, "/reports/login", follow_redirects=False).headers["location"] == "/reports?client=ehr"


def test_a_logout_ends_the_session(guarded):
    form = form_of(log_in(guarded))

    page = guarded.http.post("/reports/logout", data={"form": form})

    assert "You are logged out" in page.text
    assert guarded.http.get("/reports", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("path", ["/reports/login", "/reports/logout"])
@pytest.mark.parametrize("form", ["", "another"])
def test_a_form_of_another_page_is_not_heard(guarded, path, form):
    log_in(guarded)

    assert guarded.http.post(path, data={"form": form, "password": PASSWORD}).status_code == 403
    assert guarded.http.get("/reports", follow_redirects=False).status_code == 200


def test_a_cookie_of_ones_own_making_lets_nobody_in(guarded):
    log_in(guarded)
    (cookie,) = guarded.http.cookies.jar
    payload, rest = cookie.value.split(".", 1)

    for forged in (payload, f"{payload[:-4]}AAAA.{rest}", f"{payload}.{rest[:-2]}AA", "null"):
        guarded.http.cookies.clear()
        headers = {"Cookie": f"legwork-reports={forged}"}
        assert guarded.http.get("/reports", headers=headers, follow_redirects=False).status_code == 303


def test_the_cookie_is_for_the_reports_alone_and_for_no_script(guarded):
    cookie = guarded.http.get("/reports", follow_redirects=False).headers["set-cookie"].lower()

    assert all(part in cookie for part in ("; path=/reports;", "httponly", "samesite=lax", "max-age=28800"))
    assert "secure" not in cookie


def test_behind_https_the_cookie_is_never_sent_without_it(tmp_path):
    (tmp_path / "password").write_text(HASH)
    settings = deployment(tmp_path, reports_password=tmp_path / "password")
    with TestClient(create_app(settings)) as http:
        answer = http.get("/reports", follow_redirects=False)

    assert answer.headers["location"] == "/legwork/reports/login"
    cookie = answer.headers["set-cookie"].lower()
    assert "; path=/legwork/reports;" in cookie
    assert cookie.endswith("; secure")


def test_another_password_ends_all_sessions(guarded, tmp_path):
    log_in(guarded)
    (cookie,) = guarded.http.cookies.jar
    (tmp_path / "password").write_text(hashed(PASSWORD))
    headers = {"Cookie": f"legwork-reports={cookie.value}"}

    with running(guarded.settings.database, tmp_path, reports_password=tmp_path / "password") as anew:
        assert anew.http.get("/reports", headers=headers, follow_redirects=False).status_code == 303


def test_the_password_stands_in_no_log(guarded, caplog):
    caplog.set_level("DEBUG")

    log_in(guarded, password="another-password")
    log_in(guarded)

    assert "a wrong password for the reports" in caplog.text
    assert PASSWORD not in caplog.text
    assert "another-password" not in caplog.text


# --- how it is set ---


def test_legwork_password_makes_the_file_that_lets_one_in(tmp_path):
    file = tmp_path / "password"

    made = CliRunner().invoke(app, ["password", str(file)], input=f"{PASSWORD}\n")

    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output + file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    with running(f"sqlite:///{tmp_path}/legwork.db", tmp_path, reports_password=file) as service:
        assert log_in(service, follow_redirects=False).status_code == 303


def test_a_password_that_is_too_short_is_not_taken(tmp_path):
    made = CliRunner().invoke(app, ["password", str(tmp_path / "password")], input="short\n")

    assert made.exit_code == 2
    assert "12" in made.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [PASSWORD, "$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA"])
def test_a_file_that_holds_no_hash_stops_the_start(tmp_path, kept):
    (tmp_path / "password").write_text(kept)

    with pytest.raises(SettingsError, match=r"LEGWORK_REPORTS_PASSWORD: .*legwork password"):
        create_app(deployment(tmp_path, reports_password=tmp_path / "password"))


@pytest.mark.parametrize("state", ["", "database='sqlite:///legwork.db'"])
def test_nothing_of_a_login_is_loaded_where_none_is_set(state, tmp_path):
    program = (
        f"import sys; from cds.app import create_app; from cds.settings import Settings; create_app(Settings({state}));"
        "print([name for name in ('argon2', 'authlib', 'joserfc', 'itsdangerous') if name in sys.modules])"
    )

    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )

    assert done.stdout == "[]\n"
