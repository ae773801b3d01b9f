"""A DataFrame held against a dataset of the contract, as a result to look at and to go on with."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from roadworthy.contract import Contract, Dataset
from roadworthy.data import quality
from roadworthy.data.casting import Cells, cells_of
from roadworthy.data.layout import kind_of
from roadworthy.errors import DataError

_MOST_RULES = 50  # that are shown; `summary` has all
_EXAMPLES = 2  # of a rule
_ROWS = 5
_COLUMNS = 8
_LONGEST = 40  # of a value that is shown
_WIDTH = 120  # of the text, in letters


@dataclass(frozen=True)
class _Rule:
    """A broken rule as a line of the output."""

    column: str
    rule: str
    rows: int
    share: str
    examples: str


class Checked:
    """What checking a DataFrame came to. As a cell's output it shows itself as a report.

    Attributes
    ----------
    dataset
        Name of the contract's dataset.
    version
        The contract's version.
    rows
        Of the frame.
    missing
        Columns that the contract requires and the frame lacks; none of these when a part was asked for.
    unknown
        Columns of the frame that the contract does not know; nothing is asked of them.
    failures
        Every broken rule of every row, one a row of a DataFrame: ``row`` (position in the frame, from 0), ``column``,
        ``rule`` (in words), ``value``. As from `roadworthy.data.quality.check`.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        dataset: Dataset,
        version: str,
        failures: pd.DataFrame,
        *,
        missing: tuple[str, ...],
        unknown: tuple[str, ...],
        texts: tuple[str, ...],
        withheld: Collection[str],
    ) -> None:
        self.dataset = dataset.name
        self.version = version
        self.rows = len(frame)
        self.missing = missing
        self.unknown = unknown
        self.failures = failures
        self._frame = frame
        self._texts = texts
        self._withheld = frozenset(withheld)
        identifiers = [column.name for column in dataset.with_role("identifier")]
        self._identifiers = [name for name in identifiers if name in frame]

    @property
    def ok(self) -> bool:
        """Whether no rule is broken and no column is missing."""
        return self.failures.empty and not self.missing

    @cached_property
    def broken(self) -> pd.DataFrame:
        """The rows of the frame that break a rule, as they are in it."""
        return self._frame.iloc[self.failures["row"].unique()]

    @cached_property
    def summary(self) -> pd.DataFrame:
        """The broken rules, the one that most rows break first: column, rule, rows, share."""
        counts = self.failures.groupby(["column", "rule"], sort=False)["row"].nunique()
        found = counts.rename("rows").reset_index().sort_values("rows", ascending=False, kind="stable")
        return found.assign(share=found["rows"] / max(self.rows, 1)).reset_index(drop=True)

    def __repr__(self) -> str:
        console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, force_jupyter=False)
        console.print(Text(f"{'✓' if self.ok else '✗'} {self._headline}"))
        for remark in self._remarks():
            console.print(Text(remark))
        if len(self.failures):
            table = Table("Column", "Rule", "Rows", "Share", "Examples", box=box.SIMPLE)
            for rule in self._rules:
                cells = (rule.column, rule.rule, f"{rule.rows:,}", rule.share, rule.examples)
                table.add_row(*map(Text, cells))
            console.print(table)
            console.print(Text(self._left_out), end="")
        assert isinstance(console.file, io.StringIO)  # noqa: S101  # for mypy
        return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())

    def _repr_html_(self) -> str:
        columns = self._shown_columns
        return _page(
            ok=self.ok,
            headline=self._headline,
            remarks=list(self._remarks()),
            rules=self._rules,
            left_out=self._left_out,
            columns=columns,
            rows=[self._shown_row(position, columns) for position in self.failures["row"].unique()[:_ROWS]],
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    # --- in words ----------------------------------------------------------------------------------------------------

    @property
    def _headline(self) -> str:
        where = f"dataset {self.dataset}, version {self.version} of the contract"
        if self.ok:
            return f"All {self.rows:,} rows keep the contract ({where})."
        rules, rows = len(self.summary), self.failures["row"].nunique()
        clauses = []
        if rules:
            of = "1 rule" if rules == 1 else f"{rules} rules"
            clauses.append(f"{rows:,} of {self.rows:,} rows break{'s' if rows == 1 else ''} {of}")
        if self.missing:
            clauses.append(f"{len(self.missing)} column{'s are' if len(self.missing) > 1 else ' is'} missing")
        return f"{', and '.join(clauses)} ({where})."

    def _remarks(self) -> Iterator[str]:
        if self.missing:
            yield f"Missing: {', '.join(self.missing)}."
        if self._texts:
            yield f"Text, read as the contract has it: {', '.join(self._texts)}. The frame itself is as it was."
        if self.unknown:
            yield f"Not in the contract, and not checked: {', '.join(self.unknown)}."

    @cached_property
    def _rules(self) -> list[_Rule]:
        shown = self.summary.head(_MOST_RULES)
        lines = zip(*(shown[name].tolist() for name in ("column", "rule", "rows", "share")), strict=True)
        return [
            _Rule(column, rule, rows, _percent(share), self._examples(column, rule))
            for column, rule, rows, share in lines
        ]

    @property
    def _left_out(self) -> str:
        more = len(self.summary) - _MOST_RULES
        return f"{more} more rules are broken; .summary has them all." if more > 0 else ""

    def _examples(self, column: str, rule: str) -> str:
        cases = self.failures[(self.failures["column"] == column) & (self.failures["rule"] == rule)].head(_EXAMPLES)
        rows, values = cases["row"].tolist(), cases["value"].tolist()
        if column in self._withheld:
            return f"{', '.join(f'row {row}' for row in rows)}, values withheld"
        return ", ".join(f"row {row}: {_short(value)}" for row, value in zip(rows, values, strict=True))

    @property
    def _shown_columns(self) -> list[str]:
        broken = [name for name in self.summary["column"].unique() if name in self._frame]
        return list(dict.fromkeys([*self._identifiers, *broken]))[:_COLUMNS]

    def _shown_row(self, position: int, columns: list[str]) -> list[str]:
        row = self._frame.iloc[position]
        return [
            str(position),
            *("withheld" if name in self._withheld else _short(quality.written(row[name])) for name in columns),
        ]


def check_frame(
    frame: pd.DataFrame,
    contract: Contract,
    dataset: str,
    *,
    partial: bool = False,
    withheld: Collection[str] = (),
) -> Checked:
    """Hold a DataFrame against a dataset of the contract; what is wrong with it is the result, and no error.

    Parameters
    ----------
    frame
        Rows. Values are cast as at ingestion: text such as ``"7"`` or ``"true"`` is understood.
    contract, dataset
        The contract, and the name of its dataset.
    partial
        Whether the frame is meant to have some of the columns only, such as the features alone.
    withheld
        Columns of which no value is shown, as the output may be saved with its notebook.

    Raises
    ------
    ContractError
        When there is no such dataset.
    DataError
        When the frame has several columns of one name, or none of the contract's.
    """
    whole = contract.dataset(dataset)
    _expect_usable(frame, whole)
    part = _part(whole, frame)
    cells = {column.name: cells_of(frame[column.name].reset_index(drop=True)) for column in part.columns}
    found = quality.typed(cells, part.columns)
    failures = quality.in_order([quality.rules(found, part), quality.Uniqueness(part).broken(found.values)], part)
    names = [str(name) for name in frame.columns]
    return Checked(
        frame,
        whole,
        contract.version,
        failures,
        missing=() if partial else tuple(c.name for c in whole.columns if c.required and c.name not in names),
        unknown=tuple(name for name in names if name not in whole.dtypes),
        texts=_texts(cells, part),
        withheld=withheld,
    )


def _expect_usable(frame: pd.DataFrame, dataset: Dataset) -> None:
    names = frame.columns[frame.columns.isin(list(dataset.dtypes))]
    twice = names[names.duplicated()].tolist()
    if twice:
        raise DataError(
            f"The DataFrame has several columns of the name {twice[0]!r}.", "Rename or drop all but one of them."
        )
    if not len(names):
        raise DataError(
            f"The DataFrame has none of the columns of dataset {dataset.name!r}.",
            f"Name another dataset, or bring these columns: {', '.join(list(dataset.dtypes)[:10])}.",
        )


def _part(dataset: Dataset, frame: pd.DataFrame) -> Dataset:
    """Return what the contract asks of the columns that the frame has."""
    columns = tuple(column for column in dataset.columns if column.name in frame)
    names = {column.name for column in columns}
    return dataset.model_copy(
        update={
            "columns": columns,
            "relations": tuple(rule for rule in dataset.relations if {rule.left, rule.right} <= names),
            "unique_together": tuple(rule for rule in dataset.unique_together if set(rule) <= names),
        }
    )


def _texts(cells: Mapping[str, Cells], dataset: Dataset) -> tuple[str, ...]:
    """Return the columns that hold text where the contract has something else."""
    return tuple(c.name for c in dataset.columns if c.type != "string" and kind_of(cells[c.name]) == "text")


def _page(**content: Any) -> str:  # noqa: ANN401  # as the template names it
    environment = Environment(
        loader=PackageLoader("roadworthy.data"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("checked.html.j2").render(content)


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "under 0.1%"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
