"""Decisions follow from findings and policy alone."""

from datetime import UTC, datetime, timedelta

import pytest

from roadworthy import decisions
from roadworthy.config import ActionPolicy, CapturePolicy, Config, Policy, RetrainPolicy
from roadworthy.records import (
    Baseline,
    Comparison,
    ConceptDrift,
    Decision,
    Deployment,
    GateVerdict,
    MetricReading,
    ModelVersion,
    Performance,
    Reading,
    Segment,
    SegmentReport,
    Window,
    WindowReport,
)

LIVE, FORMER = "late-flights:new", "late-flights:old"


def _window(month: int) -> Window:
    return Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))


def _reading(column: str = "temp", kind: str = "feature", verdict: str = "drift", effect: float = 0.4) -> Reading:
    return Reading.model_validate(
        {
            "column": column,
            "kind": kind,
            "measure": "Kolmogorov-Smirnov",
            "statistic": effect,
            "effect": effect,
            "threshold": 0.03,
            "p_value": 0.0,
            "adjusted_p": 0.0,
            "n_reference": 50_000,
            "n_window": 9_000,
            "verdict": verdict,
            "words": f"{column} is higher",
        }
    )


def _performance(*, fell: bool = False, gain_low: float | None = None) -> Performance:
    reading = MetricReading(metric="roc_auc", value=0.6, low=0.58, high=0.62, n=8000)
    against = None
    if gain_low is not None:
        against = Comparison(
            metric="roc_auc",
            champion=LIVE,
            challenger=FORMER,
            champion_value=0.6,
            challenger_value=0.7,
            gain=0.1,
            low=gain_low,
            high=0.2,
            n=8000,
        )
    return Performance(
        version=LIVE,
        rows=9000,
        labelled=8000,
        metrics={"roc_auc": reading},
        reference=reading.model_copy(update={"value": 0.72}),
        fall=0.12,
        fell=fell,
        against_former=against,
    )


def _report(
    month: int = 5, *, drift: bool = False, still_open: bool = False, labelled: int = 8000, **performance: object
) -> WindowReport:
    return WindowReport(
        window=_window(month),
        project="late-flights",
        rows=9000,
        labelled=labelled,
        open=still_open,
        versions={LIVE: 9000},
        reference=LIVE,
        readings=(_reading(),) if drift else (_reading(verdict="no drift", effect=0.01),),
        performance=(_performance(**performance),),  # type: ignore[arg-type]
        verdict="drift" if drift else "no drift",
        drifted=("temp",) if drift else (),
    )


def _version(tag: str = LIVE, until: str = "2013-05-01") -> ModelVersion:
    return ModelVersion(
        tag=tag,
        created=datetime(2013, 5, 1, tzinfo=UTC),
        run_id="r",
        gate=GateVerdict(checks=()),
        contract_hash="",
        model_hash="",
        trained_until=until,
    )


def _decide(
    report: WindowReport, policy: Policy, past: tuple[Decision, ...] = (), until: str = "2013-04-01"
) -> Decision:
    return decisions.decide(report, decisions.findings(report), policy, champion=_version(until=until), past=past)


def test_a_quiet_window_asks_for_nothing(config: Config) -> None:
    decision = _decide(_report(), config.policy)
    assert (decision.action, decision.findings) == ("nothing", ())


def test_drift_leads_to_what_the_policy_says(config: Config) -> None:
    assert _decide(_report(drift=True), config.policy).action == "retrain"
    told = config.policy.model_copy(update={"actions": ActionPolicy(on_drift="alert")})
    assert _decide(_report(drift=True), told).action == "alert"


def test_an_open_window_neither_tells_of_drift_nor_retrains(config: Config) -> None:
    assert _decide(_report(drift=True, still_open=True), config.policy).findings == ()
    assert _decide(_report(fell=True, still_open=True), config.policy).action == "alert"


