"""The dashboard and the alert rules in monitoring/: they ask for what the service counts, and show all of it."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from roadworthy.serving import metrics

MONITORING = Path(__file__).parents[3] / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "grafana.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((MONITORING / "prometheus-rules.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SHOWN: list[str] = [target["expr"] for panel in PANELS for target in panel["targets"]]
ASKED = [*SHOWN, *(rule["expr"] for rule in RULES)]
GIVEN_BY_PROMETHEUS = {"job", "instance"}
SERIES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
COLUMNS = 24  # of Grafana's grid

SELECTOR = re.compile(r"(roadworthy_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"')
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
LEGEND = re.compile(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}")


def _declared() -> dict[str, set[str]]:
    """Return the labels of each series that /metrics has."""
    found = {}
    for metric in metrics.ALL:
        described = next(iter(metric.describe()))
        for suffix in SERIES[described.type]:
            labels = {*metric._labelnames} | ({"le"} if suffix == "_bucket" else set())
            found[described.name + suffix] = labels
    return found


def _grouped(expression: str) -> set[str]:
    return {label.strip() for found in GROUPING.findall(expression) for label in found.split(",") if label.strip()}


def _asked_for(expression: str) -> set[str]:
    return {label for name, _ in SELECTOR.findall(expression) for label in _declared()[name]} | GIVEN_BY_PROMETHEUS


@pytest.mark.parametrize("expression", ASKED)
def test_every_series_is_one_that_the_service_counts(expression: str) -> None:
    names = {name for name, _ in SELECTOR.findall(expression)}
    assert names
    assert names <= _declared().keys()


@pytest.mark.parametrize("expression", ASKED)
def test_every_label_is_one_that_its_series_has(expression: str) -> None:
    for name, matchers in SELECTOR.findall(expression):
        assert set(MATCHER.findall(matchers)) <= _declared()[name] | GIVEN_BY_PROMETHEUS, name
    assert _grouped(expression) <= _asked_for(expression)


@pytest.mark.parametrize("expression", ASKED)
def test_counters_are_asked_for_their_rate(expression: str) -> None:
    series = re.compile(r"((?:rate|increase)\()?roadworthy_\w+_(?:total|bucket|sum|count)\b(?:\{[^}]*\})?(\[[^]]+\])?")
    assert all(function and window for function, window in series.findall(expression))


def test_brackets_are_closed() -> None:
    for expression in ASKED:
        for opened, closed in ("()", "{}", "[]"):
            assert expression.count(opened) == expression.count(closed), expression


@pytest.mark.parametrize("metric", metrics.ALL, ids=lambda metric: next(iter(metric.describe())).name)
def test_every_metric_is_shown(metric: Any) -> None:  # noqa: ANN401  # prometheus_client has no common public class
    described = next(iter(metric.describe()))
    names = {described.name + suffix for suffix in SERIES[described.type]}
    assert names & {name for expression in SHOWN for name, _ in SELECTOR.findall(expression)}


def test_a_legend_names_labels_that_are_left() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            assert set(LEGEND.findall(target["legendFormat"])) <= _grouped(target["expr"]), target["legendFormat"]


def test_lines_of_one_panel_can_be_told_apart() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            left = _grouped(target["expr"]) - {"le"}
            assert left <= set(LEGEND.findall(target["legendFormat"])), panel["title"]
        assert len({target["legendFormat"] for target in panel["targets"]}) == len(panel["targets"]), panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]), panel["title"]


def test_grafana_finds_what_it_needs() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD  # a number of one Grafana's own
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    assert all(panel["title"] and panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS)


def test_the_source_of_the_figures_can_be_chosen() -> None:
    chosen = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert chosen["datasource"]["type"] == "datasource"
    assert chosen["datasource"]["query"] == "prometheus"
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in PANELS:
        assert panel["datasource"] == source
        assert all(target["datasource"] == source for target in panel["targets"])
    used = {name for expression in SHOWN for name in re.findall(r"\$\{?(\w+)", expression) if not name.startswith("__")}
    assert used <= chosen.keys()


def test_panels_do_not_lie_on_each_other() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= COLUMNS
        assert place["h"] > 0
        assert place["y"] >= 0
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


@pytest.mark.parametrize("name", ["grafana.json", "prometheus-rules.yaml"])
def test_no_address_is_in_it(name: str) -> None:
    text = (MONITORING / name).read_text(encoding="utf-8")
    assert not re.search(r"\w+://|localhost|\b\d+\.\d+\.\d+\.\d+\b", text)


def test_a_rule_says_the_fact_and_the_next_step() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "next_step"}
        named = {label for text in rule["annotations"].values() for label in LEGEND.findall(text)}
        assert named <= _grouped(rule["expr"]), rule["alert"]
