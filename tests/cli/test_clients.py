"""`legwork clients`, as whoever registers a client runs it."""

import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cds.cli import app
from tests.contract.tokens import BASE, ISSUER, claims, deployment, private_key, public_jwk, sign

EXAMPLE = Path(__file__).parents[2] / "docs" / "clients.example.toml"
ADDRESS = f"{BASE}/cds-services"


def run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["clients", *arguments], input=given, env={"COLUMNS": "200"})


@pytest.fixture
def file(tmp_path):
    return str(deployment(tmp_path).clients)


def test_a_file_that_is_right_is_shown_as_a_table(file):
    result = run("check", file)

    assert result.exit_code == 0
    assert all(word in result.output for word in ("ehr", ISSUER, "ehr.jwks.json (1)", "600 calls a minute"))


def test_a_file_that_is_wrong_is_told_with_all_its_faults(tmp_path):
    file = deployment(
        tmp_path, '[a]\nissuer = "x"\n[b]\nissuer = "y"\ndialect = "z"\njku = ["https://x.example/k"]\n'
    ).clients

    result = run("check", str(file))

    assert result.exit_code != 0
    assert "a: has no keys" in str(result.exception)
    assert "b.dialect" in str(result.exception)


def test_the_example_is_right_and_trusts_nobody_that_everybody_can_be():
    result = run("check", str(EXAMPLE))

    assert result.exit_code == 0
    assert "private key is public" not in result.output


def test_the_example_with_the_sandbox_in_it_is_right_and_says_what_that_means(tmp_path):
    lines = EXAMPLE.read_text().splitlines()
    lines = [line.removeprefix("# ") if "= " in line or line.startswith("# [") else line for line in lines]
    (tmp_path / "clients.toml").write_text("\n".join(lines))
    (tmp_path / "sandbox.jwks.json").write_bytes(EXAMPLE.with_name("sandbox.jwks.json").read_bytes())

    result = run("check", str(tmp_path / "clients.toml"))

    assert result.exit_code == 0
    assert "sandbox: its private key is public" in result.output


@pytest.mark.parametrize("prefix", ["", "Bearer ", "Authorization: Bearer "])
def test_a_token_that_holds_is_trusted(file, prefix):
    token = sign(claims())

    result = run("test-token", file, "--aud", ADDRESS, given=f"{prefix}{token}\n")

    assert result.exit_code == 0
    assert result.output.count("✓") == 12
    assert "client: ehr" in result.output
    assert token not in result.output


def test_a_token_may_be_an_argument_and_is_not_used_up(file):
    token = sign(claims())

    assert [run("test-token", file, token, "--aud", ADDRESS).exit_code for _ in range(2)] == [0, 0]


def test_every_fault_is_named_with_what_was_found(file):
    now = int(time.time())
    token = sign(claims(aud="https://wrong.example/cds-services", exp=now - 500, iat=now - 800), typ="at+jwt")

    result = run("test-token", file, "--aud", ADDRESS, given=token)

    assert result.exit_code == 1
    assert result.output.count("✗") == 3
    for words in (
        "found: 'https://wrong.example/cds-services'",
        "typ: must be JWT; found: 'at+jwt'",
        "seconds ago",
    ):
        assert words in result.output
    assert "3 to mend" in result.output
    assert not any(part in result.output for part in token.split("."))


def test_what_hangs_on_a_fault_is_not_guessed_at(file):
    result = run("test-token", file, "--aud", ADDRESS, given=sign(claims(iss="https://other.example")))

    assert "✗  issuer, and tenant, of a client" in result.output
    assert "·  signed with that key: not looked at" in result.output


@pytest.mark.parametrize("given", ["rubbish", "a.b.c", "\x1b[31m.x.y", "é.é.é"])
def test_what_is_no_token_is_told_so(file, given):
    result = run("test-token", file, "--aud", ADDRESS, given=given)

    assert result.exit_code == 1
    assert "\x1b" not in result.output


def test_a_key_that_is_too_weak_is_told_so(tmp_path):
    file = deployment(tmp_path, "", public_jwk(private_key("RS384", 1024))).clients

    result = run("test-token", str(file), "--aud", ADDRESS, given=sign(claims(), private_key("RS384", 1024), "RS384"))

    assert "2048" in result.output


def test_migrate_makes_the_tables(tmp_path, monkeypatch):
    monkeypatch.setenv("LEGWORK_DATABASE", f"sqlite:///{tmp_path / 'new.db'}")

    result = CliRunner().invoke(app, ["migrate"])

    assert result.exit_code == 0
    assert "the tables are of version 0" in result.output
    assert (tmp_path / "new.db").exists()


def test_migrate_says_what_to_look_at_and_no_password(monkeypatch):
    monkeypatch.setenv("LEGWORK_DATABASE", "postgresql://legwork:nachtwander@127.0.0.1:1/legwork")

    result = CliRunner().invoke(app, ["migrate"])

    assert result.exit_code != 0
    assert "LEGWORK_DATABASE" in str(result.exception)
    assert "nachtwander" not in result.output + str(result.exception)
