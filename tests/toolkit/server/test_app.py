"""The extension in a real server: who may ask, what is held inside the root, and a loop that never waits."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tornado.httpclient import HTTPRequest
from tornado.web import RequestHandler
from tornado.websocket import websocket_connect

from roadworthy.records.lab import EVENTS
from roadworthy.server.app import HANDLERS

if TYPE_CHECKING:
    from tests.toolkit.server.conftest import Server

pytestmark = pytest.mark.slow
VERBS = ("GET", "POST", "DELETE")
ENDPOINTS = [
    (verb, re.sub(r"\([^)]*\)", "1", pattern).replace("\\", ""))
    for pattern, handler in HANDLERS
    for verb in VERBS
    if getattr(handler, verb.lower()) is not getattr(RequestHandler, verb.lower())
]
AUTHORIZER = """
from jupyter_server.auth.authorizer import Authorizer

class Nobody(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return False
"""


def test_each_verb_of_each_endpoint_wants_a_signed_in_user(server: Server) -> None:
    """Cookie and header match, so that nothing but the missing sign-in can be what refuses."""
    headers = {"Cookie": "_xsrf=of-this-browser", "X-XSRFToken": "of-this-browser"}
    for verb, path in ENDPOINTS:
        answer = httpx.request(verb, f"{server.address}/roadworthy/api{path}", headers=headers, timeout=60)
        assert answer.status_code == 403, (verb, path)
        assert answer.json()["message"] == "You are not signed in, or have no right to it.", (verb, path)
    assert {verb for verb, _ in ENDPOINTS} == set(VERBS)


def test_each_verb_of_each_endpoint_asks_for_the_users_right(
    another_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nobody.py").write_text(AUTHORIZER)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    running = another_server("--ServerApp.authorizer_class=nobody.Nobody")
    for verb, path in ENDPOINTS:
        answer = running.call(verb, path[1:])
        assert answer.status_code == 403, (verb, path)
        assert "not authorized" in answer.json()["message"], (verb, path)


def test_a_page_of_another_origin_cannot_start_anything(server: Server, project: Path) -> None:
    """A browser that is signed in by cookie sends it along from any page; only ours knows the XSRF token."""
    with httpx.Client(base_url=server.address, timeout=60) as browser:
        browser.get("/login", params={"token": "a-token-of-the-tests"})
        browser.get("/", params={"token": "a-token-of-the-tests"})
        assert browser.get("/roadworthy/api/pipeline", params={"path": project.name}).status_code == 200
        answer = browser.post("/roadworthy/api/jobs", json={"path": project.name})
    assert answer.status_code == 403
    assert not (project / ".roadworthy/jobs").exists()


@pytest.mark.parametrize(
    "path", ["..", "../..", "/etc", "{project}/../../etc", "{project}/.roadworthy", "{project}/link"]
)
def test_nothing_outside_the_root_or_hidden_is_looked_at(server: Server, project: Path, path: str) -> None:
    (project / "link").symlink_to("/etc")
    (project / ".roadworthy").mkdir(exist_ok=True)
    for endpoint in ("notebook", "pipeline", "jobs", "runs"):
        answer = server.call("GET", endpoint, path=path.format(project=project.name))
        assert answer.status_code == 404, endpoint
        assert set(answer.json()) == {"message", "next", "problem"}
    answer = server.call("POST", "jobs", {"path": path.format(project=project.name)})
    assert answer.status_code == 404


def test_a_folder_in_no_project_is_told_as_such(server: Server, project: Path) -> None:
    (server.folder / "elsewhere").mkdir(exist_ok=True)
    assert server.get("pipeline", path="elsewhere")["project"]["found"] is False
    assert server.get("pipeline", path="")["project"]["found"] is False
    assert server.call("GET", "jobs", path="elsewhere").status_code == 404
    found = server.get("pipeline", path=f"{project.name}/notebooks")["project"]
    assert (found["found"], found["folder"], found["name"]) == (True, project.name, "late-flights")


@pytest.mark.parametrize("body", ["", "[]", "{", '{"path": 3}', '{"path": "", "unknown": 1}'])
def test_what_is_no_request_is_refused_in_words(server: Server, body: str) -> None:
    headers = {"Authorization": "token a-token-of-the-tests"}
    answer = httpx.post(f"{server.address}/roadworthy/api/jobs", content=body, headers=headers, timeout=60)
    assert answer.status_code == 400
    assert "The request cannot be understood" in answer.json()["message"]


def test_the_loop_goes_on_while_an_answer_waits_for_a_file(server: Server, project: Path) -> None:
    """The contract is a pipe that nobody has written to yet: whoever reads it waits."""
    contract = project / "monitoring/contract.yaml"
    text = contract.read_text()
    contract.unlink()
    os.mkfifo(contract)
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(server.call("GET", "pipeline", path=project.name)))
    asking.start()
    headers = {"Authorization": "token a-token-of-the-tests"}
    for _ in range(20):
        assert httpx.get(f"{server.address}/api/status", headers=headers, timeout=60).status_code == 200
    assert answers == []
    while asking.is_alive():  # each reader takes what one writer gives
        with contract.open("w") as pipe:
            pipe.write(text)
        asking.join(0.2)
    assert answers[0].status_code == 200
    contract.unlink()
    contract.write_text(text)


def test_the_loop_goes_on_while_a_task_is_built(server: Server, project: Path, notebook: Callable[..., None]) -> None:
    """The task waits until it has been looked at often enough: a server that waited for it would never answer."""
    go = project / "go"
    waits = f"import time\nfrom pathlib import Path\nwhile not Path({str(go)!r}).exists():\n    time.sleep(0.05)"
    made = 'Path(product["data"]).write_text(\'{"rows": 1}\')'
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", waits, made)
    at = {"path": project.name}
    job = server.post("jobs", at)["id"]
    while "running" not in (states := [task["state"] for task in server.get(f"jobs/{job}", **at)["tasks"]]):
        assert "failed" not in states
        time.sleep(0.1)
    headers = {"Authorization": "token a-token-of-the-tests"}
    for _ in range(20):
        assert httpx.get(f"{server.address}/api/status", headers=headers, timeout=60).status_code == 200
        assert server.get("pipeline", **at)["job"]["id"] == job
    assert server.get(f"jobs/{job}", **at)["state"] == "running"
    go.touch()
    assert server.finished(project, job)["state"] == "done"


def test_no_endpoint_looks_at_the_disk_on_the_loop() -> None:
    """What belongs to a path is looked up in the function that a thread calls, not in the coroutine around it."""
    looks = {"root", "place", "opened", "projects"}
    for module in {inspect.getmodule(handler) for _, handler in HANDLERS}:
        assert module is not None
        for coroutine in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(coroutine, ast.AsyncFunctionDef):
                assert not looks & set(on_the_loop(coroutine)), (module.__name__, coroutine.lineno)


def on_the_loop(node: ast.AST) -> Iterator[str]:
    """The attributes of itself that a handler's coroutine uses outside of functions within it."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self":
            yield inner.attr
        if not isinstance(inner, ast.FunctionDef | ast.Lambda):
            yield from on_the_loop(inner)


def test_a_page_that_leaves_before_its_answer_leaves_no_traceback(server: Server, project: Path) -> None:
    contract = project / "monitoring/contract.yaml"
    text = contract.read_text()
    contract.unlink()
    os.mkfifo(contract)
    host, _, port = server.address.removeprefix("http://").partition(":")
    asked = f"GET /roadworthy/api/pipeline?path={project.name} HTTP/1.1"
    with socket.create_connection((host, int(port)), timeout=60) as page:
        page.sendall(f"{asked}\r\nHost: {host}:{port}\r\nAuthorization: token a-token-of-the-tests\r\n\r\n".encode())
        pipe = contract.open("w")  # once somebody reads it, which the answer waits for
    with pipe:
        httpx.get(f"{server.address}/api", timeout=60)  # the loop has turned: it knows that the page has left
        contract.unlink()
        contract.write_text(text)
        pipe.write(text)
    assert server.get("pipeline", path=project.name)["tasks"]
    assert "Traceback" not in server.log.read_text()


def test_what_happens_is_told_as_an_event(server: Server, project: Path) -> None:
    script = (
        "import asyncio, json, sys\nfrom tornado.httpclient import HTTPRequest\n"
        "from tornado.websocket import websocket_connect\n"
        "async def main():\n"
        "    address, token, project = sys.argv[1:]\n"
        "    socket = await websocket_connect(HTTPRequest(address.replace('http', 'ws', 1) + "
        "'/api/events/subscribe', headers={'Authorization': 'token ' + token}))\n"
        "    print('listening', flush=True)\n"
        "    while True:\n"
        "        event = json.loads(await socket.read_message())\n"
        "        if event.get('project') == project:\n"
        "            print(json.dumps(event), flush=True)\n"
        "asyncio.run(main())"
    )
    arguments = [server.address, "a-token-of-the-tests", project.name]
    with subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        try:
            assert listening.stdout.readline() == "listening\n"
            server.get("pipeline", path=project.name)
            assert json.loads(listening.stdout.readline())["title"] == "The project is looked at from now on"
            notebook = project / "notebooks/first.ipynb"
            notebook.write_text(notebook.read_text().replace("how many", "how many there are"))
            found = json.loads(listening.stdout.readline())
            assert (found["schema_id"], found["kind"]) == (EVENTS, "files")
            assert found["message"] == "notebooks/first.ipynb"
            job = server.post("jobs", {"path": project.name, "only": ["first"]})["id"]
            told = []
            while {(one["kind"], one["state"]) for one in told} & {("job", "done")} == set() or "run" not in [
                one["kind"] for one in told
            ]:
                told.append(json.loads(listening.stdout.readline()))
            assert {one["job"] for one in told if one["kind"] == "job"} == {job}
            assert [one["run"] for one in told if one["kind"] == "run"] == [job]
        finally:
            listening.kill()


def test_the_server_ends_while_a_kernel_runs_and_a_page_listens(
    another_server: Callable[..., Server], project: Path
) -> None:
    running = another_server()
    headers = {"Authorization": "token a-token-of-the-tests"}
    assert running.get("pipeline", path=project.name)["tasks"]
    asked = {"name": "python3"}
    assert httpx.post(f"{running.address}/api/kernels", json=asked, headers=headers, timeout=60).status_code == 201

    async def ended() -> int:
        address = running.address.replace("http", "ws", 1)
        page = await websocket_connect(HTTPRequest(f"{address}/api/events/subscribe", headers=headers))
        running.process.terminate()
        while await page.read_message() is not None:
            pass
        page.close()
        return await asyncio.to_thread(running.process.wait, 60)

    assert asyncio.run(ended()) == 0
