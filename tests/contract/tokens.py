"""Clients with keys, as EHRs have them, and the tokens that they sign."""

import base64
import json
import time
import uuid
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds.settings import Settings

BASE = "https://cds.example.org/legwork"
"""The public address of the service; a proxy takes the path off."""

ISSUER = "https://ehr.example.org/fhir"
KID = "kS1+y/Pm=="
"""With the signs that Epic's have."""

CURVES: dict[str, Any] = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}


@cache
def private_key(algorithm: str, bits: int = 2048) -> Any:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    return rsa.generate_private_key(65537, bits)


def public_jwk(key: Any, kid: Any = KID, **members: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), "kid": kid, **members}


def claims(path: str = "/cds-services", **changes: Any) -> dict[str, Any]:
    """Make the claims of a token; `changes` add to them or replace, and those given as ... are left out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": BASE + path, "iat": now, "exp": now + 300, "jti": str(uuid.uuid4())}
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def sign(said: Any, key: Any = None, algorithm: str = "ES384", **header: Any) -> str:
    """Sign claims; members of the header given as ... are left out."""
    head = {"alg": algorithm, "kid": KID, "typ": "JWT", **header}
    head = {name: value for name, value in head.items() if value is not ...}
    signed = f"{encoded(head)}.{encoded(said)}"
    key = private_key(algorithm) if key is None else key
    return f"{signed}.{raw(jwt.PyJWS().get_algorithm_by_name(algorithm).sign(signed.encode(), key))}"


def encoded(value: Any) -> str:
    return raw(value if isinstance(value, bytes) else json.dumps(value).encode())


def raw(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def bearer(path: str = "/cds-services", **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign(claims(path, **changes))}"}


def deployment(folder: Path, toml: str = "", *keys: dict[str, Any], **settings: Any) -> Settings:
    """Write a clients' file with one client and its keys, and give the settings of a service that knows it."""
    held = list(keys) or [public_jwk(private_key("ES384"))]
    (folder / "ehr.jwks.json").write_text(json.dumps({"keys": held}))
    usual = f'[ehr]\nissuer = "{ISSUER}"\njwks = "ehr.jwks.json"\n'
    (folder / "clients.toml").write_text(toml or usual)
    database = f"sqlite:///{folder / 'legwork.db'}"
    return Settings(
        **{
            "clients": folder / "clients.toml",
            "public_url": BASE,
            "database": database,
            "patient_key": folder / "legwork.key",
            "drafts": "allow",
            **settings,
        }
    )
