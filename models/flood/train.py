"""Train the flood model: normal or flood, for gateway and source windows.

    python models/flood/train.py [--episodes N] [--seed S]

writes model.onnx and card.toml beside this file; the same seed gives the same bytes.
Whole ranges of flood rate and source count are held out for the test episodes.
"""

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import export
import flood_rows
import twin_rows
from flood_rows import Part

from airnet.domain.session import address_bytes
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SOURCE
from airnet.features import Windows
from airnet.features.schema import FLOOD_SCHEMA

CLASSES = ("normal", "flood")
NORMAL, FLOOD = range(2)
ROUNDS = 30
EPISODES, TWIN_EPISODES, SEED = 400, 200, 20261121
SECONDS = 3.0
COLUMN = {name: i for i, name in enumerate(FLOOD_SCHEMA.names)}
#: Drawn for the test only: packets per second, and how many sources.
HELD_RATE = (4_000.0, 9_000.0)
HELD_SOURCES = (4, 12)
#: Columns that would tell how long an episode has run, not what happens in it.
UNUSED = ("window_us", "history_ms", "streak_ms", "registered")

Labelled = tuple[NDArray[np.void], NDArray[np.float32], NDArray[np.int64]]


def drawn_flood(rng: np.random.Generator, *, held: bool, pps: float = 0.0) -> Part:
    """Return a flood within the held-out ranges, or outside of them; or of `pps`."""
    while True:
        rate = 10 ** rng.uniform(2.7, 5.3)
        if held == (HELD_RATE[0] <= rate <= HELD_RATE[1]):
            break
    rate = pps or rate
    low, high = HELD_SOURCES
    some = list(range(low, high + 1)) if held else [1, 1, 1, 2, 3, 16, 32, 64]
    sources = int(rng.choice(some)) if rng.random() < 0.65 else 0
    start = 0.0 if rng.random() < 0.15 else float(rng.uniform(0.3, SECONDS - 0.6))
    span = (start, min(start + float(rng.uniform(0.2, 2.0)), SECONDS))
    if span[1] - span[0] > 0.4 and rate > 50_000:
        span = (start, start + 0.4)
    return flood_rows.flood(rng, span, rate, sources)


def episode(seed: int, *, held: bool, pps: float = 0.0) -> Labelled:
    """Return windows, features and labels of one episode."""
    rng = np.random.Generator(np.random.PCG64([seed, 2]))
    sessions = int(rng.integers(0, 30))
    trade, messages = (
        flood_rows.trading(rng, SECONDS, sessions)
        if sessions
        else (
            None,
            None,
        )
    )
    parts = [trade] if trade is not None else []
    for make in (
        flood_rows.transfer,
        flood_rows.queries,
        flood_rows.one_way,
        flood_rows.storm,
        flood_rows.scan,
    ):
        parts += [make(rng, SECONDS) for _ in range(int(rng.integers(0, 2)))]
    if rng.random() < 0.7 or not parts:
        parts.append(drawn_flood(rng, held=held, pps=pps))
    part = flood_rows.merged(parts)
    gateways = [("10.9.0.1", 9878)] if rng.random() < 0.7 else []
    table = Windows(gateways, [])
    if messages is None:
        messages = np.zeros(0, flood_rows.MESSAGE)
    keys, values, start = [], [], 0
    while start < len(part.rows):
        start += table.update(part.rows[start:], messages)
        chosen = np.isin(table.windows["kind"], (WINDOW_GATEWAY, WINDOW_SOURCE))
        keys.append(table.windows[chosen].copy())
        values.append(table.rows[chosen].copy())
    windows, features = np.concatenate(keys), np.concatenate(values)
    return windows, features, label(part, windows, features)


