"""What ``%load_ext roadworthy`` brings to a notebook: ``%contract``, and the completion of its names.

Nothing heavy is imported before the command is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from roadworthy.errors import DataError, RoadworthyError

if TYPE_CHECKING:
    import pandas as pd

    from roadworthy.contract import Column, Contract
    from roadworthy.data.checked import Checked
    from roadworthy.project import Project

MAGIC = "contract"
PARTIAL = "--partial"
MATCHER = "roadworthy.contract"


def load(shell: InteractiveShell) -> None:
    """Register the command and its completion."""
    commands = _Commands(shell)

    @context_matcher(identifier=MATCHER)  # type: ignore[untyped-decorator]  # IPython's
    def names(context: CompletionContext) -> SimpleMatcherResult:
        found = commands.completions(context.text_until_cursor, context.token)
        return {"completions": [SimpleCompletion(text=name) for name in found], "suppress": bool(found)}

    unload(shell)
    shell.magics_manager.register_function(commands.contract, "line", MAGIC)
    shell.Completer.custom_matchers.append(names)


def unload(shell: InteractiveShell) -> None:
    """Take the command and its completion away."""
    shell.magics_manager.magics["line"].pop(MAGIC, None)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [matcher for matcher in matchers if getattr(matcher, "matcher_identifier", "") != MATCHER]


class _Commands:
    """The commands of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def contract(self, line: str) -> Checked | pd.DataFrame:
        """Hold a DataFrame against the project's contract.

        %contract DATAFRAME [DATASET] [--partial]

        DATAFRAME is a name, or any expression that gives one: ``%contract trips[trips.year == 2013]``. DATASET is one
        of the contract's, by default the one that the model learns from. With --partial columns may be missing, as of
        features without their label.

        The result shows which rules are broken, how often, and by which rows. It can be kept and gone on with:

            found = %contract trips
            found.ok         whether no rule is broken
            found.failures   DataFrame: row, column, rule, value
            found.broken     the rows of trips that break a rule
            found.summary    the rules that are broken, and how often

        Without a DATAFRAME the contract itself is shown, one of its columns a row.
        """
        from roadworthy import project as projects

        try:
            with projects.load(Path.cwd()) as project:
                return self._answer(project, line.strip())
        except RoadworthyError as error:
            raise UsageError(f"{error.fact}\nNext: {error.next_step}") from error

    def _answer(self, project: Project, line: str) -> Checked | pd.DataFrame:
        words = [word for word in line.split() if word != PARTIAL]
        contract = project.contract
        names = [dataset.name for dataset in contract.datasets]
        if not words:
            return described(contract)
        expression = " ".join(words) if PARTIAL in line.split() else line
        dataset = project.config.settings.dataset
        head, _, last = expression.rpartition(" ")
        if head.strip() and last in names:
            expression, dataset = head.strip(), last
        elif len(words) == 2 and words[-1].isidentifier() and words[0].isidentifier():
            contract.dataset(words[-1])  # says which datasets there are
        return self._check(project, self._frame(expression), dataset, partial=PARTIAL in line.split())

    def _check(self, project: Project, frame: pd.DataFrame, dataset: str, *, partial: bool) -> Checked:
        from roadworthy.data.checked import check_frame
        from roadworthy.serving.capture import treatment

        policy = project.config.policy.capture
        columns = project.contract.dataset(dataset).columns
        withheld = [column.name for column in columns if treatment(column, policy) != "keep"]
        return check_frame(frame, project.contract, dataset, partial=partial, withheld=withheld)

    def _frame(self, expression: str) -> pd.DataFrame:
        """Return the DataFrame that an expression of the user's gives.

        Raises
        ------
        DataError
            When it gives none.
        """
        import pandas as pd

        known = ", ".join(self._frames()) or "none yet"
        try:
            found = eval(expression, self._shell.user_global_ns, self._shell.user_ns)  # noqa: S307  # the user's own code
        except Exception as error:  # whatever the user's code raises
            raise DataError(
                f"{expression!r} gives no DataFrame: {type(error).__name__}: {error}.",
                f"Name a DataFrame; there is: {known}.",
            ) from error
        if hasattr(found, "to_pandas"):  # Polars, Arrow
            found = found.to_pandas()
        if not isinstance(found, pd.DataFrame):
            raise DataError(
                f"{expression!r} is no DataFrame but of type {type(found).__name__}.",
                f"Name a DataFrame; there is: {known}.",
            )
        return found

    def _frames(self) -> Iterator[str]:
        """Yield the names of the user's DataFrames."""
        pandas = sys.modules.get("pandas")
        if pandas is not None:
            for name, value in list(self._shell.user_ns.items()):
                if not name.startswith("_") and isinstance(value, pandas.DataFrame):
                    yield name

    def completions(self, typed: str, begun: str) -> list[str]:
        """Return what may be written at the end of a line: first a DataFrame, then a dataset and the option.

        Parameters
        ----------
        typed
            The line as far as it is written.
        begun
            The beginning of the word that is being written.
        """
        before, command, rest = typed.rpartition(f"%{MAGIC} ")
        if not command or (before.strip() and not before.rstrip().endswith("=")):
            return []
        words = rest.removesuffix(begun).split()
        offered = [*_datasets(), PARTIAL] if words else [*self._frames(), PARTIAL]
        return [name for name in offered if name not in words and name.startswith(begun)]


def _datasets() -> list[str]:
    """Return the contract's datasets; none where it cannot be read, which the command itself tells."""
    from roadworthy import project as projects

    try:
        with projects.load(Path.cwd()) as project:
            return [dataset.name for dataset in project.contract.datasets]
    except RoadworthyError:
        return []


def described(contract: Contract) -> pd.DataFrame:
    """Return what a contract asks, one of its columns a row."""
    import pandas as pd

    rows = [
        (dataset.name, column.name, column.role, column.type, column.required, _rules(column), column.meaning)
        for dataset in contract.datasets
        for column in dataset.columns
    ]
    return pd.DataFrame(rows, columns=["dataset", "column", "role", "type", "required", "rules", "meaning"])


def _rules(column: Column) -> str:
    rules = [
        f"at least {column.minimum:g}" if column.minimum is not None else "",
        f"at most {column.maximum:g}" if column.maximum is not None else "",
        f"one of: {', '.join(column.categories)}" if column.categories else "",
        f"matches {column.pattern}" if column.pattern else "",
        "unique" if column.unique else "",
    ]
    return "; ".join(filter(None, rules))
