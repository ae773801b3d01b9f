"""The state database, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import math
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Table, create_engine, text
from sqlalchemy.exc import DBAPIError

import roadworthy
from roadworthy.errors import RolloutOver, StateError
from roadworthy.records import (
    AccessToken,
    Alert,
    AuditEntry,
    Decision,
    Deployment,
    Finding,
    GateCheck,
    GateVerdict,
    HistoryEntry,
    Ingestion,
    MetricReading,
    ModelVersion,
    Observer,
    Retraining,
    Rollout,
    RunRecord,
    TaskRecord,
    Window,
    WindowReport,
    now,
)
from roadworthy.state import State
from roadworthy.state.schema import HEAD, METADATA, REVISION_TABLE, audit, history

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
RACER = """
import sys
from roadworthy.records import Finding, HistoryEntry
from roadworthy.state import State
address, me = sys.argv[1:]
sys.stdin.readline()
with State.open(address) as state:
    for step in range(10):
        state.move_alias("champion", f"m:{me}{step}", HistoryEntry(who=me, action="promote"))
        finding = Finding(cause="drift", owner="data", severity="info", title=me, message=str(step))
        print(state.raise_alert(finding, "desk")[1])
"""
DYING = """
import os, signal, sys
from sqlalchemy import event
from roadworthy.records import HistoryEntry
from roadworthy.state import State
state = State.open(sys.argv[1])
def die(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO history"):
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(state._engine, "after_cursor_execute", die)
state.move_alias("champion", "m:new", HistoryEntry(who="me", action="promote"))
"""
OPENER = """
import sys
from roadworthy.state import State
sys.stdin.readline()
with State.open(sys.argv[1]) as state:
    print("alembic" in sys.modules, state.alias("champion"))
"""


def ingestion(batch: str, dataset: str = "flights", rows: int = 3) -> Ingestion:
    return Ingestion(
        dataset=dataset, batch=batch, source="a.csv", rows=rows, accepted=rows, quarantined=0, table_version=0
    )


def run(name: str, started: datetime = JANUARY, **fields: object) -> RunRecord:
    return RunRecord.model_validate({"id": name, "project": "p", "state": "done", "started": started} | fields)


def version(tag: str, created: datetime = JANUARY) -> ModelVersion:
    gate = GateVerdict(checks=(GateCheck(name="owners", passed=True, fact="all named"),))
    reading = MetricReading(metric="roc_auc", value=0.7, low=0.6, high=0.8, n=100)
    return ModelVersion(
        tag=tag, created=created, run_id="r", metrics={"roc_auc": reading}, gate=gate, contract_hash="", model_hash=""
    )


def entry(who: str = "ann", action: str = "promote", **fields: object) -> HistoryEntry:
    return HistoryEntry.model_validate({"who": who, "action": action} | fields)


def finding(cause: str, message: str = "it moved") -> Finding:
    return Finding(cause=cause, owner="data", severity="warning", title="Drift", message=message)


def processes(script: str, *arguments: list[str]) -> list[str]:
    """Run the script in processes that start together; return what they wrote, line by line."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for given in arguments
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    written = [line for process in started for line in process.communicate(timeout=90)[0].splitlines()]
    assert [process.returncode for process in started] == [0] * len(started)
    return written


# --- records come back as they went in ---------------------------------------------------------------------------


def test_a_batch_is_recorded_once(state: State) -> None:
    first, again = ingestion("b1"), ingestion("b1", rows=99)
    assert state.ingestion("flights", "b1") is None
    assert state.record_ingestion(first) == first
    assert state.record_ingestion(again) == first
    state.record_ingestion(ingestion("b1", "weather"))
    assert state.ingestion("flights", "b1") == first
    assert [(i.dataset, i.batch) for i in state.ingestions()] == [("weather", "b1"), ("flights", "b1")]
    assert state.ingestions("flights") == [first]
    assert len(state.ingestions(limit=1)) == 1


def test_runs_are_replaced_by_id_and_listed_newest_first(state: State) -> None:
    task = TaskRecord(name="train", state="done", started=JANUARY, seconds=1.5, source="n.ipynb", source_hash="h")
    assert state.last_run() is None
    state.save_run(run("r1", state="running"))
    state.save_run(run("r1", tasks=(task,), metrics={"auc": math.nan, "odds": math.inf}, parameters={"a": [1, None]}))
    state.save_run(run("r2", JANUARY + timedelta(hours=1)))
    assert [r.id for r in state.runs()] == ["r2", "r1"]
    newest, kept = state.last_run(), state.run("r1")
    assert newest is not None
    assert newest.id == "r2"
    assert kept is not None
    assert (kept.state, kept.tasks, kept.parameters) == ("done", (task,), {"a": [1, None]})
    assert math.isnan(kept.metrics["auc"])
    assert kept.metrics["odds"] == math.inf
    assert state.run("nobody") is None


def test_a_version_is_added_once(state: State) -> None:
    state.add_version(version("m:1"))
    state.add_version(version("m:2", JANUARY + timedelta(days=1)))
    with pytest.raises(StateError, match="m:1 is on record already"):
        state.add_version(version("m:1"))
    assert state.version("m:1") == version("m:1")
    assert state.version("m:9") is None
    assert [v.tag for v in state.versions()] == ["m:2", "m:1"]


def test_moving_an_alias_writes_the_history(state: State) -> None:
    assert state.alias("champion") is None
    first = state.move_alias("champion", "m:1", entry(reason="first"))
    second = state.move_alias("champion", "m:2", entry(version_from="what was thought"))
    state.move_alias("challenger", "m:3", entry(action="release"))
    state.append_history(entry(action="refuse", version_to="m:4"))
    alias = state.alias("champion")
    assert alias is not None
    assert (alias.version, alias.since) == ("m:2", second.at)
    assert [(h.action, h.version_from, h.version_to) for h in state.history()] == [
        ("refuse", None, "m:4"),
        ("release", None, "m:3"),
        ("promote", "m:1", "m:2"),
        ("promote", None, "m:1"),
    ]
    assert state.history()[3] == first
    assert len(state.history(limit=2)) == 2


def test_windows_are_replaced_and_listed_oldest_first(state: State) -> None:
    def report(month: int, rows: int) -> WindowReport:
        window = Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))
        return WindowReport(
            window=window, project="p", rows=rows, labelled=0, open=True, versions={}, reference="m:1", verdict="drift"
        )

    second, first, replaced = report(6, 10), report(5, 10), report(6, 20)
    for each in (second, first, replaced):
        state.save_window(each)
    assert state.windows() == [first, replaced]
    assert state.newest_windows(WindowReport, 1) == [replaced]
    assert state.newest_windows(WindowReport, 5) == [first, replaced]


