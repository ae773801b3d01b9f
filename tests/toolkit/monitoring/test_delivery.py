"""How an address is named, and where it comes from: nothing that is written down holds one."""

from __future__ import annotations

import json

import pytest

from roadworthy.config import Config, Secret
from roadworthy.monitoring import delivery
from roadworthy.records import Alert, now

ALERT = Alert(
    id=7,
    cause="drift:temp",
    role="data",
    owner="data: Ada <ada@example.org>",
    severity="warning",
    title="temp drifted",
    message="temp is higher",
    since=now(),
    updated=now(),
    count=1,
    delivered=False,
)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("slack://s3cret/s3cret", "slack, number 2 in alerts.to"),
        ("secret:pager", "secret, number 2 in alerts.to"),
        ("s3cret", "address, number 2 in alerts.to"),
    ],
)
def test_an_address_is_named_by_its_kind_and_place(address: str, name: str) -> None:
    assert delivery.label(address, 2, "alerts.to") == name


def test_an_address_may_be_a_secret_that_stands_elsewhere(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = config.settings.model_copy(update={"secrets": {"pager": Secret(env="PAGER_ADDRESS")}})
    config = config.model_copy(update={"settings": settings})
    assert not delivery.send(ALERT, "secret:pager", config)  # it has no value
    monkeypatch.setenv("PAGER_ADDRESS", "file://told/pager.jsonl")
    assert delivery.send(ALERT, "secret:pager", config)
    (line,) = (config.root / "told" / "pager.jsonl").read_text().splitlines()
    assert json.loads(line)["id"] == 7
    assert not delivery.send(ALERT, "secret:nobody", config)
