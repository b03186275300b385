"""The intake form and the rules name the same questions and answers."""

from collections.abc import Iterator

from cds.reasoning.answered import answered_items
from cds.reasoning.criteria import Criterion
from cds.reasoning.files import IntakeFile, read
from cds.services import differential, knowledge, plans

FORM = {item.link: item for item in read(knowledge().root / "intake" / "questionnaire.toml", IntakeFile).item}


def _roots() -> Iterator[Criterion]:
    for plan in plans():
        yield from (c for c in (plan.for_whom, plan.context, plan.unless, plan.mutes) if c is not None)
        for r in plan.recommends:
            yield from (c for c in (r.when, r.unless, r.context, r.order) if c is not None)
            yield from (c for _, c in (*r.raises, *r.caps, *r.notes.items(), *r.only.items()))
    yield from differential().features.values()
    yield from differential().severity.values()


ASKED = {(item, choice) for root in _roots() for item, choices in answered_items(root) for choice in choices or ("",)}


def test_every_question_that_a_rule_reads_is_on_the_form() -> None:
    assert {item for item, _ in ASKED} - set(FORM) == set()


def test_every_answer_that_a_rule_reads_can_be_given() -> None:
    cannot = {(i, c) for i, c in ASKED if c and i in FORM and c not in {code for code, _ in FORM[i].options}}

    assert cannot == set()


def test_a_rule_that_waits_for_a_yes_asks_a_yes_or_no_question() -> None:
    assert [item for item, choice in ASKED if not choice and item in FORM and FORM[item].options] == []
