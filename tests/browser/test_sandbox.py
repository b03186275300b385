"""The public CDS Hooks sandbox's way of calling, from a page of another origin in a real browser.

Nothing is intercepted: Playwright would answer the preflights itself, and hide a missing header.
"""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.contract.calls import CALLS_OF_SANDBOX, REVIEW

SERVICE = "leg-ache-order-select"
TOKEN = "Bearer eyJhbGciOiJFUzM4NCJ9.e30.AA"

_FETCH = """async ([address, method, body]) => {
  const headers = { Accept: "application/json", Authorization: "%s" };
  if (body !== null) headers["Content-Type"] = "application/json";
  const response = await fetch(address, { method, headers, body: body === null ? undefined : JSON.stringify(body) });
  return [response.status, await response.json()];
}""" % TOKEN  # fmt: skip
