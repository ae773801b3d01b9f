"""The data contract: what the data must be, for ingestion, the pipeline, the service and monitoring alike.

`dataset` has the records, `parsing` reads them from an Open Data Contract Standard document, `rules` knows the
standard's quality rules and service levels. `fitness` tells whether a model can be built on a dataset, `changes` what
a new version of the contract breaks, `json_schema` what a row is for those who do not read contracts.
"""

from roadworthy.contract.dataset import Column, ColumnType, Contract, Dataset, Operator, Relation, Role
from roadworthy.contract.fitness import check
from roadworthy.contract.parsing import parse, read

__all__ = [
    "Column",
    "ColumnType",
    "Contract",
    "Dataset",
    "Operator",
    "Relation",
    "Role",
    "check",
    "parse",
    "read",
]
