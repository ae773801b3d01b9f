"""The generated client: safe whatever the contract says, typed, and understood by the service."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.config import Config
from roadworthy.contract import Column, Dataset
from roadworthy.errors import ServingError
from roadworthy.serving import client as clients
from roadworthy.serving import schema, tokens
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project

NAMES = [
    "class", "def", "with space", "it's", 'a "quote"', '"""', "ünïcode", "new\nline", "{{ name }}", "{% if %}",
    "back\\", "$(touch x)", "`id`", "a|b", "END_OF_BODY", "\u2028", "x\x00y",
]  # fmt: skip
EVIL = 'late"""\nimport os; os.abort()\r\n\x0c# \u2029raise SystemExit {{ 1/0 }} $(touch evil) </td>'


def _evil() -> Dataset:
    columns = [
        Column(name=name, type="string", role="feature", meaning=EVIL, unit=EVIL, required=number % 2 == 0)
        for number, name in enumerate(NAMES)
    ]
    chosen = Column(name="chosen", type="string", role="feature", categories=("'\"\n", EVIL, "ß"), meaning=EVIL)
    return Dataset(name="d", meaning=EVIL, columns=(*columns, chosen))


def _module(folder: Path) -> ModuleType:
    (path,) = folder.glob("*_client.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_word_of_the_contract_becomes_code(config: Config, tmp_path: Path) -> None:
    written = clients.write(config, _evil(), tmp_path / "client")
    assert written.files == ("late_flights_client.py", "examples.sh", "README.md")
    found = _module(tmp_path / "client")
    assert list(found.Row.__annotations__) == [*NAMES, "chosen"]
    assert found.Row.__required_keys__ == {name for number, name in enumerate(NAMES) if number % 2 == 0}
    script = (tmp_path / "client" / "examples.sh").read_text()
    body = script.split("<<'END_OF_BODY'\n")[1].split("\nEND_OF_BODY\n")[0]
    assert set(json.loads(body)["rows"][0]) == {*NAMES, "chosen"}
    fake = tmp_path / "bin" / "curl"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\ncat\n")
    fake.chmod(0o755)
    found_first = {"PATH": f"{fake.parent}:/usr/bin:/bin"}
    done = subprocess.run(["sh", "client/examples.sh"], cwd=tmp_path, env=found_first, capture_output=True, check=True)
    assert json.loads(done.stdout) == json.loads(body)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name in ("x", "evil")) == []
    table = [line for line in (tmp_path / "client" / "README.md").read_text().splitlines() if line.startswith("| ")]
    assert len(table) == 1 + len(NAMES) + 1


def test_an_example_keeps_the_contract(dataset: Dataset) -> None:
    row = clients.example(dataset)
    schema.request_model(dataset, 1).model_validate_json(json.dumps({"rows": [row]}))
    stops = Column(name="x", type="integer", role="feature", categories=("2", "1"))
    assert clients.example(Dataset(name="d", columns=(stops,))) == {"x": 2}
    odd = Column(name="x", type="string", role="feature", pattern="^(one|two){7}-$")
    assert clients.example(Dataset(name="d", columns=(odd,))) == {"x": "..."}


def test_a_folder_that_cannot_be_is_told(config: Config, dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServingError, match=r"cannot be written.*file"):
        clients.write(config, dataset, tmp_path / "file" / "client")


