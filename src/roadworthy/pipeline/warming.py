"""Which modules warm kernels have imported, and an early start of the process that imports them."""

from __future__ import annotations

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import code, preload
from roadworthy.pipeline.spec import Pipeline


def modules(config: Config, pipeline: Pipeline) -> tuple[str, ...]:
    """Return what the kernels of a pipeline have imported before they start: the same for all its tasks.

    It is what the configuration names, or what the notebooks import of the packages that are known to be safe.
    """
    named = config.settings.pipeline.preload
    if named is not None:
        return named
    sources = [config.root / task.source for task in pipeline.tasks if task.source]
    return preload.preloadable([cell for source in sources for cell in code.read(source).cells])


def warm_up(config: Config, pipeline: Pipeline | None) -> None:
    """Start the warm process without waiting for it, so that it is ready when Ploomber has been imported.

    Whatever stands against it is told by the kernels, which are plain then.
    """
    if pipeline is None or config.settings.pipeline.kernels == "plain":
        return
    try:
        preload.start(modules(config, pipeline))
    except PipelineError:  # a notebook that cannot be read; the build says so
        return
