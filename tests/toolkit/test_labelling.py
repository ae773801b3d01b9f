"""Labels of files and tables: joined to what was predicted, told where they cannot be, never taken twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from roadworthy import labelling
from roadworthy import project as projects
from roadworthy.cli import app
from roadworthy.errors import DataError
from roadworthy.observation import read_traffic
from roadworthy.project import Project
from roadworthy.serving import capture, credentials
from roadworthy.serving.labels import LabelAccount, LabelProblem

LATER = datetime(2013, 6, 2, tzinfo=UTC)


@pytest.fixture
def project(root: Path) -> Iterator[Project]:
    with projects.load(root) as project:
        yield project


def _row(flight: str) -> dict[str, object]:
    return {
        "flight_id": flight,
        "scheduled_departure": "2013-05-01T10:00:00Z",
        "carrier": "UA",
        "origin": "EWR",
        "dest": "IAH",
        "distance": 1400.0,
        "departure_hour": 5.25,
        "weekday": 2,
    }


@pytest.fixture
def ids(project: Project) -> list[str]:
    """Three requests: flights a and b together, then a again, then c."""
    secret = credentials.secret(project.config)
    spool = capture.Spool(project.config.path(project.config.settings.spool), "predictions")
    made = []
    for flights in (["a", "b"], ["a"], ["c"]):
        made.append(credentials.new_request_id(secret, len(flights)))
        rows = [_row(flight) for flight in flights]
        answers = [0.5] * len(flights)
        spool.append(capture.prediction_entry(made[-1], "m:1", rows, answers, [True] * len(flights), seconds=0.01))
    spool.close()
    return made


def _file(project: Project, text: str, name: str = "labels.csv") -> str:
    path = project.root / name
    path.write_text(text)
    return str(path)


def _known(project: Project) -> dict[tuple[str, int], bool]:
    found = read_traffic(project).answered.dropna(subset=["label"])
    return {(i, r): bool(x) for i, r, x in zip(found["request_id"], found["row"], found["label"], strict=True)}


def test_labels_by_request(project: Project, ids: list[str]) -> None:
    first, again, _ = ids
    file = _file(project, f"request_id,row,label\n{first},1,true\n{again},0,0\n{first},0,\n")
    account = labelling.load(project, file)
    assert account == LabelAccount(source=file, rows=3, taken=2, unlabelled=1)
    assert _known(project) == {(first, 1): True, (again, 0): False}
    stored = project.tables.read("labels")
    assert (stored["at"] == stored["received"]).all()


def test_the_row_may_be_left_out(project: Project, ids: list[str]) -> None:
    labelling.load(project, _file(project, f"label,request_id\ntrue,{ids[2]}\n"))
    assert _known(project) == {(ids[2], 0): True}


def test_by_identifier_every_prediction_of_it_is_labelled(project: Project, ids: list[str]) -> None:
    file = _file(project, "flight_id,late\na,true\nc,false\nz,true\n")
    account = labelling.load(project, file)
    assert account == LabelAccount(source=file, rows=3, taken=3, unmatched=1)
    assert _known(project) == {(ids[0], 0): True, (ids[1], 0): True, (ids[2], 0): False}
    aside = project.tables.read("unmatched")
    assert aside[["request_id", "label", "problem"]].values.tolist() == [
        ["z", True, "no prediction has this flight_id"]
    ]


def test_loading_again_adds_nothing_and_a_correction_does(project: Project, ids: list[str]) -> None:
    file = _file(project, "flight_id,late\na,true\nz,true\n")
    labelling.load(project, file)
    assert labelling.load(project, file) == LabelAccount(source=file, rows=2, repeated=3)
    other = _file(project, "flight_id,late\na,false\n", "other.csv")
    assert labelling.load(project, other).taken == 2
    assert set(_known(project).values()) == {False}
    assert labelling.load(project, file).taken == 2  # it is the newest word again
    assert set(_known(project).values()) == {True}
    assert project.tables.count("labels") == 6


def test_what_was_not_predicted_yet_is_joined_at_the_next_loading(project: Project, ids: list[str]) -> None:
    file = _file(project, "flight_id,late\nd,true\n")
    assert labelling.load(project, file).unmatched == 1
    name = credentials.new_request_id(credentials.secret(project.config), 1)
    spool = capture.Spool(project.config.path(project.config.settings.spool), "predictions")
    spool.append(capture.prediction_entry(name, "m:1", [_row("d")], [0.5], [True], seconds=0.01))
    assert labelling.load(project, file).taken == 1
    assert _known(project) == {(name, 0): True}
    assert len(ids) == 3


def test_from_when_a_label_was_known_decides_which_counts(project: Project, ids: list[str]) -> None:
    first = ids[0]
    lines = [f"{first},0,true,2013-05-03T00:00:00Z", f"{first},0,false,2013-05-02T00:00:00Z", f"{first},1,true,"]
    file = _file(project, "request_id,row,label,at\n" + "\n".join(lines) + "\n")
    assert labelling.load(project, file).taken == 3
    assert _known(project) == {(first, 0): True, (first, 1): True}
    assert labelling.load(project, file).repeated == 3
    older = _file(project, f"request_id,row,label,at\n{first},0,false,2013-05-01T00:00:00Z\n", "older.csv")
    assert labelling.load(project, older).taken == 1
    assert _known(project)[(first, 0)]


def test_within_a_file_the_last_word_counts(project: Project, ids: list[str]) -> None:
    file = _file(project, f"request_id,label\n{ids[2]},true\n{ids[2]},false\n")
    account = labelling.load(project, file)
    assert (account.taken, account.repeated) == (1, 1)
    assert _known(project) == {(ids[2], 0): False}


def test_requests_that_nobody_answered_are_kept_aside(project: Project, ids: list[str]) -> None:
    file = _file(project, f"request_id,row,label\ninvented-1-abc,0,true\n{ids[0]},2,true\n{ids[0]},0,true\n")
    account = labelling.load(project, file)
    assert (account.taken, account.unmatched) == (1, 2)
    aside = project.tables.read("unmatched").sort_values("row")
    assert aside[["request_id", "row", "problem"]].values.tolist() == [
        ["invented-1-abc", 0, "unknown request"],
        [ids[0], 2, "row out of range"],
    ]


def test_requests_of_another_machine_are_known_by_the_table(project: Project, ids: list[str]) -> None:
    elsewhere = credentials.new_request_id(b"another secret", 1)
    spool = capture.Spool(project.config.path(project.config.settings.spool), "predictions")
    spool.append(capture.prediction_entry(elsewhere, "m:1", [_row("e")], [0.5], [True], seconds=0.01))
    file = _file(project, f"request_id,label\n{elsewhere},true\n{ids[2]},true\n")
    assert labelling.load(project, file).taken == 2


def test_values_that_are_none_are_told_with_their_row(project: Project, ids: list[str]) -> None:
    name = ids[0]
    lines = [f"{name},0,perhaps,", f"{name},-1,true,", f"{name},x,true,", ",0,true,", f"{name},1,true,soon"]
    file = _file(project, "request_id,row,label,at\n" + "\n".join(lines) + f"\n{name},1,true,\n")
    account = labelling.load(project, file, rows=2)
    assert (account.rows, account.taken, account.bad) == (6, 1, 5)
    assert account.problems == (
        LabelProblem(row=0, column="label", value="perhaps", rule="must be true or false"),
        LabelProblem(row=1, column="row", value="-1", rule="must be a whole number from 0 on"),
        LabelProblem(row=2, column="row", value="x", rule="must be a whole number from 0 on"),
        LabelProblem(row=3, column="request_id", value="", rule="must be text"),
        LabelProblem(row=4, column="at", value="soon", rule="must be a moment such as 2013-01-31T09:00:00Z"),
    )


def test_without_the_columns_nothing_is_taken(project: Project, ids: list[str]) -> None:
    with pytest.raises(DataError, match="its columns are flight_id, outcome"):
        labelling.load(project, _file(project, "flight_id,outcome\na,1\n"))
    assert not project.tables.exists("labels")
    assert len(ids) == 3


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_other_files_and_tables(project: Project, ids: list[str], ending: str) -> None:
    outcomes = pd.DataFrame({"flight_id": ["a", "c"], "late": [True, None], "at": [LATER, LATER]})
    outcomes = outcomes.astype({"late": "boolean", "at": "datetime64[us, UTC]"})
    path = project.root / f"labels.{ending}"
    if ending == "parquet":
        outcomes.to_parquet(path)
    else:
        outcomes.to_json(path, orient="records", lines=True, date_format="iso")
    account = labelling.load(project, str(path))
    assert (account.taken, account.unlabelled) == (2, 1)
    assert set(project.tables.read("labels")["at"]) == {pd.Timestamp(LATER)}
    project.tables.append("outcomes", outcomes)
    account = labelling.load(project, "table:outcomes", rows=1)
    assert (account.rows, account.repeated, account.unlabelled) == (2, 2, 1)
    assert len(ids) == 3


def test_an_identifier_that_is_kept_as_a_hash_is_found(root: Path) -> None:
    contract = root / "monitoring" / "contract.yaml"
    named = "- name: flight_id\n"
    contract.write_text(contract.read_text().replace(named, f"{named}    classification: confidential\n", 1))
    with projects.load(root) as project:
        assert project.dataset.column("flight_id").classification == "confidential"
        keeper = capture.Keeper(project.config.policy.capture, project.dataset, credentials.secret(project.config))
        name = credentials.new_request_id(credentials.secret(project.config), 1)
        spool = capture.Spool(project.config.path(project.config.settings.spool), "predictions")
        rows = keeper.rows([_row("a")])
        spool.append(capture.prediction_entry(name, "m:1", rows, [0.5], [True], seconds=0.01))
        account = labelling.load(project, _file(project, "flight_id,late\na,true\nsecret-4711,true\n"))
        assert (account.taken, account.unmatched) == (1, 1)
        assert len(project.tables.read("predictions")["flight_id"][0]) == 64
        assert "secret-4711" not in str(project.tables.read("unmatched").to_dict())


def test_the_command_tells_what_became_of_them(project: Project, ids: list[str]) -> None:
    file = _file(project, f"request_id,label\n{ids[2]},true\n{ids[2]},maybe\n")
    result = CliRunner().invoke(app, ["labels", file, "-C", str(project.root)])
    assert result.exit_code == 1
    assert "2 rows; 1 labels taken" in result.output
    assert "row 1, label: 'maybe' must be true or false" in result.output
    result = CliRunner().invoke(app, ["labels", file, "-C", str(project.root), "--json"])
    assert json.loads(result.output)["repeated"] == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from roadworthy import labelling, project as projects
from roadworthy.tables import Tables
append, left = Tables.append, int(sys.argv[3])
def counted(self, name, *rest, **more):
    global left
    version = append(self, name, *rest, **more)
    left -= name in ("labels", "unmatched")
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return version
Tables.append = counted
with projects.load(Path(sys.argv[1])) as project:
    labelling.load(project, sys.argv[2], rows=2)
"""


@pytest.mark.slow
def test_a_loading_that_is_killed_goes_on_where_it_was(project: Project, ids: list[str]) -> None:
    file = _file(project, "flight_id,late\na,true\ny,true\nb,false\nz,true\nc,true\n")
    for commits in (1, 1):  # killed after the first commit of each attempt: further each time
        command = [sys.executable, "-c", KILLED, str(project.root), file, str(commits)]
        ended = subprocess.run(command, env=os.environ, check=False)
        assert ended.returncode == -signal.SIGKILL
    account = labelling.load(project, file, rows=2)
    assert account.rows == 5
    assert account.taken + account.repeated + account.unmatched == 6
    assert project.tables.count("labels") == 4
    assert project.tables.count("unmatched") == 2
    assert _known(project) == {(ids[0], 0): True, (ids[0], 1): False, (ids[1], 0): True, (ids[2], 0): True}