@pytest.mark.slow
def test_it_is_strictly_typed(config: Config, dataset: Dataset, tmp_path: Path) -> None:
    for number, each in enumerate((dataset, _evil())):
        clients.write(config, each, tmp_path / str(number))
    use = tmp_path / "0" / "use.py"
    right = 'row: Row = {"flight_id": "a", "scheduled_departure": "b", "carrier": "UA", "origin": "EWR", '
    right += '"dest": "IAH", "distance": 1, "departure_hour": 5.5, "weekday": 2}'
    use.write_text(
        f"from late_flights_client import Client, Row\n{right}\nprint(Client().predict([row]).predictions[0].row)\n"
    )
    checked = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    for files in (["0/late_flights_client.py", "0/use.py"], ["1/late_flights_client.py"]):
        done = subprocess.run([*checked, *files], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
    wrong = right.replace('"weekday": 2', '"weekday": "two"')
    use.write_text(f"from late_flights_client import Row\n{wrong}\n")
    done = subprocess.run([*checked, "0/use.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "weekday" in done.stdout


@pytest.mark.slow
def test_the_service_understands_it(project: Project, server: Server, tmp_path: Path) -> None:
    clients.write(project.config, project.dataset, tmp_path)
    found = _module(tmp_path)
    client = found.Client(server.address, token=tokens.local(project.config, project.state))
    rows = project.request(3)
    rows[0]["scheduled_departure"] = datetime(2013, 1, 1, 5, 15, tzinfo=UTC)
    answer = client.predict(rows)
    assert [each.row for each in answer.predictions] == [0, 1, 2]
    assert answer.model_version.startswith("late-flights:")
    assert [len(each.predictions) for each in client.predict_all(rows * 400)] == [1000, 200]
    at = datetime.now(UTC)
    labels = [found.Label(answer.request_id, 0, True), found.Label(answer.request_id, 1, False)]
    assert client.feedback(labels) == 2
    with pytest.raises(found.ServiceError, match=r"rows\.1\.distance") as refused:
        client.predict([rows[0], rows[1] | {"distance": "far"}])
    assert refused.value.status == 422
    assert [(p.field, p.value) for p in refused.value.detail] == [("rows.1.distance", '"far"')]
    with pytest.raises(ValueError, match="no time zone"):
        client.predict([rows[0] | {"scheduled_departure": at.replace(tzinfo=None)}])
    with pytest.raises(found.ServiceError) as unknown:
        client.feedback([found.Label("nobody", 0, True)])
    assert unknown.value.status == 404
    with pytest.raises(found.ServiceError) as stranger:
        found.Client(server.address, token="").feedback(labels)
    assert stranger.value.status == 401
    done = subprocess.run(
        ["sh", str(tmp_path / "examples.sh")],
        env={**os.environ, "ROADWORTHY_ADDRESS": server.address},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["predictions"][0]["row"] == 0


@contextmanager
def _answering(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An HTTP server that gives one answer after the other, and keeps what it was asked."""
    asked: list[dict[str, Any]] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append({"path": self.path, "token": self.headers["Authorization"], "body": json.loads(body)})
            status, headers, content = left.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}", asked
        finally:
            listening.shutdown()
            thread.join()


def test_it_waits_as_long_as_it_is_asked_to(
    config: Config, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.write(config, dataset, tmp_path)
    found = _module(tmp_path)
    monkeypatch.setenv("ROADWORTHY_TOKEN", "rw_a_b")
    refusal = b'{"error": "Too many.", "next_step": "Wait."}'
    date = (datetime.now(UTC) - timedelta(seconds=5)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    busy = [(429, {"Retry-After": "0"}, refusal), (503, {"Retry-After": date}, b"no JSON"), (503, {}, refusal)]
    with _answering(*busy, (200, {}, b'{"accepted": 1}')) as (address, asked):
        assert found.Client(address).feedback([found.Label("id", 0, True)]) == 1
    assert [each["path"] for each in asked] == ["/feedback"] * 4
    assert {each["token"] for each in asked} == {"Bearer rw_a_b"}
    assert asked[0]["body"] == {"labels": [{"request_id": "id", "row": 0, "label": True}]}
    with _answering(busy[0], busy[0]) as (address, _), pytest.raises(found.ServiceError, match="Too many") as ended:
        found.Client(address, retries=1).predict([])
    assert (ended.value.status, ended.value.next_step) == (429, "Wait.")


def test_the_token_goes_nowhere_else(config: Config, dataset: Dataset, tmp_path: Path) -> None:
    clients.write(config, dataset, tmp_path)
    found = _module(tmp_path)
    with _answering() as (elsewhere, asked), _answering((302, {"Location": elsewhere}, b"")) as (address, _):
        with pytest.raises(found.ServiceError, match="status 302"):
            found.Client(address, token="secret").predict([])
        assert asked == []
    with pytest.raises(found.ServiceError, match="cannot be reached"):
        found.Client(address, retries=0).predict([])
    with pytest.raises(ValueError, match="no address"):
        found.Client("file:///etc/passwd")
