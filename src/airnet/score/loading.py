"""Loading: the scorer of a folder of models, read once and held against their seals."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.score import seal
from airnet.score.kept import Kept
from airnet.score.model import Model
from airnet.score.onnx import OnnxScorer


def load(
    models_dir: Path, keys: Iterable[str] = (), *, is_signed: bool = True
) -> OnnxScorer:
    """Return the scorer of the models in `models_dir`/session and `models_dir`/flood.

    Args:
        models_dir: their folder.
        keys: public keys of the site, in hex, beside those that came with airnet.
        is_signed: False takes what nobody signed: for development.

    Raises:
        ModelError: a model is missing, unreadable, altered, unsigned, signed by nobody
            who is trusted, or for another schema.
    """
    trusted = frozenset({*seal.known_keys().values(), *keys})
    models: list[Model] = []
    seals = {}
    for name, schema in (("session", SESSION_SCHEMA), ("flood", FLOOD_SCHEMA)):
        folder = Kept.read(models_dir / name)
        if is_signed:
            seal.check(folder, trusted)
            seals[name] = hashlib.sha256(seal.manifest_of(folder)).hexdigest()
        models.append(Model(folder, schema))
    scorer = OnnxScorer(models[0], models[1])
    scorer.seals = seals
    return scorer
