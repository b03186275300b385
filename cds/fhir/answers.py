"""Answers to questionnaires, by linkId."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from msgspec import Struct

from cds.chart.dates import is_future, parse_day
from cds.chart.facts import Answer
from cds.chart.vocabulary import Question
from cds.fhir.resources import AnswerItem, Item, QuestionnaireResponse, items
from cds.fhir.values import number_of

_GIVEN = frozenset({"completed", "amended"})
_YES = frozenset({"373066001", "LA33-6", "yes", "Yes", "Y", "y", "true"})
_NO = frozenset({"373067005", "LA32-8", "no", "No", "N", "n", "false"})
_DEEPEST = 12


def all_items(response: QuestionnaireResponse) -> Iterator[Item]:
    """Give every item of a response that was completed, groups opened."""
    if response.status in _GIVEN:
        yield from _opened(items(response.item), _DEEPEST)


def _opened(level: list[Item], depth: int) -> Iterator[Item]:
    for item in level if depth else ():
        yield item
        yield from _opened(items(item.item), depth - 1)
        for given in items(item.answer):
            yield from _opened(items(given.item), depth - 1)


def answer(response: QuestionnaireResponse, item: Item, question: Question | None, today: date) -> Answer | None:
    """Read the answer to an item; None when it was left unanswered, which is not a no.

    What the intake form asks and offers is said in its own words, whatever a sender left out.
    """
    on = parse_day(response.authored) if response.authored else None
    if on is not None and is_future(on, today):
        return None
    given = [said for one in items(item.answer) if (said := _said(one)).words]
    if not given:
        return None
    asked = item.text or (question.text if question else "") or (item.link_id or "").replace("-", " ")
    said_by = question.answers if question else {}
    return Answer(
        name=asked.strip(),
        reference=f"QuestionnaireResponse/{response.id}" if response.id else "",
        on=on,
        value=", ".join(said_by.get(said.code, said.words) for said in given),
        codes=frozenset(said.code for said in given if said.code),
        boolean=next((said.boolean for said in reversed(given) if said.boolean is not None), None),
        number=next((said.number for said in reversed(given) if said.number is not None), None),
    )


class _Said(Struct, frozen=True, gc=False):
    """What one answer says, as far as it does."""

    words: str = ""
    code: str = ""
    boolean: bool | None = None
    number: Decimal | None = None


def _said(given: AnswerItem) -> _Said:
    if given.value_boolean is not None:
        return _Said("yes" if given.value_boolean else "no", boolean=given.value_boolean)
    if given.value_coding is not None and (code := given.value_coding.code):
        return _Said(given.value_coding.display or code, code, _yes_or_no(code))
    if given.value_string and (text := given.value_string.strip()):
        return _Said(text, text.lower(), _yes_or_no(text))
    numbers = (given.value_integer, given.value_decimal, number_of(given.value_quantity))
    number = next((Decimal(str(one)) for one in numbers if one is not None), None)
    return _Said(str(number), number=number) if number is not None else _Said()


def _yes_or_no(said: str) -> bool | None:
    return True if said in _YES else False if said in _NO else None
