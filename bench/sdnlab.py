"""The lab of bench/sdn.py: hosts, a switch, traffic, and who gives orders."""

import contextlib
import json
import mmap
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from airnet.act.fastlane import FastLane
from airnet.bench.host import environment
from airnet.config import Actuators
from airnet.controller import entries
from airnet.controller.entries import Bucket, Flow, Group, Match
from airnet.controller.firing import DONE, FIRE, FIRE_MAGIC
from airnet.controller.lane import (
    OPEN_KILOBITS,
    SHUT_KILOBITS,
    Prepared,
    meter_set,
    way,
)
from airnet.controller.messages import AddFlow, Barrier, DeleteCookie, Message, SetGroup
from airnet.controller.openflow import encode
from airnet.lab.switch import Switch

PEERS = Path(__file__).parent / "peers"
RECORD = np.dtype(
    [("arrived_ns", "<u8"), ("number", "<u4"), ("port", "<u2"), ("kind", "<u2")]
)
HEAD = struct.Struct("<IIIIQQ")
RECORDS = 1 << 23
#: Who sent a frame, and by which way it came.
BAD, GOOD, BACKUP = 1, 2, 16
GAP_NS = 200_000
#: How often a shot is rehearsed, and for how long before an order.
REHEARSE_S, REHEARSALS = 0.0005, 6
#: What a Decision takes in the ledger, about.
INTENT_BYTES = 1500
TO = Match(source="10.9.0.1", target="10.9.0.2")
DROP = {"id": "be", "action": "drop_sources", "ttl_ms": 9000, "port": 0}
DROP |= {"sources": [TO.source], "gateway": TO.target, "known": []}
DROP["id"], DECISION, SECONDS = "0000000000be", 0xBE, 9
RAW_COOKIE = entries.cookie(entries.FAST_KIND, DECISION)
GROUP = entries.GROUP_FIRST + 0x1000
NAMES = ("ip", "chrt", "gcc", "openssl")
IP, CHRT, GCC, OPENSSL = (shutil.which(name) or name for name in NAMES)


