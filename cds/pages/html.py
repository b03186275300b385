"""HTML: templates, Markdown, and the headers under which a page is shown.

Nothing is loaded from elsewhere and nothing is inline, so that the policy can forbid both.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_STATIC = Path(__file__).with_name("static")
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PAGE_LINK = re.compile(r"([a-z0-9]+)\.md(#[a-z0-9-]+)?")
_NO_SLUG = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load."""

    content: bytes
    media_type: str


@cache
def assets() -> Mapping[str, Asset]:
    """Read the files that pages load, by name."""
    return {
        path.name: Asset(path.read_bytes(), f"{_KINDS[path.suffix]}; charset=utf-8")
        for path in sorted(_STATIC.iterdir())
    }


@cache
def _version() -> str:
    """Name the state of the assets: with a new one browsers load them anew."""
    return hashlib.sha256(b"".join(asset.content for asset in assets().values())).hexdigest()[:12]


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("cds.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@dataclass(frozen=True, slots=True)
class Pages:
    """Draws pages that know at which address they are shown."""

    address: str
    areas: Sequence[tuple[str, str]]
    """What the navigation leads to: the first part of an address, and its name."""

    def page(self, template: str, area: str, connects: str = "", status: int = 200, **values: Any) -> Response:
        """Draw a page.

        Args:
            template: its template.
            area: where in the navigation it stands.
            connects: with whom it may speak beside this service, as the policy words it.
            status: of the answer.
            values: what the template shows.
        """
        policy = f"{_POLICY}; connect-src 'self' {connects}" if connects else _POLICY
        content = self.draw(template, area=area, areas=self.areas, version=_version(), **values)
        headers = {**_HEADERS, "Content-Security-Policy": policy}
        return Response(content, status, headers, media_type="text/html")

    def fragment(self, template: str, **values: Any) -> Response:
        """Draw a part of a page."""
        headers = {**_HEADERS, "Content-Security-Policy": _POLICY}
        return Response(self.draw(template, **values), headers=headers, media_type="text/html")

    @property
    def root(self) -> str:
        """The path below which all addresses lie; a proxy takes it off."""
        return urlsplit(self.address).path

    def draw(self, template: str, **values: Any) -> str:
        """Fill in a template."""
        return _templates().get_template(template).render(root=self.root, address=self.address, **values)


def asset_response(asset: Asset) -> Response:
    """Give a file that pages load; its address changes with it, so that it may be kept."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
    return Response(asset.content, headers=headers, media_type=asset.media_type)


# --- Markdown ---------------------------------------------------------------------------------------------------------


@cache
def _markdown() -> MarkdownIt:
    """Read Markdown as EHRs do (GitHub's), but never HTML in it."""
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", _table_close)
    return reader


def card_html(text: str) -> Markup:
    """Draw the detail of a card; its links open beside it, and no picture is loaded."""
    tokens = _markdown().parse(text)
    for token in _all(tokens):
        if token.type == "link_open":
            token.attrSet("target", "_blank")
            token.attrSet("rel", "noopener noreferrer")
        if token.type == "image":
            token.type, token.tag = "text", ""
    return _drawn(tokens)


@dataclass(frozen=True, slots=True)
class Document:
    """A Markdown page as HTML: its title, its headings as (level, anchor, words), and all below the title."""

    title: str
    headings: tuple[tuple[int, str, str], ...]
    body: Markup


def document(text: str) -> Document:
    """Draw a page of ours: headings can be linked to, and links to other pages lead to their HTML."""
    tokens = _markdown().parse(text)
    title, headings, taken = "", [], dict[str, int]()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words = tokens[place + 1].content.replace("`", "")
            anchor = _NO_SLUG.sub("", words.lower()).replace(" ", "-")
            taken[anchor] = taken.get(anchor, 0) + 1
            anchor = anchor if taken[anchor] == 1 else f"{anchor}-{taken[anchor] - 1}"  # as GitHub has it
            token.attrSet("id", anchor)
            title = title or words
            headings.append((int(token.tag[1:]), anchor, words))
    for token in _all(tokens):
        if token.type == "link_open" and (match := _PAGE_LINK.fullmatch(str(token.attrGet("href")))):
            token.attrSet("href", ("../knowledge" if match[1] == "index" else match[1]) + (match[2] or ""))
    after_title = next((place for place, token in enumerate(tokens) if token.type == "heading_close"), -1) + 1
    return Document(title, tuple(headings[1:]), _drawn(tokens[after_title:]))


def _all(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


def _drawn(tokens: list[Token]) -> Markup:
    heading, tables = "", dict[str, int]()
    for place, token in enumerate(tokens):
        token.attrs.pop("style", None)  # of aligned columns; the policy forbids it
        if token.type == "heading_open":
            heading = tokens[place + 1].content.replace("`", "")
        if token.type == "table_open":
            tables[heading] = tables.get(heading, 0) + 1
            number = f" {tables[heading]}" if tables[heading] > 1 else ""
            token.meta["label"] = f"Table{number}: {heading}" if heading else f"Table{number}"
    return Markup(_markdown().renderer.render(tokens, _markdown().options, {}).replace(_NO_HEADINGS, ""))  # noqa: S704 - the renderer escapes all text


_NO_HEADINGS = "<thead>\n<tr>\n<th></th>\n<th></th>\n</tr>\n</thead>\n"
"""Of a table to be filled in by hand."""


def _table_open(_: object, tokens: Sequence[Token], place: int, *__: object) -> str:
    """Open a table that scrolls by itself where it is wider than the page."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{escape(tokens[place].meta["label"])}"><table>\n'


def _table_close(*_: object) -> str:
    return "</table></div>\n"
