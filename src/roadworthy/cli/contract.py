"""Commands on the data contract: a first one from data, whether it is fit, what it changes, and its JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from roadworthy import contract as contracts
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json
from roadworthy.contract import changes, json_schema
from roadworthy.errors import ConfigError, ContractError
from roadworthy.pipeline import runs
from roadworthy.project import Project
from roadworthy.terminal import data as shown

app = typer.Typer()
contract = typer.Typer(help="Write, check, compare and export the data contract.", no_args_is_help=True)
app.add_typer(contract, name="contract")
Dataset = Annotated[str, typer.Option(help="By default the one that the model learns from.")]


@contract.command()
def infer(
    address: Annotated[str, typer.Argument(help="A file, folder, glob, or fsspec address; - for standard input.")],
    name: Annotated[str, typer.Option(help="The dataset's name; by default the file's.")] = "",
    identifier: Annotated[str | None, typer.Option(help="The column that names a row.")] = None,
    time: Annotated[str | None, typer.Option(help="The column that says when it happened.")] = None,
    label: Annotated[str | None, typer.Option(help="The column that the model foretells.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write it to this file, which must not be there yet.")] = None,
) -> None:
    """Write a first contract from data: types, ranges, categories, what is required and unique.

    Example: roadworthy contract infer flights.csv --label late --output monitoring/contract.yaml
    """
    from roadworthy.data import infer as inference  # pandas comes with these, which other commands do without
    from roadworthy.data import sources

    source = sources.open_source(address)
    batches = list(source.batches())
    chunks = (chunk for batch in batches for chunk in batch.chunks())
    called = name or Path(address).name.split(".")[0] or "data"
    gaps = any(batch.gaps for batch in batches)
    text = inference.infer(chunks, called, gaps=gaps, identifier=identifier, time=time, label=label)
    if output is None:
        typer.echo(text)
        return
    if output.exists():
        raise ConfigError(f"{output} is there already.", "Name another file; `contract diff` compares the two.")
    output.write_text(text, encoding="utf-8")
    out.print(f"Wrote {output}. Look at what it marks with `# review:`.", highlight=False)


@contract.command()
def check(
    data: Annotated[Path | None, typer.Argument(help="Check the rows of this file too.")] = None,
    dataset: Dataset = "",
    folder: Folder = HERE,
) -> None:
    """Say whether the contract can be used, and whether a file's rows keep to it. Exit code 1 when not.

    Example: roadworthy contract check flights-2013-05.parquet
    """
    with projects.load(folder) as project:
        name = dataset or project.config.settings.dataset
        problems = list(contracts.check(project.contract, name)) if name == project.config.settings.dataset else []
        if data is not None and not problems:
            from roadworthy.data import quality, sources

            failures = quality.check(sources.read_file(data), project.contract.dataset(name))
            counts = failures.drop_duplicates(["row", "rule"])["rule"].value_counts()
            problems = [f"{rule}: {rows:,} rows" for rule, rows in counts.items()]
    for problem in problems:
        out.print(f"  [red]✗[/] {problem}", highlight=False)
    if problems:
        raise typer.Exit(1)
    out.print(f"{data} keeps to the contract." if data else f"{project.config.settings.contract} is fit for use.")


@contract.command()
def diff(
    before: Annotated[str, typer.Argument(help="A file, a run, or a model version.")] = "last",
    after: Annotated[Path | None, typer.Argument(help="A file; by default the project's contract.")] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Say what a contract changes and whom that breaks. Exit code 1 when it breaks anybody.

    Example: roadworthy contract diff last
    """
    with projects.load(folder) as project:
        old = _contract(project, before)
        new = contracts.read(after) if after else project.contract
    found = changes.compare(old, new)
    if not printed_as_json(found, as_json):
        if found:
            shown.show_changes(out, found, changes.suggested_version(old, new))
        else:
            out.print("Nothing changed that means anything.")
    if any(change.breaks for change in found):
        raise typer.Exit(1)


@contract.command()
def export(dataset: Dataset = "", folder: Folder = HERE) -> None:
    """Print the JSON Schema of one row, for those who do not read contracts.

    Example: roadworthy contract export > flights.schema.json
    """
    with projects.load(folder) as project:
        chosen = project.contract.dataset(dataset or project.config.settings.dataset)
    typer.echo(json.dumps(json_schema.json_schema(chosen), indent=2))


def _contract(project: Project, name: str) -> contracts.Contract:
    if Path(name).is_file():
        return contracts.read(Path(name))
    version = project.state.version(name)
    known = version.contract_hash if version else runs.find(project.state, name).contract_hash
    text = project.state.contract(known)
    if text is None:
        raise ContractError(
            f"The contract of {name} was not kept: it ran before contracts were.", "Name a file, or a later run."
        )
    return contracts.parse(text, f"the contract of {name}")