def test_a_decision_gains_its_outcome(state: State) -> None:
    window = Window(start=JANUARY, end=JANUARY + timedelta(days=31))
    first = Decision(window=window, action="retrain", reason="drift", findings=(finding("drift"),), judged=JANUARY)
    later = Decision(window=window, action="nothing", reason="calm", at=first.at + timedelta(seconds=1))
    assert state.add_decision(first)
    assert state.add_decision(later)
    assert not state.add_decision(first.model_copy(update={"id": "again", "at": now()}))  # about the same report
    state.finish_decision(first.id, "released m:2")
    state.finish_decision("nobody", "nothing happens")
    done = first.model_copy(update={"outcome": "released m:2"})
    assert state.decisions() == [done, later]
    assert state.decision(first.id) == done
    assert state.decision("nobody") is None


def retraining(name: str = "r1", month: int = 1, champion: str = "m:1") -> Retraining:
    window = Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))
    words = {"reason": "drift", "start": "2012-09-01", "end": "2013-01-01", "why": "the months before"}
    return Retraining(
        id=name, window=window, champion=champion, decision=f"d-{name}", products=f"products/{name}", **words
    )


def decision(month: int = 1, **fields: object) -> Decision:
    window = retraining(month=month).window
    given = {"window": window, "action": "retrain", "reason": "drift"} | fields
    return Decision.model_validate(given)


def test_a_decision_and_the_retraining_that_it_opens_are_one(state: State) -> None:
    assert state.add_decision(decision(), retraining("r1"))
    assert not state.add_decision(decision(), retraining("r2"))  # the window has led to one of that champion
    assert state.add_decision(decision(), retraining("r3", champion="m:2"))
    assert len(state.decisions()) == 2
    assert [each.id for each in state.retrainings()] == ["r1", "r3"]


