"""What is slow in whylogs itself and mended here, with a test that fails when it is no longer needed."""

from __future__ import annotations

from functools import cache
from typing import Any

from whylogs.core.metrics.metric_components import MetricComponent
from whylogs_sketching import frequent_strings_sketch, hll_sketch, kll_doubles_sketch

_whylogs_own = MetricComponent.from_protobuf
_TYPES = {
    "n": int,
    "d": float,
    "frequent_items": frequent_strings_sketch,
    "hll": hll_sketch,
    "kll": kll_doubles_sketch,
}


def make_parts_once() -> None:
    """Let each kind of part of a profile have one class; whylogs makes one for every part of every profile it reads.

    That is four fifths of the time it takes to read a profile, and many are read where windows are sliced.
    """
    MetricComponent.from_protobuf = classmethod(_read)


def _read(cls: type, msg: Any, registries: Any = None) -> Any:  # noqa: ANN401  (whylogs' own signature)
    component = _class_of(msg.WhichOneof("value"), msg.type_id)(value=None)
    if registries is not None or component._deserializer is None:
        return _whylogs_own(msg, registries)
    component._value = component._deserializer(msg=msg)
    return component


@cache
def _class_of(field: str | None, type_id: int) -> Any:  # noqa: ANN401
    members = {"mtype": _TYPES.get(field or ""), "type_id": type_id, "__deepcopy__": _copied}
    return type("DeserializedComponent", (MetricComponent,), members)


def _copied(component: Any, memo: object) -> Any:  # noqa: ANN401
    return MetricComponent.from_protobuf(component.to_protobuf())
