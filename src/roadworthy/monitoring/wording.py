"""How figures are written for a reader: as many digits as matter, percent for shares, dates for times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from roadworthy.contract import Column
from roadworthy.records import MetricReading, Window

_FEWEST_DIGITS = 3
_MOST_DIGITS = 8
_GROUPED_FROM = 10_000  # below, a comma would split a year
_NAMED = 5  # names in a sentence
_METRICS = {
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "value_per_1000": "value per 1,000 cases",
}
_MEANINGS = {
    "roc_auc": "how well the model tells cases apart: 0.5 is chance, 1 is without a mistake",
    "log_loss": "how surprised the model was by what came; smaller is better",
    "brier": "how far the probabilities were from what came, squared; smaller is better, 0 is without a mistake",
    "accuracy": "the share of the cases in which acting or not acting was right",
    "precision": "the share of the cases acted on that were as foretold",
    "recall": "the share of the cases to be found that were acted on",
    "f1": "precision and recall in one, their harmonic mean",
    "value_per_1000": "what acting on the answers was worth, by the values that the use case names",
}


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


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """Write names as a sentence has them, and how many are left out.

    Examples
    --------
    >>> listed(["temp", "dewp", "humid"]), listed(["a", "b", "c"], most=2)
    ('temp, dewp and humid', 'a, b and 1 more')
    """
    shown = list(names[:most])
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def shortened(text: str, most: int) -> str:
    """Cut text that is longer than ``most`` characters, and say so by an ellipsis.

    Examples
    --------
    >>> shortened("temperature", 8)
    'tempera…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def window_label(window: Window) -> str:
    """Name a window as a reader would.

    Examples
    --------
    >>> window_label(Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC)))
    'May 2013'
    >>> window_label(Window(start=datetime(2013, 5, 6, tzinfo=UTC), end=datetime(2013, 5, 13, tzinfo=UTC)))
    'the week of 2013-05-06'
    >>> window_label(Window(start=datetime(2013, 5, 6, 8, tzinfo=UTC), end=datetime(2013, 5, 6, 9, tzinfo=UTC)))
    '2013-05-06 08:00 to 09:00'
    """
    start, end = window.start, window.end
    if _is_month(window):
        return f"{start:%B %Y}"
    if end - start == timedelta(days=7):
        return f"the week of {start:%Y-%m-%d}"
    if end - start == timedelta(days=1) and _at_midnight(start):
        return f"{start:%Y-%m-%d}"
    if _at_midnight(start) and _at_midnight(end):
        return f"{start:%Y-%m-%d} to {end - timedelta(days=1):%Y-%m-%d}"
    last = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {last}"


def short_label(window: Window) -> str:
    """Name a window in as few letters as tell it from its neighbours: month and year, day, or day and time."""
    if _is_month(window):
        return f"{window.start:%b %Y}"
    return f"{window.start:%Y-%m-%d}" if _at_midnight(window.start) else f"{window.start:%m-%d %H:%M}"


def metric_name(metric: str) -> str:
    """Name a metric as a reader would."""
    return _METRICS.get(metric, metric)


def metric_meaning(metric: str) -> str:
    """Say what a metric tells, or nothing for one that is not ours."""
    return _MEANINGS.get(metric, "")


def interval(reading: MetricReading) -> str:
    """Write a metric's value with its interval.

    Examples
    --------
    >>> interval(MetricReading(metric="roc_auc", value=0.7213, low=0.7101, high=0.7325, n=900))
    '0.721 (0.710 to 0.733)'
    """
    return f"{value(reading)} ({ends(reading)})"


def value(reading: MetricReading) -> str:
    """Write a metric's value."""
    return f"{reading.value:,.{_decimals(reading.low, reading.high)}f}"


def ends(reading: MetricReading) -> str:
    """Write the ends of a metric's interval."""
    decimals = _decimals(reading.low, reading.high)
    return f"{reading.low:,.{decimals}f} to {reading.high:,.{decimals}f}"


def difference(number: float) -> str:
    """Write a number of a metric's size, three decimals where it is small."""
    return f"{number:,.{_decimals(number)}f}"


def times(count: int) -> str:
    """Write how often.

    Examples
    --------
    >>> times(1), times(3)
    ('once', '3 times')
    """
    return "once" if count == 1 else f"{count} times"


def _decimals(*numbers: float) -> int:
    return 0 if max(map(abs, numbers)) >= 100 else 3


def _is_month(window: Window) -> bool:
    first = window.start.day == window.end.day == 1 and _at_midnight(window.start) and _at_midnight(window.end)
    return first and timedelta(days=27) < window.end - window.start < timedelta(days=32)


def _at_midnight(moment: datetime) -> bool:
    return moment.time() == datetime.min.time()
