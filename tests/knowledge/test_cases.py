"""Every case of every topic, through the real reader."""

import pytest

from cds.cases import Case, cases, failures
from cds.reasoning.plans import Plan
from cds.services import plans

ALL = [(plan, case) for plan in plans() for case in cases(plan)]


@pytest.mark.parametrize(("plan", "case"), ALL, ids=[f"{plan.topic}: {case.name}" for plan, case in ALL])
def test_case(plan: Plan, case: Case) -> None:
    assert failures(case, plan) == []
