"""Commands on models: train, verify, card, sign."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from airnet.cli import show
from airnet.errors import EXIT_DONE, ModelError
from airnet.extras import extra
from airnet.keys import private_key
from airnet.shipped import models_path
from airnet.toml import tree_of, whole

if TYPE_CHECKING:
    from airnet.score.model import Model

PATH = click.Path(path_type=Path)
NAMES = ("session", "flood")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One model that is whole: which it is, whose word, and what scores it here.

    `kernel` is onnxruntime where no kernel of ours fits, and `why` says why; `rows`
    were scored by both, with the same bits. `signed_by` is a public key, "" where
    nobody signed.
    """

    name: str
    model: str
    sha256: str
    schema: str
    signed_by: str
    kernel: str
    why: str
    rows: int


@click.group()
def models() -> None:
    """Look at the models that judge, train and sign them."""


@models.command(
    epilog="""\b
Examples
  airnet models verify
  airnet models verify /tmp/models --key PUBLIC_KEY

\b
Exit statuses
   0  the models are whole; each one's line says whose they are, and what scores it
  65  one is missing, altered, unsigned, or made for other features
"""
)
@click.argument("folder", required=False, type=PATH, metavar="[FOLDER]")
@click.option("--key", "keys", multiple=True, help="Another public key that counts.")
@click.option("--unsigned", is_flag=True, help="Take what nobody signed, too.")
@show.as_json
def verify(
    folder: Path | None, keys: tuple[str, ...], unsigned: bool, as_json: bool
) -> int:
    """Check the models in FOLDER, those that came with airnet by default.

    Every file must be as the signed manifest says. Then golden rows must have the same
    margins as in training, bit for bit, by onnxruntime and by our kernel for this
    processor, for the model, its second opinion and its novelty score.
    """
    from airnet.score import load, seal

    where = folder or models_path()
    trusted = {*seal.known_keys().values(), *keys}
    signed = {
        name: seal.check(where / name, trusted, is_signed=not unsigned)
        for name in NAMES
    }
    scorer = load(where, keys, is_signed=not unsigned)
    found = [
        checked(model, signed[model.card.name])
        for model in (scorer.session_model, scorer.flood_model)
    ]
    if as_json:
        show.document(found)
    else:
        columns = ("model", "features", "signed by", "scored by", "compared", "why")
        rows = [
            [
                one.model,
                one.schema[:12],
                one.signed_by[:12] or "nobody",
                one.kernel,
                one.rows,
                one.why,
            ]
            for one in found
        ]
        show.console().print(show.table("Models", columns, rows))
    return EXIT_DONE


def checked(model: "Model", signed_by: str) -> Checked:
    """Return what is told of a model; its second opinion is loaded, too."""
    if model.second.is_there:
        _ = model.second.runtime
    return Checked(
        name=model.card.name,
        model=model.card.identity,
        sha256=model.card.sha256,
        schema=model.digest,
        signed_by=signed_by,
        kernel=model.native.kernel,
        why=model.native.why,
        rows=model.native.rows,
    )


@models.command(
    epilog="""\b
Examples
  airnet models card session
  airnet models card flood --json | jq .limitations

\b
Exit statuses
   0  printed
  65  there is no card, or it cannot be read
"""
)
@click.argument("name", type=click.Choice(NAMES))
@click.option("--models", "folder", type=PATH, help="Folder instead of the shipped.")
@show.as_json
def card(name: str, folder: Path | None, as_json: bool) -> int:
    """Print the card of a model: from what, how good, where not, beside baselines."""
    path = (folder or models_path()) / name / "card.toml"
    try:
        tree = tree_of(whole(path).decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"{path}: cannot be read: {error}", "reinstall") from error
    if as_json:
        show.document(tree)
        return EXIT_DONE
    metrics = tree.pop("metrics", {})
    tree.pop("reference", None)
    out = show.console()
    rows = [[key, _short(value)] for key, value in tree.items()]
    out.print(show.table(f"Model {name}", ("what", "is"), rows))
    for title, table in metrics.items():
        lines = [[key, value] for key, value in table.items()]
        out.print(show.table(title.replace("_", " "), ("measured", "value"), lines))
    return EXIT_DONE


def _short(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    if isinstance(value, dict):
        return "\n".join(f"{key}: {one}" for key, one in value.items())
    return str(value)


@models.command(
    epilog="""\b
Examples
  airnet models train --out /tmp/models --jobs 4
  airnet models train flood --out /tmp/models --budget 0.01    to try it, in a minute

\b
Exit statuses
   0  trained; NAME and SHA-256 of each model are printed. Look at the card, then sign
  64  wrong usage
  69  lightgbm or onnx is missing (pip install 'airnet[train]'), or no room
"""
)
@click.argument("name", required=False, type=click.Choice(NAMES))
@click.option("--out", type=PATH, help="Where folders are written; default: models.")
@click.option("--seed", type=int, help="Of everything that is drawn.")
@click.option(
    "--budget",
    type=click.FloatRange(0.001, 10),
    default=1.0,
    show_default=True,
    help="How much is generated, 1 is what ships.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes.",
)
@show.as_json
def train(
    name: str | None,
    out: Path | None,
    seed: int | None,
    *,
    budget: float,
    jobs: int,
    as_json: bool,
) -> int:
    """Train the models (or NAME) anew, unsigned: the same seed gives the same bytes.

    Minutes to half an hour. Nothing but generated markets is learned from.
    """
    for needed in ("lightgbm", "onnx"):  # said before the minutes of gathering
        extra(needed, "train")
    from airnet.train import gather, run

    digests = run.train(
        (name,) if name else NAMES,
        out or models_path(),
        run.SEED if seed is None else seed,
        gather.Budget().scaled(budget),
        lambda text: click.echo(text, err=True),
        jobs,
    )
    if as_json:
        show.document(digests)
    else:
        for which, digest in digests.items():
            click.echo(f"{which} {digest}")
    return EXIT_DONE


@models.command(
    epilog="""\b
Example
  airnet models sign /etc/airnet/models --key risk.pem

\b
Exit statuses
   0  signed; the public key is printed, for `model_keys` in airnet.toml
  64  no Ed25519 key in that file
  65  a model is missing or damaged
"""
)
@click.argument("folder", required=False, type=PATH, metavar="[FOLDER]")
@click.option(
    "--key",
    "key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ed25519 private key, PEM (openssl genpkey -algorithm ed25519).",
)
@show.as_json
def sign(folder: Path | None, key: Path, as_json: bool) -> int:
    """Sign the models in FOLDER, after somebody has looked at their cards."""
    from airnet.score import seal

    private = private_key(key)
    where = folder or models_path()
    public = {name: seal.sign(where / name, private) for name in NAMES}
    if as_json:
        show.document(public)
    else:
        for name, shown in public.items():
            click.echo(f"{name} signed by {shown}")
    return EXIT_DONE