def test_a_question_is_answered_once(state: State) -> None:
    asked = decision(action="ask", asks_for="retrain", reason="drift")
    state.add_decision(asked)
    assert asked.waits
    answered = state.answer_decision(asked.id, "approved", who="ann", note="go", opening=retraining())
    assert answered is not None
    assert (answered.answer, answered.answered_by, answered.note, answered.waits) == ("approved", "ann", "go", False)
    assert answered.retrains
    assert state.answer_decision(asked.id, "rejected", who="bob", note="no") is None
    assert state.answer_decision("nobody", "rejected", who="bob", note="no") is None
    assert state.decision(asked.id) == answered
    again = decision(action="ask", asks_for="retrain", reason="drift")
    state.add_decision(again)
    assert state.answer_decision(again.id, "approved", who="ann", note="", opening=retraining("r2")) is None
    assert [each.id for each in state.retrainings()] == ["r1"]


def test_a_retraining_is_led_on_by_whoever_holds_its_lease(state: State) -> None:
    state.add_decision(decision(), retraining())
    soon, later = now() + timedelta(seconds=30), now() + timedelta(seconds=60)
    mine = state.claim_retraining("r1", "ann", now(), soon)
    assert mine is not None
    assert mine.attempts == 1
    assert state.claim_retraining("r1", "bob", now(), soon) is None
    assert not state.renew_lease("r1", "bob", later)
    assert state.renew_lease("r1", "ann", later)
    built = mine.model_copy(update={"step": "release", "run": "run-1", "attempts": 1})
    assert not state.lead_on(built, after="train", owner="bob")
    question = decision(action="ask", asks_for="promote")
    assert state.lead_on(built, after="train", owner="ann", asking=question)
    assert not state.lead_on(built, after="train", owner="ann", asking=question)  # it has left that step
    assert [each.id for each in state.decisions()][1:] == [question.id]
    theirs = state.claim_retraining("r1", "bob", later, later + timedelta(seconds=30))  # the lease has run out
    assert theirs is not None
    assert (theirs.step, theirs.run, theirs.attempts) == ("release", "run-1", 2)
    assert not state.lead_on(built.model_copy(update={"step": "compare"}), after="release", owner="ann")
    state.free_lease("r1", "ann")  # not his any more
    assert state.claim_retraining("r1", "ann", now(), soon) is None
    state.free_lease("r1", "bob")
    last = state.claim_retraining("r1", "ann", now(), soon)
    assert last is not None
    state.lead_on(last.model_copy(update={"step": "done"}), after="release", owner="ann")
    assert state.claim_retraining("r1", "ann", later, later) is None
    state.add_decision(decision(2), retraining("r2", 2))
    assert [each.id for each in state.retrainings()] == ["r1", "r2"]
    assert [each.id for each in state.retrainings(limit=1)] == ["r2"]


def test_what_a_retraining_came_to_is_its_decisions_outcome_too(state: State) -> None:
    made = decision()
    opened = retraining().model_copy(update={"decision": made.id})
    state.add_decision(made, opened)
    mine = state.claim_retraining("r1", "ann", now(), now() + timedelta(seconds=30))
    assert mine is not None
    ended = mine.model_copy(update={"step": "done", "outcome": "promoted"})
    assert not state.lead_on(ended, after="train", owner="bob")
    assert state.decisions() == [made]
    assert state.lead_on(ended, after="train", owner="ann")
    assert [each.outcome for each in state.decisions()] == ["promoted"]


def test_an_observer_is_heard_of_until_it_ends_or_falls_silent(state: State) -> None:
    beat = now() - timedelta(minutes=5)
    silent = Observer(id="a", host="box", pid=1, every=60, started=beat, heartbeat=beat)
    state.save_observer(silent)
    state.save_observer(silent.model_copy(update={"id": "b", "heartbeat": now()}))
    state.save_observer(silent.model_copy(update={"id": "c", "ended": beat}))
    assert state.silent_observers(now() - timedelta(minutes=1)) == [silent]
    assert next(iter(state.observers())).id == "b"
    state.save_observer(silent.model_copy(update={"ended": now(), "died": True}))
    assert state.silent_observers(now() - timedelta(minutes=1)) == []


