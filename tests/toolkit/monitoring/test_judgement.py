"""A window judged as a whole: what is realised, estimated and watched, and the words for it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from roadworthy.config import BusinessValue, PerformancePolicy, UseCase
from roadworthy.monitoring.estimation.calibration import fit
from roadworthy.monitoring.estimation.confidence import score_columns
from roadworthy.monitoring.judgement import Ground, judge
from roadworthy.monitoring.performance import fell, measure, widened
from roadworthy.monitoring.profiles import Profile
from roadworthy.records import GateVerdict, ModelVersion, Performance, now

VALUE = BusinessValue(caught=30, false_alarm=-10)
POLICY = PerformancePolicy(minimum_labelled=300)
USE = UseCase(metric="roc_auc", value=VALUE)
FIRST = pd.Timestamp("2013-05-01", tz="UTC")


def answers(seed: int, n: int = 3000, slope: float = 1.0, level: float = 0.0, labelled: float = 1.0) -> pd.DataFrame:
    """Thirty days of a version's answers; ``slope`` and ``level`` are how labels follow from the scores."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-1.2, 1.2, n)
    truth = rng.random(n) < 1 / (1 + np.exp(-slope * (logits + 1.2) + 1.2 - level))
    labels = pd.Series(truth).astype("boolean").mask(rng.random(n) >= labelled)
    times = FIRST + pd.to_timedelta(np.sort(rng.uniform(0, 30, n)), "D")
    return pd.DataFrame({"probability": 1 / (1 + np.exp(-logits)), "label": labels, "time": times})


@pytest.fixture(scope="module")
def ground() -> Ground:
    """A version that was right on 10,000 held-out rows."""
    rows = answers(1, 10_000)
    labels = rows["label"].to_numpy(bool)
    version = ModelVersion(
        tag="flights:1",
        created=now(),
        run_id="r",
        metrics=measure(labels, rows["probability"], VALUE),
        gate=GateVerdict(checks=()),
        contract_hash="c",
        model_hash="m",
    )
    calibration = fit(rows["probability"], labels)
    return Ground(version, USE, POLICY, calibration=calibration, outside={})


def with_(ground: Ground, **changes: object) -> Ground:
    return Ground(**{**vars(ground), **changes})  # type: ignore[arg-type]


def test_all_labels_there_and_nothing_wrong(ground: Ground) -> None:
    rows = answers(2)
    found = judge(rows, ground)
    assert found.metrics == measure(rows["label"].to_numpy(bool), rows["probability"], VALUE)
    assert (found.labelled_share, found.judged, found.fell, found.estimated_fell) == (1.0, 3000, False, False)
    assert set(found.estimated) == set(found.metrics)
    estimated = found.estimated["roc_auc"]
    assert estimated.low <= found.metrics["roc_auc"].value <= estimated.high
    assert found.estimate_trusted
    assert found.estimate_words.endswith("the 3,000 labels so far bear them out")
    assert found.estimate_miss == pytest.approx(estimated.value - found.metrics["roc_auc"].value)
    assert found.estimate_error == pytest.approx(abs(found.estimate_miss))
    assert found.concept is not None
    assert not found.concept.drifted
    assert Performance.model_validate_json(found.model_dump_json()) == found


def test_before_any_label_there_is_an_estimate_alone(ground: Ground) -> None:
    found = judge(answers(3, labelled=0.0), ground)
    assert (found.metrics, found.residuals, found.concept, found.estimate_miss) == ({}, (), None, None)
    assert found.estimate_trusted
    assert found.estimate_words.endswith("no label has come yet to check them")
    assert "0 % of 3,000 rows have a label" in found.label_words


def test_an_estimate_that_rests_on_a_release_unlike_its_scores_says_so(ground: Ground) -> None:
    held_out = answers(13, 6000, level=0.8)
    curve = fit(held_out["probability"], held_out["label"].to_numpy(bool))
    came, promised = held_out["label"].astype(float).mean(), held_out["probability"].mean()
    assert (curve.positives / curve.rows, curve.promised) == (pytest.approx(came), pytest.approx(promised))
    found = judge(answers(3, labelled=0.0), with_(ground, calibration=curve))
    assert found.estimate_trusted
    told = f"{100 * came:.1f} % of the labels were positive where the scores promised {100 * promised:.1f} %"
    assert found.estimate_words.endswith(f"; at release {told}, and the estimate takes that to last")