def label(
    part: Part, windows: NDArray[np.void], features: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return each window's class: flood when most of its packets belong to one."""
    out = np.zeros(len(windows), np.int64)
    times = part.rows["time_ns"][part.bad]
    origins = part.rows["source"][part.bad]
    victim = flood_rows.addresses(np.array([flood_rows.number(flood_rows.VICTIM)]))[0]
    spans = (features[:, COLUMN["window_us"]] * 1000).astype(np.uint64)
    for i, window in enumerate(windows):
        since, until = np.searchsorted(
            times, [window["open_ns"], window["open_ns"] + spans[i]]
        )
        if window["kind"] == WINDOW_SOURCE:
            bad = int((origins[since:until] == window["address"]).all(axis=1).sum())
        elif np.array_equal(window["address"], victim):
            bad = int(until - since)
        else:
            bad = 0
        share = bad / max(float(features[i, COLUMN["packets"]]), 1.0)
        enough = bad >= (8 if window["kind"] == WINDOW_SOURCE else 16)
        out[i] = FLOOD if share > 0.5 and enough else (-1 if bad else NORMAL)
    return out


def twin_label(seen: twin_rows.Seen) -> NDArray[np.int64]:
    """Return each window's class in a twin's episode, -1 for session windows."""
    f, windows = seen.features, seen.windows
    ends = twin_rows.ends_of(seen, COLUMN["window_us"])
    out = np.full(len(windows), NORMAL)
    is_source = windows["kind"] == WINDOW_SOURCE
    is_gateway = windows["kind"] == WINDOW_GATEWAY
    gateways = [address_bytes(one.ip) for one in seen.episode.site.gateways]
    packed = np.array([row.tobytes() in gateways for row in windows["address"]])
    packets = f[:, COLUMN["packets"]]
    for onset, offset, _, hosts in twin_rows.spans(seen, Cause.FLOOD):
        inside = (ends > onset) & (ends < offset + 110_000_000)
        out[inside & is_gateway & packed] = -1
        out[inside & is_gateway & packed & (packets >= 16)] = FLOOD
        if not hosts:
            out[inside & is_source] = -1
        guilty = [address_bytes(host) for host in hosts]
        own = np.array([row.tobytes() in guilty for row in windows["address"]])
        out[inside & is_source & own] = -1
        out[inside & is_source & own & (packets >= 8)] = FLOOD
    out[~is_source & ~is_gateway] = -1
    return out


def gather_twin(seeds: range) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return training rows of the twin's episodes, half of them without a site."""
    rows, labels = [], []
    for seed in seeds:
        seen = twin_rows.look(twin_rows.episode_of(seed), with_site=seed % 2 == 0)
        classes = twin_label(seen)
        rows.append(seen.features[classes >= 0])
        labels.append(classes[classes >= 0])
    return np.concatenate(rows), np.concatenate(labels)


def measure_twin(
    model: bytes, temperature: float, seeds: range
) -> dict[str, dict[str, object]]:
    """Return, for each scenario of the twin, floods found and false alarms."""
    out: dict[str, dict[str, object]] = {}
    for scenario in twin_rows.TRAINED:
        delays: list[float] = []
        floods = wrong = 0
        for seed in seeds:
            episode = twin_rows.episode_of(seed, scenario)
            seen = twin_rows.look(episode, with_site=True)
            margins = margins_of(model, seen.features).astype(np.float64)
            lead = (margins[:, FLOOD] - margins[:, NORMAL]) / temperature
            late, count, others = judge_twin(seen, lead >= np.log(9))
            delays += late
            floods += count
            wrong += others
        out[scenario] = {
            "floods": floods,
            "floods_alarmed": len(delays),
            "median_delay_ms": round(float(np.median(delays or [0])), 1),
            "false_alarms": wrong,
            "episodes": len(seeds),
        }
    return out


def judge_twin(
    seen: twin_rows.Seen, sure: NDArray[np.bool_]
) -> tuple[list[float], int, int]:
    """Return delays in ms of found floods, floods, and windows of false alarm."""
    ends = twin_rows.ends_of(seen, COLUMN["window_us"])
    spans = twin_rows.spans(seen, Cause.FLOOD)
    delays: dict[int, float] = {}
    wrong = 0
    gateway = seen.windows["kind"] == WINDOW_GATEWAY
    for subject in np.unique(seen.windows["subject"][gateway]):
        own = np.flatnonzero(gateway & (seen.windows["subject"] == subject))
        for first, second in pairwise(own):
            if not (sure[first] and sure[second]):
                continue
            at = int(ends[second])
            since = [s for s in spans if s[0] <= at <= s[1] + 200_000_000]
            if since:
                delays.setdefault(since[0][0], (at - since[0][0]) / 1e6)
            else:
                wrong += 1
    return list(delays.values()), len(spans), wrong


def gather(seeds: range) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return training rows of many episodes; at most 300 windows of each class."""
    rows, labels = [], []
    for seed in seeds:
        rng = np.random.Generator(np.random.PCG64([seed, 3]))
        _, features, classes = episode(seed, held=False)
        for wanted in (NORMAL, FLOOD):
            chosen = np.flatnonzero(classes == wanted)
            if len(chosen) > 300:
                chosen = np.sort(rng.choice(chosen, 300, replace=False))
            rows.append(features[chosen])
            labels.append(classes[chosen])
    return np.concatenate(rows), np.concatenate(labels)


def learn(rows: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> bytes:
    """Return the ONNX model; both classes weigh the same."""
    counts = np.bincount(labels, minlength=len(CLASSES))
    weights = (len(labels) / np.maximum(counts, 1) / len(CLASSES))[labels]
    masked = rows[:, : len(FLOOD_SCHEMA.names)].copy()
    masked[:, [COLUMN[name] for name in UNUSED]] = 0
    booster = export.train(masked, labels, weights, (len(CLASSES), ROUNDS, seed))
    return export.onnx_bytes(booster, len(CLASSES))


def margins_of(model: bytes, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the model's margins by onnxruntime."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"features": rows})
    return np.asarray(out)


def measure(
    model: bytes, temperature: float, seeds: range, *, held: bool, pps: float = 0.0
) -> dict[str, object]:
    """Return recall of windows, and of floods as the shipped policy would act.

    An alarm needs two gateway windows in a row at 0.9 or more.
    """
    hits = np.zeros((2, 2), np.int64)
    events = found = calm = alarmed = 0
    delays: list[float] = []
    for seed in seeds:
        windows, features, classes = episode(seed, held=held, pps=pps)
        margins = margins_of(model, features).astype(np.float64)
        lead = (margins[:, FLOOD] - margins[:, NORMAL]) / temperature
        known = classes >= 0
        np.add.at(hits, (classes[known], (lead[known] > 0).astype(np.int64)), 1)
        gateway = windows["kind"] == WINDOW_GATEWAY
        sure = lead[gateway] >= np.log(9)
        pairs = np.flatnonzero(sure[1:] & sure[:-1]) + 1
        if not (classes[gateway] == FLOOD).any():
            is_calm = bool((classes[gateway] == NORMAL).all())
            calm += is_calm
            alarmed += is_calm and len(pairs) > 0
            continue
        events += 1
        bad = classes[gateway] != NORMAL
        pairs = pairs[bad[pairs]]
        if len(pairs):
            found += 1
            opened = windows["open_ns"][gateway].astype(np.int64)
            closed = opened + (features[gateway, COLUMN["window_us"]] * 1000).astype(
                np.int64
            )
            delays.append((closed[pairs[0]] - opened[bad][0]) / 1e6)
    recall = hits[np.arange(2), np.arange(2)] / np.maximum(hits.sum(axis=1), 1)
    return {
        "windows": int(hits.sum()),
        "recall_normal": round(float(recall[0]), 5),
        "recall_flood": round(float(recall[1]), 5),
        "floods": events,
        "floods_alarmed": found,
        "median_delay_ms": round(float(np.median(delays or [0])), 1),
        "p90_delay_ms": round(float(np.quantile(delays or [0], 0.9)), 1),
        "calm_episodes": calm,
        "calm_episodes_alarmed": alarmed,
    }


def collect(
    base: int, episodes: int, twin_episodes: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return every row the model learns from, and its class."""
    rows, labels = gather(range(base, base + episodes))
    twin, twin_labels = gather_twin(range(twin_episodes))
    return np.concatenate([rows, twin]), np.concatenate([labels, twin_labels])


def main() -> None:
    """Train, measure on held-out ranges, write the model and its card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--twin-episodes", type=int, default=TWIN_EPISODES)
    parser.add_argument("--seed", type=int, default=SEED)
    order = parser.parse_args()
    base = order.seed * 1000
    rows, labels = collect(base, order.episodes, order.twin_episodes)
    tuned_rows, tuned = gather(
        range(base + 10_000, base + 10_000 + order.episodes // 5)
    )
    later = range(10_000, 10_000 + order.twin_episodes // 5)
    twin, twin_labels = gather_twin(later)
    tuned_rows = np.concatenate([tuned_rows, twin])
    tuned = np.concatenate([tuned, twin_labels])
    model = learn(rows, labels, order.seed)
    temperature = export.temperature(margins_of(model, tuned_rows), tuned)
    test = range(base + 20_000, base + 20_000 + order.episodes // 4)
    calm = rows[labels == NORMAL]
    tables: dict[str, dict[str, object]] = {
        "reference": {
            "name": "the median window of ordinary traffic",
            "row": np.median(calm, axis=0).astype(np.int64).tolist(),
        },
        "driving.flood": {
            "feature": "rate",
            "limit": int(np.quantile(calm[:, COLUMN["rate"]], 0.95)),
        },
        "metrics.same_ranges": measure(model, temperature, test, held=False),
        "metrics.held_out_ranges": measure(model, temperature, test, held=True),
    }
    for pps in (500, 1000, 2000, 5000, 10_000, 50_000):
        found = measure(model, temperature, test[: len(test) // 2], held=True, pps=pps)
        wanted = ("floods", "floods_alarmed", "median_delay_ms", "p90_delay_ms")
        tables[f"metrics.pps_{pps}"] = {name: found[name] for name in wanted}
    by_scenario = measure_twin(model, temperature, range(20_000, 20_006))
    tables |= {f"metrics.twin_{name}": found for name, found in by_scenario.items()}
    card = {
        "name": "flood",
        "version": 1,
        "classes": list(CLASSES),
        "temperature": temperature,
        "seed": order.seed,
        "episodes": order.episodes,
        "rows": len(labels),
        "data": "flood_rows and twin_rows, through the window kernel",
    }
    export.write(Path(__file__).resolve().parent, model, FLOOD_SCHEMA, card, tables)
    for name, table in tables.items():
        if name.startswith("metrics"):
            sys.stdout.write(f"{name}: {table}\n")


if __name__ == "__main__":
    main()