def test_moments_are_compared_in_utc_whatever_zone_they_came_in(state: State) -> None:
    new_york = JANUARY.astimezone(datetime.strptime("-0500", "%z").tzinfo)
    state.save_run(run("late", JANUARY + timedelta(hours=1)))
    state.save_run(run("early", new_york))
    assert [r.id for r in state.runs()] == ["late", "early"]


# --- alerts and deployments --------------------------------------------------------------------------------------


def deliver(state: State, alert: Alert, error: str = "") -> bool:
    claim = now() + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, now(), claim)
    return state.record_delivery(alert.id, claim, reached=("file", "json"), error=error, next_attempt=None)


def test_a_cause_has_one_open_alert(state: State) -> None:
    first, new = state.raise_alert(finding("drift"), "desk")
    assert (new, first.count, first.delivered, first.owner) == (True, 1, False, "desk")
    assert deliver(state, first)
    again, new = state.raise_alert(finding("drift", "it moved on"), "new desk")
    assert (new, again.count, again.delivered, again.reached) == (False, 2, True, ("file", "json"))
    assert (again.message, again.owner, again.since) == ("it moved on", "new desk", first.since)
    assert again.updated >= first.updated
    state.raise_alert(finding("quality"), "desk")
    assert [a.cause for a in state.open_alerts()] == ["quality", "drift"]


def test_an_alert_that_has_become_more_severe_is_new_to_its_owner(state: State) -> None:
    first, _ = state.raise_alert(finding("drift"), "desk")
    deliver(state, first)
    state.acknowledge_alert(first.id, "ann", "seen")
    calmer, _ = state.raise_alert(finding("drift").model_copy(update={"severity": "info"}), "desk")
    assert (calmer.severity, calmer.delivered, calmer.acknowledged_by) == ("info", True, "ann")
    worse, new = state.raise_alert(finding("drift").model_copy(update={"severity": "critical"}), "desk")
    assert (new, worse.id, worse.delivered, worse.reached, worse.acknowledged) == (False, first.id, False, (), None)


def test_an_alert_is_sent_by_one_at_a_time(state: State) -> None:
    alert, _ = state.raise_alert(finding("drift"), "desk")
    moment, claim = now(), now() + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, moment, claim)
    assert not state.claim_delivery(alert.id, moment, claim)
    assert state.escalate_alert(alert.id, moment)
    assert not state.escalate_alert(alert.id, moment)
    late = state.record_delivery(alert.id, claim, reached=("owner",), error="", next_attempt=None)
    assert not late  # it has gone on to the backup meanwhile
    claimed_again = claim + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, moment, claimed_again)
    assert state.record_delivery(alert.id, claimed_again, reached=(), error="no", next_attempt=claim)
    (kept,) = state.open_alerts()
    assert (kept.delivered, kept.error, kept.attempts, kept.next_attempt) == (False, "no", 1, claim)


def test_what_people_do_about_an_alert_is_kept(state: State) -> None:
    alert, _ = state.raise_alert(finding("drift"), "desk")
    acknowledged = state.acknowledge_alert(alert.id, "ann", "seen")
    assert acknowledged is not None
    assert (acknowledged.acknowledged_by, acknowledged.note) == ("ann", "seen")
    assert not state.escalate_alert(alert.id, now())
    until = now() + timedelta(hours=1)
    muted = state.mute_alert(alert.id, "bob", "later", until)
    assert muted is not None
    assert muted.muted(now())
    assert not muted.muted(until)
    closed = state.close_alert(alert.id, "cy", "mended")
    assert closed is not None
    assert (closed.resolved_by, closed.note) == ("cy", "mended")
    assert state.close_alert(alert.id, "cy", "") is None
    assert state.acknowledge_alert(99, "ann", "") is None
    again, _ = state.raise_alert(finding("drift"), "desk")
    assert (again.muted_until, again.muted_by, again.acknowledged) == (
        until,
        "bob",
        None,
    )  # the cause rests, not the row


