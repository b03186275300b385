"""Holds what is locked against the published advisories: `make audit`.

pip-audit calls what it could not look up "skipped", and ends well all the same. Here nothing passes for looked at that
was not: where no source of advisories can be reached, that is said, and no pipeline fails for it.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOCKS = ("runtime.txt", "dev.txt")
"""What runs beside patients first; where that cannot be looked up, the rest is not asked for."""
LONGEST = 600
"""How long one file may take [s]."""


def main() -> int:
    """Look at each file, and give the exit code: 1 where an advisory speaks against a release."""
    found = 0
    for lock in LOCKS:
        parts = look_up(HERE / lock)
        asked = [part for part in parts if "skip_reason" not in part]
        if not asked:
            print(f"NOT AUDITED: requirements/{lock}: no source of advisories can be reached from here.")
            break
        for part in parts:
            for advisory in part.get("vulns", ()):
                found += 1
                fixed = ", ".join(advisory["fix_versions"]) or "no release yet"
                print(f"{part['name']} {part['version']}: {advisory['id']}, fixed in {fixed}")
        left = [part["name"] for part in parts if "skip_reason" in part]
        told = f"; NOT AUDITED: {', '.join(left)}" if left else ""
        print(f"requirements/{lock}: {len(asked)} of {len(parts)} releases looked up{told}")
    return int(found > 0)


def look_up(lock: Path) -> list[dict[str, Any]]:
    """Ask about every release of a file; nothing where nobody answers."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "audit.json"
        options = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "10"]
        command = [sys.executable, "-m", "pip_audit", *options, "--format", "json", "--output", str(answer)]
        try:
            subprocess.run([*command, "--requirement", str(lock)], capture_output=True, timeout=LONGEST, check=False)  # noqa: S603 - ours
            parts: list[dict[str, Any]] = json.loads(answer.read_text(encoding="utf-8"))["dependencies"]
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return []
    return parts


if __name__ == "__main__":
    sys.exit(main())
