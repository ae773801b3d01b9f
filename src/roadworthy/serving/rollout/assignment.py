"""Which requests of a rollout the challenger sees: the same key, the same answer, in every process."""

from __future__ import annotations

from hashlib import blake2b

from roadworthy.records import Rollout

_BYTES = 8
_RANGE = 256.0**_BYTES


def drawn(rollout: Rollout, key: str) -> bool:
    """Return whether requests of a key belong to the share of the traffic that the challenger sees at present.

    Parameters
    ----------
    rollout
        The rollout, at its present step.
    key
        What a request is known by, such as an identifier's value: requests of one key stay together.

    Notes
    -----
    BLAKE2b of the rollout's id and the key is a number drawn evenly from 0 to 1, and the key belongs when it lies below
    the share. A larger share therefore holds all keys of a smaller one, so that nobody goes back and forth from step to
    step; and another rollout draws other keys.

    Examples
    --------
    >>> from roadworthy.records import now
    >>> rollout = Rollout(
    ...     id="r1", mode="canary", champion="a", challenger="b", steps=(0.1, 0.5), started=now(), since=now(), who="me"
    ... )
    >>> tails = ("N14228", "N24211", "N619AA", "N804JB", "N39463", "N668DN")
    >>> [tail for tail in tails if drawn(rollout, tail)]
    ['N39463']
    >>> later = rollout.model_copy(update={"step": 1})
    >>> [tail for tail in tails if drawn(later, tail)]
    ['N24211', 'N619AA', 'N804JB', 'N39463']
    """
    digest = blake2b(f"{rollout.id}\n{key}".encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
    return int.from_bytes(digest) < rollout.share * _RANGE
