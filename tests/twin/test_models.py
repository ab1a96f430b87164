"""The shipped models are functions of their code: training again gives their bytes."""

import hashlib
import importlib.util
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

MODELS = Path(__file__).resolve().parents[2] / "models"


def trainer(name: str) -> ModuleType:
    """Return the train.py of a model as a module."""
    path = MODELS / name / "train.py"
    spec = importlib.util.spec_from_file_location(f"{name}_train", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["flood", "session"])
def test_the_card_names_the_models_bytes(name: str) -> None:
    card = tomllib.loads((MODELS / name / "card.toml").read_text())
    model = (MODELS / name / "model.onnx").read_bytes()

    assert card["sha256"] == hashlib.sha256(model).hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_training_the_flood_model_again_gives_the_shipped_bytes() -> None:
    train = trainer("flood")

    rows, labels = train.collect(train.SEED * 1000, train.EPISODES, train.TWIN_EPISODES)
    model = train.learn(rows, labels, train.SEED)

    assert model == (MODELS / "flood" / "model.onnx").read_bytes()
