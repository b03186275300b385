"""All plans together, without HTTP and without the reading of bodies; runs in a process of its own."""

import gc
import time
from collections.abc import Sequence
from datetime import date

from cds.app import warm_up
from cds.chart.chart import Chart
from cds.fhir import prefetch
from cds.fhir.record import PatientRecord
from cds.hooks.request import read_request
from cds.services import REVIEW, assess, knowledge, needs
from cds.settings import load_settings


def weighed(bodies: Sequence[bytes], calls: int, today: date) -> float:
    """Give the CPU time of all plans on a chart that nobody has asked yet [s]: facts are read when they are reached."""
    if not gc.get_freeze_count():
        warm_up(load_settings())  # the collector as the service has it
    spent = 0.0
    for _ in range(calls):
        for body in bodies:
            chart = _chart(body, today)
            start = time.process_time()
            assess(chart)
            spent += time.process_time() - start
    return spent / (calls * len(bodies))


def _chart(body: bytes, today: date) -> Chart:
    call = read_request(body, REVIEW)
    record = PatientRecord(knowledge().vocabulary, call.patient_id, today)
    supply = prefetch.Supply()
    prefetch.read_patient(call.prefetch, record, supply)
    for _ in prefetch.read(call.prefetch, needs(), record, supply):
        pass
    if record.patient is None:
        raise ValueError("the made-up body holds no patient that can be read")
    return Chart(today, record.patient, record, supply.unknown_areas(needs()))
