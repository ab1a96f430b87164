"""Lanes on a live link: two lanes say of a veth's frames what one lane says."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet import config
from airnet.capture.attach import attach_xdp
from airnet.capture.xdp import XdpSource
from airnet.cli import main
from airnet.decode import Decoder
from airnet.domain.frame import FRAME
from airnet.errors import UnsupportedError
from airnet.kernel import link
from airnet.twin.traffic import generate
from tests.netns.lab_links import CAPTURE, namespace, sender, veth, wait_until
from tests.netns.test_service import (
    FLOOD,
    configure,
    decided,
    order_traffic,
    play,
    running,
)

pytestmark = pytest.mark.root
BATCH = 64


@pytest.fixture
def mirror(queues: int) -> Iterator[None]:
    with namespace():
        link.bring_up("lo", quiet=False)
        veth(queues)
        yield


def live(queues: int) -> XdpSource:
    """Attach to as many queues of the link."""
    settings = config.Capture(interface=CAPTURE, queues=queues, ring_frames=4096)
    try:
        return XdpSource(attach_xdp(settings))
    except UnsupportedError as error:
        pytest.skip(str(error))


def spoken(
    headers: NDArray[np.void], messages: NDArray[np.void]
) -> list[tuple[bytes, list[bytes]]]:
    """Return each header with its messages: where they lie depends on the lanes."""
    out = []
    for header in headers.copy():
        first, count = int(header["message_index"]), int(header["message_count"])
        header["message_index"] = 0
        out.append(
            (header.tobytes(), [one.tobytes() for one in messages[first:][:count]])
        )
    return out


@pytest.mark.parametrize("queues", [1, 2])
def test_two_lanes_decode_live_frames_as_one_does(mirror: None, queues: int) -> None:
    """Header and Message rows, batch by batch, as they come from the rings."""
    episode = generate("syn_flood", 5, params=FLOOD)
    gateways = [(one.ip, one.port) for one in episode.site.gateways]
    one, two = Decoder(gateways, lanes=1), Decoder(gateways, lanes=2)
    source, rows = live(queues), np.zeros(BATCH, FRAME)
    used: Counter[int] = Counter()
    messages = 0

    def take() -> int:
        nonlocal messages
        count = source.poll(rows, 100)
        used.update(rows["queue"][:count].tolist())
        taken = 0
        while taken < count:
            batch = rows[taken:count]
            said = spoken(*one.decode(batch, source.buffer))
            assert spoken(*two.decode(batch[: len(said)], source.buffer)) == said
            taken += len(said)
            messages += sum(len(held) for _, held in said)
        return count

    with sender() as send:
        for number, (_, data) in enumerate(episode.frames):
            send(data)
            if number % 200 == 199:
                take()
    while take():
        pass

    counts = source.counters()
    source.close()
    two.close()
    assert counts["seen"] == counts["delivered"] == len(episode.frames)
    assert set(used) == set(range(queues))
    assert messages > 100
    assert one.counters() == two.counters()
    assert one.sessions.tobytes() == two.sessions.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("queues", [1, 2])
def test_run_with_two_lanes_decides_what_one_lane_does(
    mirror: None, tmp_path: Path, queues: int
) -> None:
    """Its own recording, replayed by one lane and by four, gives the same decisions."""
    configure(
        tmp_path,
        capture=f'queues = {queues}\nrecord = "mirror.pcapng"\n[pipeline]\nlanes = 2',
    )
    with running(tmp_path) as service:
        frames = play()
        wait_until(lambda: bool(decided(tmp_path)))

        status = service.end()

        assert status == 0, service.log()
        totals = json.loads(service.output())
    assert totals["frames"] == len(order_traffic(frames))
    live_decisions = decided(tmp_path)
    assert live_decisions
    again = tmp_path / "again.jsonl"
    for lanes in ("1", "2", "4"):
        command = ["replay", str(tmp_path / "mirror.pcapng"), "--lanes", lanes]
        command += ["--decisions", str(again)]
        for name in ("site", "policy"):
            command += [f"--{name}", str(tmp_path / f"{name}.toml")]
        assert main(command) == 0
        assert again.read_bytes() == live_decisions