def test_that_an_alert_is_over_is_said_by_one_at_a_time_and_once(state: State) -> None:
    alert, _ = state.raise_alert(finding("drift"), "desk")
    moment = now()
    claim = moment + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, moment, claim)
    assert state.record_delivery(alert.id, claim, reached=("one",), error="", next_attempt=None)
    assert not state.claim_all_clear(alert.id, moment, claim)  # it is not over
    state.resolve_alert("drift")
    assert [over.id for over in state.alerts_over(moment)] == [alert.id]
    assert state.alerts_over(now() + timedelta(seconds=1)) == []
    assert [state.claim_all_clear(alert.id, moment, claim) for _ in range(2)] == [True, False]
    again = {"cleared": ("one",), "error": "two not", "at": None, "next_attempt": moment}
    assert state.record_all_clear(alert.id, claim, **again)
    assert [(over.cleared, over.error, over.attempts) for over in state.alerts_over(moment)] == [
        (("one",), "two not", 1)
    ]
    assert state.claim_all_clear(alert.id, moment, claim)
    done = {"cleared": ("one", "two"), "error": "", "at": moment, "next_attempt": None}
    assert state.record_all_clear(alert.id, claim, **done)
    assert state.alerts_over(moment) == []
    state.raise_alert(finding("drift"), "desk")
    state.resolve_alert("drift", "ann")
    assert state.alerts_over(moment) == []  # nobody had it, and a person saw to it


def test_a_resolved_cause_can_open_again(state: State) -> None:
    state.raise_alert(finding("drift"), "desk")
    state.resolve_alert("drift")
    state.resolve_alert("never raised")
    assert state.open_alerts() == []
    again, new = state.raise_alert(finding("drift"), "desk")
    assert (new, again.count) == (True, 1)
    assert [a.resolved is None for a in state.alerts()] == [True, False]
    assert len(state.alerts(limit=1)) == 1


def test_deployments_report_and_are_forgotten(state: State) -> None:
    def deployment(name: str, age: float, problem: str | None = None) -> Deployment:
        beat = datetime.now(UTC) - timedelta(seconds=age)
        return Deployment(id=name, pid=1, version="m:1", since=JANUARY, heartbeat=beat, problem=problem)

    state.heartbeat(deployment("a", 500))
    state.heartbeat(deployment("b", 500))
    state.heartbeat(deployment("b", 1, "cannot load m:2"))
    assert [(d.id, d.problem) for d in state.deployments(within_seconds=60)] == [("b", "cannot load m:2")]
    assert [d.id for d in state.deployments()] == ["a", "b"]
    state.forget_deployment("b")
    assert [d.id for d in state.deployments()] == ["a"]


def test_the_parts_of_production_that_changed_have_other_signs(state: State) -> None:
    def changed(act: Callable[[], object]) -> set[str]:
        before = state.signs()
        act()
        after = state.signs()
        assert before.keys() == after.keys()
        return {part for part in after if before[part] != after[part]}

    asked = decision(action="ask", asks_for="retrain")
    state.add_decision(asked)
    assert changed(state.signs) == set()
    assert changed(lambda: state.append_history(HistoryEntry(who="ann", action="release"))) == {"history"}
    moved = HistoryEntry(who="ann", action="nominate")
    assert changed(lambda: state.move_alias("challenger", "m:2", moved)) == {"history", "versions"}
    assert changed(lambda: state.answer_decision(asked.id, "approved", who="ann", note="", opening=retraining())) == {
        "decisions",
        "retrainings",
    }
    started = HistoryEntry(who="ann", action="rollout")
    assert changed(lambda: state.start_rollout(_rollout("a"), started)) == {"history", "rollout"}


# --- several processes, and their death --------------------------------------------------------------------------


@pytest.mark.slow
def test_racing_processes_keep_the_history_a_chain_and_a_cause_open_once(state_address: str) -> None:
    written = processes(RACER, [state_address, "ann"], [state_address, "bob"])
    assert sorted(written) == ["False"] * 19 + ["True"]
    with State.open(state_address) as state:
        entries = state.history()[::-1]
        assert [e.version_from for e in entries] == [None, *[e.version_to for e in entries[:-1]]]
        alias, alerts = state.alias("champion"), state.alerts()
    assert len(entries) == 20
    assert alias is not None
    assert alias.version == entries[-1].version_to
    assert [a.count for a in alerts] == [20]


@pytest.mark.slow
def test_processes_may_open_a_fresh_database_at_once(state_address: str) -> None:
    opened = processes(OPENER, *[[state_address]] * 3)
    assert [line.split()[1] for line in opened] == ["None"] * 3
    assert processes(OPENER, [state_address]) == ["False None"]  # up to date: Alembic was not even imported


