"""The BentoML service of a project: what it takes and answers, and what BentoML is told of it.

BentoML's own validation answers some bad requests with status 500 and logs the values of others, so a body is handed
on as it came and checked in `roadworthy.serving.desk`; BentoML documents the same models at /docs.json.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, ClassVar

import bentoml
import psutil
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.exceptions import BentoMLException
from pydantic import BaseModel, create_model
from starlette.requests import Request
from starlette.responses import Response

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.errors import RoadworthyError
from roadworthy.serving import schema

_ROW_BYTES = 16 * 1024  # a body may be so large for each row that it may have


def build_service(root: Path) -> bentoml.Service[Any]:
    """Return the project's BentoML service.

    Parameters
    ----------
    root
        The project's folder. Nothing but its files is needed: no environment variable, no argument.

    Raises
    ------
    BentoMLException
        When configuration or contract cannot be used; `bentoml serve` prints its text without a traceback.
    """
    try:
        config = configuration.load(root)
        dataset = contracts.read(config.path(config.settings.contract)).dataset(config.settings.dataset)
        requests = schema.request_model(dataset, config.settings.service.max_rows)
    except RoadworthyError as error:
        raise BentoMLException(str(error)) from error
    _keep_metrics_apart(config)
    most = config.settings.service.max_rows
    labels = schema.feedback_model(most)
    predict_input, feedback_input = _documented(requests, most), _documented(labels, most)

    # mypy: BentoML's types are not followed, so its decorators have none.
    class Service:
        def __init__(self) -> None:
            # Here, so that the process that only reads this definition does not load pandas, scikit-learn and Delta.
            from roadworthy.serving.desk import Desk

            self._desk = Desk(config, dataset, requests, labels)
            self._desk.open()

        @bentoml.api(input_spec=predict_input, output_spec=schema.PredictAnswer)  # type: ignore[untyped-decorator]
        async def predict(self, incoming: schema.Incoming, /) -> Response:
            """Answer each row with the probability that its label is true."""
            return self._desk.predict(incoming)

        @bentoml.api(input_spec=feedback_input, output_spec=schema.FeedbackAnswer)  # type: ignore[untyped-decorator]
        async def feedback(self, incoming: schema.Incoming, /) -> Response:
            """Take outcomes of answered rows. Needs the header `Authorization: Bearer` with the project's token."""
            return await self._desk.feedback(incoming)

        def __is_ready__(self) -> bool:
            return self._desk.ready

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            self._desk.close()

    Service.__doc__ = config.settings.use_case.problem
    make = bentoml.service(
        name=config.settings.name,
        description=config.settings.use_case.problem,
        logging={"access": {"enabled": False}},  # the spool has a line for each request
    )
    return make(Service)


class _Unread(bentoml.IODescriptor):  # type: ignore[misc]  # BentoML's types are not followed
    """A body that BentoML documents by its model, and leaves to us to read."""

    limit: ClassVar[int] = 0

    @classmethod
    async def from_http_request(cls, request: Request, serde: object) -> schema.Incoming:
        authorization = request.headers.get("authorization", "")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > cls.limit:
                return schema.Incoming(b"", authorization, too_large=True)
        return schema.Incoming(bytes(body), authorization)


def _keep_metrics_apart(config: Config) -> None:
    """Give this service a folder of its own for its counters, and remove those of dead ones.

    BentoML has one folder for all services of a user, and empties it whenever one of them starts.
    """
    folder = config.path(".roadworthy/metrics")
    for other in folder.glob("*"):
        if other.name.isdigit() and not psutil.pid_exists(int(other.name)):
            shutil.rmtree(other, ignore_errors=True)
    BentoMLContainer.prometheus_multiproc_dir.set(str(folder / str(os.getpid())))


def _documented(model: type[BaseModel], most_rows: int) -> type[BaseModel]:
    """Return the model as BentoML documents it; a request is handed on unread."""
    described: type[BaseModel] = create_model(model.__name__, __base__=(_Unread, model))
    setattr(described, "limit", most_rows * _ROW_BYTES)  # noqa: B010  # unknown to BaseModel's type
    setattr(described, "__root_input__", True)  # noqa: B010  # BentoML's mark for a body that is one argument
    return described
