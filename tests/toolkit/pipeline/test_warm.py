"""When a kernel is forked and when it is a plain one instead; each way ends in a kernel that works."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import threading
from pathlib import Path

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpec

from roadworthy.pipeline import preload, warm
from roadworthy.pipeline.kernels import EncryptedKernels
from roadworthy.pipeline.preload import Recipe
from roadworthy.pipeline.warm import NotWarm, WarmProvisioner

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Kernels are forked on Linux only."),
]
COMMAND = [sys.executable, "-m", "ipykernel_launcher", "-f", "/nowhere.json"]


async def _ask_a_kernel(code: str, modules: list[str]) -> tuple[WarmProvisioner, str, int]:
    manager = EncryptedKernels()
    manager.kernel_id = "one"
    provisioner = WarmProvisioner(kernel_id="one", kernel_spec=manager.kernel_spec, parent=manager, preload=modules)
    manager.provisioner = provisioner
    await manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        said: list[str] = []
        await client.execute_interactive(
            code, output_hook=lambda message: said.append(message["content"].get("text", ""))
        )
        return provisioner, "".join(said), provisioner.pid or 0
    finally:
        client.stop_channels()
        await manager.shutdown_kernel()


def ask_a_kernel(code: str = "print(6 * 7)", modules: list[str] | None = None) -> tuple[WarmProvisioner, str, int]:
    """Start a kernel, return its provisioner, what the code printed, and the kernel's process id."""
    return asyncio.run(_ask_a_kernel(code, modules or []))


def path_of_socket(modules: list[str]) -> Path:
    recipe = Recipe([sys.executable], modules, dict(os.environ))
    return preload.folder() / f"{recipe.key()}.sock"


# --- warm -----------------------------------------------------------------------------------------------------------


def test_a_kernel_is_forked_and_is_gone_after_its_shutdown(sockets: Path) -> None:
    provisioner, said, pid = ask_a_kernel("import os; print(os.getpid())")
    assert (provisioner.kind, provisioner.reason) == ("warm", "")
    assert int(said) == pid
    assert not psutil.pid_exists(pid)


def test_a_kernel_can_be_restarted(sockets: Path) -> None:
    async def restart() -> tuple[int | None, int | None, str | None, int | None]:
        manager = EncryptedKernels()
        manager.kernel_id = "one"
        provisioner = WarmProvisioner(kernel_id="one", kernel_spec=manager.kernel_spec, parent=manager)
        manager.provisioner = provisioner
        await manager.start_kernel()
        first = provisioner.pid
        await manager.restart_kernel(now=True)
        alive = await provisioner.poll()
        second, kind = provisioner.pid, provisioner.kind
        await manager.shutdown_kernel(now=True)
        return first, second, kind, alive

    first, second, kind, alive = asyncio.run(restart())
    assert first != second
    assert (kind, alive) == ("warm", None)
    assert not psutil.pid_exists(first or 0)


def test_a_module_that_was_edited_since_is_imported_anew(
    sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "being_edited.py"
    module.write_text("answer = 1\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import being_edited; print(being_edited.answer)"
    assert ask_a_kernel(code, ["being_edited"])[1] == "1\n"
    module.write_text("answer = 22\n", encoding="utf-8")
    provisioner, said, _ = ask_a_kernel(code, ["being_edited"])
    assert (provisioner.kind, said) == ("warm", "22\n")


def test_a_module_that_cannot_be_imported_fails_in_the_notebook_only(sockets: Path) -> None:
    provisioner, said, _ = ask_a_kernel("import sys; print('no_such' in sys.modules)", ["no_such", "numpy"])
    assert (provisioner.kind, said) == ("warm", "False\n")


# --- plain instead --------------------------------------------------------------------------------------------------


def test_threads_of_a_module_make_kernels_plain(sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    (tmp_path / "starts_a_thread.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    provisioner, said, _ = ask_a_kernel(modules=["starts_a_thread"])
    assert (provisioner.kind, said) == ("plain", "42\n")
    assert "has threads running" in provisioner.reason


def test_a_warm_up_that_dies_is_not_tried_again_at_once(
    sockets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ends_all.py").write_text("import os\nos.abort()\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for _ in range(2):
        provisioner, said, _ = ask_a_kernel(modules=["ends_all"])
        assert (provisioner.kind, said) == ("plain", "42\n")
        assert "warming up failed before, see " in provisioner.reason


@pytest.mark.parametrize(
    "answer", [b"no JSON\n", b"[1]\n", b'{"started": "me"}\n', b'{"started": -1}\n', b"", b'{"star']
)
def test_an_answer_that_is_nonsense_makes_the_kernel_plain(sockets: Path, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path_of_socket([])))
        listener.listen()
        liar = threading.Thread(target=_answer_all, args=(listener, answer), daemon=True)
        liar.start()
        with pytest.raises(NotWarm, match=r"the warm process (ended before a kernel had started|cannot be reached)"):
            warm.fork(COMMAND, [], {})
        liar.join()


def _answer_all(listener: socket.socket, answer: bytes) -> None:
    for _ in range(2):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 20)
            connection.sendall(answer)


def test_a_kernel_that_cannot_start_where_it_should_is_refused(sockets: Path, tmp_path: Path) -> None:
    with pytest.raises(NotWarm, match="the kernel could not be started: FileNotFoundError"):
        warm.fork(COMMAND, [], {"cwd": tmp_path / "gone"})


@pytest.mark.parametrize(
    "command",
    [
        ["/usr/bin/other-python", *COMMAND[1:]],
        [sys.executable, "-m", "xeus_python", "-f", "x"],
        [sys.executable, "-c", "pass", "-m", "ipykernel_launcher"],
        ["R", "--slave", "-e", "IRkernel::main()"],
    ],
)
def test_a_kernel_of_another_kind_is_plain(sockets: Path, command: list[str]) -> None:
    with pytest.raises(NotWarm, match="its kernelspec is not that of this environment's ipykernel"):
        warm.fork(command, [], {})


def test_a_launch_with_other_options_is_plain(sockets: Path) -> None:
    with pytest.raises(NotWarm, match="it was to be launched with stderr"):
        warm.fork(COMMAND, [], {"env": {}, "stderr": 2})


def test_the_interpreter_s_own_options_are_kept(sockets: Path) -> None:
    async def look() -> tuple[str | None, str]:
        spec = KernelSpec(argv=[sys.executable, "-Xutf8=1", *COMMAND[1:-1], "{connection_file}"], language="python")
        manager = EncryptedKernels()
        manager._kernel_spec = spec
        manager.kernel_id = "one"
        manager.provisioner = WarmProvisioner(kernel_id="one", kernel_spec=spec, parent=manager)
        await manager.start_kernel()
        kind, pid = manager.provisioner.kind, manager.provisioner.pid
        command = psutil.Process(pid).parent().cmdline()
        await manager.shutdown_kernel(now=True)
        return kind, command[1]

    assert asyncio.run(look()) == ("warm", "-Xutf8=1")
