"""Run at every interpreter start of an environment that has Roadworthy, by the roadworthy.pth beside it.

``ploomber build`` and ``bentoml serve`` start without importing Roadworthy, so what must hold from their first import
on is set here, and only here. Nothing is imported that an interpreter has not already imported.

Two mends (docs/decisions/0003-startup.md):

* the usage tracking of Ploomber, BentoML and whylogs is off, unless the user's own environment says otherwise;
* ``rfc3987_syntax``, which builds parsers for more than a second when it is imported, is not: jsonschema, its only
  importer here, does without it.
"""

import os
import sys

NO_TRACKING = {
    "PLOOMBER_STATS_ENABLED": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "WHYLOGS_NO_ANALYTICS": "True",
}

for name, value in NO_TRACKING.items():
    os.environ.setdefault(name, value)
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None makes an import fail at once
