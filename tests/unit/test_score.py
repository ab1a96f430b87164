"""Score: models are refused unless whole, rules outrank them, abstention is honest."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet import score
from airnet.domain.address import address_bytes
from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.session import SESSION
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW, FeatureSchema
from airnet.errors import ModelError
from airnet.score.explain import cohort_rows, shares

MODELS = Path(__file__).resolve().parents[2] / "models"
SCHEMAS = {1: SESSION_SCHEMA, 2: FLOOD_SCHEMA, 3: FLOOD_SCHEMA}
#: Quiet trading, and what a runaway and a market-wide burst make of it.
QUIET = {
    "orders": 3, "rate_fast": 150, "rate_1s": 150, "rate_10s": 150, "baseline": 150,
    "ratio_fast": 1000, "ratio_1s": 1000, "ratio_new": 1000, "peak_ratio": 700,
    "market_fast": 1000, "market_1s": 1000, "relative_fast": 1000,
    "relative_1s": 1000, "relative_new": 1000, "active_sessions": 6,
    "history_ms": 12_000, "messages": 200, "market_share": 160,
    "new_price_share": 600, "same_side_share": 500, "fills_per_new": 150,
    "ack_mean_us": 900, "ack_ratio": 1000, "rate_new_fast": 100,
    "rate_new_1s": 100,
}  # fmt: skip
RUNAWAY = QUIET | {
    "orders": 90, "rate_fast": 5000, "rate_new_fast": 5000, "rate_1s": 3000,
    "rate_new_1s": 3000, "rate_10s": 600, "ratio_fast": 20_400, "ratio_1s": 16_700,
    "ratio_new": 25_000, "deviation_fast": 30_000, "peak_ratio": 17_000,
    "relative_fast": 20_400, "relative_1s": 16_700, "relative_new": 25_000,
    "relative_symbol": 16_700, "relative_first": 16_700,
    "market_share": 870, "fills_per_new": 5, "streak_ms": 600,
}  # fmt: skip
BURST = QUIET | {
    "orders": 18, "rate_fast": 1000, "rate_1s": 800, "ratio_fast": 4400,
    "ratio_1s": 4600, "ratio_new": 4400, "deviation_fast": 4000, "peak_ratio": 3500,
    "market_fast": 7000, "market_1s": 6500, "elevated_share": 1000,
    "rate_new_fast": 700, "rate_new_1s": 500, "symbol_market": 6500, "elevated_1s": 5,
    "relative_first": 1000, "relative_symbol": 700, "entropy": 3700, "rate_16": 900,
}  # fmt: skip
FLOOD = {
    "window_us": 10_000, "packets": 50, "rate": 5000, "syn_rate": 5000,
    "half_open_rate": 5000, "half_open_share": 1000, "empty_share": 1000,
    "sources": 1, "top_share": 1000, "ports": 1, "busiest_port_share": 1000,
    "rate_1s": 900, "baseline": 10, "over_baseline": 200_000, "history_ms": 40,
    "half_open": 150, "syn_ack_rate": 5000, "reply_share": 1000, "session_rate": 300,
    "session_share": 60, "known": 6, "registered": 1,
}  # fmt: skip
SOURCE = FLOOD | {
    "known": 0, "registered": 0, "is_source": 1, "session_rate": 0, "session_share": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def scorer() -> score.OnnxScorer:
    """The models of this repository."""
    return score.load(MODELS)


def table(
    *rows: tuple[int, dict[str, int]],
) -> tuple[NDArray[np.void], NDArray[np.float32], NDArray[np.void]]:
    """Return WINDOW, features and SESSION rows of (kind, features by name)."""
    windows = np.zeros(len(rows), WINDOW)
    features = np.zeros((len(rows), 64), np.float32)
    for place, (kind, named) in enumerate(rows):
        windows[place]["kind"] = kind
        windows[place]["first_ns"] = 1000 + place
        address = "10.9.0.1" if kind == 2 else f"198.51.100.{place}"
        windows[place]["address"] = np.frombuffer(address_bytes(address), "u1")
        for name, value in named.items():
            features[place, SCHEMAS[kind].index(name)] = value
    sessions = np.zeros(1, SESSION)
    sessions["client"] = np.frombuffer(address_bytes("10.1.0.7"), "u1")
    sessions["client_port"] = 40_000
    return windows, features, sessions


def test_quiet_burst_and_runaway_are_told_apart(scorer: score.OnnxScorer) -> None:
    """Quiet gives nothing, a burst of all is volatility, one alone is a fault."""
    verdicts = scorer.score(*table((1, QUIET), (1, BURST), (1, RUNAWAY)))

    assert [verdict.cause for verdict in verdicts] == [
        Cause.VOLATILITY,
        Cause.ALGO_FAULT,
    ]
    assert verdicts[1].rule == "session.order_rate_over_own_baseline"
    assert verdicts[1].measured == 16_700
    assert verdicts[1].limit == 15_000
    assert verdicts[1].probability_ppm >= 850_000
    assert verdicts[1].second is Cause.ALGO_FAULT
    assert verdicts[1].session is not None
    assert verdicts[1].session.client == "10.1.0.7"


def test_short_history_abstains(scorer: score.OnnxScorer) -> None:
    """Before 3 s or 64 messages no model's word is taken; slow ones are not named."""
    young = {"history_ms": 2000, "messages": 60, "streak_ms": 100}
    verdicts = scorer.score(
        *table((1, RUNAWAY | young), (1, RUNAWAY | young | {"rate_fast": 900}))
    )

    assert [(one.cause, one.abstains) for one in verdicts] == [(Cause.UNKNOWN, True)]


