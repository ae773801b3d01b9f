"""Run at every interpreter start of an environment that has Roadworthy, by the roadworthy.pth beside it.

``ploomber build`` and ``bentoml serve`` start without importing Roadworthy, so what must hold from their first import
on is set here, and only here. Nothing is imported that an interpreter has not already imported.

Five mends (docs/decisions/0003-startup.md):

* the usage tracking of Ploomber, BentoML and whylogs is off, unless the user's own environment says otherwise;
* ``rfc3987_syntax``, which builds parsers for more than a second when it is imported, is not: jsonschema, its only
  importer here, does without it;
* in an image that BentoML made, its home is below ours: BentoML fixes it where a read-only root cannot be written;
* modules of Ploomber's and Papermill's import pyplot, pandas, pyarrow and boto3 for what a build seldom does: they get
  them when it is done. With this a build of what is fresh takes 4.5 seconds of processor time, not 6.4;
* whylogs imports three parts of scikit-learn, for embeddings that nobody here profiles: it gets them when their
  functions are called, as it asks for two of these whenever it reads a profile. With this a command that reads profiles
  starts three seconds earlier.
"""

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

NO_TRACKING = {
    "PLOOMBER_STATS_ENABLED": "false",
    "BENTOML_DO_NOT_TRACK": "True",
    "WHYLOGS_NO_ANALYTICS": "True",
}

for name, value in NO_TRACKING.items():
    os.environ.setdefault(name, value)
if (
    "ROADWORTHY_HOME" in os.environ
    and os.environ.get("BENTOML_CONTAINERIZED")
    # a home that whoever runs the image has chosen stands
    and os.environ.get("BENTOML_HOME", "").rstrip("/") == os.path.dirname(os.environ.get("BENTO_PATH", ""))  # noqa: PTH120
):
    os.environ["BENTOML_HOME"] = os.path.join(os.environ["ROADWORTHY_HOME"], "bentoml")  # noqa: PTH118
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # None makes an import fail at once

# module that imports -> the name by which it knows what it imports -> that module, or a callable of it after a colon; *
# for a module of which nothing but calls is asked
SELDOM_NEEDED = {
    "ploomber_engine.profiling": {"plt": "matplotlib.pyplot"},
    "ploomber.clients.storage.aws": {"boto3": "boto3", "botocore": "botocore"},
    "ploomber.io.file": {"pa": "pyarrow", "pq": "pyarrow.parquet"},
    "ploomber.io.unserialize": {"pd": "pandas"},
    "papermill.iorw": {
        "S3": "papermill.s3:S3",
        "FileSelector": "pyarrow.fs:FileSelector",
        "HadoopFileSystem": "pyarrow.fs:HadoopFileSystem",
    },
    "whylogs.core.stubs": {
        "sklc": "sklearn.cluster:*",
        "skld": "sklearn.decomposition:*",
        "sklp": "sklearn.metrics.pairwise:*",
    },
}


class _Late:
    """Stands in for a module until something of it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(import_module(self._name), attribute)


class _LateCallable:
    """Stands in for a function or a class until it is called."""

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    def __call__(self, *arguments: object, **named: object) -> object:
        return getattr(import_module(self._module), self._name)(*arguments, **named)


class _LateCallables(_Late):
    """Stands in for a module of which nothing but calls are asked, until the first of them."""

    def __getattr__(self, attribute: str) -> object:
        return _LateCallable(self._name, attribute)


def _stand_in(what: str) -> object:
    module, _, name = what.partition(":")
    if name == "*":
        return _LateCallables(module)
    return _LateCallable(module, name) if name else _Late(module)


def _is_there(what: str) -> bool:
    return what.partition(":")[0] in sys.modules


class _WithoutSeldomNeeded:
    """Finds these modules, and lets each run without what it would import, which all are written to bear."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        seldom = {known_as: what for known_as, what in SELDOM_NEEDED.get(name, {}).items() if not _is_there(what)}
        late = {what.partition(":")[0] for what in seldom.values()}
        spec = PathFinder.find_spec(name, path) if late else None  # type: ignore[arg-type]  # typing would take time
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def without(module: ModuleType) -> None:
            sys.modules.update(dict.fromkeys(late))  # type: ignore[arg-type]  # None makes an import fail at once
            try:
                run(module)
            finally:
                for what in late:
                    del sys.modules[what]
            for known_as, what in seldom.items():
                setattr(module, known_as, _stand_in(what))

        spec.loader.exec_module = without  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _WithoutSeldomNeeded)
