"""Traffic replayed over HTTP to a real service, which is killed meanwhile."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd
import psutil
import pytest

from roadworthy.errors import ReplayError
from roadworthy.records import ReplayAccount
from roadworthy.serving import capture, tokens
from roadworthy.serving.replay import Replayer, replay
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project

DAY = timedelta(hours=24)


def _replayer(project: Project, address: str, *, token: str | None = None, most_rows: int = 1000) -> Replayer:
    service = project.config.settings.service.model_copy(update={"max_rows": most_rows})
    settings = project.config.settings.model_copy(update={"service": service})
    config = project.config.model_copy(update={"settings": settings})
    token = token or tokens.local(config, project.state)
    return Replayer(config, project.dataset, address, label_delay=DAY, token=token)


def _captured(project: Project, table: str) -> pd.DataFrame:
    capture.collect(project.config, project.dataset, project.tables)
    if not project.tables.exists(table):
        return pd.DataFrame({"request_id": [], "row": []})
    return project.tables.read(table)


@pytest.fixture
def before(project: Project) -> set[str]:
    """Request ids of earlier tests."""
    return set(_captured(project, "predictions")["request_id"])


@pytest.mark.slow
def test_labels_come_late_and_everything_arrives(server: Server, project: Project, before: set[str]) -> None:
    flights = project.flights
    middle = pd.Timestamp("2013-01-02T12:00Z")
    first, second = (
        flights[flights["scheduled_departure"] < middle],
        flights[flights["scheduled_departure"] >= middle],
    )
    replayer = _replayer(project, server.address)
    seen: list[tuple[int, int, datetime]] = []
    account = replayer.send(first.sample(frac=1, random_state=1), on_progress=lambda *step: seen.append(step))
    clock = first["scheduled_departure"].max().floor("h")
    due = first[(first["scheduled_departure"] + DAY <= clock) & first["late"].notna()]
    assert account.labels_accepted == account.labels_sent
    assert abs(account.labels_sent - len(due)) <= (first["scheduled_departure"] >= clock).sum()  # within the last hour
    assert replayer.outstanding == first["late"].notna().sum() - account.labels_sent
    assert seen[-1][:2] == (len(first), len(first))
    assert max(moment for _, _, moment in seen) == first["scheduled_departure"].max()

    replayer.send(second)
    account = replayer.flush()
    labelled = flights["late"].notna()
    assert (account.rows_sent, account.rows_answered) == (len(flights), len(flights))
    assert (account.labels_sent, account.labels_accepted) == (labelled.sum(), labelled.sum())
    assert account.never_labelled == (~labelled).sum()
    assert account.requests_sent == account.requests_answered == flights["scheduled_departure"].dt.floor("h").nunique()
    assert sum(account.versions.values()) == len(flights)
    assert account.seconds > 0

    found = _captured(project, "predictions")
    found = found[~found["request_id"].isin(before)]
    assert sorted(found["flight_id"]) == sorted(flights["flight_id"])
    told = _captured(project, "labels")
    told = told[told["request_id"].isin(found["request_id"])]  # other tests correct theirs
    labels = told.merge(found, on=["request_id", "row"], validate="one_to_one")
    known = flights[labelled].set_index("flight_id")["late"].astype(bool)
    assert labels.set_index("flight_id")["label"].sort_index().tolist() == known.sort_index().tolist()


@pytest.mark.slow
def test_a_refused_row_is_named(server: Server, project: Project) -> None:
    rows = project.flights.head(30).set_index(pd.Index(range(100, 130)))
    rows.loc[117, "distance"] = 7000.0
    with pytest.raises(ReplayError, match=r"status 422. Row 117, distance: .*6000.* It is 7000\.0"):
        _replayer(project, server.address).send(rows)


@pytest.mark.slow
def test_a_wrong_token_is_told(server: Server, project: Project) -> None:
    replayer = _replayer(project, server.address, token="wrong")
    with pytest.raises(ReplayError, match=r"status 401.*token"):
        replayer.send(project.flights.head(5))


@pytest.mark.slow
def test_a_service_killed_in_the_middle_loses_nothing_that_it_acknowledged(project: Project, before: set[str]) -> None:
    with Server.start(project.config) as server:
        port = int(server.address.rpartition(":")[2])
        replayer = _replayer(project, server.address, most_rows=5)  # hundreds of requests
        half = threading.Event()
        failures: list[BaseException] = []

        def send() -> None:
            try:
                replayer.send(project.flights, on_progress=lambda sent, total, _: half.set() if sent * 2 > total else 0)
                replayer.flush()
            except BaseException as error:  # handed to the test's own thread
                failures.append(error)

        sending = threading.Thread(target=send)
        sending.start()
        assert half.wait(60)
        pids = server.pids
        assert len(pids) == 2
        server.kill()
        living = {each.pid for each in psutil.process_iter(["status"]) if each.info["status"] != psutil.STATUS_ZOMBIE}
        assert not living & set(pids)
        assert sending.is_alive()
    with Server.start(project.config, port):
        sending.join()
    assert failures == []
    account = replayer.account
    assert account.rows_answered == account.rows_sent == len(project.flights)
    found = _captured(project, "predictions")
    found = found[~found["request_id"].isin(before)]
    assert not found.duplicated(["request_id", "row"]).any()
    # A request whose answer was lost with the service was sent again: it may be there twice, under two ids.
    assert set(found["flight_id"]) == set(project.flights["flight_id"])
    assert len(found) - len(project.flights) <= 4 * found.groupby("request_id").size().max()
    labels = _captured(project, "labels").drop_duplicates(["request_id", "row"])
    labels = labels.merge(found, on=["request_id", "row"])
    known = project.flights[project.flights["late"].notna()]
    assert sorted(labels["flight_id"]) == sorted(known["flight_id"])
    assert account.labels_accepted == len(known)


@pytest.mark.parametrize("address", ["127.0.0.1:3000", "ftp://127.0.0.1", "http://", "nonsense"])
def test_what_is_no_address_is_told_at_once(project: Project, address: str) -> None:
    with pytest.raises(ReplayError, match="is not a service's address"):
        _replayer(project, address)


def test_nobody_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("roadworthy.serving.replay._PATIENCE_SECONDS", 0.2)
    with pytest.raises(ReplayError, match="took no request for") as caught:
        replay(
            project.config,
            project.dataset,
            project.flights.head(3),
            "http://127.0.0.1:9",
            label_delay=DAY,
            token="any",
        )
    assert "roadworthy serve" in caught.value.next_step


def test_nothing_to_send(project: Project) -> None:
    account = _replayer(project, "http://127.0.0.1:9").send(project.flights.head(0))
    assert (account.requests_sent, account.rows_sent) == (0, 0)


def test_a_notebook_may_replay_although_its_loop_is_running(project: Project) -> None:
    async def cell() -> ReplayAccount:
        return _replayer(project, "http://127.0.0.1:9").send(project.flights.head(0))

    assert asyncio.run(cell()).rows_sent == 0


def test_a_missing_column_is_told(project: Project) -> None:
    with pytest.raises(ReplayError, match="no column late"):
        _replayer(project, "http://127.0.0.1:9").send(project.flights.drop(columns="late"))
