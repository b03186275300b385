"""Any bytes at all, guided by what the code does with them: `python -m tests.fuzz.reader -max_total_time=60 [FOLDER]`.

A folder is where inputs that reach something new are kept; `tests/fuzz/corpus` holds those that once broke something.
What this finds is written to a file `crash-*` and belongs there. Options are those of libFuzzer.
"""

import resource
import sys
from datetime import date

import atheris
import msgspec

with atheris.instrument_imports(include=["cds", "cards"]):
    from cds.app import warm_up
    from cds.errors import CallError
    from cds.hooks.answering import answer
    from cds.hooks.feedback import read_feedback
    from cds.services import SERVICES
    from cds.settings import Settings

TODAY = date(2026, 1, 2)
_MEMORY = 1 << 30
"""What reading may take at the most [By]; more is a MemoryError, and so a crash."""
_settings = Settings()


def read(body: bytes) -> None:
    """Answer a body as a call of every service, and as feedback; only the errors that are answers may come."""
    for service in SERVICES.values():
        try:
            msgspec.json.encode(answer(service, body, TODAY, _settings))
        except CallError:
            continue
    try:
        read_feedback(body)
    except CallError:
        return


def main() -> None:
    """Fuzz until libFuzzer has enough."""
    warm_up(_settings)
    # libFuzzer's own limit goes by the peak of the process, which on Linux begins with that of whoever started it.
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    atheris.Setup([*sys.argv, "-rss_limit_mb=0"], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
