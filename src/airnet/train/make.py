"""Make: one model folder from gathered rows: everything but the signature."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from airnet.domain.verdict import Cause
from airnet.domain.window import FEATURE_LIMIT, FeatureSchema
from airnet.score import calibrate, golden as golden_rows, novelty, reference, second
from airnet.score.model import FILE as MODEL_FILE
from airnet.train import export, fit, strange
from airnet.train.gather import Days, Lot

Rows = NDArray[np.float32]
Table = Mapping[str, object]
#: What stands for a missing feature: below anything that can be measured.
MISSING = -1
ANY = FEATURE_LIMIT
#: What holds of benign windows of one sort; the first that does is a row's regime.
REGIMES: dict[str, tuple[tuple[str, tuple[tuple[str, int, int], ...]], ...]] = {
    # By what the others do, how long a session is known, and how busy it is: who sends
    # less than once a second has other ratios than who sends ten. Regimes of which
    # generated days have but a handful of windows are none of their own.
    "session": (
        ("volatility", (("market_1s", 2000, ANY),)),
        ("volatility of many", (("elevated_share", 400, ANY),)),
        ("young", (("history_ms", 0, 9_999),)),
        ("slow", (("baseline", 0, 9),)),
        ("busy", (("baseline", 100, ANY),)),
        ("quiet", ()),
    ),
    # When a day begins everybody logs on at once: as many handshakes as a flood has.
    "flood": (
        ("logging on", (("logon_rate", 10, ANY),)),
        ("source", (("is_source", 1, 1),)),
        ("reconnect", (("known_share", 300, ANY),)),
        ("without sessions", (("session_rate", 0, 0),)),
        ("quiet", ()),
    ),
}
#: What stands for a class in one number: the first of these that the schema has.
DRIVING = {
    Cause.VOLATILITY: ("market_fast", "market_1s"),
    Cause.ALGO_FAULT: ("relative_fast", "relative_1s", "rate_fast"),
    Cause.FLOOD: ("rate", "packets"),
}
LIMITS = (
    "made of generated markets: where a real one is otherwise, run in shadow first",
    "p-values hold where days are as those calibrated on: drift is watched for that",
    "no p-value is below one in as many days as its regime has, and one more",
    "faults that change no rate, ratio or repetition are not seen by this model",
)
COHORT = 15
GOLDEN_EACH = 16


class Data(NamedTuple):
    """Rows of one model: learned from, tuned on, benign days, and reported on."""

    train: Lot
    tune: Lot
    benign: Days
    report: Lot
    report_benign: Days


def filled(rows: Rows, schema: FeatureSchema) -> Rows:
    """Return rows as the model is given them."""
    missing = [i for i, one in enumerate(schema.features) if one.may_be_missing]
    out = rows.copy()
    out[:, missing] = np.nan_to_num(out[:, missing], nan=MISSING)
    return out


def margins_of(data: bytes, rows: Rows) -> Rows:
    """Return the margins of filled rows by onnxruntime."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        data, options, providers=["CPUExecutionProvider"]
    )
    (out,) = session.run(None, {"features": np.ascontiguousarray(rows)})
    return np.asarray(out)


def chances(margins: Rows, temperature: float) -> NDArray[np.float64]:
    """Return the softmax of margins."""
    scaled = margins.astype(np.float64) / temperature
    parts = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    out: NDArray[np.float64] = parts / parts.sum(axis=1, keepdims=True)
    return out


def temperature_of(margins: Rows, labels: NDArray[np.int64]) -> float:
    """Return the temperature of least log loss, to two decimals (Guo et al. 2017)."""
    best, chosen = np.inf, 1.0
    own = np.arange(len(labels))
    for hundredths in range(30, 401, 2):
        parts = chances(margins, hundredths / 100)
        loss = -float(np.log(np.maximum(parts[own, labels], 1e-12)).mean())
        if loss < best - 1e-9:
            best, chosen = loss, hundredths / 100
    return chosen


