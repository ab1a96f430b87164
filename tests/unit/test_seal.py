"""Seal: a model that anybody touched after it was signed is not used."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from airnet import score
from airnet.cli import main
from airnet.errors import ModelError
from airnet.score import seal
from airnet.score.kept import Place
from airnet.score.runtime import COLUMNS

MODELS = Path(__file__).resolve().parents[2] / "models"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw().hex()


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A copy of the shipped models."""
    for name in ("session", "flood"):
        shutil.copytree(MODELS / name, tmp_path / name)
    return tmp_path


def test_shipped_models_are_signed_by_the_project() -> None:
    keys = seal.known_keys()

    for name in ("session", "flood"):
        assert seal.check(MODELS / name, keys.values()) == keys["airnet"]


@pytest.mark.parametrize("name", seal.REQUIRED)
def test_one_bit_more_is_refused(models: Path, name: str) -> None:
    path = models / "flood" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    with pytest.raises(ModelError, match=f"{name} was altered") as caught:
        score.load(models)
    assert "\n" not in str(caught.value)


def test_a_file_more_or_less_is_refused(models: Path) -> None:
    (models / "session" / "extra").write_text("")
    with pytest.raises(ModelError, match="extra was altered, or does not belong"):
        score.load(models)
    (models / "session" / "extra").unlink()
    (models / "session" / "golden.json").unlink()
    with pytest.raises(ModelError, match=r"golden\.json is missing"):
        score.load(models)


def test_nobody_or_a_stranger_signed(models: Path) -> None:
    """Neither is taken, unless the caller says so, or the site trusts the stranger."""
    path = models / "session" / seal.SIGNATURES
    path.unlink()
    with pytest.raises(ModelError, match="unsigned"):
        score.load(models)
    assert score.load(models, is_signed=False)

    assert seal.sign(models / "session", KEY) == PUBLIC
    with pytest.raises(ModelError, match="signed by nobody that this host trusts"):
        score.load(models)
    assert score.load(models, [PUBLIC]).seals.keys() == {"session", "flood"}


def test_signatures_stand_beside_each_other(models: Path) -> None:
    """The project's stays when a site signs; the same key signs the same bytes."""
    folder = models / "session"
    seal.sign(folder, KEY)
    first = (folder / seal.SIGNATURES).read_bytes()
    seal.sign(folder, KEY)

    assert (folder / seal.SIGNATURES).read_bytes() == first
    assert len(seal.signatures(folder)) == 2
    assert seal.check(folder, [PUBLIC]) == PUBLIC


def test_another_manifest_needs_another_signature(models: Path) -> None:
    """A manifest that was made to fit altered files is what nobody signed."""
    folder = models / "session"
    (folder / "calibration.json").write_bytes(
        (folder / "calibration.json").read_bytes() + b"\n"
    )
    with pytest.raises(ModelError, match=r"calibration\.json was altered"):
        seal.sign(folder, KEY)
    (folder / seal.MANIFEST).write_bytes(seal.manifest_of(folder))

    with pytest.raises(ModelError, match="signed by nobody"):
        score.load(models)


def test_the_commands_say_so(
    models: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 65 and one line for what is altered; a site's key with `--key`."""
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        KEY.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    for name in ("session", "flood"):
        (models / name / seal.SIGNATURES).unlink()
    folder = str(models)
    assert main(["models", "verify", folder]) == 65
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert main(["models", "verify", folder, "--unsigned"]) == 0
    assert main(["models", "sign", folder, "--key", str(pem)]) == 0
    assert main(["models", "verify", folder]) == 65
    capfd.readouterr()
    assert main(["models", "verify", folder, "--key", PUBLIC, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert {one["signed_by"] for one in found} == {PUBLIC}
    assert main(["models", "card", "session", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["classes"][0] == "normal"
    assert main(["models", "card", "flood"]) == 0
    assert "cusum" in capfd.readouterr().out


def test_what_was_compared_is_what_is_used(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files exchanged after they were compared change nothing: each is read once."""
    check = seal.check

    def exchanged(folder: Place, *words: object, **options: bool) -> str:
        found = check(folder, *words, **options)
        for name in ("model.onnx", "second.onnx", "novelty.onnx", "card.toml"):
            (models / Path(str(folder)).name / name).write_bytes(b"another's")
        return found

    monkeypatch.setattr(seal, "check", exchanged)

    scorer = score.load(models)
    scorer.warm()

    assert {kind: scorer.model_of(kind).second.is_there for kind in (1, 2)} == {
        1: True,
        2: True,
    }
    for kind in (1, 2):
        rows = np.zeros((1, COLUMNS), np.float32)
        assert len(scorer.model_of(kind).second.ask(rows)) == 1
