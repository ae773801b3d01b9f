"""Production over HTTP, on a real server, a real state and real models."""

from __future__ import annotations

import getpass
import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from roadworthy import project as projects
from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import Finding, HistoryEntry, now
from roadworthy.server import production
from roadworthy.server.events import Noticing
from roadworthy.server.opened import Projects

if TYPE_CHECKING:
    from conftest import Server

pytestmark = pytest.mark.slow

COLUMN = "<img src=x onerror=alert(1)>"
IDENTITIES = """
from jupyter_server.auth import IdentityProvider, User

class Named(IdentityProvider):
    async def get_user(self, handler):
        anonymous = await super().get_user(handler)
        name = handler.request.headers.get("X-User")
        return User(*name.split(":")) if anonymous and name else anonymous
"""
AUTHORIZER = """
from jupyter_server.auth.authorizer import AllowAllAuthorizer

class Guest(AllowAllAuthorizer):
    def is_authorized(self, handler, user, action, resource):
        return resource != "roadworthy:production" or action == "read"
"""


@pytest.fixture(scope="module")
def airports() -> ModuleType:
    """The small project with a real model that observation is tested with."""
    path = Path(__file__).parents[1] / "observation" / "conftest.py"
    spec = importlib.util.spec_from_file_location("airports", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def flights(airports: ModuleType, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project below the served folder with a champion, the one before it, and a challenger, all of them models."""
    root = server.folder / f"flights-{tmp_path.name}"
    shutil.copytree(airports.REPOSITORY / "monitoring", root / "monitoring")
    shutil.copy(airports.REPOSITORY / "pyproject.toml", root)
    (root / "monitoring" / "contract.yaml").write_text(airports.CONTRACT)
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    with projects.load(root) as project:
        airport = airports.Airport(project)
        airport.release(5)
        champion = airport.release(6)
        challenger = airport.release(7)
        back = HistoryEntry(who="test", action="rollback", reason="test")
        project.state.move_alias("champion", champion.tag, back)
        nominated = HistoryEntry(who="test", action="nominate", version_to=challenger.tag)
        project.state.move_alias("challenger", challenger.tag, nominated)
        yield project


@pytest.fixture
def plain(project: Path) -> Iterator[Project]:
    """A project of notebooks, with nothing in production."""
    with projects.load(project) as opened:
        yield opened


def _champion(project: Project) -> str | None:
    alias = project.state.alias("champion")
    return alias.version if alias else None


def _act(project: Project, act: str, to: str | None, champion: str | None, **more: object) -> dict[str, Any]:
    given = {"path": project.root.name, "act": act, "version_to": to, "champion": champion, "confirmed": True}
    return given | more


# --- the picture ---------------------------------------------------------------------------------------------------


def test_the_picture_of_a_project_with_nothing_in_production(server: Server, plain: Project) -> None:
    found = server.get("production", path=f"{plain.root.name}/notebooks/first.ipynb")
    assert found["project"]["folder"] == plain.root.name
    assert (found["champion"], found["drift"], found["may_act"]) == (None, [], True)
    assert [act["possible"] for act in found["acts"]] == [False, False]


def test_a_path_in_no_project_and_a_broken_project_are_answered_all_the_same(server: Server, project: Path) -> None:
    (server.folder / "elsewhere").mkdir(exist_ok=True)
    assert server.get("production", path="elsewhere")["project"]["found"] is False
    (project / "monitoring" / "policy.yaml").write_text("owners: {")
    found = server.get("production", path=project.name)
    assert found["champion"] is None
    (problem,) = found["project"]["problems"]
    assert problem["file"] == f"{project.name}/monitoring/policy.yaml"


@pytest.mark.parametrize("path", ["../", "no/such", "/etc", ".hidden"])
def test_what_is_not_served_is_not_looked_at(server: Server, path: str) -> None:
    (server.folder / ".hidden").mkdir(exist_ok=True)
    assert server.call("GET", "production", path=path).status_code == 404
    body = {"path": path, "act": "promote", "version_to": "x", "champion": None, "confirmed": True}
    assert server.call("POST", "production", body).status_code == 404
    assert server.call("POST", "alerts/1/ack", {"path": path}).status_code == 404


def test_nobody_is_answered_without_a_token(server: Server, plain: Project) -> None:
    base, path = f"{server.address}/roadworthy/api", plain.root.name
    for url in (f"{base}/production?path={path}", f"{base}/report?path={path}", f"{base}/report.html?path={path}"):
        assert httpx.get(url).status_code == 403
    for url in (f"{base}/production", f"{base}/alerts/1/ack", f"{base}/alerts/1/mute"):
        assert httpx.post(url, json={"path": path}).status_code == 403


# --- acts ----------------------------------------------------------------------------------------------------------


def test_promote_and_roll_back_are_done_in_the_users_name(
    flights: Project, another_server: Callable[..., Server]
) -> None:
    running = another_server()
    champion = _champion(flights)
    found = running.get("production", path=flights.root.name)
    assert found["champion"]["version"] == champion
    promote = next(act for act in found["acts"] if act["act"] == "promote")
    assert promote["possible"]
    challenger = promote["version_to"]
    assert challenger == found["challenger"]["version"] != champion
    entry = running.post("production", _act(flights, "promote", challenger, champion, reason="it is better"))
    assert (entry["action"], entry["version_from"], entry["version_to"]) == ("promote", champion, challenger)
    assert _champion(flights) == challenger
    newest = flights.state.history()[0]
    assert (newest.who, newest.reason) == (os.environ.get("ROADWORTHY_WHO") or getpass.getuser(), "it is better")
    act = flights.state.audit()[0]
    assert (act.who, act.act, act.target, act.outcome, act.origin) == (
        newest.who,
        "promote",
        challenger,
        "done",
        "JupyterLab",
    )
    stale = running.call("POST", "production", _act(flights, "rollback", champion, champion))
    assert stale.status_code == 409
    assert f"{challenger} is champion by now" in stale.json()["message"]
    assert stale.json()["next"]
    assert _champion(flights) == challenger
    back = running.get("production", path=flights.root.name)
    rollback = next(act for act in back["acts"] if act["act"] == "rollback" and act["version_to"] == champion)
    entry = running.post("production", _act(flights, "rollback", rollback["version_to"], challenger))
    assert (entry["action"], entry["version_to"]) == ("rollback", champion)
    assert _champion(flights) == champion


def test_a_version_that_cannot_answer_is_refused_and_the_old_one_stays(
    flights: Project, another_server: Callable[..., Server], tmp_path: Path
) -> None:
    champion, challenger = _champion(flights), flights.state.alias("challenger")
    assert challenger is not None
    shutil.rmtree(tmp_path / "bentoml" / "models" / challenger.version.replace(":", "/"))
    refused = another_server().call("POST", "production", _act(flights, "promote", challenger.version, champion))
    assert refused.status_code == 409
    assert "is not in BentoML's model store" in refused.json()["message"]
    assert "Traceback" not in refused.text
    assert _champion(flights) == champion
    assert flights.state.history()[0].action == "refuse"


def test_without_the_right_production_is_seen_and_not_changed(
    plain: Project, another_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "guests.py").write_text(AUTHORIZER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    running = another_server("--ServerApp.authorizer_class=guests.Guest")
    (alert,) = _alert(plain)
    assert running.get("production", path=plain.root.name)["may_act"] is False
    assert running.call("POST", "production", _act(plain, "promote", "x", None)).status_code == 403
    assert running.call("POST", f"alerts/{alert.id}/ack", {"path": plain.root.name}).status_code == 403
    assert plain.state.audit() == []
    assert plain.state.open_alerts()[0].acknowledged is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"confirmed": False}, 400),
        ({"confirmed": None}, 400),
        ({"act": "delete"}, 400),
        ({"champion": "x:1"}, 409),
        ({"version_to": None}, 404),
        ({"version_to": "nobody:1"}, 404),
        ({"act": "approve", "decision": "nothing"}, 409),
        ({"extra": 1}, 400),
    ],
)
def test_what_was_not_confirmed_as_it_is_is_refused(
    server: Server, plain: Project, change: dict[str, Any], status: int
) -> None:
    answer = server.call("POST", "production", _act(plain, "promote", "x", None) | change)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]


# --- alerts --------------------------------------------------------------------------------------------------------


def _alert(project: Project) -> list[Any]:
    finding = Finding(cause="drift:x", owner="model", severity="warning", title=f"{COLUMN} drifted", message="It rose")
    return alerts.tell([finding], project.config, project.state)


def test_an_alert_is_acknowledged_and_muted_in_the_users_name(server: Server, plain: Project) -> None:
    (alert,) = _alert(plain)
    (shown,) = server.get("production", path=plain.root.name)["alerts"]
    assert (shown["id"], shown["title"]) == (alert.id, f"{COLUMN} drifted")
    seen = server.post(f"alerts/{alert.id}/ack", {"path": plain.root.name, "note": "I look"})
    assert seen["acknowledged"]
    assert (seen["acknowledged_by"], seen["note"]) == (plain.state.audit()[0].who, "I look")
    muted = server.post(f"alerts/{alert.id}/mute", {"path": plain.root.name, "hours": 24, "note": ""})
    assert muted["muted_by"] == seen["acknowledged_by"]
    hours = (plain.state.open_alerts()[0].muted_until - now()).total_seconds() / 3600
    assert hours == pytest.approx(24, abs=0.1)
    assert {entry.origin for entry in plain.state.audit()} == {"JupyterLab"}


def test_who_acts_is_who_the_identity_provider_names(
    plain: Project, another_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "people.py").write_text(IDENTITIES)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("ROADWORTHY_WHO", "the machine's")
    running = another_server("--ServerApp.identity_provider_class=people.Named")
    (alert,) = _alert(plain)
    headers = {"Authorization": "token a-token-of-the-tests"}
    url = f"{running.address}/roadworthy/api/alerts/{alert.id}/ack"
    for user, name in (("ada:Ada Lovelace", "Ada Lovelace"), ("bob", "bob"), ("", "the machine's")):
        answer = httpx.post(url, json={"path": plain.root.name}, headers=headers | {"X-User": user}, timeout=60)
        assert answer.json()["acknowledged_by"] == name
        assert plain.state.audit()[0].who == name
    assert httpx.post(url, json={"path": plain.root.name}, headers={"X-User": "eve"}, timeout=60).status_code == 403


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("alerts/999/ack", {}, 404),
        ("alerts/999/mute", {"hours": 1}, 404),
        ("alerts/x/ack", {}, 404),
        ("alerts/1/mute", {"hours": 0}, 400),
        ("alerts/1/mute", {"hours": 1e9}, 400),
        ("alerts/1/mute", {}, 400),
    ],
)
def test_what_cannot_be_muted_is_said(
    server: Server, plain: Project, path: str, more: dict[str, object], status: int
) -> None:
    assert server.call("POST", path, {"path": plain.root.name} | more).status_code == status


# --- events --------------------------------------------------------------------------------------------------------


def test_what_happens_in_production_is_noticed(server: Server, plain: Project) -> None:
    opened, told = Projects(server.folder), []
    opened.of(plain.root)
    noticing = Noticing(opened, [production.watch], told.append)
    noticing.look()
    (alert,) = _alert(plain)
    noticing.look()
    noticing.look()
    assert [(event.kind, event.alert, event.project) for event in told] == [
        ("alert", alert.id, plain.root.name),
        ("production", None, plain.root.name),
    ]
    told.clear()
    plain.state.move_alias("champion", "a:1", HistoryEntry(who="ada", action="promote"))
    noticing.look()
    assert [(event.kind, event.version_to) for event in told] == [("switch", "a:1"), ("production", None)]
    told.clear()
    alerts.acknowledge(plain.state, str(alert.id), who="ann", note="from the command line")
    noticing.look()
    assert [(event.kind, event.message) for event in told] == [("production", "alerts")]
    opened.close()