def calibration_error(parts: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return ECE: confidence less accuracy over 15 bins (Naeini et al. 2015)."""
    top = parts.argmax(axis=1)
    sure = parts[np.arange(len(top)), top]
    bins = np.minimum((sure * 15).astype(np.int64), 14)
    total = 0.0
    for number in range(15):
        own = bins == number
        if own.any():
            gap = sure[own].mean() - (top[own] == labels[own]).mean()
            total += abs(float(gap)) * float(own.mean())
    return total


class Maker:
    """Makes one model.

    Args:
        schema: the columns.
        causes: the classes.
        data: rows of it.
        seed: of everything that is drawn.
    """

    def __init__(
        self,
        schema: FeatureSchema,
        causes: tuple[Cause, ...],
        data: Data,
        seed: int,
    ) -> None:
        self.schema, self.causes, self.seed = schema, causes, seed
        self._data = data
        self.files: dict[str, bytes] = {}
        self.beaten: tuple[str, ...] = ()
        self._rows = filled(data.train.rows, schema)
        self._labels = data.train.labels
        self._tune = filled(data.tune.rows, schema)
        self._benign = filled(data.benign.rows, schema)

    def make(self) -> None:
        """Train, calibrate, and write down what the models say of golden rows."""
        count, about = len(self.causes), (self.schema, self.causes)
        for name, shapes in ((MODEL_FILE, fit.VERDICT), (second.FILE, fit.SECOND)):
            seed = self.seed + 17 * (name == second.FILE)
            made = fit.boosters(self._rows, self._labels, about, shapes[count], seed)
            self.files[name] = export.onnx_of(made)
        self.files[novelty.FILE] = strange.onnx_of(self._benign, self.schema)
        self.temperatures = {
            name: temperature_of(
                margins_of(self.files[name], self._tune), self._data.tune.labels
            )
            for name in (MODEL_FILE, second.FILE)
        }
        self._calibrate()
        self._refer()
        self._keep_golden()
        schema = msgspec.json.format(msgspec.json.encode(self.schema))
        self.files["schema.json"] = schema + b"\n"

    def scores(self, rows: Rows) -> dict[str, NDArray[np.int64]]:
        """Return evidence of each cause, and novelty, in steps of the grid."""
        margins = margins_of(self.files[MODEL_FILE], rows).astype(np.float64)
        steps = np.rint(margins * export.GRID).astype(np.int64)
        out = {
            cause.value: steps[:, place] - steps[:, 0]
            for place, cause in enumerate(self.causes)
            if place
        }
        strangeness = margins_of(self.files[novelty.FILE], rows)[:, 0]
        out[calibrate.NOVELTY] = np.rint(
            strangeness.astype(np.float64) * export.GRID
        ).astype(np.int64)
        return out

    def regimes_of(self, rows: Rows) -> NDArray[np.int64]:
        """Return the number of each row's regime."""
        names = self.schema.names
        regimes = self.regimes()
        out = np.full(len(rows), len(regimes) - 1)
        for number, (_, where) in reversed(list(enumerate(regimes))):
            holds = np.ones(len(rows), np.bool_)
            for name, least, most in where:
                values = rows[:, names.index(name)]
                holds &= (values >= least) & (values <= most)
            out[holds] = number
        return out

    def regimes(self) -> list[tuple[str, tuple[tuple[str, int, int], ...]]]:
        """Return the regimes that the schema has columns for."""
        names = set(self.schema.names)
        return [
            (name, where)
            for name, where in REGIMES[self.schema.name]
            if {column for column, _, _ in where} <= names
        ]

    def _calibrate(self) -> None:
        scores, which = self.scores(self._benign), self.regimes_of(self._benign)
        days = self._data.benign.numbers
        regimes = tuple(
            calibrate.Regime(
                name=name,
                where=where,
                tables={
                    cause: calibrate.table_of(values[own], days[own])
                    for cause, values in scores.items()
                },
            )
            for number, (name, where) in enumerate(self.regimes())
            for own in [which == number]
        )
        self.calibration = calibrate.Calibration(
            schema_digest=self.schema.digest(), regimes=regimes
        )
        data = msgspec.json.encode(self.calibration)
        self.files[calibrate.FILE] = msgspec.json.format(data, indent=0) + b"\n"

    def _refer(self) -> None:
        """Keep how the rows of benign days are distributed, for drift."""
        margins = margins_of(self.files[MODEL_FILE], self._benign).astype(np.float64)
        leads = margins[:, 1:].max(axis=1) - margins[:, 0]
        found = reference.reference_of(self._data.benign.rows, leads, self.schema)
        data = msgspec.json.format(msgspec.json.encode(found), indent=1)
        self.files[reference.FILE] = data + b"\n"

    def _keep_golden(self) -> None:
        """Keep rows of every class, and of what no class has, with their margins."""
        labels = self._data.tune.labels
        chosen = [np.zeros((1, 64), np.float32), np.full((1, 64), ANY, np.float32)]
        chosen.append(np.full((1, 64), MISSING, np.float32))
        for number in range(len(self.causes)):
            own = np.flatnonzero(labels == number)
            picked = np.linspace(0, max(len(own) - 1, 0), GOLDEN_EACH).astype(int)
            chosen.append(self._tune[own[picked[: len(own)]]])
        rows = np.nan_to_num(np.concatenate(chosen))
        whole = rows.astype(np.int64)
        margins = {
            name: golden_rows.steps_of(margins_of(self.files[name], rows))
            for name in (MODEL_FILE, second.FILE, novelty.FILE)
        }
        kept = golden_rows.Golden(
            rows=tuple(tuple(row) for row in whole.tolist()), margins=margins
        )
        data = msgspec.json.format(msgspec.json.encode(kept), indent=0)
        self.files[golden_rows.FILE] = data + b"\n"

    def quiet(self) -> Rows:
        """Return benign rows of the last regime: nothing at all goes on."""
        which = self.regimes_of(self._benign)
        own = self._benign[which == len(self.regimes()) - 1]
        return own if len(own) else self._benign

    def reference_table(self) -> dict[str, Any]:
        """Return the cohort that explanations compare with."""
        quiet = self.quiet()
        rng = np.random.Generator(np.random.PCG64([self.seed, 21]))
        some = quiet[rng.choice(len(quiet), min(COHORT, len(quiet)), replace=False)]
        return {
            "name": "the median window of quiet days, and fifteen of them",
            "row": np.median(quiet, axis=0).astype(np.int64).tolist(),
            "others": some.astype(np.int64).tolist(),
        }

    def driving(self) -> dict[str, dict[str, Any]]:
        """Return, for each class, its feature and what is rare in quiet windows."""
        names, quiet = self.schema.names, self.quiet()
        out = {}
        for cause in self.causes[1:]:
            feature = next(name for name in DRIVING[cause] if name in names)
            values = quiet[:, names.index(feature)]
            limit = int(np.quantile(values, 0.999))
            out[f"driving.{cause.value}"] = {"feature": feature, "limit": limit}
        return out

    def measured(self) -> dict[str, Table]:
        """Return ECE and coverage on domains that were not trained on."""
        out: dict[str, Table] = {}
        for title, lot in (("tune", self._data.tune), ("report", self._data.report)):
            rows, labels = filled(lot.rows, self.schema), lot.labels
            for name in (MODEL_FILE, second.FILE):
                margins = margins_of(self.files[name], rows)
                parts = chances(margins, self.temperatures[name])
                top = parts.argmax(axis=1)
                row = {"rows": len(labels)}
                error = round(calibration_error(parts, labels), 5)
                found = {**row, "calibration_error": error}
                for place, cause in enumerate(self.causes):
                    own = labels == place
                    found[f"count_{cause.value}"] = int(own.sum())
                    share = (top[own] == place).mean() if own.any() else 0.0
                    found[f"recall_{cause.value}"] = round(float(share), 4)
                out[f"metrics.{title}_{name.removesuffix('.onnx')}"] = found
        return out | self._coverage()

    def _coverage(self) -> dict[str, Table]:
        """Return by regime how often benign windows of another domain seem rare."""
        rows = filled(self._data.report_benign.rows, self.schema)
        which, scores = self.regimes_of(rows), self.scores(rows)
        out: dict[str, Table] = {}
        for number, regime in enumerate(self.calibration.regimes):
            own = which == number
            found: dict[str, object] = {"report_windows": int(own.sum())}
            for cause, values in scores.items():
                table = regime.tables[cause]
                found |= {"windows": table.windows, "days": table.days}
                ppm = np.array([table.p_value_ppm(int(v)) for v in values[own]])
                for limit in (10_000, 1000):
                    share = float((ppm <= limit).mean()) if own.any() else 0.0
                    found[f"{cause}_at_{limit}_ppm"] = int(share * 1e6)
            out[f"metrics.regime_{regime.name.replace(' ', '_')}"] = found
        return out


def libraries() -> dict[str, str]:
    """Return what the bytes depend on beside data and seed."""
    names = ("lightgbm", "numpy", "onnx", "onnxruntime")
    out = {name: version(name) for name in names}
    return {**out, "python": platform.python_version(), "machine": platform.machine()}


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a model's files, and nothing else beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.iterdir()):
        if old.is_file():
            old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
