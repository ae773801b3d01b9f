"""Prints the JSON Schema of reports, as `make docs` writes it to docs/report.schema.json."""

import json

from roadworthy.monitoring.report import schema

print(json.dumps(schema(), indent=1))  # noqa: T201  (it is what the module is run for)
