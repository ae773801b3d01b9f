"""The registry: small real models in BentoML's own store, pointers in real databases."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import GateRefused, RegistryError, UnknownVersion
from roadworthy.records import GateCheck, GateVerdict, HistoryEntry, MetricReading, ModelVersion, RunRecord, now
from roadworthy.state import State

# BentoML imports pathspec's old pattern class when it is first used.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")

CONTRACT = """
kind: DataContract
apiVersion: v3.2.0
id: small
version: 1.0.0
schema:
- name: flights
  properties:
  - {name: id, logicalType: string, required: true, customProperties: [{property: role, value: identifier}]}
  - {name: distance, logicalType: number, required: true, customProperties: [{property: role, value: feature}]}
  - {name: hour, logicalType: integer, required: true, customProperties: [{property: role, value: feature}]}
"""
ROWS = [{"id": "a", "distance": 100.0, "hour": 6}, {"id": "b", "distance": 2500.5, "hour": 21}]
PASSED = GateVerdict(checks=(GateCheck(name="owners", passed=True, fact="all are named"),))
FAILED = GateVerdict(checks=(GateCheck(name="roc_auc", passed=False, fact="0.51 is below 0.65"),))
READINGS = {"roc_auc": MetricReading(metric="roc_auc", value=0.7, low=0.65, high=0.75, n=500)}

Release = Callable[..., ModelVersion]


@pytest.fixture
def config(config: Config, state_address: str) -> Config:
    """The reference project's configuration, on the database at hand."""
    return config.model_copy(update={"settings": config.settings.model_copy(update={"state": state_address})})


def trained(seed: int) -> LogisticRegression:
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"distance": rng.uniform(10, 3000, 200), "hour": rng.integers(0, 24, 200)})
    return LogisticRegression(max_iter=1000).fit(rows, rows["hour"] + rng.normal(0, 4, 200) > 12)


def files_of(model: LogisticRegression) -> dict[str, bytes | Path]:
    probabilities = model.predict_proba(pd.DataFrame(ROWS)[["distance", "hour"]])[:, 1]
    return {
        "model.skops": skops.io.dumps(model),
        "contract.yaml": CONTRACT.encode(),
        "smoke.json": json.dumps({"rows": ROWS, "probabilities": probabilities.tolist()}).encode(),
    }


@pytest.fixture
def release(config: Config, state: State) -> Release:
    def released(seed: int = 0, verdict: GateVerdict = PASSED, **changed: bytes | Path) -> ModelVersion:
        files = files_of(trained(seed)) | {name.replace("_", "."): content for name, content in changed.items()}
        return registry.add(
            config,
            state,
            run=RunRecord(id="run-1", project="late-flights", state="done", started=now(), git_commit="c0ffee"),
            verdict=verdict,
            metrics=READINGS,
            files=files,
            contract_hash="abc",
            tables={"flights": 3},
            trained_from="2013-01-01",
            trained_until="2013-05-01",
            who="ann",
            reason="a first try",
        )

    return released


def champion_tag(state: State) -> str | None:
    champion = registry.champion(state)
    return None if champion is None else champion.tag


# --- storing and finding -----------------------------------------------------------------------------------------


def test_a_version_stands_in_bentomls_store_and_in_the_state(release: Release, state: State, tmp_path: Path) -> None:
    version = release()
    assert re.fullmatch(r"late-flights:\d{8}-\d{6}-[0-9a-f]{4}", version.tag)
    assert state.version(version.tag) == version
    assert (version.run_id, version.git_commit, version.tables) == ("run-1", "c0ffee", {"flights": 3})
    entry = state.history()[0]
    assert (entry.action, entry.version_to, entry.who, entry.reason) == ("release", version.tag, "ann", "a first try")
    assert entry.seconds > 0
    assert registry.champion(state) is None
    folder = tmp_path / "bentoml" / "models" / version.tag.replace(":", "/")
    assert {"model.skops", "contract.yaml", "smoke.json", "model.yaml"} <= {file.name for file in folder.iterdir()}
    assert registry.file(version.tag, "contract.yaml") == folder / "contract.yaml"


@pytest.mark.slow
def test_bentomls_own_command_sees_the_version(release: Release) -> None:
    version = release()
    command = [sys.executable, "-m", "bentoml", "models", "get", version.tag, "-o", "json"]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    assert shown["labels"] == {"project": "late-flights", "run": "run-1", "gate": "passed"}
    assert shown["metadata"]["metrics"] == {"roc_auc": 0.7}
    assert shown["metadata"]["model_hash"] == version.model_hash


