"""The reference pages, made from the code: settings, errors, the command line, OpenAPI.

.venv/bin/python -m tests.docs.reference     writes them anew
"""

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from pydantic.fields import FieldInfo

from cds import errors
from cds.cli import app as command_line
from cds.errors import CallError, LegworkError, NotTrusted
from cds.hooks import openapi, statuses
from cds.settings import Settings
from cds.telemetry.metrics import KEPT_BY_OTHERS, Metrics

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
_MADE = "<!-- Made from the code by `python -m tests.docs.reference`; change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """Make every page: its name and its text."""
    return {
        "settings.md": _settings(),
        "errors.md": _errors(),
        "commands.md": _commands(),
        "metrics.md": _metrics(),
        "openapi.json": json.dumps(openapi.document(Settings().address), indent=2, ensure_ascii=False) + "\n",
    }


def _table(headings: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _settings() -> str:
    meanings = _attributes(Settings)
    rows = (
        (f"`LEGWORK_{name.upper()}`", _default(field), meanings[name], _bounds(field))
        for name, field in Settings.model_fields.items()
    )
    return (
        f"{_MADE}# Settings\n\nFrom the environment. What is wrong stops the start, and every fault is named at once."
        " An empty variable counts as none.\n\n" + _table(("variable", "default", "what it is", "bounds"), rows)
    )


def _attributes(documented: type) -> dict[str, str]:
    """Read the section Attributes of a docstring: name -> meaning."""
    section = inspect.getdoc(documented).partition("Attributes:\n")[2]  # type: ignore[union-attr]
    found = re.findall(r"^    (\w+): (.+(?:\n      .+)*)", section, re.MULTILINE)
    return {name: " ".join(meaning.split()).rstrip(".") for name, meaning in found}


def _default(field: FieldInfo) -> str:
    value = field.default
    if value in (None, "", ()):
        return "none"
    return f"`{','.join(value)}`" if isinstance(value, tuple) else f"`{value}`"


def _bounds(field: FieldInfo) -> str:
    said = []
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below", "pattern": "of the form"}
    for one in field.metadata:
        said += [f"{words} `{getattr(one, sign)}`" for sign, words in signs.items() if hasattr(one, sign)]
    return ", ".join(said)


def _errors() -> str:
    told = [(str(status), f"`{code}`", _first_line(error)) for error, (status, code) in statuses.STATUSES.items()]
    refused = statuses.of(NotTrusted(""))
    code = json.loads(bytes(refused.body))["issue"][0]["code"]
    told.append((str(refused.status_code), f"`{code}`", _first_line(NotTrusted).partition(". ")[0] + "."))
    plain = ((str(status), f"`{code}`", words) for status, (code, words) in sorted(statuses.OF_HTTP.items()))
    others = (
        (f"`{error.__name__}`", _first_line(error)) for error in LegworkError.__subclasses__() if error is not CallError
    )
    tree = inspect.getdoc(errors).partition("\n\n")[2].rpartition("\n\n")[0]  # type: ignore[union-attr]
    return (
        f"{_MADE}# Errors\n\nEvery answer other than 2xx is an OperationOutcome. Its `id` stands in the header"
        " `X-Correlation-Id` and in the log too, and its `diagnostics` say what is wrong, where, and what to do. None"
        " repeats what was sent, and none names anything of a patient.\n\n## Of a call\n\n"
        + _table(("status", "issue code", "when"), iter(sorted(told)))
        + "\n## Of HTTP\n\n"
        + _table(("status", "issue code", "what is said"), plain)
        + "\nAnything unforeseen is 500 with the code `exception`; the log names where it happened.\n"
        + "\n## Of a start or a command\n\n"
        + "One line on standard error and exit code 2. `NotFetched` ends no call: what was asked stays unknown.\n\n"
        + _table(("error", "what it means"), others)
        + f"\n## The tree\n\n```text\n{inspect.cleandoc(tree)}\n```\n"
    )


def _metrics() -> str:
    metrics = Metrics(list)
    metrics.add(lambda: dict.fromkeys(KEPT_BY_OTHERS, 0.0))
    rows = (
        (f"`{family.name}{'_total' * (family.type == 'counter')}`", family.type, family.documentation, _labels(family))
        for family in metrics.collect()
    )
    return (
        f"{_MADE}# Figures\n\nWhat `/metrics` gives to Prometheus, of each process for itself; beside these what Python"
        " and the operating system count of a process.\n\n" + _table(("name", "kind", "what it is", "labels"), rows)
    )


def _labels(family: Any) -> str:
    return ", ".join(f"`{name}`" for name in family._labelnames)


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]


def _commands() -> str:
    text = f"{_MADE}# The command line\n\nExit codes: 0 done, 1 a check failed, 2 what was given cannot be used.\n"
    for name, command in _named("legwork", typer.main.get_command(command_line)):
        arguments = "".join(f" {_placed(p)}" for p in command.params if p.param_type_name == "argument")
        text += f"\n## {name}\n\n{(command.help or '').partition(chr(10))[0]}\n\n```text\n{name}{arguments}\n```\n"
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        if options:
            rows = ((", ".join(f"`{o}`" for o in p.opts), p.help or "", _environment(p)) for p in options)
            text += "\n" + _table(("option", "what it does", "environment"), rows)
    return text


def _named(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Name all commands, those of groups too."""
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for own, one in inner.items():
        yield from _named(f"{name} {own}", one)


def _placed(argument: Any) -> str:
    name = f"{argument.metavar or argument.name.upper()}{' ...' if argument.nargs == -1 else ''}"
    return name if argument.required else f"[{name}]"


def _environment(option: Any) -> str:
    return f"`{option.envvar}`" if option.envvar else ""


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page, words in pages().items():
        (FOLDER / page).write_text(words, encoding="utf-8")
