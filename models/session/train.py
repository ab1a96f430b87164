"""Train the session model: normal, volatility or algo_fault. See models/README.md.

    python models/session/train.py [--episodes N] [--seed S]

writes model.onnx and card.toml beside this file; the same seed gives the same bytes.
Whole parameter ranges are held out: they are drawn only for the test episodes.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import export
import twin_rows
from episodes import CLASSES, COLUMN, FAULT, NORMAL, episode, twin_label
from market_rows import START_NS, Market

from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_SESSION
from airnet.features.schema import SESSION_SCHEMA

ROUNDS = 30
#: Columns that name no cause but the episode (how long it has run): not learned from.
UNUSED = ("window_us", "history_ms", "messages")


def gather_twin(
    seeds: range, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return training rows of the twin's episodes; quiet windows are thinned."""
    rows, labels = [], []
    for seed in seeds:
        seen = twin_rows.look(twin_rows.episode_of(seed), with_site=True)
        classes = twin_label(seen)
        calm = (classes == NORMAL) & (seen.features[:, COLUMN["ratio_fast"]] < 1800)
        keep = (classes >= 0) & (~calm | (rng.random(len(classes)) < 0.1))
        rows.append(seen.features[keep])
        labels.append(classes[keep])
    return np.concatenate(rows), np.concatenate(labels)


def measure_twin(
    model: bytes, temperature: float, seeds: range
) -> dict[str, dict[str, object]]:
    """Return, for each scenario of the twin, faults found and false alarms."""
    out: dict[str, dict[str, object]] = {}
    for scenario in twin_rows.TRAINED:
        delays: list[float] = []
        faults = wrong = 0
        for seed in seeds:
            episode = twin_rows.episode_of(seed, scenario)
            seen = twin_rows.look(episode, with_site=True)
            margins = margins_of(model, seen.features).astype(np.float64) / temperature
            parts = np.exp(margins - margins.max(axis=1, keepdims=True))
            late, count, others = judge_twin(seen, parts[:, FAULT] / parts.sum(axis=1))
            delays += late
            faults += count
            wrong += others
        out[scenario] = {
            "faults": faults,
            "faults_alarmed": len(delays),
            "median_delay_ms": round(1000 * float(np.median(delays or [0]))),
            "false_alarms": wrong,
            "episodes": len(seeds),
        }
    return out


def judge_twin(
    seen: twin_rows.Seen, p: NDArray[np.float64]
) -> tuple[list[float], int, int]:
    """Return delays of found faults, faults, and alarms about anyone else."""
    f, windows = seen.features, seen.windows
    ready = (f[:, COLUMN["history_ms"]] >= 3000) & (f[:, COLUMN["messages"]] >= 64)
    ready &= windows["kind"] == WINDOW_SESSION
    ready &= f[:, COLUMN["active_sessions"]] >= 3
    faults = twin_rows.spans(seen, Cause.ALGO_FAULT)
    zero = int(seen.episode.frames[0][0])
    closes = (windows["close_ns"].astype(np.int64) - zero) / 1e9
    found: dict[str, float] = {}
    wrong = 0
    for index, client in enumerate(seen.clients):
        own = ready & (windows["subject"] == index)
        for start, at in alarms(closes[own], p[own]):
            since = [
                (onset - zero) / 1e9
                for onset, offset, clients, _ in faults
                if client in clients
                and (onset - zero) / 1e9 <= start
                and at <= (offset - zero) / 1e9 + 0.5
            ]
            if since:
                found.setdefault(client, at - since[0])
            else:
                wrong += 1
    return list(found.values()), sum(len(one[2]) for one in faults), wrong


