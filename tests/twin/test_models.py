"""The shipped models: their cards name their bytes."""

import hashlib
import tomllib
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parents[2] / "models"


@pytest.mark.parametrize("name", ["flood", "session"])
def test_the_card_names_the_models_bytes(name: str) -> None:
    card = tomllib.loads((MODELS / name / "card.toml").read_text())
    model = (MODELS / name / "model.onnx").read_bytes()

    assert card["sha256"] == hashlib.sha256(model).hexdigest()
