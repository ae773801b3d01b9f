"""The words are true: commands named in README and guide exist, links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from roadworthy import cli

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def _lines(page: Path) -> list[str]:
    blocks = "".join(BLOCK.findall(page.read_text())).replace("\\\n", " ")
    return [line for line in blocks.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_ours_are_written_as_they_are(page: Path) -> None:
    group: Any = typer.main.get_command(cli.app)
    for line in _lines(page):
        words = shlex.split(line, comments=True)
        if words[:1] != ["roadworthy"]:
            continue
        command, rest = group.get_command(None, words[1]), words[2:]
        inner = getattr(command, "commands", {})
        if rest and rest[0] in inner:
            command, rest = inner[rest[0]], rest[1:]
        context = command.make_context(words[1], rest, resilient_parsing=False)
        assert context.params is not None


@pytest.mark.slow
@pytest.mark.parametrize("page", ["performance", "profiles"])
def test_python_prints_what_is_written_below_it(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The blocks of a page are run in their order, as in one notebook."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    blocks = PYTHON.findall((REPOSITORY / "docs" / f"{page}.md").read_text())
    assert blocks
    for code, printed in blocks:
        exec(code, names)  # noqa: S102 - our own
        assert capsys.readouterr().out == printed, code


def test_the_page_of_commands_is_current(tmp_path: Path) -> None:
    """When this fails, run `make docs`."""
    page = tmp_path / "commands.md"
    arguments = ["utils", "docs", "--name", "roadworthy", "--title", "Commands", "--output", str(page)]
    subprocess.run([sys.executable, "-m", "typer", "roadworthy.cli", *arguments], check=True, capture_output=True)
    assert page.read_text() == (REPOSITORY / "docs" / "commands.md").read_text()