def test_versions_of_one_second_do_not_collide(release: Release, state: State) -> None:
    tags = {release().tag for _ in range(5)}
    assert len(tags) == 5
    assert {v.tag for v in state.versions()} == tags


def test_a_version_goes_by_several_names(config: Config, release: Release, state: State) -> None:
    first, second = release(), release()
    registry.promote(config, state, first.tag, who="ann", reason="")
    bare = first.tag.partition(":")[2]
    assert [registry.resolve(state, name).tag for name in (first.tag, bare, "champion")] == [first.tag] * 3
    with pytest.raises(UnknownVersion, match="the beginning of 2 versions"):
        registry.resolve(state, "late-flights:")
    with pytest.raises(UnknownVersion, match="There is no challenger"):
        registry.resolve(state, "challenger")
    for name in ("nobody", "", "late-flights:1999"):
        with pytest.raises(UnknownVersion, match="No version goes by"):
            registry.resolve(state, name)
    only_the_second = second.tag[:-1] if second.tag[:-1] != first.tag[:-1] else second.tag
    assert registry.resolve(state, only_the_second).tag == second.tag


def test_what_is_no_model_is_refused(release: Release, state: State, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="a pickle is never loaded") as caught:
        release(model_skops=pickle.dumps(trained(0)))
    assert "skops.io.dump" in caught.value.next_step
    with pytest.raises(RegistryError, match="does not exist"):
        release(model_skops=tmp_path / "gone.skops")
    assert state.versions() == []


# --- loading -----------------------------------------------------------------------------------------------------


def test_a_model_answers_as_the_estimator_did(config: Config, release: Release) -> None:
    frame = pd.DataFrame({"hour": [3, 17, 22], "id": ["x", "y", "z"], "distance": [500.0, 80.0, 2000.0]})
    model = registry.load(config, release(seed=4).tag)
    answered = model.predict(frame)
    np.testing.assert_allclose(answered, trained(4).predict_proba(frame[["distance", "hour"]])[:, 1], rtol=0, atol=0)
    assert (answered.dtype, answered.shape) == (np.dtype("float64"), (3,))
    with pytest.raises(RegistryError, match="needs hour"):
        model.predict(frame[["id", "distance"]])


def test_an_old_version_keeps_its_contract(config: Config, release: Release) -> None:
    wider = CONTRACT + "  - {name: seats, logicalType: number, customProperties: [{property: role, value: feature}]}\n"
    assert registry.load(config, release().tag).dataset.features == ("distance", "hour")
    assert registry.load(config, release(contract_yaml=wider.encode()).tag).dataset.features[-1] == "seats"


def test_a_changed_model_file_is_not_loaded(config: Config, release: Release) -> None:
    version = release()
    registry.file(version.tag, "model.skops").write_bytes(skops.io.dumps(trained(9)))
    with pytest.raises(RegistryError, match="SHA-256 differs"):
        registry.load(config, version.tag)


def test_a_version_knows_the_categories_that_it_was_trained_on(config: Config, release: Release) -> None:
    training = json.dumps({"seen": {"carrier": ["AA", "9E"], "note": None}}).encode()
    known = registry.load(config, release(training_json=training).tag)
    assert known.seen == {"carrier": {"AA", "9E"}}
    assert registry.load(config, release().tag).seen == {}


def test_a_model_receives_its_features_in_their_order_whatever_stands_beside_them(
    config: Config, release: Release
) -> None:
    model = registry.load(config, release().tag)
    rows = pd.DataFrame(ROWS)
    expected = model.predict(rows[["distance", "hour"]])
    for columns in (["id", "distance", "hour"], ["hour", "distance"]):
        np.testing.assert_array_equal(model.predict(rows[columns]), expected)
    with pytest.raises(RegistryError, match="needs hour, which the rows do not have"):
        model.predict(rows[["id", "distance"]])


def test_types_that_are_not_trusted_are_named_with_the_line_to_add(config: Config, release: Release) -> None:
    model = make_pipeline(FunctionTransformer(np.sqrt), CalibratedClassifierCV(LogisticRegression(), cv=2))
    rows = pd.DataFrame({"distance": np.arange(40.0), "hour": np.arange(40) % 24})
    version = release(model_skops=skops.io.dumps(model.fit(rows, rows["hour"] > 12)))
    narrow = config.settings.model.model_copy(update={"trusted": ("a.b.C",)})
    distrusting = config.model_copy(update={"settings": config.settings.model_copy(update={"model": narrow})})
    with pytest.raises(RegistryError, match=r"not trusted: sklearn\.calibration\._") as caught:
        registry.load(distrusting, version.tag)
    line = caught.value.next_step.partition("trusted = ")[2]
    wide = config.settings.model.model_copy(update={"trusted": tuple(json.loads(line))})
    trusting = config.model_copy(update={"settings": config.settings.model_copy(update={"model": wide})})
    assert "a.b.C" in line
    assert registry.load(trusting, version.tag).predict(rows).shape == (40,)


