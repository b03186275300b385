"""From the body of a call to its cards: envelope, resources, chart, findings, advice, wording. No HTTP, no waiting."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from cards.account import Restraint, Told, tell
from cards.dialects import SHAPES
from cards.models import CardsResponse
from cards.rendering import Press
from cards.suggestions import Desk
from cards.wording import WORDING
from cds.chart.chart import Chart
from cds.clients import DEVELOPMENT, Client
from cds.errors import InvalidCall, MissingData, TooLarge
from cds.fhir import fetching, prefetch
from cds.fhir.record import PatientRecord
from cds.hooks.answered import AsAnswered
from cds.hooks.request import HookRequest, read_request
from cds.services import Service, assess, knowledge, needs, order_concepts
from cds.settings import Settings
from cds.telemetry.requests import current

MOST_ENTRIES = 50_000
"""Entries of Bundles in a body, whatever is in them."""

NARROW = "narrow the prefetch queries by date or count"
"""What whoever sends too much is told to do."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Opened:
    """A call whose envelope, orders and patient are read."""

    service: Service
    call: HookRequest
    record: PatientRecord
    supply: prefetch.Supply = field(default_factory=prefetch.Supply)
    asked: list[fetching.Question] = field(default_factory=list)
    """What was asked of the FHIR server."""

    def steps(self) -> Iterator[None]:
        """Read what was supplied; between the steps others may be heard.

        Raises:
            TooLarge: there are more entries than any chart has.
        """
        for count, _ in enumerate(prefetch.read(self.call.prefetch, needs(), self.record, self.supply), 1):
            if count * prefetch.SLICE > MOST_ENTRIES:
                raise TooLarge(f"the body holds more than {MOST_ENTRIES} entries: {NARROW}")
            yield

    def needs(self) -> Sequence[prefetch.Need]:
        """List what may still be asked for: the patient, as long as there is none, and whatever else was wanted."""
        return needs() if self.record.patient is not None else (prefetch.WHO, *needs())


def open_call(service: Service, body: bytes, today: date) -> Opened | None:
    """Read a call up to its patient; None when it is about orders, and none that is at hand means anything to us."""
    call = read_request(body, service)
    current().instance = call.hook_instance if _UUID.fullmatch(call.hook_instance) else ""
    record = PatientRecord(knowledge().vocabulary, call.patient_id, today)
    for draft in call.orders:
        record.take_draft(draft.resource, at_hand=draft.at_hand)
    if service.orders and record.at_hand().isdisjoint(order_concepts()):
        return None
    opened = Opened(service, call, record)
    prefetch.read_patient(call.prefetch, record, opened.supply)
    if record.patient is None and record.other_patients:
        raise InvalidCall("prefetch.patient is not the patient of context.patientId: its id is another, or missing")
    if record.patient is None and call.access is None:
        raise _without_patient(opened)
    return opened


def chart_of(opened: Opened) -> Chart:
    """Give the chart of a call that was read.

    Raises:
        MissingData: the patient is not to be had.
    """
    if opened.record.patient is None:
        raise _without_patient(opened)
    return Chart(opened.record.today, opened.record.patient, opened.record, opened.supply.unknown_areas(needs()))


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The cards of a call, what became of each plan's advice, and the areas of the chart that were not to be had."""

    answer: CardsResponse
    told: Sequence[Told] = ()
    unknown: Sequence[str] = ()
    restraint: Restraint = field(default_factory=Restraint)


NOTHING = Conclusion(CardsResponse(()))


def conclude(opened: Opened, settings: Settings, restraint: Restraint, client: Client) -> Conclusion:
    """Weigh the chart and word the cards in the client's dialect."""
    call, record, supply = opened.call, opened.record, opened.supply
    chart = chart_of(opened)
    handled = current()
    handled.left_out = record.left_out
    handled.unknown = list(chart.unknown)
    assessment = assess(chart, ordering=opened.service.orders)
    handled.failed = assessment.failed
    lacking = [need for need in needs() if need.required and need.key not in supply.known]
    if assessment.undecided and lacking:
        reasons = "; ".join(f"prefetch.{need.key}: {supply.reasons[need.key]}" for need in lacking)
        reasons += _not_fetched(supply)
        raise MissingData(
            f"without these data nobody can tell whether the patient has a leg symptom: {reasons}",
            [f"{area} ({supply.reasons[need.key]})" for need in lacking for area in need.areas],
        )
    shape, orders, analytes = SHAPES[client.dialect], knowledge().orders, knowledge().vocabulary.analytes
    desk = Desk(chart, orders, analytes, call.encounter_id, shape.catalogue(client.orders))
    press = Press(desk, knowledge().overrides, settings.address, client.max_cards or settings.max_cards, shape)
    return Conclusion(*tell(press, assessment, record.unread, restraint), list(chart.unknown), restraint)


def answer(service: Service, body: bytes, today: date, settings: Settings) -> CardsResponse:
    """Answer a call in one go, from what it brings.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    return answer_again(service, AsAnswered(body, today), settings, DEVELOPMENT)


def answer_again(service: Service, made: AsAnswered, settings: Settings, client: Client) -> CardsResponse:
    """Answer a call in one go, from what it brought and what was fetched then.

    Raises:
        NotJson, InvalidCall, MissingData: as `HookRoutes.call`.
    """
    opened = open_call(service, made.body, made.day)
    if opened is None:
        return CardsResponse(())
    for _ in opened.steps():
        pass
    opened.supply.obstacle = made.obstacle
    if opened.call.access is not None:
        for _ in fetching.read(made.asked, opened.call.access, opened.record, opened.supply):
            pass
    return conclude(opened, settings, made.restraint, client).answer


def _without_patient(opened: Opened) -> MissingData:
    supply = opened.supply
    reason = supply.reasons.get(prefetch.PATIENT, prefetch.NOT_SUPPLIED)
    return MissingData(
        "prefetch.patient is missing or could not be read: send the Patient of context.patientId, or let it be fetched"
        f" ({reason}{_not_fetched(supply)})",
        [f"{WORDING.patient} ({reason})"],
    )


def _not_fetched(supply: prefetch.Supply) -> str:
    return f"; nothing was fetched: {supply.obstacle}" if supply.obstacle else ""
