"""Parts of a profile are read as whylogs reads them, into fewer classes."""

from __future__ import annotations

import copy

import pandas as pd
from whylogs.core.view.dataset_profile_view import DatasetProfileView

from roadworthy.monitoring.profiles import Profile, mends


def test_a_part_is_read_as_whylogs_reads_it_and_has_the_class_of_its_kind() -> None:
    view = Profile.of(pd.DataFrame({"x": [1.0, 2.5, None], "y": ["a", "b", "a"]})).view
    parts = [
        part
        for column in DatasetProfileView.deserialize(view.serialize()).get_columns().values()
        for metric in column.get_metric_names()
        for part in vars(column.get_metric(metric)).values()
        if hasattr(part, "to_protobuf")
    ]
    assert len({type(part) for part in parts}) <= 12 < len(parts)
    for part in parts:
        message = part.to_protobuf()
        theirs = mends._whylogs_own(message)
        assert theirs.to_protobuf() == message == copy.deepcopy(part).to_protobuf()
        assert (theirs.mtype, theirs.type_id) == (part.mtype, part.type_id)
        assert type(theirs) is not type(mends._whylogs_own(message))  # when it is, nothing is left to mend
