"""Write down anew what comes out of whole patients: `python -m tests.patients.regenerate`.

Writes `fixtures/patients/<slug>/cards.json` for every fixture and, where the shared data lie beside the checkout,
`tests/patients/shared_data.json`. What changes here changes what clinicians are told: read the difference before it is
committed.
"""

import json
import sys
from pathlib import Path
from typing import Any

from tests.patients.reading import EXPECTED, FIXTURES, ROOT, cards_of, digest, name_of, shared_files


def main() -> None:
    """Write every expectation, and name the files that changed."""
    for fixture in FIXTURES:
        _write(fixture / "cards.json", cards_of(fixture))
    if files := shared_files():
        _write(EXPECTED, {name_of(path): digest(path) for path in files})
    else:
        sys.stdout.write("the shared data are not there: their expectations stay as they are\n")


def _write(path: Path, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
