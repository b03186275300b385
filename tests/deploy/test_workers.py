"""Several workers on one database behind a proxy that shares calls out among them: Caddy, with our demo/Caddyfile."""

import contextlib
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from demo.ask import Ehr
from tests.contract.calls import PATIENT, RESTLESS_LEGS, REVIEW, call, prefetch
from tests.deploy.conftest import Demonstration
from tests.deploy.plain import LONGEST
from tests.feedback.service import FEEDBACK, entry

MANY, AT_ONCE = 160, 8
REST = 2
"""For how long the proxy lets a worker rest that did not answer (demo/Caddyfile) [s]."""


@dataclass
class Workers:
    """The workers, and the EHR that knows nothing but the proxy."""

    demonstration: Demonstration
    ehr: Ehr
    stack: contextlib.ExitStack
    processes: dict[int, subprocess.Popen[bytes]]

    def start(self, port: int) -> None:
        self.processes[port] = self.stack.enter_context(self.demonstration.composed.serving("worker", port))

    def call(self, patient: str, token: dict[str, str] | None = None) -> httpx.Response:
        subject = {"reference": f"Patient/{patient}"}
        made = call(prefetch({**RESTLESS_LEGS, "subject": subject}, patient={**PATIENT, "id": patient}))
        made["context"]["patientId"] = patient
        return self._posted(REVIEW, made, token)

    def set_aside(self, card: str) -> httpx.Response:
        said = {"feedback": [entry(card, overrideReason={"reason": {"code": "patient-declined"}})]}
        return self._posted(FEEDBACK, said)

    def _posted(self, path: str, body: object, token: dict[str, str] | None = None) -> httpx.Response:
        """Post, and again where the proxy says that it asked nobody: Caddy 2.6 waits for no worker by itself."""
        deadline = time.monotonic() + LONGEST
        while True:
            answer = self.ehr.service.post(path, json=body, headers=token or self.ehr.signed(path))
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return answer
            time.sleep(0.05)

    def figure(self, port: int, name: str) -> float:
        """Add up a figure of one worker, over those labels that the name does not give."""
        token = (self.demonstration.composed.machine.folder / "clients/metrics.token").read_text().strip()
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {token}"})
        return sum(float(value) for value in re.findall(rf"^{name}.* (\S+)$", answer.text, re.MULTILINE))

    def figures(self, name: str) -> list[float]:
        return [self.figure(port, name) for port in self.demonstration.workers]

    def written_down(self) -> None:
        """Wait until what was shown stands in the database."""
        deadline = time.monotonic() + LONGEST
        while sum(self.figures("legwork_records_waiting")):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def report(self) -> dict[str, Any]:
        """Ask a process of its own for the report."""
        done = self.demonstration.composed.run("worker", "report", "--format", "json")
        found: dict[str, Any] = json.loads(done.said)
        return found


@pytest.fixture(scope="module")
def workers(demonstration: Demonstration) -> Iterator[Workers]:
    composed, public = demonstration.composed, demonstration.public
    if shutil.which("caddy") is None:
        if os.environ.get("CI"):
            pytest.fail("Caddy is not installed (on Debian: apt install caddy)")
        pytest.skip("NOT TRIED BEHIND A PROXY: Caddy is not installed (on Debian: apt install caddy)")
    with contextlib.ExitStack() as stack:
        fhir = stack.enter_context(httpx.Client())
        key = (composed.machine.folder / "clients/demo.pem").read_text()
        processes = {port: stack.enter_context(composed.serving("worker", port)) for port in demonstration.workers}
        trusted = ssl.create_default_context(cafile=stack.enter_context(composed.proxying()))
        none_kept = httpx.Limits(max_keepalive_connections=0)  # threads that share a pool close what others use
        service = stack.enter_context(httpx.Client(base_url=public, timeout=30, verify=trusted, limits=none_kept))
        yield Workers(demonstration, Ehr(key, public, service, fhir), stack, processes)


def test_the_ehr_that_is_played_gets_its_cards_through_the_proxy(workers):
    done = workers.demonstration.composed.run("ask-workers")

    assert done.code == 0, done.said
    assert "the same by prefetch and by fetch" in done.said


def test_a_token_is_taken_once_whichever_worker_it_comes_to(workers):
    before = workers.figures("legwork_rejections_total")
    token = workers.ehr.signed(REVIEW)

    codes = [workers.call("token", token).status_code for _ in range(6)]

    assert codes == [200] + [401] * 5
    assert all(now > then for now, then in zip(workers.figures("legwork_rejections_total"), before, strict=True))


def test_a_card_that_was_set_aside_at_one_worker_stays_away_at_all(workers):
    (card,) = workers.call("snoozed").json()["cards"]
    workers.written_down()

    assert workers.set_aside(card["uuid"]).status_code == 200

    assert [workers.call("snoozed").json()["cards"] for _ in range(4)] == [[]] * 4
    assert min(workers.figures('legwork_plan_advice_total{fate="snoozed"')) >= 1


def test_a_worker_that_is_killed_under_load_takes_no_answered_feedback_along_and_the_others_go_on(workers):
    first, second = workers.demonstration.workers
    acknowledged, failed, is_time = list[str](), list[str](), threading.Event()

    def use(number: int) -> None:
        try:
            shown = workers.call(f"load-{number}")
            (card,) = shown.raise_for_status().json()["cards"]
            workers.set_aside(card["uuid"]).raise_for_status()
        except httpx.HTTPError as error:
            failed.append(str(error))
            return
        acknowledged.append(card["uuid"])
        if len(acknowledged) >= MANY // 4:
            is_time.set()

    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            load = pool.map(use, range(MANY))
            assert is_time.wait(LONGEST), failed
            workers.processes[first].send_signal(signal.SIGKILL)
            killed = time.monotonic()
            list(load)
        found_out = 1 + int((time.monotonic() - killed) / REST)
    finally:
        workers.start(first)

    assert len(failed) <= AT_ONCE + found_out * AT_ONCE, failed  # in its hand, and by which the proxy found out
    assert len(acknowledged) > MANY / 2, failed
    assert workers.figure(second, "legwork_records_lost_total") == 0
    assert set(acknowledged) <= workers.demonstration.cards_of_feedback()
    deadline = time.monotonic() + LONGEST
    while not workers.figure(first, "legwork_calls_total"):  # it is given calls again
        assert workers.call("after").status_code == 200
        assert time.monotonic() < deadline
        time.sleep(0.1)  # the proxy gives it a rest first


def test_what_all_workers_showed_and_heard_is_in_one_report_and_one_trail(workers):
    shown = [workers.call(f"report-{number}").json()["cards"][0]["uuid"] for number in range(4)]
    workers.written_down()
    before = _sums(workers.report())

    assert [workers.set_aside(card).status_code for card in shown] == [200] * 4

    now = _sums(workers.report())
    assert (now["shown"], now["overridden"]) == (before["shown"], before["overridden"] + 4)
    trail = workers.demonstration.composed.run("worker", "audit", "verify")
    assert trail.code == 0, trail.said


def _sums(report: dict[str, Any]) -> Counter[str]:
    lines = [line for line in report["lines"] if line["plan"] == "rls"]
    return Counter({name: sum(line[name] for line in lines) for name in ("shown", "overridden")})
