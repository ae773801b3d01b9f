"""Products appear whole or not at all: a task writes aside; what it made is moved into place when it has ended well.

Until then the last good products stay where they are, for whoever reads them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ploomber.placeholders.placeholder import Placeholder
from ploomber.products import File
from ploomber.tasks.abc import Task

from roadworthy.pipeline import graph, kernels

_FAILED = ".failed.ipynb"
_WORDS = (".ipynb", ".html", ".md", ".tex", ".rst")


def place(task: str, product: Path) -> Path:
    """Return where a task writes a product before it is moved: in a hidden folder beside it, on the same disk."""
    return product.parent / f".{re.sub(r'[^A-Za-z0-9_-]', '_', task)}.building" / product.name


def redirect(task: Task) -> dict[Path, Path]:
    """Let a rendered task write its products aside; for the process in which it then runs.

    Products with a client (a remote copy) stay where they are: the copy's name comes from their path.

    Returns
    -------
    dict of Path to Path
        Where each product will be, and where it is written.
    """
    many = list(getattr(task.product, "products", [task.product]))
    found = [product for product in many if isinstance(product, File)]
    if not found or any(product.client for product in found):
        return {}
    moved = {}
    for product in found:
        staged = moved[Path(str(product))] = place(str(task.name), Path(str(product)))
        staged.parent.mkdir(parents=True, exist_ok=True)
        product._identifier = Placeholder(str(staged))
        product._identifier.render({})
    task.product.metadata.clear()
    task.params._setitem("product", task.product)
    task.source.render(task.params)
    _redirect_converters(task)
    return moved


def move(task: Task) -> None:
    """Move what a task made into place, with Ploomber's own record of it; the products are all there."""
    for product in graph.files(task).values():
        staged = place(str(task.name), product)
        if not staged.exists():  # it was written in place
            continue
        record, old_record = _record(staged), _record(product)
        old_record.unlink(missing_ok=True)
        _replace(staged, product)
        if record.exists():
            record.replace(old_record)
    executed = graph.notebook(task)
    if executed is not None:
        failed_name(executed).unlink(missing_ok=True)
    clear(task.name, graph.files(task).values())


def rename_in_words(task: Task, moved: Mapping[Path, Path]) -> None:
    """In an executed notebook, let the products go by the names under which others will find them, and sign it."""
    executed = graph.notebook(task)
    if executed is None:
        return
    keys = task.nb_product_key if isinstance(task.nb_product_key, list) else [task.nb_product_key]
    of_notebook = {path for key, path in graph.files(task).items() if key in keys} | {executed}
    for path in of_notebook:
        if path.suffix in _WORDS and path.is_file():
            _rename_within(path, moved)
    if executed.suffix == ".ipynb":
        kernels.sign(executed)


def keep_failed(task: Task) -> Path | None:
    """Keep the half executed notebook of a failed task as NAME.failed.ipynb, and remove the rest of what it left."""
    executed, kept = graph.notebook(task), None
    if executed is not None:
        partial = place(str(task.name), executed).with_suffix(".ipynb")
        if partial.exists():
            _rename_within(partial, {path: place(str(task.name), path) for path in graph.files(task).values()})
            kept = failed_name(executed)
            partial.replace(kept)
    clear(task.name, graph.files(task).values())
    return kept


def clear(task: object, products: Iterable[Path]) -> None:
    """Remove what a task left aside."""
    for folder in {place(str(task), product).parent for product in products}:
        shutil.rmtree(folder, ignore_errors=True)


def failed_name(executed: Path) -> Path:
    """Return the name under which a half executed notebook is kept."""
    return executed.with_suffix(_FAILED)


def _redirect_converters(task: Task) -> None:
    converters = getattr(task, "_converter", None)
    for converter in converters if isinstance(converters, list) else filter(None, [converters]):
        path = Path(converter._path_to_output)
        converter._path_to_output = str(place(str(task.name), path))


def _record(product: Path) -> Path:
    return product.with_name(f".{product.name}.metadata")


def _replace(staged: Path, product: Path) -> None:
    if product.is_dir() and not product.is_symlink():  # a folder cannot be replaced in one step
        former = product.with_name(f".{product.name}.former")
        shutil.rmtree(former, ignore_errors=True)
        product.replace(former)
        staged.replace(product)
        shutil.rmtree(former, ignore_errors=True)
    else:
        staged.replace(product)


def by_their_names(text: str, moved: Mapping[Path, Path]) -> str:
    """Return a text in which products go by the names under which others will find them."""
    for product, staged in moved.items():
        text = text.replace(str(staged), str(product))
    return text


def _rename_within(path: Path, moved: Mapping[Path, Path]) -> None:
    path.write_text(by_their_names(path.read_text(encoding="utf-8"), moved), encoding="utf-8")
