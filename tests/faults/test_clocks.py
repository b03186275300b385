"""Clocks that are wrong: by a minute nobody notices, by more callers are refused, and no token is taken twice."""

import time
from types import SimpleNamespace

import pytest
from starlette.testclient import TestClient

from cds.app import create_app
from cds.hooks import tokens
from cds.store import replay
from tests.contract.shapes import outcome_of
from tests.contract.tokens import bearer, deployment

HOUR = 3600.0


@pytest.fixture
def clock(monkeypatch):
    """Give the offset of the service's clock, to be changed by a test [s]."""
    offset = [0.0]

    now = SimpleNamespace(time=lambda: time.time() + offset[0], monotonic=time.monotonic)
    for module in (tokens, replay):
        monkeypatch.setattr(module, "time", now)
    return offset


@pytest.fixture
def service(tmp_path):
    with TestClient(create_app(deployment(tmp_path))) as client:
        yield client


@pytest.mark.parametrize("offset", [-55, 55, 200])
def test_a_clock_that_is_a_little_wrong_harms_nobody(service, clock, offset):
    """A token lives five minutes, so that a clock that is ahead may be off by more."""
    clock[0] = offset

    assert service.get("/cds-services", headers=bearer()).status_code == 200


@pytest.mark.parametrize("offset", [-70, -HOUR, 370, HOUR, 10 * 365 * 24 * HOUR, -10 * 365 * 24 * HOUR])
def test_a_clock_that_is_far_off_lets_nobody_in(service, clock, offset):
    clock[0] = offset

    outcome_of(service.get("/cds-services", headers=bearer()), 401)
    assert service.get("/health").status_code == 200


def test_a_clock_that_jumps_ahead_and_back_makes_no_token_new(service, clock):
    token = bearer()
    assert service.get("/cds-services", headers=token).status_code == 200

    clock[0] = 2 * HOUR
    service.get("/cds-services", headers=bearer())
    clock[0] = 0.0

    outcome_of(service.get("/cds-services", headers=token), 401)
