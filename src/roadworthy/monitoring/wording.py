"""How figures are written for a reader: as many digits as matter, percent for shares, dates for times."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from roadworthy.contract import Column

_FEWEST_DIGITS = 3
_MOST_DIGITS = 8
_GROUPED_FROM = 10_000  # below, a comma would split a year


def figure(value: float, digits: int = _FEWEST_DIGITS) -> str:
    """Write a number with so many significant digits, whole parts never shortened.

    Examples
    --------
    >>> figure(71.06), figure(2002.0), figure(1234567.8), figure(0.00012345)
    ('71.1', '2002', '1,234,568', '0.000123')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}".replace("-0", "0")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}" if abs(value) >= _GROUPED_FROM else f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def moment(seconds: float, digits: int = _FEWEST_DIGITS) -> str:
    """Write seconds since 1970 as a date, or with more digits as date and time, in UTC.

    Examples
    --------
    >>> moment(1357034400.0), moment(1357034400.0, digits=5)
    ('2013-01-01', '2013-01-01 10:00')
    """
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # beyond the calendar, or the platform's
        return f"{figure(seconds)} s"
    return at.strftime("%Y-%m-%d" if digits == _FEWEST_DIGITS else "%Y-%m-%d %H:%M")


def pair(first: float, second: float, column: Column) -> tuple[str, str]:
    """Write two values of a column so that they look different when they are.

    Examples
    --------
    >>> pair(1021.3, 1021.4, Column(name="pressure", type="number", role="feature"))
    ('1021.3', '1021.4')
    """
    write = moment if column.type == "timestamp" else figure
    texts = write(first), write(second)
    for digits in range(_FEWEST_DIGITS + 1, _MOST_DIGITS):
        if first == second or texts[0] != texts[1]:
            break
        texts = write(first, digits), write(second, digits)
    return texts


def percent(share: float) -> str:
    """Write a share as percent; one too small for the digits shown as such.

    Examples
    --------
    >>> percent(0.1204), percent(0.0001), percent(0.0)
    ('12.0 %', 'under 0.1 %', '0 %')
    """
    if share == 0:
        return "0 %"
    return "under 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
