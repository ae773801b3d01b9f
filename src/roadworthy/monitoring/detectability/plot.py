"""The smallest changes that are found, drawn: one line a column, one mark a horizon."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.wording import figure
from roadworthy.records import Detectability, DetectableShift

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FORMATS = ("svg", "png")
_MOST_COLUMNS = 24
_INK, _FAINT, _PAPER = "#1a1a19", "#8a8a85", "#ffffff"
_DARK = {_INK: "#f0efeb", _FAINT: "#8f8f8a", _PAPER: "#1a1a19"}
_MARKS = (("o", "#b8560a"), ("s", "#2b6cb0"), ("D", "#2f855a"))  # told apart by shape as well, and seen on both papers


def draw(found: Detectability, path: Path) -> None:
    """Draw what would be found into an SVG or PNG file.

    An SVG follows the reader's light or dark theme, and both carry the figures in words, for who cannot see them.
    Without a network: fonts are the reader's own.

    Parameters
    ----------
    found
        What would be found.
    path
        Ends in ``.svg`` or ``.png``.

    Raises
    ------
    MonitoringError
        When it ends otherwise, or cannot be written.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in _FORMATS:
        raise MonitoringError(f"{path} is neither .svg nor .png.", "Name the file detectability.svg, for instance.")
    import matplotlib as mpl  # heavy, and needed by this alone

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "roadworthy", "font.family": "sans-serif"}):
        content = _svg(found) if kind == "svg" else _png(found)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise MonitoringError(f"{path} cannot be written: {error.strerror}.", "Choose another --output.") from error


def described(found: Detectability) -> str:
    """Return the drawing in words: what it shows, and each column's figures."""
    names = [horizon.name for horizon in found.horizons]
    lines = [
        f"Smallest change found with a chance of {found.power:.0%}, at {figure(found.rows_per_day)} rows a day "
        f"and {figure(found.false_alarms_per_month)} false alarms a month at most."
    ]
    for column in _columns(found):
        sizes = "; ".join(f"in {name}: {one.words}" for name, one in zip(names, column, strict=True))
        lines.append(f"{column[0].column}, {sizes}.")
    if found.falls:
        sizes = "; ".join(f"in {fall.horizon}: {fall.words}" for fall in found.falls)
        lines.append(f"{found.falls[0].metric}, {sizes}.")
    return " ".join(lines)


def _columns(found: Detectability) -> list[tuple[DetectableShift, ...]]:
    """Return the columns that are drawn, what matters most first."""
    step = len(found.horizons)
    return [found.shifts[i : i + step] for i in range(0, len(found.shifts), step)][:_MOST_COLUMNS]


def _figure(found: Detectability) -> Figure:
    from matplotlib.figure import Figure

    columns = _columns(found)
    height = 1.9 + 0.27 * len(columns)
    whole = Figure(figsize=(9.2, height), facecolor=_PAPER, layout="constrained")
    left, right = whole.subplots(1, 2, width_ratios=(2.2, 1))
    _draw_shifts(left, columns, found)
    _draw_falls(right, found)
    labels = [f"in {horizon.name}" for horizon in found.horizons]
    handles = [right.plot([], [], color=colour, marker=mark, linestyle="")[0] for mark, colour in _MARKS]
    whole.legend(handles, labels, loc="outside upper left", ncols=3, frameon=False, labelcolor=_INK)
    return whole


def _draw_shifts(axes: Axes, columns: Sequence[tuple[DetectableShift, ...]], found: Detectability) -> None:
    for y, column in enumerate(columns):
        seen = [one.effect for one in column if one.effect is not None]
        if seen:
            axes.plot([min(seen), max(seen)], [y, y], color=_FAINT, linewidth=1, zorder=1)
        for one, (mark, colour) in reversed(list(zip(column, _MARKS, strict=True))):
            if one.effect is not None:
                axes.plot(one.effect, y, marker=mark, color=colour, markersize=6, linestyle="", zorder=2)
    axes.set_yticks(range(len(columns)), [column[0].column for column in columns])
    axes.set_ylim(len(columns) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("Kolmogorov-Smirnov or total variation distance")
    axes.set_title(f"Smallest shift found, {found.power:.0%} of the time", loc="left", color=_INK)
    _plain(axes)


def _draw_falls(axes: Axes, found: Detectability) -> None:
    for y, (fall, (mark, colour)) in enumerate(zip(found.falls, _MARKS, strict=True) if found.falls else ()):
        if fall.fall is None:
            axes.text(0.02, y, "none is found yet", va="center", color=_INK, transform=axes.get_yaxis_transform())
        else:
            axes.plot([0, fall.fall], [y, y], color=_FAINT, linewidth=1, zorder=1)
            axes.plot(fall.fall, y, marker=mark, color=colour, markersize=7, linestyle="", zorder=2)
    axes.set_yticks(range(len(found.horizons)), [f"in {horizon.name}" for horizon in found.horizons])
    axes.set_ylim(len(found.horizons) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.margins(x=0.12)
    axes.set_xlabel(f"fall of {found.falls[0].metric}" if found.falls else "the metric was not measured at release")
    axes.set_title("Smallest fall found", loc="left", color=_INK)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.set_facecolor(_PAPER)
    axes.tick_params(colors=_INK, length=0)
    axes.grid(axis="x", color=_FAINT, linewidth=0.4, alpha=0.5)
    axes.xaxis.label.set_color(_INK)
    for side in axes.spines.values():
        side.set_visible(False)


def _png(found: Detectability) -> bytes:
    content = io.BytesIO()
    _figure(found).savefig(content, format="png", dpi=150, metadata={"Description": described(found)})
    return content.getvalue()


def _svg(found: Detectability) -> bytes:
    content = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None, "Creator": None, "Format": None, "Type": None}
    _figure(found).savefig(content, format="svg", metadata=metadata)
    text = content.getvalue().decode()
    text = text[text.index("<svg") :]
    for colour in _DARK:
        text = text.replace(colour, f"var(--c{colour[1:]})")
    light = "".join(f"--c{colour[1:]}:{colour};" for colour in _DARK)
    dark = "".join(f"--c{colour[1:]}:{other};" for colour, other in _DARK.items())
    style = f"<style>svg{{{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    told = (
        f'<title id="t">What monitoring would find, and how soon</title><desc id="d">{escape(described(found))}</desc>'
    )
    opening = re.match(r"<svg[^>]*>", text)
    if opening is None:  # matplotlib writes one
        return text.encode()
    head = opening.group().removesuffix(">") + ' role="img" aria-labelledby="t d">'
    return (head + told + style + text[opening.end() :]).encode()
