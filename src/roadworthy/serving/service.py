"""The BentoML service of a project: what it takes and answers, and what BentoML is told of it.

BentoML documents the models of a request at /docs.json and in a bento; the requests themselves are answered by
`roadworthy.serving.front`, a middleware before its router, for BentoML's own validation answers some bad requests with
status 500, logs the values of others, and takes longer than the model.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml
import psutil
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml.exceptions import BentoMLException, ServiceUnavailable
from pydantic import BaseModel, create_model
from starlette.middleware.cors import CORSMiddleware

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import ConfigError, RoadworthyError
from roadworthy.serving import image, schema
from roadworthy.serving.front import Door, Front, House
from roadworthy.serving.openapi import documented

if TYPE_CHECKING:
    from roadworthy.serving.desk import Desk

_FRONT = "This path is answered by the front, before BentoML's router."
_PATHS = ("/predict", "/feedback", "/admin/status", "/admin/promote", "/admin/rollback")


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
        _check_sticky(dataset, config)
    except RoadworthyError as error:
        raise BentoMLException(str(error)) from error
    _keep_metrics_apart(config)
    labels = schema.feedback_model(config.settings.service.max_rows)
    house = House(
        config.settings.service,
        config.settings.name,
        lambda: documented(service.openapi_spec.asdict(), config.settings),
    )

    # mypy: BentoML's types are not followed, so its decorators have none.
    class Service:
        def __init__(self) -> None:
            # Here, so that the process that only reads this definition does not load pandas, scikit-learn and Delta.
            from roadworthy.serving.desk import Desk

            self._desk = Desk(config, dataset, requests, labels)
            self._desk.open()
            house.open(self._desk.tokens, _doors(self._desk))

        @bentoml.api(input_spec=_described(requests), output_spec=schema.PredictAnswer)  # type: ignore[untyped-decorator]
        async def predict(self, incoming: BaseModel, /) -> BaseModel:
            """Answer each row with the probability that its label is true."""
            raise ServiceUnavailable(_FRONT)

        @bentoml.api(input_spec=_described(labels), output_spec=schema.FeedbackAnswer)  # type: ignore[untyped-decorator]
        async def feedback(self, incoming: BaseModel, /) -> BaseModel:
            """Take outcomes of answered rows; needs a token of the scope feedback."""
            raise ServiceUnavailable(_FRONT)

        def __is_ready__(self) -> bool:
            return self._desk.ready

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def close(self) -> None:
            self._desk.close()
            house.close()

    Service.__doc__ = config.settings.use_case.problem
    service: bentoml.Service[Any] = _made(Service, config)
    service.add_asgi_middleware(Front, house=house)
    return service


def _check_sticky(dataset: Dataset, config: Config) -> None:
    sticky, names = config.settings.service.sticky, [column.name for column in dataset.request_columns]
    if sticky and sticky not in names:
        raise ConfigError(
            f"tool.roadworthy.service.sticky: requests have no column {sticky!r}.", f"Use one of: {', '.join(names)}."
        )


def _doors(desk: Desk) -> dict[str, Door]:
    admin = desk.administration
    return {
        "/predict": Door("POST", "predict", desk.predict),
        "/feedback": Door("POST", "feedback", desk.feedback),
        "/admin/status": Door("GET", "admin", admin.status),
        "/admin/promote": Door("POST", "admin", admin.promote),
        "/admin/rollback": Door("POST", "admin", admin.rollback),
    }


def _made(inner: type, config: Config) -> bentoml.Service[Any]:
    """Return a class as BentoML's service, with what stands before the front."""
    settings = config.settings.service
    service = bentoml.service(
        inner,
        name=config.settings.name,
        description=config.settings.use_case.problem,
        image=image.describe(),
        workers=settings.workers,
        # The front counts, logs and traces its own paths, by version; BentoML does so for all others.
        logging={"access": {"enabled": False, "skip_paths": ["/metrics", "/livez", "/readyz", *_PATHS]}},
        tracing={"excluded_urls": ",".join(_PATHS)},
    )
    if settings.cors:
        service.add_asgi_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-Sticky-Key", "traceparent"],
            expose_headers=["X-Request-ID"],
        )
    return service


def _described(model: type[BaseModel]) -> type[BaseModel]:
    """Return the model of a body as BentoML documents it."""
    described: type[BaseModel] = create_model(model.__name__, __base__=(bentoml.IODescriptor, model))
    setattr(described, "__root_input__", True)  # noqa: B010  # BentoML's mark for a body that is one argument
    return described


def _keep_metrics_apart(config: Config) -> None:
    """Give this service a folder of its own for its counters, and remove those of dead ones.

    BentoML has one folder for all services of a user, and empties it whenever one of them starts.
    """
    folder = config.path(".roadworthy/metrics")
    for other in folder.glob("*"):
        if other.name.isdigit() and not psutil.pid_exists(int(other.name)):
            shutil.rmtree(other, ignore_errors=True)
    BentoMLContainer.prometheus_multiproc_dir.set(str(folder / str(os.getpid())))
