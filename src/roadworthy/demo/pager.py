"""An alert that nobody acknowledges goes on to the owner's backup, whose pager is off at first."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer

from roadworthy import lifecycle, terminal
from roadworthy import project as projects
from roadworthy.demo.stage import chapter, edit
from roadworthy.demo.story import Story
from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import Alert, now

_MOST_SHOWN = 3


class Pager(TCPServer):
    """What the backup is called by. It has its address from the beginning, and listens once it is switched on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call, bind_and_activate=False)
        self.server_bind()
        self.calls: list[str] = []

    @property
    def address(self) -> str:
        """The address, as the policy names it."""
        return f"json://127.0.0.1:{self.server_address[1]}"

    @contextmanager
    def switched_on(self) -> Iterator[None]:
        """Take calls."""
        self.server_activate()
        thread = threading.Thread(target=self.serve_forever, name="pager", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()


class _Call(BaseHTTPRequestHandler):
    server: Pager

    def do_POST(self) -> None:
        """Keep the title of what is sent."""
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append(content["title"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the story does."""


def nobody_answers(story: Story) -> None:
    """Let nobody ask, and nobody acknowledge the alerts: they go on to the backup, who cannot be reached at first."""
    silent_until = story.plan.silent_until
    title = "When nobody asks, and nobody answers" if silent_until else "When nobody answers"
    chapter(story.console, 7, title, "alerts that nobody acknowledges, and a delivery that fails")
    if silent_until:
        story.console.print(f"  up to {silent_until} nobody asks about any flight")
        story.look(clock=story.plan.clock)
        _tell_of_silence(story)
    with Pager() as pager, _called_by(story, pager) as project:
        _fail(story, project)
        with pager.switched_on():
            _retry(story, project, pager)
    story.console.print("  monitoring/policy.yaml is as it was before")
    story.look(clock=story.plan.clock)


def _tell_of_silence(story: Story) -> None:
    """Show the alerts about what brings the rows, each with its words."""
    for alert in story.project.state.open_alerts():
        if alert.role == "infrastructure":
            terminal.show_alerts(story.console, [alert])
            story.console.print(f"    {alert.message}", markup=False, highlight=False)


@contextmanager
def _called_by(story: Story, pager: Pager) -> Iterator[Project]:
    """Give the project while its policy calls the model owner's backup by the pager, and soon."""
    path = story.project.config.path(story.project.config.settings.policy)
    before = path.read_text(encoding="utf-8")
    operations = 'contact: "operations@example.org"'
    edit(
        path,
        (operations, f'{operations}, to: ["{pager.address}"]'),
        ("escalate_after_hours: 4", "escalate_after_hours: 0.001"),
        ("retry_minutes: 1", "retry_minutes: 0.05"),
    )
    story.console.print(
        f"  monitoring/policy.yaml: the model owner's backup is called by {pager.address}, after a few seconds\n"
        "  (alerts.escalate_after_hours); at that address nobody listens yet"
    )
    try:
        with projects.load(story.project.root) as project:
            yield project
    finally:
        path.write_text(before, encoding="utf-8")


def _fail(story: Story, project: Project) -> None:
    """Look: what nobody acknowledged is handed on, and does not arrive."""
    log = logging.getLogger(alerts.__name__)
    log.disabled = True  # it has a line for each that did not arrive; what follows has them from the state
    try:
        lifecycle.watch_once(project, who="policy", clock=story.plan.clock)
    finally:
        log.disabled = False
    opened = project.state.open_alerts()
    handed, failed = [alert for alert in opened if alert.escalated], alerts.failing(opened)
    if not handed:
        story.console.print("  no alert waits for the model's owner: there is nothing to hand on")
        return
    story.console.print(
        f"  {_number(handed)} that nobody acknowledged went on to the backup, {len(failed)} of them in vain. "
        "roadworthy alerts list:",
        highlight=False,
    )
    told = [alert for alert in opened if alert.cause == alerts.UNDELIVERED]
    terminal.show_alerts(story.console, [*told, *failed[:1]])


def _retry(story: Story, project: Project, pager: Pager) -> None:
    """Look again, when the next delivery is due: now somebody listens."""
    due = [alert.next_attempt for alert in alerts.failing(project.state.open_alerts()) if alert.next_attempt]
    if not due:
        return
    time.sleep(max((max(due) - now()).total_seconds(), 0.0))
    lifecycle.watch_once(project, who="policy", clock=story.plan.clock)
    story.console.print(
        f"  the pager is switched on; the next look sends again, and it is called {len(pager.calls)} times:"
    )
    for title in pager.calls[:_MOST_SHOWN]:
        story.console.print(f"      {title}", markup=False, highlight=False)
    known = [alert for alert in project.state.alerts() if alert.cause == alerts.UNDELIVERED]
    terminal.show_alerts(story.console, known[:1])


def _number(found: list[Alert]) -> str:
    return f"{len(found)} alert{'s' if len(found) != 1 else ''}"
