"""An OpenID provider of our own, over real HTTP and with real signatures, that can be told to do wrong."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.contract.tokens import private_key, public_jwk, sign

CLIENT_ID, SECRET, KID = "legwork", "a secret of sixteen and more", "p-1"


@dataclass
class Provider:
    """What the provider says; a test changes it."""

    issuer: str
    claims: dict[str, Any] = field(default_factory=dict)
    """Replace those of the ID token, or leave them out where given as ..."""
    key: Any = None
    algorithm: str = "RS256"
    id_token: Any = None
    """In place of the ID token."""
    metadata: dict[str, Any] = field(default_factory=dict)
    refuses: bool = False
    asked: dict[str, str] = field(default_factory=dict)
    """What the last person was sent here with."""

    def described(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "groups"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.metadata,
        }

    def consent(self, asked: dict[str, str]) -> str:
        """Send a person back who has logged in, or who would not."""
        self.asked = asked
        said = {"error": "access_denied"} if self.refuses else {"code": "the-code"}
        return f"{asked['redirect_uri']}?{urlencode({**said, 'state': asked['state']})}"

    def tokens(self, sent: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Answer to a code, for who proves to be the client that it was given to."""
        proof = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        credentials = "Basic " + base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        right = (
            authorization == credentials
            and sent.get("code") == "the-code"
            and sent.get("redirect_uri") == self.asked["redirect_uri"]
            and self.asked["code_challenge_method"] == "S256"
            and challenge == self.asked["code_challenge"]
        )
        if not right:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        usual = {
            "iss": self.issuer, "sub": "u-1", "aud": CLIENT_ID, "iat": now, "exp": now + 300,
            "nonce": self.asked["nonce"], "groups": ["quality", "nurses"],
        }  # fmt: skip
        said = {name: value for name, value in {**usual, **self.claims}.items() if value is not ...}
        token = sign(said, self.key or private_key("RS256"), self.algorithm, kid=KID)
        answer = {"access_token": "x", "token_type": "Bearer", "id_token": self.id_token or token}
        return 200, {name: value for name, value in answer.items() if value is not ...}


@contextmanager
def running() -> Iterator[Provider]:
    """Run a provider."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._json(200, provider.described())
            elif parts.path == "/keys":
                self._json(200, {"keys": [public_jwk(private_key("RS256"), KID, alg="RS256", use="sig")]})
            else:
                asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.consent(asked))
                self.send_header("Content-Length", "0")
                self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent = {name: values[0] for name, values in parse_qs(body).items()}
            self._json(*provider.tokens(sent, self.headers.get("Authorization", "")))

        def _json(self, status: int, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the standard library
            """Keep quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider = Provider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield provider
        server.shutdown()
        thread.join()
