"""Make the secrets of the demonstration, and the clients' file that trusts its key.

    python demo/keys.py FOLDER

In FOLDER are then `clients.toml`, `demo.jwks.json` (public) and `demo.pem` (private), `patient.key`, by which patients
are hashed, and `metrics.token`, for whoever reads the figures. Keys are made only where there are none: with another
key, the patients of the database are others.
"""

import json
import secrets
import shutil
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm


def main(folder: Path) -> None:
    """Write the files."""
    shutil.copyfile(Path(__file__).with_name("clients.toml"), folder / "clients.toml")
    for name in ("patient.key", "metrics.token"):
        if not (secret := folder / name).exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
    if (folder / "demo.pem").exists():
        return
    key = ec.generate_private_key(ec.SECP384R1())
    public = {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": "demo", "use": "sig", "alg": "ES384"}
    (folder / "demo.jwks.json").write_text(json.dumps({"keys": [public]}), encoding="utf-8")
    private = folder / "demo.pem"
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
