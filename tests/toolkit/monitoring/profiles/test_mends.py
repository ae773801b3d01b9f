"""whylogs' mends: each is still needed, and does what whylogs does."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
from whylogs.core.metrics.metric_components import (
    FractionalComponent,
    IntegralComponent,
    MaxIntegralComponent,
    MetricComponent,
)
from whylogs.core.proto import MetricComponentMessage

from roadworthy.monitoring.profiles import mends

LOG = "import whylogs, pandas; print(whylogs.log(pandas.DataFrame({'a': ['x', 'y']})).view().to_pandas()['counts/n'])"


@pytest.mark.full  # what it looks at changes with constraints.txt alone
def test_the_numpy_mend_is_still_needed() -> None:
    without = subprocess.run([sys.executable, "-c", LOG], capture_output=True, text=True, check=False)
    assert "np.unicode_" in without.stderr, (
        "whylogs logs on this numpy by itself: remove the line `np.unicode_ = ...` from monitoring/profiles/mends.py"
    )


def test_with_the_mend_whylogs_logs_by_itself() -> None:
    mended = f"import roadworthy.monitoring.profiles; {LOG}"
    with_mend = subprocess.run(
        [sys.executable, "-W", "error", "-c", mended], capture_output=True, text=True, check=True
    )
    assert with_mend.stdout.split()[:3] == ["column", "a", "2"]
    assert with_mend.stderr == ""


@pytest.mark.parametrize("component", [IntegralComponent(3), MaxIntegralComponent(4), FractionalComponent(0.5)])
def test_a_figure_is_read_as_whylogs_reads_it(component: MetricComponent) -> None:
    message = component.to_protobuf()
    ours, theirs = MetricComponent.from_protobuf(message), mends.theirs(message)
    assert (ours.value, ours.mtype, ours.type_id) == (theirs.value, theirs.mtype, theirs.type_id)
    assert (ours + ours).value == (theirs + theirs).value == (component + component).value
    assert copy.deepcopy(ours).to_protobuf() == message


def test_whylogs_still_makes_a_class_for_each_figure() -> None:
    message = IntegralComponent(3).to_protobuf()
    assert type(mends.theirs(message)) is not type(mends.theirs(message)), "remove `_from_protobuf` from mends.py"
    assert type(MetricComponent.from_protobuf(message)) is type(MetricComponent.from_protobuf(message))


def test_a_figure_of_no_known_type_is_refused() -> None:
    with pytest.raises(ValueError, match="No way is known to read a figure"):
        MetricComponent.from_protobuf(MetricComponentMessage(type_id=99))