class Bench:
    """Hosts in namespaces, one switch, traffic, and who gives orders.

    Args:
        directory: where everything of it lies.
        held: what is undone at the end.
        is_tls: whether switch and lane speak TLS; the raw sender never does.
    """

    def __init__(
        self, directory: Path, held: contextlib.ExitStack, *, is_tls: bool = False
    ) -> None:
        self.directory = directory
        self.is_tls = is_tls
        self.intents = os.open(directory / "intents", os.O_CREAT | os.O_WRONLY, 0o600)
        held.callback(os.close, self.intents)
        self.lane_target = f"{'ssl' if is_tls else 'tcp'}:127.0.0.1:6654"
        self.held, self.turn = held, 0
        name = f"bs{os.getpid()}"
        self.inside = f"{name}sw"
        self.hosts = [f"{name}h{i}" for i in range(1, 5)]
        for space in (self.inside, *self.hosts):
            ip("netns", "add", space)
            held.callback(ip, "netns", "del", space)
        ip("-n", self.inside, "link", "set", "lo", "up")
        self.switch = Switch(directory / "ovs", self.inside)
        held.enter_context(self.switch)
        self.switch.add_bridge("br0")
        for number, space in enumerate(self.hosts, 1):
            self._plug(number, space)
        self.programs = {}
        for program in ("flowprobe", "rawflow"):
            made = self.programs[program] = str(directory / program)
            source = str(PEERS / f"{program}.c")
            build = [GCC, "-O2", "-D_GNU_SOURCE", "-pthread", "-o", made, source]
            subprocess.run([*build, "-lssl", "-lcrypto"], check=True)

    def _plug(self, number: int, space: str) -> None:
        """Give a host its link; the fourth is the second's twin, another way round."""
        like = 2 if number == 4 else number
        end = ("type", "veth", "peer", "name", f"p{number}", "netns", self.inside)
        ip("link", "add", "eth0", "netns", space, *end)
        ip("-n", self.inside, "link", "set", f"p{number}", "up")
        mac = f"02:00:00:00:00:0{like}"
        ip("-n", space, "link", "set", "eth0", "address", mac)
        ip("-n", space, "addr", "add", f"10.9.0.{like}/24", "dev", "eth0")
        ip("-n", space, "link", "set", "eth0", "arp", "off", "up")
        for other in (1, 2, 3):
            if other != like:
                to = (f"10.9.0.{other}", "lladdr", f"02:00:00:00:00:0{other}")
                ip("-n", space, "neigh", "replace", *to, "dev", "eth0")
        off = [IP, "netns", "exec", space, "ethtool", "-K", "eth0", "tx", "off"]
        subprocess.run(off, check=False, capture_output=True)
        self.switch.add_port("br0", f"p{number}", number)

    def start(self) -> None:
        """Start traffic, lane and raw sender; give the switch its controllers."""
        path = self.directory / "frames"
        bad, gateway, good, backup = self.hosts
        spaces = (bad, good, gateway, backup)
        words = [
            CHRT,
            "-f",
            "40",
            self.programs["flowprobe"],
            "traffic",
            str(path),
            *spaces,
        ]
        self._child(words)
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.records = np.frombuffer(self.map, RECORD, RECORDS, HEAD.size)
        self.ask(gap_ns=GAP_NS, sessions=1)
        self.raw = self._child(self._inside(self.programs["rawflow"], "6655"))
        sock = self.directory / "lane.sock"
        lane = ["-m", "airnet.controller.express", "--socket", str(sock)]
        targets = [self.lane_target, "tcp:127.0.0.1:6655"]
        self.sealed = self.raw
        if self.is_tls:
            keys = self._keys()
            lane += ["--tls", *keys]
            words = (self.programs["rawflow"], "6656", *keys[:2])
            self.sealed = self._child(self._inside(*words))
            targets.append("ssl:127.0.0.1:6656")
        self._child(self._inside(sys.executable, *lane))
        self.lane = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lane.connect(str(sock))
        self.held.callback(self.lane.close)
        self.switch.set_controller("br0", *targets)
        self.switch.wait_connected()
        for bucket in (2, 4):
            self.write(self.group(bucket, modify=bucket != 2))
        self.write([self.group(2, modify=True)[0]])
        baseline = list(entries.baseline())
        to_gateway = Flow(
            table=1,
            priority=9,
            cookie=1,
            match=Match(target="10.9.0.2"),
            group=GROUP,
        )
        self.write([AddFlow(flow=flow) for flow in (*baseline, to_gateway)])
        self.slot, self.both_bytes = self._armed()
        # As the actuator has it: one that knew the source before, one that did not.
        self.knowing, self.meeting = FastLane(sock), FastLane(sock)
        for one in (self.knowing, self.meeting):
            self.held.callback(one.close)
        assert self.knowing.arm([DROP]) == 1
        assert self.meeting.arm_anybody("drop_sources", [TO.target]) == 1
        for one in (self.knowing, self.meeting):
            one.confirmed()  # takes in the loan of the switch's connection
        subprocess.run(
            [CHRT, "-a", "-f", "-p", "50", str(self.switch.pid)], check=False
        )

    def _keys(self) -> list[str]:
        """Give the switch a key; return key, certificate, authority for the lane."""
        key, shown = (str(self.directory / name) for name in ("key.pem", "shown.pem"))
        made = ["req", "-x509", "-nodes", "-days", "1", "-subj", "/CN=bench"]
        made += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
        words = [OPENSSL, *made, "-keyout", key, "-out", shown]
        subprocess.run(words, check=True, capture_output=True)
        self.switch.vsctl("set-ssl", key, shown, shown)
        return [key, shown, shown]

    def _inside(self, *words: str) -> list[str]:
        return [IP, "netns", "exec", self.inside, CHRT, "-f", "45", *words]

    def _child(self, words: list[str]) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=environment(),
        )
        self.held.callback(process.wait, 10)
        assert process.stdin is not None
        self.held.callback(process.stdin.close)
        assert process.stdout is not None
        assert process.stdout.read(6) == b"ready\n", words
        return process

    def ask(self, **wanted: int) -> None:
        """Tell the traffic what to be."""
        places = {"gap_ns": 0, "sessions": 4, "generation": 8}
        for name, value in wanted.items():
            struct.pack_into("<I", self.map, places[name], value)

    @property
    def count(self) -> int:
        """Return how many frames have arrived."""
        return HEAD.unpack_from(self.map, 0)[4]

    def arrived(self, start: int) -> np.ndarray:
        """Return the frames that arrived since the `start`-th."""
        return self.records[start : self.count]

    # ---- orders ----

    def _armed(self) -> tuple[int, bytes]:
        """Have the lane arm the drop; return its slot and the bytes of the shot."""
        fields = {key: DROP[key] for key in DROP if key != "id"}
        asked = {"command": "arm", "containments": [{**fields, "id": "1"}]}
        self.lane.send(json.dumps(asked).encode())
        answer = json.loads(self.lane.recv(65536))
        assert answer["ok"], answer
        prepared = msgspec.convert(answer["prepared"][0], Prepared)
        # The last xid is the barrier's, which the raw sender waits for.
        return int(answer["slots"][0]), prepared.shot(DECISION, SECONDS, 7)

    def fire(self, lane: FastLane) -> tuple[int, int]:
        """Fire as the actuator does; return when the order was given and confirmed."""
        before_ns = time.time_ns()
        assert lane.fire(DROP, SECONDS)
        return before_ns, self._confirmed(lane)

    def warm(self, lane: FastLane) -> tuple[int, int]:
        """Fire when it has been rehearsed, as hands do that have nothing else to do."""
        for _ in range(REHEARSALS):
            lane.rehearse()
            time.sleep(REHEARSE_S)
        return self.fire(lane)

    def usual(self, lane: FastLane) -> tuple[int, int]:
        """Fire as hands do that nobody configured."""
        self.at_leisure(lane)
        return self.fire(lane)

    def at_leisure(self, lane: FastLane) -> None:
        """Rehearse as hands do by default, until any moment between two rehearsals.

        Always as long after one, a shot would be in step with the frames, and seem
        sooner or later than it is.
        """
        every_s = Actuators().rehearse_us / 1e6
        for _ in range(REHEARSALS):
            lane.rehearse()
            time.sleep(every_s)
        self.turn += 1
        lane.rehearse()
        time.sleep(self.turn * 619 % 1000 / 1000 * every_s)

    def durable(self, lane: FastLane) -> tuple[int, int]:
        """Do the same behind the disk, which hands wait for before a command."""
        self.at_leisure(lane)
        os.write(self.intents, bytes(INTENT_BYTES))
        os.fdatasync(self.intents)
        return self.fire(lane)

    def hop(self) -> tuple[int, int]:
        """Have the lane's process write, as where no connection is lent."""
        before_ns = time.time_ns()
        self.lane.send(FIRE.pack(FIRE_MAGIC, self.slot, DECISION, SECONDS))
        done = DONE.unpack(self.lane.recv(4096))
        assert done[3:5] == (1, 0), done
        return before_ns, time.time_ns()

    @staticmethod
    def _confirmed(lane: FastLane) -> int:
        """Return when it was confirmed, known to some 0.1 ms: nobody waits for it."""
        while not (said := lane.confirmed()):
            time.sleep(0.0001)
        assert "1 switches" in said, said
        assert ", 0 errors" in said, said
        return time.time_ns()

    def release(self) -> None:
        """Have the lane undo what was fired."""
        self.knowing.release(str(DROP["id"]))
        self._confirmed(self.knowing)

    def write_bytes(
        self, data: bytes, sender: "subprocess.Popen[bytes] | None" = None
    ) -> tuple[int, int]:
        """Have a raw sender write bytes that end in a barrier; return its times."""
        chosen = sender or self.raw
        assert chosen.stdin is not None
        assert chosen.stdout is not None
        chosen.stdin.write(struct.pack("<I", len(data)) + data)
        return struct.unpack("<QQ", chosen.stdout.read(16))

    def write(self, messages: list[Message]) -> tuple[int, int]:
        """Have the raw sender write; return its times."""
        return self.write_bytes(encode([*messages, Barrier(xid=7)]))

    def group(self, port: int, *, modify: bool) -> list[Message]:
        """Return what makes a port the way to the gateway."""
        # A port alone would make it a failover group, which looks at the link as well.
        made = Group(id=GROUP, buckets=(Bucket(port=port),))
        return [SetGroup(group=made, modify=modify)]

    def _dropped(self) -> list[Message]:
        flow = Flow(
            table=0,
            priority=55000,
            cookie=RAW_COOKIE,
            match=TO,
            seconds=SECONDS,
        )
        return [AddFlow(flow=flow)]

    def _shut(self) -> list[Message]:
        return [meter_set(entries.LANE_METER_FIRST, SHUT_KILOBITS)]

    def raw_rule(self) -> tuple[int, int]:
        """Have the raw sender write a drop rule."""
        return self.write(self._dropped())

    def raw_meter(self) -> tuple[int, int]:
        """Have the raw sender shut the meter."""
        return self.write(self._shut())

    def raw_both(self) -> tuple[int, int]:
        """Have the raw sender write both: the very bytes of the lane."""
        return self.write_bytes(self.both_bytes)

    def sealed_both(self) -> tuple[int, int]:
        """Have the raw sender that speaks TLS write both: the floor by TLS."""
        return self.write_bytes(self.both_bytes, self.sealed)

    def undo_raw(self) -> None:
        """Have the raw sender take both back."""
        gone = DeleteCookie(cookie=RAW_COOKIE, mask=(1 << 64) - 1)
        opened = meter_set(entries.LANE_METER_FIRST, OPEN_KILOBITS)
        self.write([opened, AddFlow(flow=way(TO, entries.LANE_METER_FIRST)), gone])


def ip(*words: str) -> None:
    """Configure the network, or fail."""
    subprocess.run([IP, *words], check=True)
