"""Errors say the fact and the next step."""

import pytest

from roadworthy import errors


def test_message_holds_fact_and_next_step() -> None:
    error = errors.DataError("flights.csv has no column 'late'.", "Add it, or correct the contract.")
    assert str(error) == "flights.csv has no column 'late'.\nNext: Add it, or correct the contract."


@pytest.mark.parametrize("kind", [v for v in vars(errors).values() if isinstance(v, type) and issubclass(v, Exception)])
def test_every_failure_has_one_base_and_a_meaning(kind: type[Exception]) -> None:
    assert issubclass(kind, errors.RoadworthyError)
    assert kind.__doc__