def test_without_a_market_it_abstains(scorer: score.OnnxScorer) -> None:
    """Two sessions cannot show whether one of them or the market moved."""
    verdicts = scorer.score(*table((1, RUNAWAY | {"active_sessions": 2})))

    assert [(one.cause, one.abstains) for one in verdicts] == [(Cause.UNKNOWN, True)]


def test_duplicate_clordids_are_a_fact(scorer: score.OnnxScorer) -> None:
    """A rule speaks whatever the model thinks, and of a history of a second."""
    seen = QUIET | {"duplicates": 9, "history_ms": 1000}
    verdicts = scorer.score(*table((1, seen), (1, seen | {"rejects": 2})))

    # What the venue refuses none of was not sent twice, but seen twice.
    assert [one.rule for one in verdicts] == ["session.duplicate_clordid"]
    assert verdicts[0].cause is Cause.ALGO_FAULT


@pytest.mark.parametrize(
    ("packets", "cause", "names"), [(12, Cause.NORMAL, 0), (16, Cause.FLOOD, 1)]
)
def test_a_source_of_few_packets_is_silent_at_a_gateway_that_is_only_counted(
    scorer: score.OnnxScorer, packets: int, cause: Cause, names: int
) -> None:
    """That something is counted of the gateway is no opinion that it is flooded."""
    calm = {"packets": 12, "known": 6, "sources": 1, "stray_tcp_rate": 10}
    source = SOURCE | {"packets": packets}
    assert not scorer.score(*table((2, calm | {"stray_tcp_rate": 0})))

    verdicts = scorer.score(*table((2, calm), (3, source)))

    assert [(one.cause, len(one.sources)) for one in verdicts] == [(cause, names)]


def test_sources_are_folded_into_their_gateway(scorer: score.OnnxScorer) -> None:
    """One Verdict a gateway window; it names the guilty and never the known."""
    windows, features, sessions = table(
        (2, FLOOD), (3, SOURCE), (3, SOURCE), (1, QUIET)
    )
    windows[2]["known"] = 1

    verdicts = scorer.score(windows, features, sessions)

    assert len(verdicts) == 1
    assert verdicts[0].cause is Cause.FLOOD
    assert verdicts[0].address == "10.9.0.1"
    assert verdicts[0].sources == ("198.51.100.1",)
    assert verdicts[0].fanout == 1
    assert verdicts[0].rule == "gateway.half_open_per_second"


