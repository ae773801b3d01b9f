"""What holds from the first import on, in processes that do not import Roadworthy; and whether it is still needed."""

import json
import os
import subprocess
import sys

import pytest

from roadworthy.startup import NO_TRACKING, SELDOM_NEEDED


def _python(code: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name not in NO_TRACKING}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_every_interpreter_starts_with_tracking_off() -> None:
    code = f"import json, os; print(json.dumps({{n: os.environ.get(n) for n in {list(NO_TRACKING)!r}}}))"
    assert json.loads(_python(code)) == NO_TRACKING


def test_the_users_own_environment_wins() -> None:
    code = "import os; print(os.environ['BENTOML_DO_NOT_TRACK'])"
    assert _python(code, BENTOML_DO_NOT_TRACK="False") == "False"


IMAGE = {"BENTOML_CONTAINERIZED": "true", "BENTO_PATH": "/home/bentoml/bento", "ROADWORTHY_HOME": "/var/lib/roadworthy"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (IMAGE | {"BENTOML_HOME": "/home/bentoml/"}, "/var/lib/roadworthy/bentoml"),  # as BentoML writes it
        (IMAGE | {"BENTOML_HOME": "/mnt/models"}, "/mnt/models"),
        (IMAGE | {"BENTOML_HOME": "/home/bentoml/", "BENTOML_CONTAINERIZED": ""}, "/home/bentoml/"),
    ],
)
def test_in_an_image_bentoml_has_its_home_where_it_can_write(given: dict[str, str], found: str) -> None:
    assert _python("import os; print(os.environ['BENTOML_HOME'])", **given) == found


@pytest.mark.slow
def test_ploomber_bentoml_and_whylogs_agree_that_tracking_is_off() -> None:
    code = (
        "from bentoml._internal.utils.analytics import usage_stats; print(usage_stats.do_not_track());"
        "from ploomber_core.telemetry.telemetry import check_telemetry_enabled; print(check_telemetry_enabled())"
    )
    assert _python(code).split() == ["True", "False"]
    assert "whylogs.api.usage_stats" not in _python("import os; print(os.environ['WHYLOGS_NO_ANALYTICS'])")


@pytest.mark.slow
def test_nbformat_does_not_build_parsers_when_imported() -> None:
    assert _python("import sys, nbformat.v4; nbformat.v4.new_notebook(); print('lark' in sys.modules)") == "False"


@pytest.mark.slow
@pytest.mark.full  # what it looks at changes with constraints.txt alone
def test_the_rfc3987_mend_is_still_needed() -> None:
    """When this fails, jsonschema no longer imports the parsers by itself: remove the mend from startup.py."""
    code = "import sys; del sys.modules['rfc3987_syntax']; import jsonschema; print('rfc3987_syntax' in sys.modules)"
    assert _python(code) == "True"


NEEDED = "import json, sys; {first}import {importer}; print(json.dumps([m in sys.modules for m in {names!r}]))"
# each module that is mended, and an import that leads to it
LEADS_TO = {
    "ploomber_engine.profiling": "ploomber",
    "ploomber.clients.storage.aws": "ploomber",
    "ploomber.io.file": "ploomber",
    "ploomber.io.unserialize": "ploomber",
    "papermill.iorw": "papermill",
    "whylogs.core.stubs": "whylogs",
}
MENDED = [
    pytest.param(LEADS_TO[name], sorted({what.partition(":")[0] for what in late.values()}), id=name)
    for name, late in SELDOM_NEEDED.items()
]


@pytest.mark.slow
@pytest.mark.parametrize(("importer", "late"), MENDED)
def test_what_is_seldom_needed_is_not_imported(importer: str, late: list[str]) -> None:
    assert json.loads(_python(NEEDED.format(first="", importer=importer, names=late))) == [False] * len(late)


@pytest.mark.slow
@pytest.mark.full  # what it looks at changes with constraints.txt alone
@pytest.mark.parametrize(("importer", "late"), MENDED)
def test_that_mend_is_still_needed(importer: str, late: list[str]) -> None:
    """When this fails, the module no longer imports them by itself: remove it from startup.py."""
    without = "sys.meta_path[:] = [f for f in sys.meta_path if 'Seldom' not in repr(f)]; "
    assert json.loads(_python(NEEDED.format(first=without, importer=importer, names=late))) == [True] * len(late)


@pytest.mark.slow
def test_it_is_there_when_it_is_asked_for() -> None:
    code = "import ploomber.io.unserialize as u, ploomber_engine.profiling as p; print(u.pd.DataFrame, p.plt.figure)"
    assert _python(code).startswith("<class 'pandas.DataFrame'> <function figure")
    code = "from ploomber.clients.storage import aws; print(aws.boto3.client.__name__, aws.botocore.__name__)"
    assert _python(code) == "client botocore"
    code = "import ploomber, ploomber.io.file as f, papermill.iorw as w; print(f.pa.table({'a': [1]}).num_rows, "
    code += "f.pq.ParquetWriter.__name__, w.FileSelector('a').base_dir, type(w.S3()).__name__)"
    assert _python(code, AWS_DEFAULT_REGION="eu-west-1") == "1 ParquetWriter a S3"
    code = "from whylogs.core.stubs import sklc, skld, sklp; print(sklc.KMeans(2), skld.PCA(n_components=2), "
    assert _python(code + "sklp.cosine_distances([[1, 0]], [[0, 1]]))") == (
        "KMeans(n_clusters=2) PCA(n_components=2) [[1.]]"
    )


@pytest.mark.slow
def test_a_profile_is_read_without_scikit_learn() -> None:
    code = "import sys, pandas as pd; from roadworthy.monitoring.profiles import Profile; made = Profile.of("
    code += "pd.DataFrame({'a': [1.5]})).to_bytes(); print(Profile.from_bytes(made).column('a').mean, "
    assert _python(code + "'sklearn' in sys.modules)") == "1.5 False"


HEAVY = {"scipy.stats", "sklearn", "bentoml", "ploomber", "whylogs", "apprise"}
WITHOUT_TABLES = ("production", "status", "start", "runs", "access", "contract", "client", "alerts")
LIGHT = ("data", "production", "status", "labels", "start", "runs", "access", "scoring", "contract", "client")


@pytest.mark.slow
def test_commands_do_not_import_what_they_seldom_need() -> None:
    """Each starts in about two seconds; with the libraries of models, profiles and pipelines it would take five."""
    code = "import sys; from importlib import import_module as get; [get('roadworthy.cli.' + m) for m in {light!r}]; "
    code += "print(sorted({heavy!r} & {{*sys.modules}}))"
    assert _python(code.format(light=LIGHT, heavy=HEAVY)) == "[]"
    assert _python("import sys; import roadworthy.cli.watching; print('sklearn' in sys.modules)") == "False"
    assert _python(code.format(light=WITHOUT_TABLES, heavy={"pandas", "pyarrow", "deltalake"})) == "[]"
    assert _python("import sys; import roadworthy.cli; print('pydantic' in sys.modules)") == "False"  # help, completion
