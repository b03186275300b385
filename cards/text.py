"""Text on its way into a card: escaped for Markdown and HTML, or plain and short."""

import re
import unicodedata

SUMMARY_LIMIT = 139
"""UTF-16 units that a summary may have: fewer than 140, as clients in JavaScript count."""

_SPECIAL = re.compile(r"[\\`*_{}\[\]|~]|:(?=//)|@|(?<=\bwww)\.|^[#+\-]|^\d+(?=[.)]\s)", re.IGNORECASE)
"""What Markdown would read: marks anywhere, bare addresses, and at the start of a line headings and lists."""
_LONGEST = 200
_MOST_READ = 10_000
"""Characters that are looked at of a text, ours included; this bounds the work on hostile input."""


def plain(text: str) -> str:
    """Give a text on one line, without control or formatting characters."""
    text = text[:_MOST_READ]
    if not (text.isascii() and text.isprintable()):
        text = "".join(_visible(character) for character in text)
    return " ".join(text.split())


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp"}:
        return " "
    return "" if category in {"Cf", "Cs", "Co", "Cn"} else character


def bounded(text: str) -> str:
    """Give a text as `plain` does, and no longer than a card can bear."""
    line = plain(text)
    return line if len(line) <= _LONGEST else line[:_LONGEST].rstrip() + "…"


def is_address(text: str) -> bool:
    """Whether a text can be a reference: printable ASCII without blanks, and no longer than a card can bear."""
    return len(text) <= _LONGEST and text.isascii() and text.isprintable() and " " not in text


def escaped(text: str) -> str:
    """Give chart text so that neither Markdown nor HTML sees anything in it but text."""
    line = bounded(text)
    return _SPECIAL.sub(_backslashed, line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def _backslashed(match: re.Match[str]) -> str:
    # A digit cannot be escaped; the point behind it can.
    return f"{match[0]}\\" if match[0].isdigit() else f"\\{match[0]}"


def shortened(text: str, limit: int = SUMMARY_LIMIT) -> str:
    """Cut a plain line at a word so that it has at most `limit` UTF-16 units."""
    line = plain(text)
    if _units(line) <= limit:
        return line
    while _units(line) > limit - 1:
        head, _, _ = line.rpartition(" ")
        line = head or line[:-1]
    return line.rstrip(" ,;:") + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2
