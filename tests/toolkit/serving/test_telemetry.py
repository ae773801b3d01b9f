"""Logs of one JSON object a line; traces as a collector gets them."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from roadworthy.serving.telemetry import JsonLines, Trace, Tracing, log_request

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(ThreadingHTTPServer):
    """Takes traces by OTLP over HTTP, and keeps them."""

    def __init__(self) -> None:
        self.got: list[ExportTraceServiceRequest] = []
        super().__init__(("127.0.0.1", 0), _Taking)


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding", "identity") == "identity" and self.path == "/v1/traces":
            self.server.got.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_request_arrives_as_a_span_of_its_callers_trace(collector: Collector) -> None:
    tracing = Tracing(f"http://127.0.0.1:{collector.server_port}/", "late-flights")
    with tracing.following("POST /predict", PARENT) as trace:
        trace.facts |= {"version": "m:1", "rows": 3, "status": 500}
    tracing.close()
    (request,) = collector.got
    (resource,) = request.resource_spans
    assert {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"] == "late-flights"
    (span,) = resource.scope_spans[0].spans
    assert span.name == "POST /predict"
    assert span.trace_id.hex() == trace.trace_id == PARENT.split("-")[1]
    assert span.parent_span_id.hex() == PARENT.split("-")[2]
    attributes = {a.key: a.value for a in span.attributes}
    assert attributes["roadworthy.version"].string_value == "m:1"
    assert attributes["roadworthy.rows"].int_value == 3
    assert attributes["http.response.status_code"].int_value == 500
    assert span.status.code == 2  # an error
    assert span.end_time_unix_nano >= span.start_time_unix_nano > 0


def test_an_address_that_is_away_stops_nobody() -> None:
    tracing = Tracing("http://127.0.0.1:9", "late-flights")
    with tracing.following("POST /predict", "") as trace:
        trace.facts["status"] = 200
    tracing.close()
    assert len(trace.trace_id) == 32


@pytest.mark.parametrize("parent", ["", "garbage", "00-short-b7ad6b7169203331-01", PARENT.upper()])
def test_without_a_readable_parent_a_request_has_a_trace_id_of_its_own(parent: str) -> None:
    tracing = Tracing("", "late-flights")
    with tracing.following("POST /predict", parent) as first, tracing.following("POST /predict", parent) as second:
        pass
    assert len(first.trace_id) == len(second.trace_id) == 32
    assert first.trace_id != second.trace_id


def test_a_callers_trace_id_is_kept_without_a_collector() -> None:
    with Tracing("", "late-flights").following("POST /predict", PARENT) as trace:
        assert trace.trace_id == PARENT.split("-")[1]


def test_a_line_of_the_log_is_one_json_object(caplog: pytest.LogCaptureFixture) -> None:
    trace = Trace("0af7651916cd43dd8448eb211c80319c", {"status": 422, "request_id": "abc"})
    with caplog.at_level(logging.INFO):
        log_request("/predict", trace, 0.25)
    (record,) = caplog.records
    line = JsonLines().format(record)
    assert "\n" not in line
    content = json.loads(line)
    assert content | {"time": ""} == {
        "time": "",
        "level": "warning",
        "logger": "bentoml.serve",
        "message": "request",
        "path": "/predict",
        "seconds": 0.25,
        "trace_id": trace.trace_id,
        "status": 422,
        "request_id": "abc",
    }


def test_a_traceback_stays_on_its_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.getLogger("any").makeRecord("any", logging.ERROR, "", 0, "it failed: %s", ("x",), None)
        record.exc_info = sys.exc_info()
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "ValueError: broken" in json.loads(line)["traceback"]
    assert json.loads(line)["message"] == "it failed: x"