@pytest.mark.slow
def test_a_killed_process_leaves_neither_half(state_address: str) -> None:
    with State.open(state_address) as state:
        state.move_alias("champion", "m:old", entry())
        died = subprocess.run([sys.executable, "-c", DYING, state_address], check=False, timeout=60)
        assert died.returncode == -signal.SIGKILL
        alias = state.alias("champion")
        assert alias is not None
        assert alias.version == "m:old"
        assert [h.version_to for h in state.history()] == ["m:old"]
        state.move_alias("champion", "m:new", entry())
        assert len(state.history()) == 2


def test_a_rollouts_step_is_led_on_once_and_with_its_history(state: State) -> None:
    first = _rollout("first")
    state.start_rollout(first, HistoryEntry(who="ada", action="rollout"))
    entry = HistoryEntry(who="ada", action="rollout", reason="step 2")
    further = first.model_copy(update={"step": 1})
    assert state.save_rollout(further, entry, after=first)
    assert not state.save_rollout(first, entry, after=first)  # judged before another led it on
    assert state.running_rollout() == further
    assert [kept.reason for kept in state.history()] == ["step 2", ""]


def test_a_promotion_and_the_rollout_that_it_ends_are_one(state: State) -> None:
    promoted = HistoryEntry(who="ada", action="promote")
    state.move_alias("champion", "m:1", promoted)
    rollout = _rollout("first")
    state.start_rollout(rollout, HistoryEntry(who="ada", action="rollout"))
    ended = rollout.model_copy(update={"state": "promoted", "ended": now()})
    state.move_alias("champion", "m:3", promoted)
    with pytest.raises(RolloutOver, match="m:1 is no longer champion"):
        state.move_alias("champion", "m:2", promoted, ending=ended)
    assert state.running_rollout() == rollout
    state.move_alias("champion", "m:1", promoted)
    state.move_alias("champion", "m:2", promoted, ending=ended)
    assert state.running_rollout() is None
    assert state.rollouts() == [ended]
    state.move_alias("champion", "m:1", promoted)
    before = state.history()
    with pytest.raises(RolloutOver, match="has ended meanwhile"):
        state.move_alias("champion", "m:2", promoted, ending=ended)
    alias = state.alias("champion")
    assert alias is not None
    assert (alias.version, state.history()) == ("m:1", before)


# --- the schema --------------------------------------------------------------------------------------------------


def test_the_migrations_make_the_schema(state: State, state_address: str) -> None:
    engine = create_engine(state_address)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
        differences = compare_metadata(context, METADATA)
        # those that only the migrations name, as schema.py says
        partial = {"ix_alerts_open_cause", "ix_rollouts_running"}
        assert {(kind, index.name) for kind, index in differences} == {("remove_index", name) for name in partial}
        assert context.get_current_revision() == HEAD
    engine.dispose()


def test_an_older_database_keeps_its_alerts_with_the_role_of_their_owner(state_address: str) -> None:
    engine = create_engine(state_address)
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(roadworthy.__file__).parent / "migrations"))
    Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0003")
        columns = "cause, owner, severity, title, message, since, updated, count, delivered"
        for cause, owner in (("a", "data: Ada <ada@example.org>"), ("b", "monitoring: Bob <bob@example.org>")):
            values = f"'{cause}', '{owner}', 'info', '', '', '2013-01-01', '2013-01-01', 1, '1'"
            connection.execute(text(f"INSERT INTO alerts ({columns}) VALUES ({values})"))  # noqa: S608 - constants
    with State.open(state_address) as state:
        assert {alert.cause: alert.role for alert in state.open_alerts()} == {"a": "data", "b": "monitoring"}
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "0003")
    engine.dispose()


