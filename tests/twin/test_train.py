"""Training: the same bytes from the same seed, rows by the product's own stages."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_SESSION
from airnet.score import graph
from airnet.train import (
    classes,
    episodes,
    lines,
    packets,
    passers,
    plain,
    strange,
    troubles,
)
from airnet.train.export import Ensemble, Leaf
from airnet.train.packets import Capture, Ends, Template
from airnet.train.seen import Watcher

SMALL = """
import sys
from pathlib import Path
from airnet.train import run
from airnet.train.gather import Budget
budget = Budget(catalogue=1, classic=1, plain=10, quiet=4, families=5)
out, jobs = Path(sys.argv[1]), int(sys.argv[2])
print(run.train(("session", "flood"), out, 7, budget, lambda _: None, jobs))
"""


def trained(folder: Path, threads: str) -> subprocess.Popen[str]:
    """Start a training of a few seconds in a process of its own."""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": threads,
        "PYTHONHASHSEED": threads,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    return subprocess.Popen(
        [sys.executable, "-c", SMALL, str(folder), threads],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    """One process and one thread, or three of each: every file, byte for byte."""
    pytest.importorskip("lightgbm", reason="the train extra is not installed")
    runs = [trained(tmp_path / threads, threads) for threads in ("1", "3")]
    said = [one.communicate(timeout=600)[0] for one in runs]

    assert said[0] == said[1] != ""
    for name in ("session", "flood"):
        files = {path.name for path in (tmp_path / "1" / name).iterdir()}
        assert "model.onnx" in files
        for file in files:
            one = (tmp_path / "1" / name / file).read_bytes()
            assert one == (tmp_path / "3" / name / file).read_bytes(), file


def test_template_is_valid_fix() -> None:
    """BodyLength and CheckSum as FIX 4.4 defines them, digits where they belong."""
    template = Template(b"35=D|34={sequence:4}|44={whole:3}.{cents:2}|44={whole:3}|")
    columns = {
        name: np.array(values)
        for name, values in (
            ("sequence", [7, 4321]),
            ("whole", [5, 99]),
            ("cents", [1, 20]),
        )
    }
    for row, sequence in zip(
        template.render(2, columns), (b"0007", b"4321"), strict=True
    ):
        text = row.tobytes()
        head, _, tail = text.partition(b"\x0135=")
        body, _, check = (b"35=" + tail).partition(b"10=")
        assert head == b"8=FIX.4.4\x019=%03d" % len(body)
        assert b"34=" + sequence in body
        assert int(check[:3]) == sum(text[:-7]) % 256


def test_plain_frames_are_read_without_a_complaint() -> None:
    """Every frame decodes, nothing is malformed, and no stream has a hole."""
    for seed in range(4):
        market = troubles.draw(seed)
        capture = Capture()
        rng = np.random.Generator(np.random.PCG64(seed))
        common = plain.shared(rng, market)
        for trader in market.traders:
            expected = plain.intensity(rng, market, trader, common)
            lines.add_session(rng, market, trader, expected, capture)
        end_ns = lines.START_NS + int(market.seconds * 1e9)
        frames, marks, buffer = capture.rows((lines.START_NS, end_ns))
        watcher = Watcher([])
        watcher.take(frames, marks, buffer)
        counters = watcher.counters()
        assert counters["frames"]["ok"] == len(frames)
        assert not any(counters["malformed"].values())
        assert counters["gaps"] == 0
        watcher.seen()


def test_ip_checksums_are_right() -> None:
    """Summed as RFC 1071 says, the header gives ones."""
    ends = Ends(0x0A000001, 0x0A000002, (1, 2))
    frames = packets.frames_of(ends, packets.UDP, passers.blank(3, 7))
    words = frames[:, 14:34].astype(int)
    total = (words[:, 0::2] * 256 + words[:, 1::2]).sum(axis=1)
    assert ((total & 0xFFFF) + (total >> 16) == 0xFFFF).all()


def test_labels_follow_whose_messages_they_are() -> None:
    """Fault windows are the culprit's alone and within its time."""
    for seed in range(40):
        seen = episodes.of_plain(seed)
        faults = [one for one in seen.happenings if one.cause is Cause.ALGO_FAULT]
        places, labels = classes.of_sessions(seen)
        bad = places[labels == classes.FAULT]
        if not faults:
            assert not len(bad)
            continue
        names = {seen.clients[int(one)] for one in seen.windows["subject"][bad]}
        assert names <= set().union(*(one.clients for one in faults))
        ends = classes.ends_of(seen)[bad]
        if len(bad):
            assert ends.min() > faults[0].span_ns[0]
            assert ends.max() < faults[0].span_ns[1] + classes.SLOW_NS
            return
    raise AssertionError("no plain episode had a fault")


def test_floods_are_told_from_who_passes_by() -> None:
    found = 0
    for seed in range(12):
        seen = episodes.of_plain(seed)
        is_flooded = any(one.cause is Cause.FLOOD for one in seen.happenings)
        _, labels = classes.of_floods(seen)
        assert is_flooded or not (labels == classes.FLOOD).any()
        found += int((labels == classes.FLOOD).sum())
    assert found


def test_rows_are_the_products_own() -> None:
    """One implementation: a twin's episode gives the rows the pipeline would make."""
    seen = episodes.of_catalogue("quiet", 3, "train", with_site=False)
    again = episodes.of_catalogue("quiet", 3, "train", with_site=False)

    assert (seen.windows["kind"] == WINDOW_SESSION).any()
    assert seen.rows.tobytes() == again.rows.tobytes()
    assert seen.rows.shape[1] == 64


def test_novelty_trees_are_rare_where_benign_is() -> None:
    """More at the tails than in the middle, and in the profile."""
    values = np.arange(10_000, dtype=np.float32)
    ensemble = Ensemble()
    ensemble.add(strange.tree_of(values, 3), 0)
    ensemble.add(Leaf(0.5), 0)
    read = graph.read(ensemble.onnx(1))
    assert (read.nodes["is_leaf"] == 1).sum() <= 32
    rows = np.repeat(values[:, None], len(SESSION_SCHEMA.names), axis=1)
    assert graph.read(strange.onnx_of(rows, SESSION_SCHEMA)).classes == 1


def test_leaves_too_large_are_refused() -> None:
    ensemble = Ensemble()
    ensemble.add(Leaf(300.0), 0)
    with pytest.raises(ValueError, match="exact"):
        ensemble.onnx(1)