def test_without_enough_labels_nobody_could_judge_a_challenger(config: Config) -> None:
    decision = _decide(_report(drift=True, labelled=10), config.policy)
    assert decision.action == "alert"
    assert "only 10 rows have labels" in decision.reason


def test_what_the_champion_has_learned_already_is_not_learned_again(config: Config) -> None:
    decision = _decide(_report(drift=True), config.policy, until="2013-05-01")
    assert decision.action == "alert"
    assert "the champion has learned from everything before" in decision.reason
    assert _decide(_report(6, drift=True), config.policy, (decision,), until="2013-05-01").action == "retrain"


def test_after_a_retraining_the_policy_waits(config: Config) -> None:
    past: tuple[Decision, ...] = ()
    actions = []
    for month in range(5, 12):
        decision = _decide(_report(month, drift=True), config.policy, past)
        actions.append(decision.action)
        past += (decision.model_copy(update={"outcome": "trained"}),)
    assert actions == ["retrain", "alert", "alert", "retrain", "alert", "alert", "retrain"]


def test_one_window_leads_to_one_retraining(config: Config) -> None:
    first = _decide(_report(drift=True), config.policy)
    again = _decide(_report(drift=True, labelled=8500), config.policy, (first,))
    assert (first.action, again.action) == ("retrain", "alert")


def test_so_many_are_made_in_24_hours_and_one_at_a_time(config: Config) -> None:
    policy = config.policy.model_copy(update={"retrain": RetrainPolicy(cool_down_windows=0, per_day=2)})
    past: tuple[Decision, ...] = ()
    for month, outcome in ((5, "trained"), (6, "failed at step 'train'"), (7, "")):
        decision = _decide(_report(month, drift=True), policy, past)
        past += (decision.model_copy(update={"outcome": outcome or None}),)
    assert [decision.action for decision in past] == ["retrain", "retrain", "alert"]
    assert "there were 2 within 24 hours" in past[2].reason
    later = decisions.decide(
        _report(8, drift=True), (), policy, champion=_version(), past=past, now=past[0].at + timedelta(hours=25)
    )
    assert later.action == "retrain"
    hindered = _decide(_report(9, drift=True), policy, (later,))
    assert f"one is under way, of decision {later.id}" in hindered.reason


@pytest.mark.parametrize(
    ("found", "asks_for", "policy"),
    [
        ({"drift": True}, "retrain", ActionPolicy(on_drift="ask")),
        ({"fell": True}, "retrain", ActionPolicy(on_performance_fall="ask")),
        ({"gain_low": 0.02}, "rollback", ActionPolicy(on_former_better="ask")),
    ],
)
def test_what_the_policy_leaves_to_a_person_is_asked_once(
    config: Config, found: dict[str, object], asks_for: str, policy: ActionPolicy
) -> None:
    asking = config.policy.model_copy(update={"actions": policy})
    question = _decide(_report(**found), asking)  # type: ignore[arg-type]
    assert (question.action, question.asks_for, question.champion) == ("ask", asks_for, LIVE)
    assert question.waits
    assert f"roadworthy approve {question.id}" in decisions.question_finding(question).message
    again = _decide(_report(6, **found), asking, (question,))  # type: ignore[arg-type]
    assert again.action == "alert"
    assert f"the question {question.id} waits for an answer" in again.reason
    rejected = question.model_copy(update={"answer": "rejected", "answered_by": "ann", "note": "known"})
    assert "ann rejected it: known" in _decide(_report(**found), asking, (rejected,)).reason  # type: ignore[arg-type]
    assert _decide(_report(6, **found), asking, (rejected,)).action == "ask"  # type: ignore[arg-type]


def test_the_strongest_act_of_the_policy_is_taken(config: Config) -> None:
    policy = config.policy.model_copy(update={"actions": ActionPolicy(on_drift="ask", on_performance_fall="retrain")})
    decision = _decide(_report(drift=True, fell=True), policy)
    assert (decision.action, decision.reason) == ("retrain", "realised performance fell by more than is tolerated")
    both = _decide(_report(drift=True, fell=True), config.policy)
    assert both.reason == "realised performance fell by more than is tolerated, and 1 column drifted"


