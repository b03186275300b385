"""A service that writes down what it does, and what it leaves."""

import json

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from cds.app import create_app
from cds.cli import app as command_line
from tests.contract.calls import REVIEW
from tests.contract.tokens import ISSUER, bearer, deployment

CLIENT = f'[ehr]\nissuer = "{ISSUER}"\njwks = "ehr.jwks.json"\nloopback_fhir = true\nprivate_network = true\n'


class Deployed:
    """A deployment: calls are made of it, and its commands run, as somebody would who runs it."""

    def __init__(self, folder, patch, **settings):
        self.folder = folder
        self.settings = deployment(folder, CLIENT, **{"record": True, "fetch_deadline": 20, **settings})
        for name in ("clients", "database", "patient_key", "public_url", "drafts"):
            patch.setenv(f"LEGWORK_{name.upper()}", str(getattr(self.settings, name)))

    def post(self, *bodies, path=REVIEW):
        """Start, make calls, and end; gives the answers."""
        with TestClient(create_app(self.settings)) as service:
            return [service.post(path, content=json.dumps(body), headers=bearer(path)) for body in bodies]

    def run(self, *arguments):
        """Give exit code and output of a command."""
        result = CliRunner().invoke(command_line, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output


@pytest.fixture
def deployed(tmp_path, monkeypatch):
    return Deployed(tmp_path, monkeypatch)
