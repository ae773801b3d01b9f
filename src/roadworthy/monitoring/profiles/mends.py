"""What whylogs 1.6.4 needs to run on today's numpy, and to read a profile in a third of its time."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import numpy as np
import whylogs_sketching
from whylogs.core.metrics.metric_components import MetricComponent, Registries
from whylogs.core.proto import MetricComponentMessage

KINDS = {  # of a message's value
    "n": int,
    "d": float,
    "frequent_items": whylogs_sketching.frequent_strings_sketch,
    "hll": whylogs_sketching.hll_sketch,
    "kll": whylogs_sketching.kll_doubles_sketch,
}
theirs = MetricComponent.from_protobuf


def mend() -> None:
    """Mend whylogs, for the whole process."""
    np.unicode_ = np.str_  # type: ignore[attr-defined]  # numpy 2 dropped the name; whylogs' own `why.log` still uses it
    MetricComponent.from_protobuf = classmethod(_from_protobuf)
    logging.getLogger("whylogs").setLevel(logging.ERROR)  # its warnings speak of its own internals


def _from_protobuf(
    cls: type[MetricComponent], msg: MetricComponentMessage, registries: Registries | None = None
) -> MetricComponent:
    """Read one figure, as whylogs does, which makes a new class for each."""
    component = _component(KINDS.get(msg.WhichOneof("value")), msg.type_id, registries)(None)
    if component._deserializer is None:
        raise ValueError(f"No way is known to read a figure of type {component.mtype}, number {msg.type_id}.")
    component._value = component._deserializer(msg=msg)
    return component


@cache
def _component(kind: type | None, number: int, known: Registries | None) -> type[MetricComponent]:
    class Component(MetricComponent):  # type: ignore[misc]  # whylogs is not followed by mypy
        mtype = kind
        type_id = number
        registries = known

        def __deepcopy__(self, memo: dict[int, Any]) -> MetricComponent:
            return Component.from_protobuf(self.to_protobuf())

    return Component
