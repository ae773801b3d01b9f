"""The JupyterLab extension of Roadworthy, built ahead: its server side is the package roadworthy itself."""

__version__ = "0.1.0"


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "roadworthy-jupyterlab"}]
