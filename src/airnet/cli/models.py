"""Commands on models: verify."""

from pathlib import Path

import click
import msgspec

from airnet.cli import show
from airnet.errors import EXIT_DONE
from airnet.pipeline import models_path


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One model that is whole: which it is, and what scores it here.

    `kernel` is onnxruntime where no kernel of ours fits, and `why` says why; `rows`
    were scored by both, with the same bits.
    """

    name: str
    model: str
    sha256: str
    schema: str
    kernel: str
    why: str
    rows: int


@click.group()
def models() -> None:
    """Look at the models that judge."""


@models.command(
    epilog="""\b
Exit statuses
   0  the models are whole; each one's line says what scores it
  65  one is missing, altered, or made for other features
"""
)
@click.argument(
    "folder", required=False, type=click.Path(path_type=Path), metavar="[FOLDER]"
)
@show.as_json
def verify(folder: Path | None, as_json: bool) -> int:
    """Check the models in FOLDER, those that came with airnet by default.

    Their hashes and features must be what their cards say. Then our kernel for this
    processor is held against onnxruntime, bit for bit, as at every start.
    """
    from airnet.score import load  # noqa: PLC0415 -- onnxruntime, 0.2 s

    scorer = load(folder or models_path())
    found = [
        Checked(
            name=model.card.name,
            model=model.card.identity,
            sha256=model.card.sha256,
            schema=model.digest,
            kernel=model.native.kernel,
            why=model.native.why,
            rows=model.native.rows,
        )
        for model in (scorer.session_model, scorer.flood_model)
    ]
    if as_json:
        show.document(found)
    else:
        columns = ("model", "features", "scored by", "rows compared", "why")
        rows = [
            [one.model, one.schema[:12], one.kernel, one.rows, one.why] for one in found
        ]
        show.console().print(show.table("Models", columns, rows))
    return EXIT_DONE