def gather(
    seeds: range, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return training rows of many episodes; quiet windows are thinned."""
    rows, labels = [], []
    for seed in seeds:
        _, _, features, classes = episode(seed, held=False)
        calm = (classes == NORMAL) & (features[:, COLUMN["ratio_fast"]] < 1800)
        keep = (classes >= 0) & (~calm | (rng.random(len(classes)) < 0.08))
        rows.append(features[keep])
        labels.append(classes[keep])
    return np.concatenate(rows), np.concatenate(labels)


def learn(rows: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> bytes:
    """Return the ONNX model; classes weigh the same however often they were seen."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    weights = (len(labels) / np.maximum(counts, 1) / len(CLASSES))[labels]
    masked = rows[:, : len(SESSION_SCHEMA.names)].copy()
    masked[:, [COLUMN[name] for name in UNUSED]] = 0
    booster = export.train(masked, labels, weights, (len(CLASSES), ROUNDS, seed))
    return export.onnx_bytes(booster, len(CLASSES))


def margins_of(model: bytes, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the model's margins by onnxruntime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"features": rows})
    return np.asarray(out)


def alarms(
    closes: NDArray[np.float64], chance: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """Return (first bad window, alarm) of each streak, as the shipped policy decides.

    An alarm needs two windows in a row at 0.9 or more that together last 100 ms.
    """
    out: list[tuple[float, float]] = []
    start = last = -1.0
    count, raised = 0, False
    for at, p in zip(closes.tolist(), chance.tolist(), strict=True):
        if p < 0.9:
            start = -1.0
            continue
        if start < 0 or at - last > 0.25:
            start, count, raised = at, 0, False
        count, last = count + 1, at
        if count >= 2 and at - start >= 0.1 and not raised:
            out.append((start, at))
            raised = True
    return out


def judge(
    market: Market,
    windows: NDArray[np.void],
    f: NDArray[np.float32],
    p: NDArray[np.float64],
) -> tuple[list[float], int, int]:
    """Return delays of found faults in seconds, faults, and alarms about others."""
    closes = (windows["close_ns"].astype(np.int64) - START_NS) / 1e9
    ready = (f[:, COLUMN["history_ms"]] >= 3000) & (f[:, COLUMN["messages"]] >= 64)
    delays, wrong = [], 0
    bad = {t.session: t for t in market.troubles if t.kind == "runaway"}
    for session in range(market.sessions):
        own = ready & (windows["subject"] == session)
        for start, at in alarms(closes[own], p[own]):
            fault = bad.get(session)
            if fault and fault.start_s <= start and at <= fault.end_s + 0.3:
                delays.append(at - fault.start_s)
            else:
                wrong += 1
    return delays[: len(bad)], len(bad), wrong


def measure(
    model: bytes, temperature: float, seeds: range, *, held: bool, excess: float = 0.0
) -> dict[str, object]:
    """Return recall of windows, and of faults as the shipped policy would act."""
    hits = np.zeros((3, 3), np.int64)
    delays: list[float] = []
    events = wrong = 0
    session_s = 0.0
    for seed in seeds:
        market, windows, features, classes = episode(seed, held=held, excess=excess)
        margins = margins_of(model, features).astype(np.float64) / temperature
        parts = np.exp(margins - margins.max(axis=1, keepdims=True))
        known = classes >= 0
        np.add.at(hits, (classes[known], margins[known].argmax(axis=1)), 1)
        late, faults, others = judge(
            market, windows, features, parts[:, FAULT] / parts.sum(axis=1)
        )
        delays += late
        events += faults
        wrong += others
        session_s += market.seconds * market.sessions
    recall = hits[np.arange(3), np.arange(3)] / np.maximum(hits.sum(axis=1), 1)
    return {
        "windows": int(hits.sum()),
        "recall_normal": round(float(recall[0]), 4),
        "recall_volatility": round(float(recall[1]), 4),
        "recall_algo_fault": round(float(recall[2]), 4),
        "volatility_as_fault": round(float(hits[1, 2] / max(hits[1].sum(), 1)), 5),
        "normal_as_fault": round(float(hits[0, 2] / max(hits[0].sum(), 1)), 6),
        "faults": events,
        "faults_alarmed": len(delays),
        "median_delay_ms": round(1000 * float(np.median(delays or [0]))),
        "p90_delay_ms": round(1000 * float(np.quantile(delays or [0], 0.9))),
        "false_alarms": wrong,
        "session_hours": round(session_s / 3600, 2),
    }


def benign(
    rows: NDArray[np.float32], labels: NDArray[np.int64]
) -> dict[str, dict[str, object]]:
    """Return the reference row of quiet trading, and the limits of driving features."""
    is_quiet = (labels == NORMAL) & (rows[:, COLUMN["elevated_share"]] < 200)
    quiet = rows[is_quiet & (rows[:, COLUMN["ratio_fast"]] < 2000)]
    reference = np.median(quiet, axis=0).astype(np.int64).tolist()
    limits = {
        name: int(np.quantile(quiet[:, COLUMN[name]], 0.999))
        for name in ("relative_fast", "market_fast")
    }
    return {
        "reference": {"name": "the median window of quiet trading", "row": reference},
        "driving.volatility": {
            "feature": "market_fast",
            "limit": limits["market_fast"],
        },
        "driving.algo_fault": {
            "feature": "relative_fast",
            "limit": limits["relative_fast"],
        },
    }


def measured(
    model: bytes, temperature: float, test: range
) -> dict[str, dict[str, object]]:
    """Return every measurement the card keeps."""
    tables = {
        "metrics.same_ranges": measure(model, temperature, test, held=False),
        "metrics.held_out_ranges": measure(model, temperature, test, held=True),
    }
    for excess in (2, 3, 5, 10, 20, 50):
        found = measure(
            model, temperature, test[: len(test) // 2], held=True, excess=excess
        )
        wanted = ("faults", "faults_alarmed", "median_delay_ms", "false_alarms")
        tables[f"metrics.excess_{excess}"] = {name: found[name] for name in wanted}
    by_scenario = measure_twin(model, temperature, range(20_000, 20_006))
    tables |= {f"metrics.twin_{name}": found for name, found in by_scenario.items()}
    return tables


def main() -> None:
    """Train, measure on held-out ranges, write the model and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=500)
    parser.add_argument("--twin-episodes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20261121)
    order = parser.parse_args()
    rng = np.random.Generator(np.random.PCG64(order.seed))
    base = order.seed * 1000
    rows, labels = gather(range(base, base + order.episodes), rng)
    calibration = range(base + 10_000, base + 10_000 + order.episodes // 5)
    tuned_rows, tuned = gather(calibration, rng)
    twin, twin_labels = gather_twin(range(order.twin_episodes), rng)
    rows, labels = np.concatenate([rows, twin]), np.concatenate([labels, twin_labels])
    later = range(10_000, 10_000 + order.twin_episodes // 5)
    twin, twin_labels = gather_twin(later, rng)
    tuned_rows = np.concatenate([tuned_rows, twin])
    tuned = np.concatenate([tuned, twin_labels])
    model = learn(rows, labels, order.seed)
    temperature = export.temperature(margins_of(model, tuned_rows), tuned)
    test = range(base + 20_000, base + 20_000 + order.episodes // 5)
    tables = {**benign(rows, labels), **measured(model, temperature, test)}
    card = {
        "name": "session",
        "version": 1,
        "classes": list(CLASSES),
        "temperature": temperature,
        "seed": order.seed,
        "episodes": order.episodes,
        "rows": len(labels),
        "data": "market_rows and twin_rows, through the window kernel",
        "missing": twin_rows.MISSING,
    }
    here = Path(__file__).resolve().parent
    export.write(here, model, SESSION_SCHEMA, card, tables)
    for name, table in tables.items():
        if name.startswith("metrics"):
            sys.stdout.write(f"{name}: {table}\n")


if __name__ == "__main__":
    main()
