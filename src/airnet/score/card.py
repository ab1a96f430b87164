"""Card: what a model is, what it was trained for, and how to know it was not altered.

`card.toml` lies beside `model.onnx`; the model is refused when its bytes or the schema
it was trained under differ from what the card says.
"""

import hashlib
import tomllib

import msgspec

from airnet._ext.trees import REFERENCES
from airnet.config import Closed
from airnet.domain.verdict import Cause
from airnet.domain.window import FeatureSchema
from airnet.errors import ModelError
from airnet.score.kept import File, KeptFile, Place
from airnet.toml import tree_of, whole

REMEDY = "reinstall airnet, or train the model again: airnet models train"


class Reference(Closed, frozen=True):
    """The named benign cohort that explanations compare with: rows of whole numbers.

    `row` is the one that is shown; `others` are the rest of the cohort, if it has more.
    """

    name: str
    row: tuple[int, ...]
    others: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if len(self.others) >= REFERENCES:
            raise ValueError(f"`others` must be fewer than {REFERENCES}")


class Driving(Closed, frozen=True):
    """The feature that stands for a class in one number, and its benign limit."""

    feature: str
    limit: int


class Card(Closed, frozen=True):
    """`card.toml`, whole. `temperature` divides margins before the softmax.

    `second_temperature` does those of the second opinion, `limits` says what the model
    is not good for, `libraries` what it was made with.

    `missing` is what the model was given in training for a feature that is missing;
    without it, the model takes NaN.
    """

    name: str
    version: int
    classes: tuple[Cause, ...]
    temperature: float
    seed: int
    episodes: int
    rows: int
    data: str
    sha256: str
    schema: str
    schema_version: int
    schema_digest: str
    reference: Reference
    driving: dict[Cause, Driving]
    metrics: dict[str, dict[str, float]]
    missing: int | None = None
    second_temperature: float = 1.0
    limits: tuple[str, ...] = ()
    libraries: dict[str, str] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.classes) < 2 or self.classes[0] is not Cause.NORMAL:
            raise ValueError("`classes` must begin with normal and hold another")
        if not 0.01 <= self.temperature <= 100:
            raise ValueError("`temperature` must be 0.01..100")

    @property
    def identity(self) -> str:
        """Return what Verdicts call this model: name, version, start of its hash."""
        return f"{self.name}-{self.version}@{self.sha256[:12]}"


def read(folder: Place, schema: FeatureSchema) -> tuple[Card, bytes]:
    """Return the card and the bytes of the model in `folder`.

    Raises:
        ModelError: missing, unreadable, altered, or made for another schema.
    """
    path = folder / "card.toml"
    try:
        data = path.read_bytes() if isinstance(path, KeptFile) else whole(path)
        text = data.decode()
        model = (folder / "model.onnx").read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder}: cannot be read: {error}", REMEDY) from error
    try:
        card = msgspec.convert(tree_of(text), Card, strict=True)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ModelError(f"{path}: not a model card: {error}", REMEDY) from error
    found = hashlib.sha256(model).hexdigest()
    if found != card.sha256:
        raise ModelError(
            f"{folder / 'model.onnx'}: altered: its SHA-256 is {found[:12]}, the card "
            f"says {card.sha256[:12]}",
            REMEDY,
        )
    if card.schema_digest != schema.digest():
        raise ModelError(
            f"{path}: made for schema {card.schema} {card.schema_digest[:12]}, this "
            f"airnet has {schema.name} {schema.digest()[:12]}",
            REMEDY,
        )
    _check_columns(path, card, schema)
    return card, model


def _check_columns(path: File, card: Card, schema: FeatureSchema) -> None:
    """Raise ModelError when the card speaks of columns the schema lacks."""
    cohort = (card.reference.row, *card.reference.others)
    if any(len(row) < len(schema.features) for row in cohort):
        raise ModelError(f"{path}: reference row is too short", REMEDY)
    for cause in card.classes[1:]:
        if cause not in card.driving:
            raise ModelError(f"{path}: driving.{cause.value} is missing", REMEDY)
        if card.driving[cause].feature not in schema.names:
            raise ModelError(
                f"{path}: driving.{cause.value}: no feature "
                f"{card.driving[cause].feature}",
                REMEDY,
            )
