"""Make the key with which the demonstration signs its calls, and the clients' file that trusts it.

    python demo/keys.py FOLDER

In FOLDER are then `clients.toml`, `demo.jwks.json` (public) and `demo.pem` (private). The key is made anew only where
there is none.
"""

import json
import shutil
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt.algorithms import ECAlgorithm


def main(folder: Path) -> None:
    """Write the files."""
    shutil.copyfile(Path(__file__).with_name("clients.toml"), folder / "clients.toml")
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
