"""The vocabulary of rule modules: what a `criteria.py` may import, and no more."""

from cds.chart.facts import Flag
from cds.reasoning.calculations import TRANSFERRIN_SATURATION
from cds.reasoning.criteria import (
    Criterion,
    affirmed,
    aged,
    all_of,
    allergic_to,
    answered,
    answers,
    any_of,
    at_least,
    complains_of,
    done,
    ever_had,
    family_history,
    has,
    in_care,
    in_hospital,
    not_,
    ordered,
    sex_is,
    taking,
    younger_than,
)
from cds.reasoning.knowledge import Knowledge
from cds.reasoning.measures import highest_of_latest_day, latest, latest_near, lowest_of_latest_day, unreadable
from cds.reasoning.plans import Plan, Recommendation

__all__ = [
    "TRANSFERRIN_SATURATION",
    "Criterion",
    "Flag",
    "Knowledge",
    "Plan",
    "Recommendation",
    "affirmed",
    "aged",
    "all_of",
    "allergic_to",
    "answered",
    "answers",
    "any_of",
    "at_least",
    "complains_of",
    "done",
    "ever_had",
    "family_history",
    "has",
    "highest_of_latest_day",
    "in_care",
    "in_hospital",
    "latest",
    "latest_near",
    "lowest_of_latest_day",
    "not_",
    "ordered",
    "sex_is",
    "taking",
    "unreadable",
    "younger_than",
]