def test_a_decision_names_report_and_champion(config: Config) -> None:
    report = _report(gain_low=0.02)
    decision = _decide(report, config.policy)
    assert (decision.judged, decision.champion, decision.target) == (report.made, LIVE, FORMER)


def test_a_former_champion_that_is_better_beyond_doubt_comes_back(config: Config) -> None:
    assert _decide(_report(gain_low=0.02), config.policy).action == "rollback"
    assert _decide(_report(gain_low=0.02, still_open=True), config.policy).action == "rollback"
    assert _decide(_report(gain_low=-0.02), config.policy).action == "nothing"
    other = decisions.decide(
        _report(gain_low=0.02), (), config.policy, champion=_version("late-flights:other"), past=()
    )
    assert other.action == "nothing"


def test_the_cause_stays_the_same_and_goes_to_the_part_that_broke() -> None:
    may, june = (decisions.findings(_report(month, drift=True, fell=True)) for month in (5, 6))
    assert [f.cause for f in may] == [f.cause for f in june] == [f"drift:{LIVE}", f"performance:{LIVE}"]
    missing = _report().model_copy(update={"readings": (_reading("pressure", "missing"),)})
    assert [(f.owner, f.cause) for f in decisions.findings(missing)] == [("data", f"missing:pressure:{LIVE}")]


@pytest.mark.parametrize(
    ("kind", "owner"),
    [
        ("missing", "data"),
        ("unseen", "data"),
        ("type", "data"),
        ("range", "data"),
        ("duplicates", "data"),
        ("cardinality", "data"),
        ("volume", "infrastructure"),
        ("freshness", "infrastructure"),
        ("prediction", "model"),
    ],
)
def test_each_kind_of_reading_has_its_owner(kind: str, owner: str) -> None:
    reading = _reading("x").model_copy(update={"kind": kind})
    (found,) = decisions.findings(_report().model_copy(update={"readings": (reading,)}))
    assert found.owner == owner


def test_a_fall_that_is_foretold_is_told_until_labels_have_come() -> None:
    realised = _performance()
    then = {"roc_auc": realised.metrics["roc_auc"]}
    foretold = realised.model_copy(update={"metrics": {}, "estimated": then, "estimated_fell": True})
    (found,) = decisions.findings(_report().model_copy(update={"performance": (foretold,)}))
    assert (found.cause, found.owner, found.severity) == (f"estimated-performance:{LIVE}", "model", "warning")
    assert "estimated at 0.600 (0.580 to 0.620)" in found.message
    known = foretold.model_copy(update={"metrics": then})
    assert decisions.findings(_report().model_copy(update={"performance": (known,)})) == ()


def test_a_changed_relation_is_told() -> None:
    concept = ConceptDrift(drifted=True, evidence=9.0, limit=5.0, level=0.1, slope=0.0, days=9, words="more are late")
    changed = _performance().model_copy(update={"concept": concept})
    (found,) = decisions.findings(_report().model_copy(update={"performance": (changed,)}))
    assert (found.cause, found.message) == (f"concept:{LIVE}", "Up to the window from 2013-05-01: more are late")


def test_a_fall_in_a_segment_has_a_cause_of_its_own_and_does_not_retrain(config: Config) -> None:
    jfk = Segment(column="origin", value="JFK")
    fallen = (_performance(fell=True),)
    part = SegmentReport(segment=jfk, rows=900, labelled=900, baseline_rows=900, performance=fallen, verdict="no drift")
    report = _report().model_copy(update={"performance": (_performance(),), "segments": (part,)})
    (found,) = decisions.findings(report)
    assert (found.cause, found.severity) == (f"performance:{LIVE} where origin JFK", "warning")
    assert _decide(report, config.policy).action == "alert"


