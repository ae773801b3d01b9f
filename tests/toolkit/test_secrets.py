"""Secrets: where values come from, how a notebook gets them, and that nothing kept or shown tells them."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote_plus

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from papermill.parameterize import parameterize_notebook

from roadworthy import config as configuration
from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.errors import ConfigError, ProjectError

DECLARED = """
[tool.roadworthy.secrets]
db_password = {env = "TEST_DB_PASSWORD"}
key = {file = "keys/api"}
"""
PASSWORD = "s3cr%t/\"ö'<x>"


@pytest.fixture
def declared(root: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A project with a secret in the environment and one in a file."""
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + DECLARED)
    monkeypatch.setenv("TEST_DB_PASSWORD", PASSWORD)
    (root / "keys").mkdir()
    (root / "keys/api").write_text("a key of\ntwo lines\n")
    (root / "keys/api").chmod(0o600)
    return configuration.load(root)


def test_a_value_comes_from_the_environment_or_a_file(declared: Config) -> None:
    assert secrets.value(declared, "db_password") == PASSWORD
    assert secrets.value(declared, "key") == "a key of\ntwo lines"


def test_a_notebook_fetches_it_by_name_in_the_project(declared: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(declared.root / "notebooks")
    assert secrets.secret("db_password") == PASSWORD
    monkeypatch.chdir(declared.root.parent)
    with pytest.raises(ProjectError):
        secrets.secret("db_password")


@pytest.mark.parametrize(
    ("value", "said"), [(None, "is not set or empty"), ("", "is not set or empty"), ("abc", "shorter than 4")]
)
def test_a_variable_without_a_usable_value_is_named(
    declared: Config, monkeypatch: pytest.MonkeyPatch, value: str | None, said: str
) -> None:
    monkeypatch.delenv("TEST_DB_PASSWORD")
    if value is not None:
        monkeypatch.setenv("TEST_DB_PASSWORD", value)
    with pytest.raises(ConfigError, match=said) as refusal:
        secrets.value(declared, "db_password")
    assert "TEST_DB_PASSWORD" in refusal.value.fact
    assert value != "abc" or "abc" not in str(refusal.value)


def test_an_undeclared_name_is_refused_with_those_that_are(declared: Config) -> None:
    with pytest.raises(ConfigError, match=r"'db_pasword' \(declared: db_password, key\)"):
        secrets.value(declared, "db_pasword")


@pytest.mark.parametrize(
    ("content", "said"), [(None, "is not set or empty"), (b"\n", "is not set or empty"), (b"caf\xe9 key", "as text")]
)
def test_a_file_without_a_usable_value_is_named(declared: Config, content: bytes | None, said: str) -> None:
    path = declared.root / "keys/api"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(ConfigError, match=said) as refusal:
        secrets.value(declared, "key")
    assert "keys/api" in refusal.value.fact
    assert refusal.value.__cause__ is None  # which would tell the bytes that could not be read
    assert "caf" not in str(refusal.value)


def test_a_file_in_the_project_that_all_can_read_is_refused(declared: Config, tmp_path: Path) -> None:
    (declared.root / "keys/api").chmod(0o644)
    with pytest.raises(ConfigError, match="every user") as refusal:
        secrets.value(declared, "key")
    assert refusal.value.next_step == "Run `chmod 600 keys/api`."
    mounted = tmp_path / "mounted"
    mounted.write_text("mounted key")
    mounted.chmod(0o644)
    pyproject = declared.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("keys/api", mounted.as_posix()))
    assert secrets.value(configuration.load(declared.root), "key") == "mounted key"


# --- masking ---------------------------------------------------------------------------------------------------------


def test_all_texts_of_a_document_are_masked() -> None:
    known = {"db": "hunter2", "longer": "hunter2-and-more"}
    document = {"error": "hunter2!", "rows": [("hunter2-and-more", 3), None], "hunter2": True}
    assert secrets.masked(document, known) == {
        "error": "[secret db]!",
        "rows": [("[secret longer]", 3), None],
        "[secret db]": True,
    }
    assert secrets.masked("nothing known", {}) == "nothing known"


def test_a_secret_that_the_mask_itself_spells_is_masked_once() -> None:
    assert secrets.masked("secret", {"x": "secret"}) == "[secret x]"


def test_single_lines_of_a_key_are_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhk\n-----END KEY-----"
    said = secrets.masked(f"first {key.splitlines()[1]}, then {json.dumps({'all': key})}", {"key": key})
    assert said == 'first [secret key], then {"all": "[secret key]"}'


@given(st.text("019%&<>\"'\\/+ö \n", min_size=4), st.text("ab", max_size=3), st.text("ab", max_size=3))
def test_no_spelling_of_a_secret_is_left(value: str, before: str, after: str) -> None:
    text = f"{before}{value}{after}"
    for spelt in (text, json.dumps(text), json.dumps(text, ensure_ascii=False), repr(text), quote_plus(text)):
        said = secrets.masked(spelt, {"x": value})
        assert "[secret x]" in said
        assert set(said.replace("[secret x]", "")) <= {*"ab\"'"}


# --- notebooks -------------------------------------------------------------------------------------------------------


def _papermill_cell(parameters: dict[str, object]) -> str:
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    )
    notebook.cells = [nbformat.v4.new_code_cell("", metadata={"tags": ["parameters"]})]
    notebook.metadata["papermill"] = {}
    cells = parameterize_notebook(notebook, parameters).cells
    return str(cells[1].source)


def test_papermills_own_cell_fetches_secrets_when_it_runs(declared: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = {
        "rows": 3,
        "title": 'Größe "ö" secret:key',
        "database": {"user": "ann", "passwords": ["secret:db_password", "ö", "secret:key"], "secret:key": 1.5},
        "password": "secret:db_password",
        "secret": "secret:key",
    }
    cell = secrets.injected(_papermill_cell(parameters), parameters)
    assert PASSWORD not in cell
    monkeypatch.chdir(declared.root)
    got: dict[str, object] = {}
    exec(cell, got)  # noqa: S102 - what a kernel does with it
    assert got["rows"] == 3
    assert got["title"] == parameters["title"]
    assert got["password"] == PASSWORD
    assert got["secret"] == "a key of\ntwo lines"
    assert got["database"] == {"user": "ann", "passwords": [PASSWORD, "ö", "a key of\ntwo lines"], "secret:key": 1.5}


def test_a_cell_without_secrets_stays_as_it_is() -> None:
    cell = _papermill_cell({"rows": 3, "title": "secret: to be kept"})
    assert secrets.injected(cell, {"rows": 3, "title": "secret: to be kept"}) == cell


def test_only_parameters_are_replaced() -> None:
    cell = 'password = "secret:db"\nproduct = {"nb": "secret:db"}\npassword[0] = "secret:db"'
    assert secrets.injected(cell, {"password": "secret:db"}) == (
        "from roadworthy.secrets import secret\n"
        'password = secret("db")\nproduct = {"nb": "secret:db"}\npassword[0] = "secret:db"'
    )


def test_other_languages_cannot_fetch_secrets() -> None:
    with pytest.raises(ConfigError, match="parameter 'password'"):
        secrets.injected('password = "secret:db"\nupstream = list("a" = "b")', {"password": "secret:db"})
