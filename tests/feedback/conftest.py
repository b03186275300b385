"""A service on each kind of database."""

import pytest

from tests.feedback import service as services


@pytest.fixture
def service(database, tmp_path):
    with services.running(database, tmp_path) as service:
        yield service
