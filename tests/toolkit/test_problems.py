"""All that is broken in a project's files is found at once, each with its place."""

from __future__ import annotations

from pathlib import Path

from roadworthy import problems


def places(root: Path) -> list[tuple[str, int | None]]:
    return [(error.file.name if error.file else "", error.line) for error in problems.find(root)]


def change(path: Path, old: str, new: str) -> int:
    """Change a file and return the line that was changed."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_the_reference_project_has_none(root: Path) -> None:
    assert problems.find(root) == ()


def test_everything_is_found_and_not_only_the_first(root: Path) -> None:
    policy = change(root / "monitoring/policy.yaml", "owners:", "unheard_of: 1\nowners:")
    change(root / "monitoring/contract.yaml", "kind: DataContract", "kind: [")
    change(root / "pipeline.yaml", "upstream: [ingest]", "upstream: [ingset]")
    (root / "env.yaml").write_text("products: [\n")
    (root / "notebooks/train.ipynb").unlink()
    found = places(root)
    assert [name for name, _ in found] == ["policy.yaml", "contract.yaml", "env.yaml", "pipeline.yaml", "pipeline.yaml"]
    assert found[0] == ("policy.yaml", policy)
    assert found[1][1] is not None
    assert all(error.next_step for error in problems.find(root))


def test_a_contract_is_looked_at_where_the_configuration_is_broken(root: Path) -> None:
    line = change(root / "pyproject.toml", 'dataset = "flights"', "dataset = ")
    change(root / "monitoring/contract.yaml", "kind: DataContract", "kind: Contract")
    found = places(root)
    assert found[0] == ("pyproject.toml", line)
    assert found[1][0] == "contract.yaml"


def test_a_key_of_pyproject_is_found_where_it_stands(root: Path) -> None:
    line = change(root / "pyproject.toml", "threshold = 0.60", "treshold = 0.60")
    assert places(root) == [("pyproject.toml", line)]
    line = change(root / "pyproject.toml", "treshold = 0.60", 'threshold = "much"')
    assert places(root) == [("pyproject.toml", line)]


def test_a_column_of_the_contract_is_found_where_it_stands(root: Path) -> None:
    contract = root / "monitoring/contract.yaml"
    line = change(contract, "logicalTypeOptions:", "logicalTypeOption:")
    assert places(root) == [("contract.yaml", line)]


def test_a_value_that_env_does_not_set_is_found(root: Path) -> None:
    line = change(root / "pipeline.yaml", '"{{share}}"', '"{{shares}}"')
    (error,) = problems.find(root)
    assert (error.line, error.next_step) == (line, "Add `shares: value` to env.yaml.")
