"""The service over HTTP: a real `bentoml serve` with a real model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
import pytest

from roadworthy import registry
from roadworthy.serving import schema, tokens
from roadworthy.serving.server import LOG, Server

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.address, timeout=30.0) as opened:
        yield opened


def _predict(client: httpx.Client, rows: list[dict[str, Any]]) -> dict[str, Any]:
    response = client.post("/predict", json={"rows": rows})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _champion(project: Project) -> str:
    return registry.resolve(project.state, "champion").tag


@pytest.mark.parametrize("count", [40, 120])  # the more are held as columns
def test_each_row_is_answered_by_the_champion_and_remembered(
    client: httpx.Client, project: Project, count: int
) -> None:
    rows = project.request(count)
    answer = _predict(client, rows)
    assert schema.PredictAnswer.model_validate(answer).warnings == []
    expected = registry.load(project.config, _champion(project)).predict(schema.frame(project.dataset, rows))
    found = [prediction["probability"] for prediction in answer["predictions"]]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    threshold = project.config.settings.use_case.value.threshold
    assert [prediction["prediction"] for prediction in answer["predictions"]] == (expected >= threshold).tolist()
    assert [prediction["row"] for prediction in answer["predictions"]] == list(range(count))
    assert answer["model_version"] == _champion(project)

    _until(lambda: answer["request_id"] in set(_requests(project)))
    captured = project.tables.read("predictions")
    captured = captured[captured["request_id"] == answer["request_id"]].sort_values("row", ignore_index=True)
    np.testing.assert_array_equal(captured["probability"], found)
    assert set(captured["version"]) == {answer["model_version"]}
    assert captured["flight_id"].tolist() == [row["flight_id"] for row in rows]
    assert captured["seats"].isna().tolist() == [row["seats"] is None for row in rows]
    features = list(project.dataset.features)
    pd.testing.assert_frame_equal(captured[features], schema.features(project.dataset, rows))


def _requests(project: Project) -> list[str]:
    if not project.tables.exists("predictions"):
        return []
    return project.tables.read("predictions", columns=["request_id"])["request_id"].tolist()


def test_a_category_unseen_in_training_is_answered(client: httpx.Client, project: Project) -> None:
    (row,) = project.request(1)
    assert len(_predict(client, [row | {"dest": "XYZ"}])["predictions"]) == 1


def _changed(**changes: object) -> Callable[[dict[str, Any]], str]:
    def change(row: dict[str, Any]) -> str:
        return json.dumps({"rows": [{key: value for key, value in {**row, **changes}.items() if value is not ...}]})

    return change


FIELD_PROBLEMS: dict[str, tuple[Callable[[dict[str, Any]], str], str]] = {
    "missing field": (_changed(carrier=...), "rows.0.carrier"),
    "missing value": (_changed(carrier=None), "rows.0.carrier"),
    "unknown field": (_changed(colour="red"), "rows.0.colour"),
    "unknown category": (_changed(origin="CDG"), "rows.0.origin"),
    "pattern": (_changed(dest="nowhere"), "rows.0.dest"),
    "text for a number": (_changed(distance="12"), "rows.0.distance"),
    "truth value for a number": (_changed(distance=True), "rows.0.distance"),
    "list for a number": (_changed(distance=[1]), "rows.0.distance"),
    "object for text": (_changed(dest={"a": 1}), "rows.0.dest"),
    "too small": (_changed(distance=9), "rows.0.distance"),
    "too large": (_changed(distance=6001), "rows.0.distance"),
    "fraction": (_changed(weekday=1.5), "rows.0.weekday"),
    "huge whole number": (_changed(weekday=10**40), "rows.0.weekday"),
    "not a number": (_changed(temp=float("nan")), "rows.0.temp"),
    "infinity": (_changed(temp=float("inf")), "rows.0.temp"),
    "minus infinity": (_changed(temp=float("-inf")), "rows.0.temp"),
    "beyond floating point": (lambda row: _changed(temp="X")(row).replace('"X"', "1e999"), "rows.0.temp"),
    "no zone": (_changed(scheduled_departure="2013-05-01T10:00:00"), "rows.0.scheduled_departure"),
    "seconds": (_changed(scheduled_departure=1357034400), "rows.0.scheduled_departure"),
    "no moment": (_changed(scheduled_departure="soon"), "rows.0.scheduled_departure"),
    "year 1": (_changed(scheduled_departure="0001-01-01T00:00:00+14:00"), "rows.0.scheduled_departure"),
    "row is a list": (lambda _: '{"rows": [[]]}', "rows.0"),
    "row is null": (lambda _: '{"rows": [null]}', "rows.0"),
    "no rows": (lambda _: '{"rows": []}', "rows"),
    "rows is null": (lambda _: '{"rows": null}', "rows"),
    "rows is an object": (lambda row: json.dumps({"rows": row}), "rows"),
    "rows is missing": (lambda _: "{}", "rows"),
    "unknown key": (lambda row: json.dumps({"rows": [row], "model": "mine"}), "model"),
    "too many rows": (lambda row: json.dumps({"rows": [row] * 1001}), "rows"),
}


@pytest.mark.parametrize("case", FIELD_PROBLEMS)
def test_a_bad_field_is_named_with_its_rule(client: httpx.Client, project: Project, case: str) -> None:
    body, field = FIELD_PROBLEMS[case]
    response = client.post("/predict", content=body(project.request(1)[0]))
    assert response.status_code == 422, response.text
    answer = response.json()
    assert answer["detail"][0]["field"] == field
    assert answer["detail"][0]["rule"]
    assert answer["next_step"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"rows": [}',
        b"\xff\xfe\x00",
        b"[" * 5000,
        b'{"rows": [{"flight_id": "\\ud800"}]}',
        b'{"rows": [{"temp": ' + b"1" * 5000 + b"}]}",
        b"[]",
        b"null",
        b"NaN",
        b'"rows"',
        b"1",
    ],
)
def test_a_body_that_is_no_json_object(client: httpx.Client, body: bytes) -> None:
    response = client.post("/predict", content=body)
    assert response.status_code == 400, response.text
    assert response.json()["error"].startswith("The body is not")
    assert response.json()["next_step"]


def test_a_body_that_is_too_large_is_not_read(client: httpx.Client) -> None:
    response = client.post("/predict", content=b" " * (20 * 2**20))
    assert response.status_code == 413
    assert response.json()["error"].startswith("The body is larger than")


def test_a_bad_request_leaves_no_value_in_the_log(client: httpx.Client, project: Project) -> None:
    secret = "passenger-4711"
    response = client.post("/predict", json={"rows": [project.request(1)[0] | {"dest": secret}]})
    assert response.status_code == 422
    assert secret in response.text
    assert secret not in (project.config.root / LOG).read_text()


# --- feedback ------------------------------------------------------------------------------------------------------


def _feedback(client: httpx.Client, project: Project, labels: list[dict[str, Any]], token: str = "") -> httpx.Response:
    header = f"Bearer {token or tokens.local(project.config, project.state)}"
    return client.post("/feedback", json={"labels": labels}, headers={"Authorization": header})


def test_labels_arrive(client: httpx.Client, project: Project) -> None:
    request_id = _predict(client, project.request(3))["request_id"]
    labels = [{"request_id": request_id, "row": row, "label": row == 1} for row in range(3)]
    response = _feedback(client, project, labels)
    assert (response.status_code, response.json()) == (200, {"accepted": 3})

    def arrived() -> bool:
        if not project.tables.exists("labels"):
            return False
        found = project.tables.read("labels")
        found = found[found["request_id"] == request_id].sort_values("row")
        return found["label"].tolist() == [False, True, False]

    _until(arrived)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer wrong", "Basic abc", "bearer é"])
def test_without_the_token_no_label_is_taken(client: httpx.Client, project: Project, header: str | None) -> None:
    request_id = _predict(client, project.request(1))["request_id"]
    headers = {} if header is None else {"Authorization": header.encode()}
    labels = [{"request_id": request_id, "row": 0, "label": True}]
    response = client.post("/feedback", json={"labels": labels}, headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"
    assert "token" in response.json()["error"]
    assert tokens.local(project.config, project.state) not in response.text


def test_labels_of_an_unknown_request_are_named_and_set_aside_and_the_others_are_taken(
    client: httpx.Client, project: Project
) -> None:
    known = _predict(client, project.request(2))["request_id"]
    unknown = [("invented-1-abc", 0), (known.replace("-2-", "-3-"), 0), (known, 2)]
    for number, (request_id, row) in enumerate(unknown):
        labels = [
            {"request_id": known, "row": 0, "label": number == 2, "at": f"2013-02-0{number + 1}T00:00:00Z"},
            {"request_id": request_id, "row": row, "label": True},
        ]
        response = _feedback(client, project, labels)
        assert response.status_code == 404
        assert request_id in response.json()["error"]
        assert [problem["field"] for problem in response.json()["detail"]] == ["labels.1"]
        assert "were taken" in response.json()["next_step"]

    def kept(table: str) -> set[tuple[Any, ...]]:
        if not project.tables.exists(table):
            return set()
        frame = project.tables.read(table, columns=["request_id", "row", "label"])
        return set(frame.itertuples(index=False, name=None))

    _until(lambda: kept("unmatched") >= {(*each, True) for each in unknown})
    _until(lambda: kept("labels") >= {(known, 0, False), (known, 0, True)})  # corrected: both are kept
    assert not {(*each, True) for each in unknown} & kept("labels")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ('{"labels": []}', 422, "labels"),
        ('{"labels": [{"request_id": "a", "row": 0}]}', 422, "labels.0.label"),
        ('{"labels": [{"request_id": "a", "row": 0, "label": "true"}]}', 422, "labels.0.label"),
        ('{"labels": [{"request_id": "a", "row": 0, "label": NaN}]}', 422, "labels.0.label"),
        ('{"labels": [{"request_id": "a", "row": -1, "label": true}]}', 422, "labels.0.row"),
        ('{"labels": [{"request_id": "a", "row": 99999999999999999999, "label": true}]}', 404, None),
        ('{"labels": [{"request_id": 1, "row": 0, "label": true}]}', 422, "labels.0.request_id"),
        ("{", 400, None),
        ("[]", 400, None),
    ],
)
def test_bad_feedback(client: httpx.Client, project: Project, body: str, status: int, field: str | None) -> None:
    headers = {"Authorization": f"Bearer {tokens.local(project.config, project.state)}"}
    response = client.post("/feedback", content=body, headers=headers)
    assert response.status_code == status, response.text
    if field:
        assert response.json()["detail"][0]["field"] == field


# --- what describes it ---------------------------------------------------------------------------------------------


def test_the_document_has_meanings_units_and_ranges(client: httpx.Client, project: Project) -> None:
    document = client.get("/docs.json").json()
    row = document["components"]["schemas"]["Row"]["properties"]
    for column in project.dataset.request_columns:
        assert row[column.name]["description"] == column.meaning
        assert row[column.name].get("unit") == column.unit
    request = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert request["properties"]["rows"]["items"] == {"$ref": "#/components/schemas/Row"}
    assert request["properties"]["rows"]["maxItems"] == project.config.settings.service.max_rows
    answer = document["paths"]["/predict"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(answer["properties"]) == {"request_id", "model_version", "predictions", "warnings"}
    assert "/feedback" in document["paths"]


def test_rows_are_counted_by_version(client: httpx.Client, project: Project) -> None:
    line = f'roadworthy_rows_total{{version="{_champion(project)}"}}'

    def counted() -> float:
        found = [text for text in client.get("/metrics").text.splitlines() if text.startswith(line)]
        return float(found[0].split()[-1]) if found else 0.0

    before = counted()
    _predict(client, project.request(7))
    assert counted() == before + 7


# --- switching versions --------------------------------------------------------------------------------------------


def test_the_champion_changes_without_a_restart_and_without_a_failed_request(
    client: httpx.Client, server: Server, project: Project
) -> None:
    first, second = _champion(project), project.release(30).tag
    rows = project.request(5)
    expected = {
        tag: registry.load(project.config, tag).predict(schema.frame(project.dataset, rows)).tolist()
        for tag in (first, second)
    }
    answers: list[tuple[int, dict[str, Any]]] = []
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=server.address, timeout=30.0) as own:
            while not ended.is_set():
                response = own.post("/predict", json={"rows": rows})
                answers.append((response.status_code, response.json()))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for each in clients:
        each.start()
    for tag in (second, first):
        _until(lambda: len(answers) > 20)
        registry.promote(project.config, project.state, tag, who="test", reason="test")
        server.wait_for_version(tag)
        answers.append((200, _predict(client, rows)))
        assert answers[-1][1]["model_version"] == tag
    ended.set()
    for each in clients:
        each.join()
    assert {status for status, _ in answers} == {200}
    assert {answer["model_version"] for _, answer in answers} == {first, second}
    for _, answer in answers:  # each request by one version throughout
        found = [prediction["probability"] for prediction in answer["predictions"]]
        np.testing.assert_allclose(found, expected[answer["model_version"]], rtol=0, atol=1e-12)


def test_a_version_that_fails_its_smoke_request_is_refused(
    client: httpx.Client, server: Server, project: Project
) -> None:
    first, broken = _champion(project), project.release(7, smoke_off_by=0.01)
    project.promote(broken, force=True)
    _until(lambda: any(entry.action == "refuse" for entry in project.state.history()))
    refusals = [entry for entry in project.state.history() if entry.action == "refuse"]
    assert [(entry.version_from, entry.version_to) for entry in refusals] == [(first, broken.tag)]
    assert "smoke request" in refusals[0].reason
    _until(lambda: any(each.problem for each in _ours(server, project)))
    (deployment,) = _ours(server, project)
    assert deployment.version == first
    assert deployment.problem is not None
    assert broken.tag in deployment.problem
    assert _predict(client, project.request(1))["model_version"] == first
    registry.rollback(project.config, project.state, who="test", reason="test", to=first)
    _until(lambda: not any(each.problem for each in _ours(server, project)))
    assert len([entry for entry in project.state.history() if entry.action == "refuse"]) == 1


def test_a_version_of_another_contract_is_refused(server: Server, project: Project) -> None:
    first = _champion(project)
    text = (project.config.root / "monitoring" / "contract.yaml").read_text()
    other = project.release(8, contract=text.replace("name: humid", "name: humidity").encode())
    project.promote(other, force=True)
    _until(lambda: any(other.tag in (each.problem or "") for each in _ours(server, project)))
    (deployment,) = _ours(server, project)
    assert "humidity differ" in (deployment.problem or "")
    registry.rollback(project.config, project.state, who="test", reason="test", to=first)
    _until(lambda: not any(each.problem for each in _ours(server, project)))


def _ours(server: Server, project: Project) -> list[Any]:
    return [each for each in project.state.deployments() if each.pid in server.pids]


def test_the_service_answers_on_while_the_state_and_the_tables_are_away(client: httpx.Client, project: Project) -> None:
    folder = project.config.root / ".roadworthy"
    moved = [(folder / name, folder / f"{name}.away") for name in ("state.db", "tables")]
    for there, away in moved:
        there.rename(away)
        there.mkdir() if there.suffix else there.touch()  # neither a database nor a folder
    try:
        time.sleep(1.5)  # three looks at the champion, one at the spool
        answer = _predict(client, project.request(2))
    finally:
        for there, away in moved:
            there.rmdir() if there.is_dir() else there.unlink()
            away.rename(there)
    _until(lambda: answer["request_id"] in set(_requests(project)))
