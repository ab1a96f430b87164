"""Shipped: the models and the policy that came with this package."""

from pathlib import Path


def models_path() -> Path:
    """Return the folder of the models that came with this package."""
    packaged = Path(__file__).parent / "_models"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parents[2] / "models"


def policy_path() -> Path:
    """Return the policy that came with this package: everything in shadow."""
    return Path(__file__).parent / "data" / "policy.toml"