def test_a_broken_model_file_is_named(config: Config, release: Release) -> None:
    version = release(model_skops=b"PK but no zip")
    with pytest.raises(RegistryError, match="cannot be loaded"):
        registry.load(config, version.tag)


def test_what_is_gone_is_named(config: Config, release: Release) -> None:
    version = release()
    with pytest.raises(RegistryError, match=r"has no file reference\.profile\.bin"):
        registry.file(version.tag, "reference.profile.bin")
    registry.delete(version.tag)
    registry.delete(version.tag)
    with pytest.raises(RegistryError, match="not in BentoML's model store"):
        registry.load(config, version.tag)
    with pytest.raises(UnknownVersion, match="is on record"):
        registry.load(config, "late-flights:never")


# --- a pickle, where the configuration names it ------------------------------------------------------------------


def with_model(config: Config, **changed: object) -> Config:
    """The configuration with other settings of [tool.roadworthy.model]."""
    model = config.settings.model.model_copy(update=changed)
    return config.model_copy(update={"settings": config.settings.model_copy(update={"model": model})})


class Spy:
    """Leaves a trace where it is unpickled: what any code could do."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self._trace,)


def release_pickle(config: Config, state: State, model: bytes) -> ModelVersion:
    files = files_of(trained(3))
    del files["model.skops"]
    return registry.add(
        config,
        state,
        run=RunRecord(id="run-1", project="late-flights", state="done", started=now()),
        verdict=PASSED,
        metrics=READINGS,
        files=files | {"model.pkl": model},
        contract_hash="abc",
        tables={},
        trained_from=None,
        trained_until=None,
        who="ann",
    )


def test_a_pickle_is_taken_only_where_the_configuration_names_it(config: Config, state: State) -> None:
    model = pickle.dumps(trained(3))
    for half in (config, with_model(config, pickle=True), with_model(config, model="model.pkl")):
        with pytest.raises(RegistryError, match="can run any code") as caught:
            release_pickle(half, state, model)
        assert "pickle = true" in caught.value.next_step
    assert state.versions() == []

    named = with_model(config, pickle=True, model="model.pkl")
    version = release_pickle(named, state, model)
    assert version.model_file == "model.pkl"
    loaded = registry.load(named, version.tag)
    registry.smoke(loaded)
    assert loaded.predict(pd.DataFrame(ROWS)).shape == (2,)


def test_a_build_is_read_before_it_is_a_version(config: Config, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"model\.skops does not exist"):
        registry.draft(config, tmp_path / "model.skops", dataset)
    model = trained(3)
    (tmp_path / "model.skops").write_bytes(skops.io.dumps(model))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    read = registry.draft(config, tmp_path / "model.skops", dataset).estimator
    assert read.coef_.tolist() == model.coef_.tolist()
    with pytest.raises(RegistryError, match="can run any code"):
        registry.draft(config, tmp_path / "model.pkl", dataset)
    named = with_model(config, pickle=True, model="model.pkl")
    assert registry.draft(named, tmp_path / "model.pkl", dataset).estimator.coef_.tolist() == model.coef_.tolist()


def test_a_pickle_of_a_service_that_does_not_allow_it_does_not_run(
    config: Config, state: State, tmp_path: Path
) -> None:
    trace = tmp_path / "it ran"
    named = with_model(config, pickle=True, model="model.pkl")
    version = release_pickle(named, state, pickle.dumps(Spy(trace)))
    with pytest.raises(RegistryError, match="can run any code"):
        registry.load(config, version.tag)
    assert not trace.exists()
    registry.load(named, version.tag)
    assert trace.exists()  # it was only the refusal that kept it from running


def test_a_tampered_pickle_does_not_run(config: Config, state: State, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    named = with_model(config, pickle=True, model="model.pkl")
    version = release_pickle(named, state, pickle.dumps(trained(3)))
    registry.file(version.tag, "model.pkl").write_bytes(pickle.dumps(Spy(trace)))
    with pytest.raises(RegistryError, match="SHA-256 differs"):
        registry.load(named, version.tag)
    assert not trace.exists()


def test_smoke_notices_another_answer(config: Config, release: Release) -> None:
    model = registry.load(config, release().tag)
    registry.smoke(model)
    path = registry.file(model.tag, "smoke.json")
    recorded = json.loads(path.read_text())
    recorded["probabilities"][0] += 1e-8
    path.write_text(json.dumps(recorded))
    with pytest.raises(RegistryError, match="otherwise than at its release"):
        registry.smoke(model)
    path.write_text(json.dumps(recorded | {"rows": [{"distance": "far"}]}))
    with pytest.raises(RegistryError, match="failed its smoke request"):
        registry.smoke(model)
    path.write_text("{}")
    with pytest.raises(RegistryError, match="failed its smoke request"):
        registry.smoke(model)


# --- production --------------------------------------------------------------------------------------------------


def test_promotion_moves_the_pointer_and_says_who_and_why(config: Config, release: Release, state: State) -> None:
    first, second = release(), release()
    registry.promote(config, state, first.tag, who="ann", reason="first")
    entry = registry.promote(config, state, second.tag, who="bob", reason="better")
    assert state.history()[0] == entry
    assert (entry.action, entry.version_from, entry.version_to) == ("promote", first.tag, second.tag)
    assert (entry.who, entry.reason, entry.forced) == ("bob", "better", False)
    assert entry.seconds > 0
    assert champion_tag(state) == second.tag
    with pytest.raises(RegistryError, match="is champion already"):
        registry.promote(config, state, second.tag, who="bob", reason="again")


def test_the_gate_holds_a_version_back_unless_forced(config: Config, release: Release, state: State) -> None:
    version = release(verdict=FAILED)
    with pytest.raises(GateRefused, match=r"roc_auc: 0\.51 is below 0\.65"):
        registry.promote(config, state, version.tag, who="bob", reason="in a hurry")
    refusal = state.history()[0]
    assert (refusal.action, refusal.version_to, refusal.who) == ("refuse", version.tag, "bob")
    assert "0.51 is below 0.65" in refusal.reason
    assert registry.champion(state) is None
    entry = registry.promote(config, state, version.tag, who="bob", reason="in a hurry", force=True)
    assert (entry.forced, champion_tag(state)) == (True, version.tag)


def test_a_version_that_cannot_answer_is_not_promoted(config: Config, release: Release, state: State) -> None:
    good = release()
    registry.promote(config, state, good.tag, who="ann", reason="")
    bad = release(smoke_json=json.dumps({"rows": ROWS, "probabilities": [0.5, 0.5]}).encode())
    with pytest.raises(RegistryError, match="smoke request"):
        registry.promote(config, state, bad.tag, who="ann", reason="")
    refusal = state.history()[0]
    assert (refusal.action, refusal.version_from, refusal.version_to) == ("refuse", good.tag, bad.tag)
    assert champion_tag(state) == good.tag


def test_rollback_goes_to_the_champion_before(config: Config, release: Release, state: State) -> None:
    a, b, c = (release() for _ in range(3))
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback(config, state, who="ann", reason="")
    for version in (a, b, c):
        registry.promote(config, state, version.tag, who="ann", reason="")
    entry = registry.rollback(config, state, who="bob", reason="worse")
    assert (entry.action, entry.version_from, entry.version_to) == ("rollback", c.tag, b.tag)
    assert registry.rollback(config, state, who="bob", reason="worse still").version_to == a.tag
    assert registry.former(state) is None
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback(config, state, who="bob", reason="")
    registry.promote(config, state, c.tag, who="ann", reason="mended")
    assert registry.former(state) == a


def test_rollback_goes_only_to_what_was_champion(config: Config, release: Release, state: State) -> None:
    a, b, never = release(), release(), release(verdict=FAILED)
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    with pytest.raises(RegistryError, match="never was champion"):
        registry.rollback(config, state, who="ann", reason="", to=never.tag)
    with pytest.raises(RegistryError, match="is champion already"):
        registry.rollback(config, state, who="ann", reason="", to="champion")
    assert registry.rollback(config, state, who="ann", reason="", to=a.tag).version_to == a.tag
    registry.rollback(config, state, who="ann", reason="forwards again", to=b.tag)
    assert champion_tag(state) == b.tag
    registry.file(a.tag, "model.skops").unlink()
    with pytest.raises(RegistryError, match="has no file"):
        registry.rollback(config, state, who="ann", reason="", to=a.tag)
    assert state.history()[0].action == "refuse"
    assert champion_tag(state) == b.tag


def test_rollback_leaves_out_what_was_rolled_back_from(config: Config, release: Release, state: State) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="b is bad")
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.former(state) == a
    registry.rollback(config, state, who="ann", reason="c is worse", to=b.tag)
    assert registry.former(state) == a
    registry.promote(config, state, c.tag, who="ann", reason="mended")
    assert registry.former(state) == b, "going back to it by name made it good again"


def test_rollback_does_not_return_to_what_it_once_left(config: Config, release: Release, state: State) -> None:
    a, b = release(), release()
    for version in (a, b, a):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="a has become bad")
    assert champion_tag(state) == b.tag
    assert registry.former(state) is None
    with pytest.raises(RegistryError, match="neither rolled back from nor refused"):
        registry.rollback(config, state, who="ann", reason="")


def test_a_version_that_services_refused_is_not_good(config: Config, release: Release, state: State) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    refusal = HistoryEntry(who="service x", action="refuse", version_from=a.tag, version_to=b.tag, reason="no memory")
    state.append_history(refusal)
    assert registry.former(state) == a
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.former(state) == a
    assert registry.rollback(config, state, who="ann", reason="", to=b.tag).version_to == b.tag, "by name it is allowed"


def test_two_who_go_back_at_once_hold_nothing_against_where_they_went(
    config: Config, release: Release, state: State
) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="")
    entry = state.move_alias("champion", a.tag, HistoryEntry(who="policy", action="rollback"))
    assert entry.version_from == entry.version_to == a.tag
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.former(state) == a


def test_when_the_last_good_version_cannot_answer_the_next_rollback_goes_further(
    config: Config, release: Release, state: State
) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b, c):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.file(b.tag, "model.skops").unlink()
    with pytest.raises(RegistryError, match="has no file"):
        registry.rollback(config, state, who="ann", reason="")
    assert champion_tag(state) == c.tag
    assert registry.rollback(config, state, who="ann", reason="").version_to == a.tag


def test_a_forced_version_that_nobody_took_back_is_gone_back_to(config: Config, release: Release, state: State) -> None:
    a, forced, c = release(), release(verdict=FAILED), release()
    registry.promote(config, state, a.tag, who="ann", reason="")
    registry.promote(config, state, forced.tag, who="ann", reason="the gate is wrong", force=True)
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.rollback(config, state, who="ann", reason="").version_to == forced.tag
    assert registry.rollback(config, state, who="ann", reason="").version_to == a.tag


def test_the_audit_log_has_what_was_done_and_what_was_not(config: Config, release: Release, state: State) -> None:
    first, second, bad = release(), release(), release(verdict=FAILED)
    registry.promote(config, state, first.tag, who="ann", reason="")
    registry.promote(config, state, "late-flights:" + second.tag.partition(":")[2], who="ann", reason="better")
    with pytest.raises(GateRefused):
        registry.promote(config, state, bad.tag, who="bob", reason="", origin="http://127.0.0.1:3000")
    with pytest.raises(UnknownVersion):
        registry.promote(config, state, "nobody", who="bob", reason="")
    registry.rollback(config, state, who="policy", reason="it fell", origin="watch")
    with pytest.raises(RegistryError):
        registry.rollback(config, state, who="ann", reason="")
    log = state.audit()[::-1]
    assert [(entry.act, entry.who, entry.target, entry.outcome, entry.origin) for entry in log] == [
        ("promote", "ann", first.tag, "done", "command line"),
        ("promote", "ann", second.tag, "done", "command line"),
        ("promote", "bob", bad.tag, "refused", "http://127.0.0.1:3000"),
        ("promote", "bob", "nobody", "refused", "command line"),
        ("rollback", "policy", first.tag, "done", "watch"),
        ("rollback", "ann", "the last good version", "refused", "command line"),
    ]
    assert log[0].detail == "as the first champion"
    assert log[1].detail == f"in place of {first.tag}: better"
    assert "0.51 is below 0.65" in log[2].detail
    assert log[4].detail == f"in place of {second.tag}: it fell"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2) | st.just("back"), max_size=6), st.integers(0, 2))
def test_rolling_back_a_promotion_restores_the_champion(
    config: Config, release: Release, state: State, past: list[int | str], last: int
) -> None:
    versions = sorted(state.versions(), key=lambda v: v.tag) or [release() for _ in range(3)]
    for step in past:
        try:
            if isinstance(step, int):
                registry.promote(config, state, versions[step].tag, who="ann", reason="")
            else:
                registry.rollback(config, state, who="ann", reason="")
        except RegistryError:  # it was champion already, or there was none before it
            continue
    before = champion_tag(state)
    if before is None or before == versions[last].tag:
        return
    registry.promote(config, state, versions[last].tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="")
    assert champion_tag(state) == before


@pytest.mark.slow
def test_importing_the_registry_loads_neither_bentoml_nor_scikit_learn() -> None:
    code = "import sys, roadworthy.registry; print(sorted({'bentoml', 'skops', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
