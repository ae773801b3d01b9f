"""Every failure a user can cause or meet, each saying the fact and the next step.

One base class, one subclass a kind of failure. What a caller does with them (an exit code, an HTTP status)
is decided at the edge, never here.
"""

from pathlib import Path


class RoadworthyError(Exception):
    """A failure with a remedy.

    Parameters
    ----------
    fact
        What was found, and where: the file, cell, row or field.
    next_step
        What the reader can do about it, as an imperative sentence.
    file, line
        Where it is to be mended, when that is in a file; the line counts from 1, None where it is not known.

    Examples
    --------
    >>> print(RoadworthyError("Port 3000 is in use.", "Choose another with --port."))
    Port 3000 is in use.
    Next: Choose another with --port.
    """

    def __init__(self, fact: str, next_step: str, *, file: Path | None = None, line: int | None = None) -> None:
        self.fact = fact
        self.next_step = next_step
        self.file = file
        self.line = line
        super().__init__(fact, next_step)

    def __str__(self) -> str:
        return f"{self.fact}\nNext: {self.next_step}"


class ConfigError(RoadworthyError):
    """pyproject.toml or policy.yaml cannot be used as it stands."""


class ContractError(RoadworthyError):
    """The contract document is unreadable, or asks for something unknown."""


class DataError(RoadworthyError):
    """A data source cannot be read, or does not have what the contract names."""


class DataRefused(RoadworthyError):
    """A batch was refused whole: more of it breaks the contract than the policy tolerates."""


class PipelineError(RoadworthyError):
    """pipeline.yaml is broken, or a task failed."""


class StateError(RoadworthyError):
    """The state database cannot be reached or is of another version."""


class TableError(RoadworthyError):
    """A versioned table is missing or cannot be read or written."""


class UnknownVersion(RoadworthyError):
    """No model version goes by that name."""


class RegistryError(RoadworthyError):
    """A model version cannot be stored or loaded."""


class ChampionChanged(RegistryError):
    """Another version is champion than whoever wanted to replace it had seen."""


class GateRefused(RoadworthyError):
    """A gate said no: the version was recorded, and does not go to production."""


class RolloutError(RoadworthyError):
    """A rollout cannot be started or ended as asked."""


class RolloutOver(RolloutError):
    """A rollout has ended, or lost its champion, while its end was being written."""


class ServingError(RoadworthyError):
    """The service cannot be started or reached."""


class TokenError(RoadworthyError):
    """A token cannot be made as asked for, or none goes by that name."""


class ReplayError(RoadworthyError):
    """Traffic cannot be replayed, or the service answered with an error."""


class AlertError(RoadworthyError):
    """No open alert goes by that name, or it cannot be changed as asked."""


class ApprovalError(RoadworthyError):
    """Nothing of that name waits for an approval, or what it was about has changed."""


class MonitoringError(RoadworthyError):
    """There is nothing to observe, or a profile cannot be used."""


class NoTraffic(MonitoringError):
    """Nothing was captured yet: whoever waits for it does not wait in vain."""


class TooFewRows(MonitoringError):
    """There are labelled rows, but too few, or of too few days, to compare two versions on."""


class ProjectError(RoadworthyError):
    """The folder is not a Roadworthy project, or one is already there."""


class NothingThere(RoadworthyError):
    """Nothing lies at a path, or nothing that whoever asks may see."""
