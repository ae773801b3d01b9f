"""A body as its model, or why it is refused: every field that breaks a rule, within bounds whatever was sent."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from roadworthy.serving.schema.bodies import Body, Problem, Refusal, short
from roadworthy.serving.schema.decoding import keys_in

_Model = TypeVar("_Model", bound=Body)
_PROBLEMS_TOLD = 1000
_RULE_LENGTH = 300
_NAME_LENGTH = 80
# A comma, or a string: it always ends, so that no text can make it look twice.
_COMMA_OR_STRING = re.compile(rb'(,)|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_DEEPEST = 500  # pydantic reads no deeper than 200 lists and objects


@dataclass(frozen=True)
class Refused:
    """A body that was not taken."""

    status: int
    refusal: Refusal


def checked(model: type[_Model], body: bytes) -> _Model | Refused:
    """Read a body by its model.

    Parameters
    ----------
    model
        As `request_model` and `feedback_model` make them.
    body
        As it came.

    Returns
    -------
    Body or Refused
        Refused with status 400 when it is not a JSON object, and 422 when it is and breaks the model.
    """
    # Each value would have its own error, ten thousand times as large as itself.
    if body.count(b",") > model.most_values and _holds_more(body, model.most_values):
        return _too_many(model)
    taken = model.taken(body)
    if taken is not None:
        return taken
    try:
        found = model.model_validate_json(body)
    except ValidationError as error:
        return _refused(error)
    repeated = _repeated(body, found)
    if repeated is None:
        return found
    fact = f"A field is there more than once: {repeated.field}"
    return _broken(fact, [repeated])


def problems(error: ValidationError) -> list[Problem]:
    """Return what was wrong with a request, field by field, at most the first 1,000."""
    found = error.errors(include_url=False, include_context=False)
    return [_problem(detail) for detail in found[:_PROBLEMS_TOLD]]


# --- refusals ------------------------------------------------------------------------------------------------------


def _refused(error: ValidationError) -> Refused:
    found = error.errors(include_url=False, include_context=False)
    first = found[0]
    if first["type"] == "json_invalid":
        return Refused(400, Refusal(error=f"The body is not JSON. {first['msg']}.", next_step="Correct the body."))
    if not first["loc"]:
        next_step = "Send an object as /docs.json describes it."
        return Refused(400, Refusal(error="The body is not a JSON object.", next_step=next_step))
    detail = [_problem(each) for each in found[:_PROBLEMS_TOLD]]
    fields = "1 field breaks" if len(found) == 1 else f"{len(found)} fields break"
    more = f" of which the first {len(detail)} are listed" if len(found) > len(detail) else ""
    return _broken(f"{fields} the contract{more}, the first: {detail[0].field}: {detail[0].rule}", detail)


def _broken(fact: str, detail: list[Problem]) -> Refused:
    next_step = "Correct the fields; /docs.json describes them."
    return Refused(422, Refusal(error=fact, next_step=next_step, detail=detail))


def _too_many(model: type[Body]) -> Refused:
    rule = f"There should be no more than {model.most}; these are more than {model.most_values} values."
    return _broken(f"The body holds too much: {rule}", [Problem(field=model.listed, rule=rule)])


def _problem(detail: ErrorDetails) -> Problem:
    field = ".".join(str(part)[:_NAME_LENGTH] for part in detail["loc"])
    if detail["type"] == "missing":
        return Problem(field=field, rule="This field is required.")
    if detail["type"] == "extra_forbidden":
        return Problem(field=field, value=short(detail["input"]), rule="No such field is known.")
    rule = detail["msg"] if len(detail["msg"]) <= _RULE_LENGTH else detail["msg"][:_RULE_LENGTH] + "..."
    return Problem(field=field, value=short(detail["input"]), rule=rule + ".")


# --- what pydantic does not look at --------------------------------------------------------------------------------


def _holds_more(body: bytes, values: int) -> bool:
    """Whether there are more values than that: as many as commas outside of strings, all but exactly."""
    commas = strings = 0
    for found in _COMMA_OR_STRING.finditer(body):
        if found.lastindex:
            commas += 1
            if commas > values:
                return True
        else:
            strings += 1
            if strings > 2 * commas + _DEEPEST:  # it is no JSON, which is soon seen
                return False
    return False


def _repeated(body: bytes, found: Body) -> Problem | None:
    """Return the first field that an object has twice; of such fields every reader of JSON takes another.

    A body has as many keys as fields were read, or some are repeated. What only looks like a key, within a string, can
    make it seem more; then it is read again, slowly.
    """
    if keys_in(body) == found.fields_given:
        return None
    repeated: list[tuple[int, str]] = []
    objects = 0

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal objects
        repeated.extend((objects, key) for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        objects += 1

    json.loads(body, object_pairs_hook=look, parse_int=len, parse_float=len)
    if not repeated:
        return None
    place, key = repeated[0]
    path = f"{found.listed}.{place}." if place < objects - 1 else ""
    return Problem(field=path + key, rule="This field should be there once.")
