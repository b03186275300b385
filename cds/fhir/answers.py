"""Answers to questionnaires, by linkId."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from cds.chart.dates import is_future, parse_day
from cds.chart.facts import Answer
from cds.fhir.resources import Item, QuestionnaireResponse, items

_GIVEN = frozenset({"completed", "amended"})
_YES = frozenset({"373066001", "LA33-6", "yes", "Y", "true"})
_NO = frozenset({"373067005", "LA32-8", "no", "N", "false"})
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


def answer(response: QuestionnaireResponse, item: Item, today: date) -> Answer | None:
    """Read the answer to an item; None when it was left unanswered, which is not a no."""
    on = parse_day(response.authored) if response.authored else None
    if on is not None and is_future(on, today):
        return None
    codes: set[str] = set()
    words: list[str] = []
    boolean: bool | None = None
    number: Decimal | None = None
    for given in items(item.answer):
        if given.value_boolean is not None:
            boolean = given.value_boolean
            words.append("yes" if boolean else "no")
        elif given.value_coding is not None and given.value_coding.code:
            codes.add(given.value_coding.code)
            words.append(given.value_coding.display or given.value_coding.code)
            boolean = True if given.value_coding.code in _YES else False if given.value_coding.code in _NO else boolean
        elif given.value_integer is not None:
            number = Decimal(given.value_integer)
            words.append(str(number))
        elif given.value_decimal is not None:
            number = Decimal(str(given.value_decimal))
            words.append(str(number))
        elif given.value_string:
            codes.add(given.value_string.strip().lower())
            words.append(given.value_string)
    if not words:
        return None
    return Answer(
        name=(item.text or (item.link_id or "").replace("-", " ")).strip(),
        reference=f"QuestionnaireResponse/{response.id}" if response.id else "",
        on=on,
        value=", ".join(words),
        codes=frozenset(codes),
        boolean=boolean,
        number=number,
    )