def test_what_drifted_in_segments_alone_is_told_once_and_does_not_retrain(config: Config) -> None:
    parts = [
        SegmentReport(
            segment=Segment(column="origin", value=value),
            rows=900,
            labelled=0,
            baseline_rows=900,
            verdict="drift",
            drifted=columns,
        )
        for value, columns in (("JFK", ("temp", "dewp")), ("LGA", ("temp",)), (None, ()))
    ]
    drifted = _report(drift=True).model_copy(update={"segments": tuple(parts)})
    told = {finding.cause: finding.message for finding in decisions.findings(drifted)}
    assert told[f"drift-in-parts:{LIVE}"] == "In the window from 2013-05-01: origin JFK: dewp."
    calm = _report().model_copy(update={"segments": tuple(parts)})
    (found,) = decisions.findings(calm)
    assert found.title == "In 2 of 3 segments columns drifted that did not as a whole"
    assert _decide(calm, config.policy).action == "alert"


def test_that_nothing_new_comes_is_told_while_the_window_is_open() -> None:
    stale = _reading("scheduled_departure", "freshness")
    report = _report(still_open=True).model_copy(update={"readings": (stale, _reading())})
    assert [finding.owner for finding in decisions.findings(report)] == ["infrastructure"]


def test_the_finding_of_drift_names_what_the_window_was_held_against() -> None:
    words = "the 8 windows before"
    baseline = Baseline(kind="before", wanted="before", rows=9, words=words)
    (found,) = decisions.findings(_report(drift=True).model_copy(update={"baseline": baseline}))
    assert found.title == f"1 columns drifted from {words}"


def _service(name: str = "box-12-abc", problem: str | None = None, lost: int = 0, spooled: int = 0) -> Deployment:
    moment = datetime(2013, 5, 1, tzinfo=UTC)
    return Deployment(
        id=name, pid=1, version=FORMER, since=moment, heartbeat=moment, problem=problem, lost=lost, spooled=spooled
    )


@pytest.mark.parametrize(
    ("services", "causes"),
    [
        ([_service()], []),
        ([_service(problem="smoke failed")], ["service:smoke failed"]),
        ([_service("a-1-x", problem="no disk"), _service("a-2-y", problem="no disk")], ["service:no disk"]),
        ([_service(lost=3), _service("box-13-def", lost=1)], ["lost:box-12-abc", "lost:box-13-def"]),
        ([_service(spooled=600), _service("box-13-def", spooled=600)], ["spool:box"]),
        ([_service(spooled=500)], []),
        (
            [_service("my-box-12-abc", problem="p", lost=1, spooled=501)],
            ["service:p", "lost:my-box-12-abc", "spool:my-box"],
        ),
    ],
)
def test_what_is_wrong_with_services_is_told_to_infrastructure(services: list[Deployment], causes: list[str]) -> None:
    policy = CapturePolicy.model_construct(most_bytes=1000)
    found = decisions.service_findings(services, policy)
    assert [finding.cause for finding in found] == causes
    assert all(finding.owner == "infrastructure" for finding in found)


def test_what_was_lost_is_counted_in_the_message() -> None:
    (found,) = decisions.service_findings([_service(lost=1234)], CapturePolicy())
    assert "lost 1,234 answered rows" in found.message


@pytest.mark.parametrize("kind", ["volume", "freshness"])
def test_what_brings_rows_is_no_reason_to_train(kind: str, config: Config) -> None:
    reading = _reading("rows").model_copy(update={"kind": kind})
    report = _report(drift=True).model_copy(update={"readings": (reading,), "drifted": ("rows",)})
    assert _decide(report, config.policy).action == "alert"
    both = report.model_copy(update={"readings": (reading, _reading()), "drifted": ("rows", "temp")})
    decision = _decide(both, config.policy)
    assert (decision.action, decision.reason) == ("retrain", "1 column drifted")
