"""The four answers say what is so, in words that need no statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.monitoring.report import Report
from roadworthy.monitoring.report.story import tell
from roadworthy.records import Baseline, ConceptDrift, Explanation, Segment, SegmentReport

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples


def test_drift_with_performance_that_holds(examples: Examples) -> None:
    found = examples.found(6, examples.reading("temp"), examples.reading("dewp", "no drift", 0.01))
    story = tell(examples.report(found, owners={"model": "Mo <mo@example.org>"}))
    assert story.mood == "changed"
    assert story.happened == "The data of June 2013 differ from what the model learned from in 1 of 2 columns: temp."
    assert story.evidence == ("temp is higher: half of the values are now at least 71.1, it was 39.9",)
    assert story.matters == (
        "Not so far: a little worse than at release, not beyond doubt more than is tolerated: "
        "ROC AUC is 0.700 (0.690 to 0.710) on 27,000 labelled rows, at release it was 0.750 (0.740 to 0.760)."
    )
    assert story.acts == ("Nobody has been told. It would be for Mo <mo@example.org> to look at.",)
    assert "not decided about" in story.done


def test_a_fall_matters_and_says_so(examples: Examples) -> None:
    found = examples.found(6, performance=(examples.performance(0.6, fell=True),))
    story = tell(examples.report(found, alerts=(examples.alert(), examples.alert("x", resolved=found.made))))
    assert (story.mood, story.headline) == ("bad", "The model answers worse than it did at release.")
    assert story.matters.startswith("Yes: the model's answers have become worse, beyond doubt by more than is")
    assert story.acts == ("Mo Model <mo@example.org> (model), for 1 open alert.",)


def test_what_we_had_before_would_be_better(examples: Examples) -> None:
    found = examples.found(6, performance=(examples.performance(0.75, against_former=examples.former()),))
    story = tell(examples.report(found))
    assert story.mood == "bad"
    assert "The version before, v:1, would have been better by 0.020 (0.010 to 0.030)" in story.matters


def test_nothing_has_changed(examples: Examples) -> None:
    found = examples.found(6, examples.reading("temp", "no drift", 0.01), performance=(examples.performance(0.76),))
    story = tell(examples.report(found))
    assert (story.mood, story.acts, story.done) == ("fine", ("Nobody has to.",), "Nothing: none was needed.")
    assert story.matters.startswith("No: the model answers no worse than at release")


def test_too_few_labels_is_not_good_news(examples: Examples) -> None:
    unlabelled = examples.performance(0.7, metrics={}, fall=None, rows=900, labelled=20)
    story = tell(examples.report(examples.found(6, examples.reading("temp"), performance=(unlabelled,))))
    assert story.headline == "The traffic has changed; what that does to the answers is not known yet."
    assert story.matters == "Not known yet: 20 of 900 rows have a label, too few to judge it."
    none = tell(examples.report(examples.found(6, performance=())))
    assert none.matters.startswith("Not known")


def test_a_window_that_has_only_begun_is_mentioned(examples: Examples) -> None:
    begun = examples.found(7, verdict="too little data", rows=12, open=True)
    assert "July 2013 has begun, with 12 rows so far." in tell(examples.report(examples.found(6), begun)).happened
    alone = tell(examples.report(begun))
    assert alone.happened.startswith("July 2013 has too little data to say whether anything changed: 12 rows.")
    assert "still open" in alone.happened
    assert alone.mood == "unknown"
    assert tell(examples.report()).headline == "No window of traffic has been judged yet."


def test_that_no_row_came_is_said_as_that(examples: Examples) -> None:
    volume = examples.reading("rows", kind="volume", words="fewer rows came than usual: no row came, usually 612")
    silent = examples.found(7, volume, rows=0, performance=())
    story = tell(examples.report(examples.found(6, examples.reading("temp")), silent))
    assert (story.mood, story.headline) == ("changed", "No traffic came.")
    assert (story.happened, story.evidence) == ("No row came in July 2013.", (volume.words,))
    assert story.acts == ("Nobody has been told. It would be for the owner of infrastructure to look at.",)
    usual = silent.model_copy(update={"verdict": "too little data", "readings": (), "drifted": ()})
    after = tell(examples.report(examples.found(6, examples.reading("temp")), usual))
    assert after.happened.endswith("No row came in July 2013.")


@pytest.mark.parametrize(
    ("action", "outcome", "words"),
    [
        ("nothing", None, "Nothing yet: 2 columns drifted."),
        ("alert", None, "The owner was told: 2 columns drifted."),
        ("retrain", "trained b, promoted", "Retraining: 2 columns drifted. Outcome: trained b, promoted."),
        ("rollback", "rolled back to a", "Rollback: 2 columns drifted. Outcome: rolled back to a."),
    ],
)
def test_what_was_done_is_told_with_its_outcome(
    examples: Examples, report: Report, action: str, outcome: str | None, words: str
) -> None:
    decided = report.model_copy(update={"decisions": (examples.decision(6, action, outcome=outcome),)})
    assert tell(decided).done == words


def test_an_act_is_told_before_a_later_look_at_the_same_window(examples: Examples, report: Report) -> None:
    decisions = examples.decision(6, "retrain", outcome="trained b"), examples.decision(6, "alert")
    assert tell(report.model_copy(update={"decisions": decisions})).done.startswith("Retraining")


def test_an_estimate_speaks_while_labels_are_few(examples: Examples) -> None:
    early = {"metrics": {}, "fall": None, "labelled": 20, "estimated": {"roc_auc": examples.auc(0.6)}}
    trusted = examples.performance(0.7, **early, estimate_trusted=True, estimated_fall=0.15, estimated_fell=True)
    story = tell(examples.report(examples.found(6, performance=(trusted,))))
    assert (story.mood, story.headline) == ("bad", "The model probably answers worse than it did at release.")
    assert story.matters == (
        "Probably: 20 of 28,000 rows have a label, too few to judge it, but by the estimate "
        "ROC AUC will be 0.600 (0.590 to 0.610), at release it was 0.750 (0.740 to 0.760)."
    )
    doubtful = examples.performance(0.7, **early, estimate_words="a third of the rows is new to the model")
    story = tell(examples.report(examples.found(6, performance=(doubtful,))))
    assert story.mood == "fine"
    assert story.matters.endswith("The estimate cannot be trusted: a third of the rows is new to the model.")


def test_a_changed_relation_and_biased_labels_are_told(examples: Examples) -> None:
    concept = ConceptDrift(
        drifted=True,
        evidence=99,
        limit=50,
        level=0.1,
        slope=0,
        days=30,
        words="late flights are commoner than foretold",
    )
    one = examples.performance(0.74, concept=concept, label_bias=True, label_words="labels of late flights come later")
    story = tell(examples.report(examples.found(6, performance=(one,))))
    assert (story.mood, story.headline) == ("bad", "What the model learned no longer holds as it did.")
    assert story.matters.endswith("Late flights are commoner than foretold. Labels of late flights come later.")


def test_what_it_was_held_against_is_named(examples: Examples) -> None:
    before = Baseline(kind="before", wanted="before", rows=900, words="4 windows before")
    found = examples.found(6, examples.reading("temp"), examples.reading("volume", kind="volume"), baseline=before)
    assert "differ from 4 windows before in 1 of 1 columns: temp." in tell(examples.report(found)).happened


def test_parts_that_changed_are_named_where_the_whole_did_not(examples: Examples) -> None:
    part = SegmentReport(
        segment=Segment(column="origin", value="JFK"), rows=900, labelled=0, baseline_rows=900, verdict="drift"
    )
    happened = tell(examples.report(examples.found(6, segments=(part,)))).happened
    assert happened.endswith("In parts of the traffic something has: origin JFK.")


def test_features_that_are_unlike_only_together_are_told(examples: Examples) -> None:
    found = examples.found(6, examples.reading("temp", "no drift", 0.01), separation=examples.separation())
    assert tell(examples.report(found)).happened.endswith("The features together are unlike before.")


def test_a_fall_is_explained(examples: Examples) -> None:
    why = Explanation(
        metric="roc_auc",
        reference=0.75,
        expected=0.7,
        window=0.6,
        inputs=0.05,
        relation=0.1,
        effective_rows=900,
        rows=5_000,
        labelled=9_000,
        trusted=True,
        words="roc_auc fell by 0.15 in all: two thirds from a changed relation",
    )
    one = examples.performance(0.6, fell=True, explanation=why)
    matters = tell(examples.report(examples.found(6, performance=(one,)))).matters
    assert matters.endswith("Why: roc_auc fell by 0.15 in all: two thirds from a changed relation.")


def test_what_matters_to_the_model_is_told_first(examples: Examples) -> None:
    found = examples.found(
        6, examples.reading("loud", effect=0.9, importance=0.01), examples.reading("key", effect=0.2, importance=1.0)
    )
    assert tell(examples.report(found)).evidence[0].startswith("key is higher")


def test_the_last_act_is_told_where_nothing_was_done_since(examples: Examples, report: Report) -> None:
    acts = examples.decision(4, "rollback", "v:1 was better"), examples.decision(5, "retrain", outcome="promoted b")
    assert tell(report.model_copy(update={"decisions": (*acts, examples.decision(6, "alert"))})).done == (
        "The owner was told: 2 columns drifted. "
        "The last act was for May 2013. Retraining: 2 columns drifted. Outcome: promoted b."
    )
    decided = (*acts, examples.decision(6, "retrain", outcome="promoted c"))
    assert "May" not in tell(report.model_copy(update={"decisions": decided})).done


def test_a_person_is_asked(examples: Examples, report: Report) -> None:
    asked = examples.decision(6, "ask", id="c0ffee", asks_for="retrain")
    story = tell(report.model_copy(update={"decisions": (asked,)}))
    assert story.acts[0] == "Somebody has to approve or reject: retraining."
    assert story.done == (
        "Retraining waits for a person's approval: 2 columns drifted. The command roadworthy approve c0ffee answers."
    )
    answered = asked.model_copy(update={"answer": "rejected", "answered_by": "ada"})
    story = tell(report.model_copy(update={"decisions": (answered,)}))
    assert story.done == "Retraining, rejected by ada: 2 columns drifted."


def test_a_retraining_tells_how_far_it_is(examples: Examples, report: Report) -> None:
    decided = report.model_copy(update={"decisions": (examples.decision(6, "retrain", id="d"),)})
    for retraining, words in (
        (examples.retraining(6, step="compare"), "under way, at the step compare"),
        (examples.retraining(6, step="done", outcome="promoted late-flights:b"), "promoted late-flights:b"),
    ):
        done = tell(decided.model_copy(update={"retrainings": (retraining,)})).done
        assert done == f"Retraining: 2 columns drifted. Outcome: {words}."


def test_whoever_has_seen_an_alert_is_told_so(examples: Examples, report: Report) -> None:
    moment = report.made
    alerts = examples.alert(acknowledged=moment), examples.alert("x", delivered=False)
    assert tell(report.model_copy(update={"alerts": alerts})).acts == (
        "Mo Model <mo@example.org> (model), for 2 open alerts, 1 of them acknowledged. "
        "Not every message could be delivered yet.",
    )
