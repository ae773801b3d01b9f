"""The configuration: what is missing, unknown or wrong is named with its file and key."""

from pathlib import Path

import pytest

from roadworthy import config as configuration
from roadworthy.config import BusinessValue, Config
from roadworthy.errors import ConfigError, ProjectError


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_reference_project_is_complete(config: Config) -> None:
    assert config.settings.name == "late-flights"
    assert config.settings.use_case.problem
    assert config.policy.owners.of("monitoring").contact
    assert config.path(config.settings.contract).is_file()


def test_a_relative_sqlite_address_is_below_the_root(config: Config, root: Path) -> None:
    assert config.state_address == f"sqlite:///{root.resolve()}/.roadworthy/state.db"


def test_reports_are_in_sight_or_where_somebody_wants_them(config: Config, root: Path) -> None:
    assert config.reports == root.resolve() / "reports"
    (root / "pyproject.toml").write_text(
        (root / "pyproject.toml")
        .read_text()
        .replace("[tool.roadworthy]", '[tool.roadworthy]\nreports = ".roadworthy/r"')
    )
    assert configuration.load(root).reports == root.resolve() / ".roadworthy" / "r"


def test_all_that_is_written_is_below_one_folder_that_can_be_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "volume"
    monkeypatch.setenv("ROADWORTHY_HOME", str(home))
    moved = configuration.load(root)
    assert moved.private("logs", "serve.log") == home / "logs" / "serve.log"
    assert moved.path(".roadworthy/token") == home / "token"
    assert moved.path(".roadworthy") == home
    assert moved.path(".roadworthy-demo") == root.resolve() / ".roadworthy-demo"
    assert moved.state_address == f"sqlite:///{home}/state.db"
    assert moved.tables_address == str(home / "tables")
    assert moved.path(moved.settings.spool) == home / "spool"
    assert moved.reports == home / "reports"

    monkeypatch.setenv("ROADWORTHY_HOME", "below")
    assert configuration.load(root).path(".roadworthy/token") == root.resolve() / "below" / "token"
    monkeypatch.delenv("ROADWORTHY_HOME")
    assert configuration.load(root).path(".roadworthy/token") == root.resolve() / ".roadworthy" / "token"


@pytest.mark.parametrize(
    ("file", "old", "new", "place"),
    [
        ("pyproject.toml", 'dataset = "flights"', "", "tool.roadworthy.dataset"),
        ("pyproject.toml", 'dataset = "flights"', 'dataset = "flights"\ncolour = "red"', "tool.roadworthy.colour"),
        ("pyproject.toml", "threshold = 0.60", 'threshold = "high"', "tool.roadworthy.use_case.threshold"),
        ("pyproject.toml", 'metric = "roc_auc"', 'metric = "luck"', "tool.roadworthy.use_case.metric"),
        ("pyproject.toml", 'dataset = "flights"', "dataset = ", "not TOML"),
        ("monitoring/policy.yaml", "  data: {name", "  date: {name", "owners.data"),
        ("monitoring/policy.yaml", "effect: 0.03", "effect: 3", "drift.effect"),
        ("monitoring/policy.yaml", "length: month", "length: fortnight", "window.length"),
        ("monitoring/policy.yaml", "length: month", "length: null", "window"),
        ("monitoring/policy.yaml", "reference: training", "reference: frozen", "window"),
        ("monitoring/policy.yaml", "length: month", "length: [month", "line "),
    ],
)
def test_a_mistake_is_named_with_file_and_key(root: Path, file: str, old: str, new: str, place: str) -> None:
    _edit(root / file, old, new)
    with pytest.raises(ConfigError) as raised:
        configuration.load(root)
    assert file in raised.value.fact
    assert place in raised.value.fact
    assert raised.value.next_step


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('to: ["file://.roadworthy/alerts.jsonl"]', "to: slack://s3cret"),
        ('to: ["file://.roadworthy/alerts.jsonl"]', "to: [[slack://s3cret]]"),
        ('data: {name: "Flight data desk",', 'data: {to: "slack://s3cret", name: "Flight data desk",'),
    ],
)
def test_an_address_at_the_wrong_place_is_not_repeated(root: Path, old: str, new: str) -> None:
    _edit(root / "monitoring/policy.yaml", old, new)
    with pytest.raises(ConfigError, match=r"policy\.yaml: .*to") as raised:
        configuration.load(root)
    assert "s3cret" not in str(raised.value)


def test_a_missing_policy_is_named(root: Path) -> None:
    (root / "monitoring/policy.yaml").unlink()
    with pytest.raises(ConfigError, match=r"policy\.yaml cannot be read"):
        configuration.load(root)


def test_the_root_is_found_from_below_and_missed_outside(root: Path, tmp_path: Path) -> None:
    assert configuration.find_root(root / "notebooks") == root.resolve()
    with pytest.raises(ProjectError, match="roadworthy init"):
        configuration.find_root(tmp_path)


def test_acting_pays_from_the_threshold_on() -> None:
    value = BusinessValue(caught=30, false_alarm=-6)
    expected = [
        p * value.caught + (1 - p) * value.false_alarm for p in (value.threshold - 0.01, value.threshold + 0.01)
    ]
    assert expected[0] < 0 < expected[1]