def test_the_head_is_the_newest_migration() -> None:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(roadworthy.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(settings).get_current_head() == HEAD


def test_a_newer_schema_is_refused(state: State, state_address: str) -> None:
    engine = create_engine(state_address)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {REVISION_TABLE} SET version_num = '9999'"))  # noqa: S608 - a constant
    engine.dispose()
    with pytest.raises(StateError, match=r"schema 9999, newer than this Roadworthy's") as caught:
        State.open(state_address)
    assert "upgrade" in caught.value.next_step


def test_a_document_of_another_version_is_refused(state: State, state_address: str) -> None:
    state.save_run(run("r1"))
    engine = create_engine(state_address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET document = '{\"colour\": 1}'"))
    engine.dispose()
    with pytest.raises(StateError, match="A RunRecord in the state database cannot be read"):
        state.runs()


# --- what can be wrong with an address ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "fact"),
    [
        ("nonsense", "not a database address"),
        ("postgresql://host:port/x", "not a database address"),
        ("mysql://host/x", "kind 'mysql' is not supported"),
        ("postgresql+nodriver://host/x", "driver"),
        ("postgresql://someone:secret@127.0.0.1:1/x", "cannot be used"),
        ("sqlite:////proc/nowhere/state.db", "cannot be created"),
    ],
)
def test_a_wrong_address_is_named(address: str, fact: str) -> None:
    with pytest.raises(StateError, match=fact) as caught:
        State.open(address)
    assert "secret" not in str(caught.value)
    assert caught.value.next_step


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"these are notes, not a database" * 100)
    with pytest.raises(StateError, match="not a database") as caught:
        State.open(f"sqlite:///{file}")
    assert str(file) in caught.value.next_step
    assert file.read_bytes().startswith(b"these are notes")


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="unable to open"):
        State.open(f"sqlite:///{tmp_path}")


def test_a_database_that_goes_away_is_named(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with State.open(f"sqlite:///{file}") as state:
        connection = sqlite3.connect(file)
        connection.execute("DROP TABLE runs")
        connection.commit()
        connection.close()
        with pytest.raises(StateError, match="no such table: runs"):
            state.runs()


def test_a_folder_with_a_percent_sign_is_fine(tmp_path: Path) -> None:
    with State.open(f"sqlite:///{tmp_path}/100% mine/state.db") as state:
        assert state.runs() == []


# --- serving -------------------------------------------------------------------------------------------------------


def _token(token_id: str) -> AccessToken:
    return AccessToken(id=token_id, name="a dashboard", hash="0" * 64, scopes=("predict",), by="ada")


def test_a_token_is_kept_until_it_is_revoked(state: State) -> None:
    state.add_token(_token("a"))
    with pytest.raises(StateError, match="on record already"):
        state.add_token(_token("a"))
    (kept,) = state.tokens()
    assert kept.allows("predict", now())
    assert not kept.allows("admin", now())
    revoked = state.revoke_token("a")
    assert revoked is not None
    assert not revoked.allows("predict", now())
    assert state.revoke_token("a") == revoked
    assert state.tokens() == [revoked]
    assert state.revoke_token("b") is None


def test_a_token_ends_with_its_time() -> None:
    token = _token("a").model_copy(update={"expires": now()})
    assert not token.allows("predict", now())


@pytest.mark.parametrize("table", [history, audit], ids=lambda table: table.name)
def test_history_and_audit_log_are_only_added_to(state: State, state_address: str, table: Table) -> None:
    state.add_audit(AuditEntry(who="ada", act="create token", outcome="done"))
    state.append_history(HistoryEntry(who="ada", action="retrain"))
    engine = create_engine(state_address)
    for statement in (table.delete(), table.update().values(document="")):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="only ever added to"):
            connection.execute(statement)
    engine.dispose()
    assert [entry.act for entry in state.audit()] == ["create token"]
    assert len(state.history()) == 1


def _rollout(rollout_id: str) -> Rollout:
    moment = now()
    return Rollout(
        id=rollout_id,
        mode="canary",
        champion="m:1",
        challenger="m:2",
        steps=(0.1, 0.5),
        started=moment,
        since=moment,
        who="ada",
    )


def test_one_rollout_runs_at_a_time(state: State) -> None:
    started = HistoryEntry(who="ada", action="rollout")
    first = _rollout("first")
    assert state.running_rollout() is None
    state.start_rollout(first, started)
    with pytest.raises(StateError, match="running already"):
        state.start_rollout(_rollout("second"), started)
    assert len(state.history()) == 1
    further = first.model_copy(update={"step": 1})
    assert state.save_rollout(further)
    assert state.running_rollout() == further
    assert further.share == 0.5
    ended = further.model_copy(update={"state": "aborted", "ended": now()})
    assert state.save_rollout(ended)
    assert not state.save_rollout(further)  # it has ended: whoever still judges it comes too late
    assert state.running_rollout() is None
    state.start_rollout(_rollout("second"), started)
    assert [each.id for each in state.rollouts()] == ["second", "first"]
