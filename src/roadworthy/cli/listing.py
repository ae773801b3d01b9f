"""Every command, the module that has it, and what the list of commands says of it.

A module is imported when one of its commands is called, and none to show or complete the list: a command then starts in
a fraction of the time that importing all takes. A test holds that the list says what the commands say of themselves.
"""

from __future__ import annotations

from typing import NamedTuple


class Listed(NamedTuple):
    """A command as the list has it: in which module below `roadworthy.cli` it is, and what it does."""

    module: str
    words: str


# in the order of the help
COMMANDS = {
    "demo": Listed(
        "demo", "Run the whole loop on real flights and tell its story. Exit code 1 when its account does not add up."
    ),
    "init": Listed("start", "Start a project: a copy of the reference project, with a blank use case to fill in."),
    "contract": Listed("contract", "Write, check, compare and export the data contract."),
    "ingest": Listed("data", "Take rows through the contract into the versioned table; bad rows go to quarantine."),
    "data": Listed("data", "Versions of tables: what happened, what changed, the way back, and clearing up."),
    "build": Listed("build", "Run the notebooks that are not fresh, by `ploomber build`, and show the run's record."),
    "runs": Listed("runs", "Show the runs, newest first; `runs show` shows one, `runs diff` what changed between two."),
    "trace": Listed("runs", "Show what something came from: run, notebook, code, data, contract and owner."),
    "debug": Listed(
        "debug", "Open a copy of a task's notebook in JupyterLab, with the inputs of the run in which it failed."
    ),
    "release": Listed(
        "release", "Put the last build through the gate and into the registry. Exit code 1 when the gate says no."
    ),
    "promote": Listed(
        "production",
        "Make a version champion; running services follow within seconds. Exit code 1 when the gate says no.",
    ),
    "rollback": Listed(
        "production", "Go back to the last good version, or the one named; running services follow within seconds."
    ),
    "rollout": Listed("rollout", "Let a challenger into production step by step, by the rule in the policy."),
    "history": Listed("production", "Show who did what to production, when, why and how long it took; newest first."),
    "serve": Listed("production", "Serve the champion by `bentoml serve`, until Ctrl-C."),
    "token": Listed("access", "Make, list and revoke the tokens that the service asks for."),
    "audit": Listed(
        "access",
        "Show every administrative act and attempt at one: who, what, through what, and what became of it; "
        "newest first.",
    ),
    "score": Listed(
        "scoring", "Answer the rows of a file or table as the service would; run it again after a kill, and it goes on."
    ),
    "client": Listed("client", "Write a typed Python client and curl examples for the service, from the contract."),
    "consumers": Listed(
        "client",
        "Show for each consumer of the service whether a version answers it as it relies on. Exit code 1 "
        "when one breaks.",
    ),
    "replay": Listed("replay", "Send a file's rows to the service in the order of their time, and their labels late."),
    "labels": Listed(
        "labels", "Take outcomes of what was predicted, by request_id and row or by the dataset's identifier."
    ),
    "observe": Listed(
        "watching",
        "Look once, as for cron or Airflow: judge what changed, write the report, decide and act by the policy.",
    ),
    "explain": Listed(
        "explain",
        "Show what a window's features do together, and whether other inputs or another relation made the metric fall.",
    ),
    "detectability": Listed(
        "detectability",
        "Show the smallest shift of each feature, and fall of the metric, found within a day, a week, a month.",
    ),
    "watch": Listed(
        "watching",
        "Look again and again: observe, decide and act by the policy; alert, retrain, promote, roll back. "
        "Until Ctrl-C.",
    ),
    "alerts": Listed("alerts", "What somebody must know: list, acknowledge, mute and resolve alerts."),
    "approve": Listed(
        "watching", "Approve or reject what the policy leaves to a person: a retraining, a promotion, a rollback."
    ),
    "status": Listed(
        "status",
        "Show champion, last run, windows, retrainings, questions, open alerts, running services and observers.",
    ),
}