def test_bystander_is_not_named(scorer: score.OnnxScorer) -> None:
    """A source of a twentieth or less of what arrives is not dropped with the rest."""
    small = SOURCE | {"top_share": 40}
    site = SOURCE | {"registered": 1}

    verdicts = scorer.score(*table((2, FLOOD), (3, small), (3, site)))

    assert verdicts[0].sources == ()


def test_counters_count_every_session_and_gateway_window() -> None:
    """Normal windows are counted though they give no Verdict."""
    scorer = score.load(MODELS)

    scorer.score(*table((1, QUIET), (1, RUNAWAY), (2, FLOOD), (3, SOURCE)))

    counters = scorer.counters()
    assert counters["normal"] == 1
    assert counters["algo_fault"] == 1
    assert counters["flood"] == 1
    assert sum(counters.values()) == 3


def test_provenance_names_models_and_schemas(scorer: score.OnnxScorer) -> None:
    """The ledger's first entry can tell which bytes decided."""
    provenance = scorer.provenance()

    assert provenance["session.schema"] == SESSION_SCHEMA.digest()
    assert len(provenance["flood.model"]) == 64


def test_shares_name_what_moved_the_verdict(scorer: score.OnnxScorer) -> None:
    """Largest first, each against the reference, ratios among them for a runaway."""
    (verdict,) = scorer.score(*table((1, RUNAWAY)))

    found = shares(scorer, verdict)

    assert found
    assert [abs(one.share) for one in found] == sorted(
        (abs(one.share) for one in found), reverse=True
    )
    assert any("relative" in one.feature or "ratio" in one.feature for one in found)


def test_shares_add_up_to_the_lead_over_the_reference(
    scorer: score.OnnxScorer,
) -> None:
    """Every feature's share together: the margin over normal, less the reference's."""
    windows, features, sessions = table((1, RUNAWAY), (2, FLOOD))
    for verdict, row in zip(
        scorer.score(windows, features, sessions), features, strict=True
    ):
        model = scorer.model_of(verdict.window_kind)
        cause = model.card.classes.index(verdict.cause)
        rows = np.concatenate([row[None], cohort_rows(model)])
        margins = model.reference(rows).astype(np.float64)
        lead = margins[:, cause] - margins[:, 0]

        found = shares(scorer, verdict, 64)

        assert (
            abs(sum(one.share for one in found) - 1e6 * (lead[0] - lead[1:].mean()))
            < 64
        )
        assert len({one.feature for one in found}) == len(found) > 3


def test_a_cohort_may_have_several_rows(tmp_path: Path) -> None:
    """Shares against two rows are the mean of those against each."""
    models = copied(tmp_path)
    path = models / "session" / "card.toml"
    text = path.read_text("utf-8")
    start, end = text.index("others = ["), text.index("\n[driving")
    text = text[:start] + text[end:]
    row = [min(100 * place, 4000) for place in range(64)]
    found = {}
    for name, others in (("one", []), ("both", [row]), ("many", [row] * 256)):
        added = f"others = {others}\nname ="
        head, tail = text.split("[reference]")
        path.write_text(f"{head}[reference]{tail.replace('name =', added, 1)}", "utf-8")
        if name == "many":
            with pytest.raises(ModelError, match="fewer than 256"):
                score.load(models, is_signed=False)
            continue
        loaded = score.load(models, is_signed=False)
        (verdict,) = loaded.score(*table((1, RUNAWAY)))
        found[name] = {one.feature: one.share for one in shares(loaded, verdict, 64)}

    assert found["one"] != found["both"]
    assert set(found["one"]) & set(found["both"])


def copied(tmp_path: Path) -> Path:
    """Return a copy of the models."""
    for name in ("session", "flood"):
        shutil.copytree(MODELS / name, tmp_path / name)
    return tmp_path


def test_missing_model_is_refused(tmp_path: Path) -> None:
    """An empty folder: one line, whose fault, the remedy."""
    with pytest.raises(ModelError, match=r"session: cannot be read") as caught:
        score.load(tmp_path, is_signed=False)

    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_altered_model_is_refused(tmp_path: Path) -> None:
    """One byte more, and the card's hash no longer holds."""
    models = copied(tmp_path)
    path = models / "flood" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")

    with pytest.raises(ModelError, match="altered"):
        score.load(models, is_signed=False)


