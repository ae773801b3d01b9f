"""What a service tells while it runs: logs of one JSON object a line, and OpenTelemetry traces where they are wanted.

Neither ever holds a value of a request.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

LOG = logging.getLogger("bentoml.serve")  # a logger that `bentoml serve` shows
_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_PATIENCE_SECONDS = 3  # with a collector that is away; a service that ends waits no longer than that
_SERVER_ERROR = 500
_ERROR = 400


@dataclass
class Trace:
    """One request on its way through the service, and what is known of it so far."""

    trace_id: str
    facts: dict[str, str | int | float] = field(default_factory=dict)


class Tracing:
    """Traces sent to an address by OTLP over HTTP; without an address a request still has a trace id for its log line.

    Parameters
    ----------
    address
        Such as ``http://collector:4318``; blank for none.
    service
        Its name in the traces.
    """

    def __init__(self, address: str, service: str) -> None:
        self._provider: TracerProvider | None = None
        if address:
            # Imported here: 0.3 s that no service should pay which sends no traces.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: service}))
            exporter = OTLPSpanExporter(endpoint=address.rstrip("/") + "/v1/traces", timeout=_PATIENCE_SECONDS)
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
            self._tracer = self._provider.get_tracer("roadworthy")

    @contextmanager
    def following(self, name: str, parent: str) -> Iterator[Trace]:
        """Follow a request; ``parent`` is its header traceparent, or blank."""
        if self._provider is None:
            found = _PARENT.fullmatch(parent) if parent else None
            yield Trace(found[1] if found else secrets.token_hex(16))
            return
        context = TraceContextTextMapPropagator().extract({"traceparent": parent})
        span = self._tracer.start_span(name, context=context, kind=SpanKind.SERVER)
        trace = Trace(format(span.get_span_context().trace_id, "032x"))
        try:
            yield trace
        finally:
            _describe(span, trace)  # type: ignore[arg-type]  # a provider of the SDK makes spans of the SDK
            span.end()

    def close(self) -> None:
        """Send what is left."""
        if self._provider is not None:
            self._provider.shutdown()


def _describe(span: Span, trace: Trace) -> None:
    status = trace.facts.get("status")
    for name, value in trace.facts.items():
        span.set_attribute("http.response.status_code" if name == "status" else f"roadworthy.{name}", value)
    if isinstance(status, int) and status >= _SERVER_ERROR:
        span.set_status(Status(StatusCode.ERROR))


def log_request(path: str, trace: Trace, seconds: float) -> None:
    """Write the line of one answered request."""
    status = trace.facts.get("status", 0)
    level = logging.WARNING if isinstance(status, int) and status >= _ERROR else logging.INFO
    fields = {"path": path, "seconds": round(seconds, 6), "trace_id": trace.trace_id, **trace.facts}
    LOG.log(level, "request", extra={"fields": fields})


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what a caller gave as ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        content: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            content |= fields
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(content, default=str).decode()


def log_as_json() -> None:
    """Let every line of this process's log be JSON, BentoML's and uvicorn's own included."""
    loggers = [logging.getLogger(name) for name in (None, "bentoml", "uvicorn", "circus")]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        handler.setFormatter(JsonLines())
