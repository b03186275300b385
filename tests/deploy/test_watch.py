"""What deploy/watch asks of Prometheus is what the service gives."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cds.services import plans
from cds.telemetry.metrics import Metrics
from cds.telemetry.requests import Fetched, Handled, Spoke
from tests.contract.test_server import free_port
from tests.deploy.plain import COMPOSE, LONGEST, ROOT, answers

WATCH = ROOT / "deploy" / "watch"
RULES = yaml.safe_load((WATCH / "prometheus/rules.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((WATCH / "grafana/dashboards/legwork.json").read_text(encoding="utf-8"))
ASKED = [rule["expr"] for rule in RULES] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]
]
PROMETHEUS_OWN = {"up", "instance", "job", "le", "vector"}
WORDS = {"by", "sum", "max", "count", "or", "rate", "increase", "histogram_quantile"}


def page() -> str:
    """Give the figures of a service to which everything has happened that is counted."""
    metrics = Metrics(lambda: [("iron", "0.1.0", "draft")])
    names = ("large_calls_in_hand", "records_waiting", "records_kept_total", "records_lost_total")
    metrics.add(lambda: {f"legwork_{name}": 1 for name in (*names, "looks_missed_total", "database_failures_total")})
    handled = Handled(service="leg-ache-review", client="demo", status=500, code="exception", feedback=1)
    handled.spoke, handled.failed, handled.unknown = [Spoke("iron", "0.1.0", "shown")], ["rls"], ["orders"]
    handled.left_out, handled.fetched = {"not read": 1}, Fetched(0.1, 10, {"labs": ""})
    metrics.count(handled)
    return metrics.page().decode()


def given() -> Iterator[str]:
    """Give the names of all figures and their labels."""
    for family in text_string_to_metric_families(page()):
        for sample in family.samples:
            yield sample.name
            yield from sample.labels


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{name} is not installed (on Debian: apt install prometheus)")
        pytest.skip(f"NOT TRIED WITH PROMETHEUS: {name} is not installed (on Debian: apt install prometheus)")
    return found


@pytest.mark.parametrize("asked", ASKED)
def test_every_figure_and_label_that_is_asked_for_is_given(asked):
    plain = re.sub(r"\"[^\"]*\"|\[[^\]]*\]|\{\{.*?\}\}", "", asked)

    assert set(re.findall(r"[a-z_]+\w*", plain)) <= set(given()) | PROMETHEUS_OWN | WORDS


def test_what_the_service_gives_by_its_door_is_what_was_compared(client):
    def families(text):
        return {family.name for family in text_string_to_metric_families(text)}

    assert families(client.get("/metrics").text) <= families(page())


def test_prometheus_takes_the_rules_and_the_settings():
    check = [program("promtool"), "check"]
    for words in (["rules", "rules.yml"], ["config", "--syntax-only", "prometheus.yml"]):
        done = subprocess.run([*check, *words], cwd=WATCH / "prometheus", capture_output=True, text=True, check=False)  # noqa: S603 - ours

        assert done.returncode == 0, done.stdout + done.stderr


def test_each_panel_is_a_question_that_prometheus_understands(tmp_path):
    questions = [
        target["expr"].replace("$__rate_interval", "1m") for p in DASHBOARD["panels"] for target in p["targets"]
    ]
    rules = [{"record": "asked", "expr": question} for question in questions]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    command = [program("promtool"), "check", "rules", "--lint=none", str(tmp_path / "panels.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours

    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alarm_is_raised_when_a_plan_breaks_down_and_none_when_all_is_well(tmp_path):
    series = [
        {"series": 'legwork_plan_failures_total{plan="iron",instance="a"}', "values": "0x10 1x20"},
        {"series": 'legwork_records_waiting{instance="a"}', "values": "3x30"},
        {"series": 'up{job="legwork",instance="a"}', "values": "1x30"},
    ]
    told = {
        "exp_labels": {"plan": "iron", "severity": "page"},
        "exp_annotations": {"summary": "The plan iron broke down; its cards were missing, and others said so"},
    }
    quiet = [{"eval_time": "20m", "alertname": rule["alert"]} for rule in RULES if rule["alert"] != "LegworkPlanFails"]
    alarms = [{"eval_time": "15m", "alertname": "LegworkPlanFails", "exp_alerts": [told]}, *quiet]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": alarms}
    whole = {"rule_files": [str(WATCH / "prometheus/rules.yml")], "tests": [test]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(whole))

    command = [program("promtool"), "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_names_by_which_parts_know_each_other_are_those_of_compose():
    source = yaml.safe_load((WATCH / "grafana/datasources/prometheus.yml").read_text())["datasources"][0]
    scrape = yaml.safe_load((WATCH / "prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    settings = COMPOSE["services"]["legwork"]["environment"]

    assert source["url"].removeprefix("http://").partition(":")[0] in COMPOSE["services"]
    assert set(scrape["dns_sd_configs"][0]["names"]) <= set(COMPOSE["services"])
    assert scrape["authorization"]["credentials_file"] == settings["LEGWORK_METRICS_TOKEN"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}


def test_prometheus_comes_in_by_the_token_and_answers_every_panel(demonstration, tmp_path):
    token = demonstration.composed.mounts("prometheus")["/etc/legwork"] / "metrics.token"
    config = yaml.safe_load((WATCH / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    (scrape,) = config["scrape_configs"]
    del scrape["dns_sd_configs"]
    scrape["static_configs"] = [{"targets": [demonstration.service.removeprefix("http://")]}]
    scrape["authorization"]["credentials_file"] = str(token)
    config["global"] = {"scrape_interval": "200ms", "evaluation_interval": "200ms"}
    shutil.copy(WATCH / "prometheus/rules.yml", tmp_path)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    command = [
        program("prometheus"),
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
    ]
    address = f"http://127.0.0.1:{port}"
    is_ready = partial(answers, f"{address}/-/ready")
    machine = demonstration.composed.machine
    with machine.serving([*command, f"--web.listen-address=127.0.0.1:{port}"], {}, {}, is_ready):

        def ask(question):
            answer = httpx.get(f"{address}/api/v1/query", params={"query": question}).json()
            assert answer["status"] == "success", answer
            return [float(one["value"][1]) for one in answer["data"]["result"]]

        deadline = time.monotonic() + LONGEST
        while ask('count(legwork_plan_loaded{status="draft"})') != [len(plans())]:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # it asks by its own clock, and forgets what it had when a look takes longer than its turn
        for question in (target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]):
            ask(question.replace("$__rate_interval", "10s"))