def test_scores_that_no_longer_tell_are_a_fall_a_changed_relation_and_a_lost_estimate(ground: Ground) -> None:
    found = judge(answers(4, slope=0.2), ground)
    assert found.fell
    assert found.concept is not None
    assert found.concept.drifted
    assert not found.estimate_trusted
    assert "high scores hold less" in found.estimate_words


def test_positives_that_come_more_often_cost_the_estimate_its_trust(ground: Ground) -> None:
    found = judge(answers(5, level=0.5), ground)
    assert not found.estimate_trusted
    assert "points more often" in found.estimate_words


def test_inputs_that_training_never_had_cost_the_estimate_its_trust(ground: Ground) -> None:
    found = judge(answers(6, labelled=0.0), with_(ground, outside={"temp": 0.3, "wind": 0.01}))
    assert not found.estimate_trusted
    assert found.estimate_words == "not to be trusted: values that training never had make up 30.0 % of temp"
    assert found.estimated
    assert judge(answers(6), with_(ground, outside=None)).estimate_words.startswith("inputs are not looked at")


def test_inputs_that_are_harder_are_an_estimated_fall(ground: Ground) -> None:
    rows = answers(7, 6000, labelled=0.0)
    rows["probability"] = 1 / (1 + np.exp(1.2 - 0.4 * (np.log(rows["probability"] / (1 - rows["probability"])) + 1.2)))
    found = judge(rows, ground)
    assert found.estimated_fell
    assert found.estimated_fall is not None
    assert found.estimated_fall > 0.1
    assert not found.fell


def test_kept_sketches_of_scores_tell_what_the_rows_tell(ground: Ground) -> None:
    rows = answers(12, 4000, labelled=0.0)
    halves = [Profile.of(score_columns(part, VALUE)) for part in np.array_split(rows["probability"].to_numpy(), 2)]
    kept, made = judge(rows, with_(ground, scores=Profile.merged(halves))), judge(rows, ground)
    for metric, reading in made.estimated.items():
        assert kept.estimated[metric].value == pytest.approx(reading.value, rel=0.01)


def test_without_a_calibration_there_is_no_estimate(ground: Ground) -> None:
    found = judge(answers(8), with_(ground, calibration=None))
    assert (found.estimated, found.estimate_trusted) == ({}, False)
    assert "keeps no calibration" in found.estimate_words
    assert found.metrics


def test_few_rows_are_too_few(ground: Ground) -> None:
    found = judge(answers(9, 200), ground)
    assert (found.metrics, found.estimated, found.estimate_trusted) == ({}, {}, False)
    assert found.estimate_words == "no estimate: 200 rows where 300 are needed"


def test_what_is_watched_goes_on_from_window_to_window(ground: Ground) -> None:
    may, june = judge(answers(10), ground), answers(11)
    june["time"] += pd.Timedelta(days=31)
    found = judge(june, with_(ground, earlier=(may,)))
    assert found.concept is not None
    assert found.concept.days == 60
    assert len(found.residuals) == 30
    assert may.estimate_miss is not None
    assert found.estimate_miss is not None
    assert found.estimate_error == pytest.approx((abs(may.estimate_miss) + abs(found.estimate_miss)) / 2)


def test_looking_often_does_not_make_a_fall_likelier() -> None:
    """The window is looked at after every 300 labels; nothing has fallen, and nothing is tolerated."""
    often, once = 0, 0
    for seed in range(30):
        rows = answers(1000 + seed, 8000)
        labels, scores = rows["label"].to_numpy(bool), rows["probability"].to_numpy()
        reference = measure(*[one[4000:] for one in (labels, scores)], VALUE)["brier"]
        looks = [measure(labels[:n], scores[:n], VALUE)["brier"] for n in range(300, 4000, 300)]
        always = [fell(widened(look, 300), reference, 0.0)[1] for look in looks]
        plain = [fell(look, reference, 0.0)[1] for look in looks]
        often, once = often + any(always), once + any(plain)
    assert often <= 2 < once


def test_an_estimated_fall_is_seldom_seen_by_chance(ground: Ground) -> None:
    strict = with_(ground, policy=POLICY.model_copy(update={"tolerated_fall": 0.0}))
    seen = 0
    for seed in range(40):
        held_out = answers(2000 + seed, 4000)
        labels = held_out["label"].to_numpy(bool)
        metrics = measure(labels, held_out["probability"], VALUE)
        own = with_(
            strict,
            version=ground.version.model_copy(update={"metrics": metrics}),
            calibration=fit(held_out["probability"], labels),
        )
        seen += judge(answers(3000 + seed, 1500, labelled=0.0), own).estimated_fell
    assert seen <= 3
