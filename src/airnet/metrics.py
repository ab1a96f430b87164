"""Counters for the graph: what Prometheus reads on a loopback port.

The hot path counts in plain integers; this collects them when asked, so a scrape
costs the lane nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from airnet import __version__
from airnet.act.standing import Standing
from airnet.capture.source import Selective
from airnet.domain.message import DIRECTIONS
from airnet.domain.window import KINDS
from airnet.errors import UnsupportedError
from airnet.pipeline import Pipeline
from airnet.record.ledger import Ledger
from airnet.score.reference import MILLI
from airnet.score.scorer import Compared


class Metrics(Collector):
    """Reads a lane's counters when Prometheus asks."""

    def __init__(
        self,
        lane: Pipeline,
        ledger: Ledger,
        standing: Standing,
        is_recording: Callable[[], bool],
        others: Iterable[Collector] = (),
    ) -> None:
        self._lane = lane
        self._ledger = ledger
        self._standing = standing
        self._is_recording = is_recording
        self._others = tuple(others)
        self._server: WSGIServer | None = None
        self._thread: Thread | None = None

    def serve(self, host: str, port: int) -> None:
        """Listen on a port, or not at all for port 0.

        Raises:
            UnsupportedError: something else has that port, or there is no such address.
        """
        if not port:
            return
        registry = CollectorRegistry()
        for one in (self, *self._others):
            registry.register(one)
        try:
            self._server, self._thread = start_http_server(port, host, registry)
        except OSError as error:
            raise UnsupportedError(
                f"metrics on {host}:{port}: cannot listen: {error.strerror}",
                "choose another service.metrics_port, or end what has it",
            ) from error

    def close(self) -> None:
        """Stop listening; closing twice is harmless."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by the client library."""
        lane = self._lane
        info = InfoMetricFamily("airnet_build", "The running version")
        info.add_metric([], {"version": __version__, "source": lane.source.name})
        yield info
        yield from self._capture()
        yield from self._selected()
        yield from self._decoded()
        yield _total("airnet_windows", "Windows closed", lane.totals.windows)
        verdicts = CounterMetricFamily(
            "airnet_verdicts", "Windows scored, by cause", labels=["cause"]
        )
        for cause, count in sorted(lane.brain.scorer.counters().items()):
            verdicts.add_metric([cause], count)
        yield verdicts
        yield from self._compared()
        yield from self._drifted()
        yield _total("airnet_decisions", "Decisions made", lane.totals.decisions)
        standing = GaugeMetricFamily(
            "airnet_containments_standing", "Containments in force"
        )
        standing.add_metric([], len(self._standing.in_force))
        yield standing
        recording = GaugeMetricFamily(
            "airnet_recording", "Whether frames are recorded: 0 when not, or no longer"
        )
        recording.add_metric([], int(self._is_recording()))
        yield recording
        yield _total("airnet_ledger_entries", "Ledger entries", self._ledger.size)

    def _drifted(self) -> Iterator[Metric]:
        """Yield how far features are from training, and what is in doubt for it."""
        index = GaugeMetricFamily(
            "airnet_drift_psi",
            "Population stability index against training, of the last whole block",
            labels=["window", "feature"],
        )
        for drifts in self._lane.brain.drifts:
            for feature, measured in sorted(drifts.index.items()):
                index.add_metric([KINDS[drifts.kind], feature], measured / MILLI)
        yield index
        doubts = GaugeMetricFamily(
            "airnet_doubted_scopes", "Scopes in shadow because they drifted"
        )
        doubts.add_metric([], self._lane.brain.judge.doubts.count)
        yield doubts

    def _compared(self) -> Iterator[Metric]:
        """Yield what scores, and how it compares with its reference."""
        scorer = self._lane.brain.scorer
        if not isinstance(scorer, Compared):
            return
        kernels = InfoMetricFamily(
            "airnet_scorer", "What scores each model", labels=["model"]
        )
        for model, kernel in scorer.kernels().items():
            kernels.add_metric([model], {"kernel": kernel})
        yield kernels
        for name, count in scorer.compared().items():
            what = f"Windows scored by kernel and reference: {name}"
            yield _total(f"airnet_shadow_{name}", what, count)

    def _capture(self) -> Iterator[Metric]:
        """Yield what the Source counted; seen = delivered + each reason."""
        frames = CounterMetricFamily(
            "airnet_capture_frames", "Frames at the mirror, by fate", labels=["fate"]
        )
        for fate, count in sorted(self._lane.source.counters().items()):
            frames.add_metric([fate], count)
        yield frames
        yield _total(
            "airnet_capture_bytes", "Bytes of frames taken", self._lane.totals.bytes
        )

    def _selected(self) -> Iterator[Metric]:
        """Yield what a Source that selects tells of the frames it did not give."""
        source = self._lane.source
        if not isinstance(source, Selective):
            return
        ignored = CounterMetricFamily(
            "airnet_capture_ignored_frames",
            "Frames that are no order traffic, by kind; ethertype -1 is the rest",
            labels=["ethertype", "protocol", "port"],
        )
        for row in source.ignored():
            ethertype = f"{row.ethertype:#06x}" if row.ethertype >= 0 else "-1"
            labels = [ethertype, str(row.protocol), str(row.port)]
            ignored.add_metric(labels, row.frames)
        yield ignored
        floods = CounterMetricFamily(
            "airnet_capture_flood_frames",
            "Estimate, never too low, of frames to a watched address, by kind",
            labels=["address", "kind"],
        )
        for address, counts in source.floods().items():
            for kind, count in zip(("syn", "udp", "icmp"), counts, strict=True):
                floods.add_metric([address, kind], count)
        yield floods

    def _decoded(self) -> Iterator[Metric]:
        """Yield what decode counted."""
        counters = self._lane.brain.decoder.counters()
        messages = CounterMetricFamily(
            "airnet_messages",
            "Application messages, by MsgType and direction",
            labels=["type", "direction"],
        )
        for kind, by_direction in sorted(counters["messages"].items()):
            for direction in DIRECTIONS:
                messages.add_metric([kind, direction], by_direction[direction])
        yield messages
        malformed = CounterMetricFamily(
            "airnet_malformed", "Malformed messages, by reason", labels=["reason"]
        )
        for reason, count in sorted(counters["malformed"].items()):
            malformed.add_metric([reason], count)
        yield malformed
        yield _total("airnet_sessions", "Sessions seen", counters["sessions"])


def _total(name: str, text: str, value: int) -> CounterMetricFamily:
    """Return a counter without labels."""
    metric = CounterMetricFamily(name, text)
    metric.add_metric([], value)
    return metric