def test_model_of_another_schema_is_refused(tmp_path: Path) -> None:
    """A schema that changed makes every column mean something else."""
    models = copied(tmp_path)
    path = models / "session" / "card.toml"
    text = path.read_text("utf-8")
    path.write_text(text.replace(SESSION_SCHEMA.digest(), "0" * 64), "utf-8")

    with pytest.raises(ModelError, match="made for schema session 000000000000"):
        score.load(models, is_signed=False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "session"', 'name = "session"\ncolour = 1', "colour"),
        ("temperature =", "heat =", "heat"),
        ("[reference]", "[reference", "not a model card"),
        ('"relative_fast"', '"no_such"', "no feature no_such"),
        ("[driving.algo_fault]", "[driving.flood]", "algo_fault is missing"),
    ],
)
def test_bad_cards_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Each thing that can be wrong with a card has its line."""
    models = copied(tmp_path)
    path = models / "session" / "card.toml"
    path.write_text(path.read_text("utf-8").replace(old, new, 1), "utf-8")

    with pytest.raises(ModelError, match=said):
        score.load(models, is_signed=False)


def test_bytes_that_are_no_model_are_refused(tmp_path: Path) -> None:
    """A file whose hash is right and whose content is not ONNX is still an error."""
    import hashlib

    models = copied(tmp_path)
    card = models / "flood" / "card.toml"
    before = hashlib.sha256((models / "flood" / "model.onnx").read_bytes()).hexdigest()
    (models / "flood" / "model.onnx").write_bytes(b"not a model")
    after = hashlib.sha256(b"not a model").hexdigest()
    card.write_text(card.read_text("utf-8").replace(before, after), "utf-8")

    with pytest.raises(ModelError, match=r"model\.onnx"):
        score.load(models, is_signed=False)


def test_digest_moves_with_every_word_of_a_schema() -> None:
    """Name, version, order, unit: any change is another schema."""
    other = FeatureSchema(name="session", version=4, features=SESSION_SCHEMA.features)

    assert other.digest() != SESSION_SCHEMA.digest()


def test_known_hosts_that_try_again_are_no_flood(scorer: score.OnnxScorer) -> None:
    """A gateway down: its firms reconnect at once, refused or not answered at all."""
    storm = FLOOD | {"known_share": 950, "sources": 30, "history_ms": 60_000}
    refused = storm | {"refused_rate": 5000, "half_open_share": 0, "half_open_rate": 0}
    refused |= {"half_open": 0, "syn_ack_rate": 0}
    gone = storm | {"syn_ack_rate": 0, "reply_share": 0, "session_rate": 0}

    assert scorer.score(*table((2, refused), (2, gone))) == []
    (spoofed,) = scorer.score(*table((2, storm)))
    assert spoofed.cause is Cause.FLOOD


@pytest.mark.parametrize("name", ["none", ""])
def test_missing_is_what_the_model_was_trained_on(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """NaN scores as the card's number does, is null in the Verdict, and explains."""
    monkeypatch.setenv("AIRNET_SIMD", name)
    scorer = score.load(MODELS)
    given = table((1, QUIET), (1, BURST), (1, RUNAWAY))
    missing = {one.name for one in SESSION_SCHEMA.features if one.may_be_missing}
    assert {"ack_mean_us", "ack_ratio", "order_to_trade", "entropy"} <= missing
    acks = [SESSION_SCHEMA.index(name) for name in sorted(missing)]
    number = scorer.session_model.card.missing
    given[1][:, acks] = number
    before = scorer.score(*given)
    given[1][:, acks] = np.nan

    after = scorer.score(*given)

    assert number == -1
    assert len(after) == len(before) == 2
    for one, other in zip(after, before, strict=True):
        assert [one.features[place] for place in acks] == [None] * len(acks)
        assert [other.features[place] for place in acks] == [number] * len(acks)
        assert msgspec.structs.replace(one, features=other.features) == other
        moved = {share.feature: share for share in shares(scorer, one, 50)}
        assert all(
            moved[share.feature].share == share.share
            for share in shares(scorer, other, 50)
        )
