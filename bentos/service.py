"""The service: `bentoml serve` in the project's root. What it takes and answers comes from the contract."""

from pathlib import Path

from roadworthy.serving.service import build_service

Service = build_service(Path(__file__).resolve().parents[1])
