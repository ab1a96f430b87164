"""A real ring that overflows: judgement freezes, and the recording's replay as well."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airnet.cli import main
from airnet.kernel import link
from airnet.twin.traffic import generate
from tests.fakes.stopping import stopped
from tests.netns.lab_links import namespace, sender, veth, wait_until
from tests.netns.test_service import FLOOD, configure, decided, play, running
from tests.reference.reading import read_files

pytestmark = pytest.mark.root
#: Frames sent while nobody reads: more than ring and fill queue hold, 4096 each, and
#: more than the socket's 32 MiB do at 768 B a frame at least (skb with its data).
OVERFLOW = {"xdp": 20_000, "packet": 120_000}


@pytest.fixture
def mirror() -> Iterator[None]:
    with namespace():
        link.bring_up("lo", quiet=False)
        veth()
        yield


def overflow(count: int) -> None:
    """Send order traffic as fast as it goes, more than anything holds."""
    frames = generate("syn_flood", 5, params=FLOOD).frames
    quiet = [data for _, data in frames[:40]]
    with sender() as send:
        for number in range(count):
            send(quiet[number % len(quiet)])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["xdp", "packet"])
def test_an_overloaded_ring_freezes_and_its_recording_does_too(
    mirror: None, backend: str, tmp_path: Path
) -> None:
    """Stopped while the mirror goes on; then a flood comes, within the freeze."""
    configure(tmp_path, capture=f'record = "mirror.pcapng"\nbackend = "{backend}"\n')
    policy = tmp_path / "policy.toml"
    policy.write_text(policy.read_text() + "[trust]\nfreeze_ms = 60000\n")
    with running(tmp_path) as service:
        with stopped(service.process.pid):
            overflow(OVERFLOW[backend])
        wait_until(lambda: b"trust.loss_ppm" in decided(tmp_path))
        play()
        wait_until(lambda: b"guard.sensor" in decided(tmp_path))

        assert service.end() == 0, service.log()

    told = [json.loads(line) for line in decided(tmp_path).splitlines()]
    assert not {"drop_sources", "rate_limit_sources"} & {one["action"] for one in told}
    marks = read_files([tmp_path / "mirror.pcapng"]).marks.values()
    assert sum(lost for lost, _ in marks) > 0
    again = tmp_path / "again.jsonl"
    command = ["replay", str(tmp_path / "mirror.pcapng"), "--decisions", str(again)]
    for name in ("site", "policy"):
        command += [f"--{name}", str(tmp_path / f"{name}.toml")]
    assert main(command) == 0
    assert again.read_bytes() == decided(tmp_path)
