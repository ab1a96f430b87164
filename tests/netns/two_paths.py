r"""A gateway with two paths, one of which can be made slow, and firms that trade.

    h1 --p1-- br0 --p2-- relay (slow at will) -- h2 eth0   10.9.0.2, the gateway
                 \-p4-------------------------- h2 eth1   10.9.0.12, its twin

What h1 sends and gets is mirrored to a port of its own. The relay delays one way only:
what goes to the gateway.
"""

import json
import subprocess
import sys
from typing import Any

from tests.netns.ovs import Network, command

GATEWAY, WITNESS, PORT = "10.9.0.2", "10.9.0.12", 9878
CAPTURE = "cap1"
RELAY = """
import heapq, select, socket, sys, time
ends = []
for name in sys.argv[1:3]:
    end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    end.bind((name, 0))
    ends.append(end)
late, serial, delay = [], 0, 0.0
print("ready", flush=True)
while True:
    wait = max(0.0, late[0][0] - time.monotonic()) if late else None
    readable = select.select([*ends, sys.stdin], [], [], wait)[0]
    if sys.stdin in readable:
        line = sys.stdin.readline()
        if not line:
            break
        delay = float(line)
        print("set", flush=True)
    for number, end in enumerate(ends):
        if end in readable:
            data, place = end.recvfrom(65536)
            if place[2] != 4:  # PACKET_OUTGOING: its own
                due = time.monotonic() + (delay if number == 0 else 0.0)
                serial += 1
                heapq.heappush(late, (due, serial, 1 - number, data))
    while late and late[0][0] <= time.monotonic():
        _, _, number, data = heapq.heappop(late)
        ends[number].send(data)
"""
#: What both ends of a session share.
FIX = r"""
import re, selectors, socket, sys, time
SOH = b"\x01"
def message(kind, me, you, number, body=()):
    now = time.time()
    stamp = time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(now))
    stamp += ".%03d" % (now % 1 * 1000)
    head = [(35, kind), (34, number), (49, me), (52, stamp), (56, you)]
    text = SOH.join(b"%d=%s" % (t, str(v).encode()) for t, v in [*head, *body]) + SOH
    text = b"8=FIX.4.4" + SOH + b"9=%d" % len(text) + SOH + text
    return text + b"10=%03d" % (sum(text) % 256) + SOH
def messages(held):
    while (end := held.find(SOH + b"10=")) >= 0 and len(held) >= end + 8:
        one = bytes(held[:end + 8])
        del held[:end + 8]
        pairs = (part.partition(b"=") for part in one.split(SOH) if part)
        yield {int(tag): value.decode() for tag, _, value in pairs}
def joined(place):
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.settimeout(10)
    s.connect(place)
    return s
"""
VENUE = (
    FIX
    + r"""
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
chooser = selectors.DefaultSelector()
chooser.register(listener, selectors.EVENT_READ)
held, numbers = {}, {}
print("ready", flush=True)
while True:
    for key, _ in chooser.select():
        if key.fileobj is listener:
            c, _ = listener.accept()
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            chooser.register(c, selectors.EVENT_READ)
            held[c], numbers[c] = bytearray(), 0
            continue
        c = key.fileobj
        data = c.recv(65536)
        if not data:
            chooser.unregister(c)
            c.close()
            continue
        held[c] += data
        for got in messages(held[c]):
            numbers[c] += 1
            me, you = got[56], got[49]
            if got[35] == "A":
                out = message("A", me, you, numbers[c], [(98, 0), (108, 30)])
            elif got[35] == "D":
                body = [(37, "o" + got[11]), (11, got[11]), (17, "e" + got[11])]
                body += [(150, 0), (39, 0), (55, got[55]), (54, 1), (38, 100)]
                body += [(151, 100), (14, 0), (6, 0)]
                out = message("8", me, you, numbers[c], body)
            else:
                continue
            c.sendall(out)
"""
)
#: Orders of several sessions, until told to stop; then what was answered.
FIRM = (
    FIX
    + r"""
import json, select, struct
sessions = []
for spec in sys.argv[2:]:
    comp, host = spec.split("@")
    s = joined((host, int(sys.argv[1])))
    s.sendall(message("A", comp, "VENUE", 1, [(98, 0), (108, 30)]))
    one = dict(comp=comp, s=s, host=host, sent=0, acked=0, number=1, gone=False)
    sessions.append(one | {"held": bytearray()})
print("ready", flush=True)
turn, due, ending = 0, time.monotonic(), 0.0
while True:
    now = time.monotonic()
    if not ending and now >= due:
        one = sessions[turn % len(sessions)]
        turn, due = turn + 1, due + 0.005
        one["number"] += 1
        one["sent"] += 1
        body = [(11, "%s%d" % (one["comp"], one["sent"])), (55, "ABC"), (54, 1)]
        body += [(38, 100), (40, 2), (44, "10.0"), (60, "20240102-10:00:00.000")]
        one["s"].sendall(message("D", one["comp"], "VENUE", one["number"], body))
    wait = max(0.0, due - time.monotonic()) if not ending else 0.05
    places = [one["s"] for one in sessions if not one["gone"]]
    readable = select.select([*places, sys.stdin], [], [], wait)[0]
    if sys.stdin in readable and not ending:
        ending = time.monotonic() + 3.0
    for one in sessions:
        if one["s"] in readable:
            data = one["s"].recv(65536)
            one["gone"] = one["gone"] or not data
            one["held"] += data
            for got in messages(one["held"]):
                one["acked"] += got[35] == "8"
    done = all(one["acked"] == one["sent"] for one in sessions)
    if ending and (done or time.monotonic() > ending):
        break
for one in sessions:
    del one["s"], one["held"]
print(json.dumps(sessions), flush=True)
"""
)


class TwoPaths:
    """The network of this module; made and removed whole.

    Args:
        net: of two hosts, started.
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        inside, host = net.inside, net.names[1]
        switch = net.switch
        switch.vsctl("del-port", "br0", "p2")
        for one, other in (("a0", "a1"), ("cap0", CAPTURE)):
            pair = ("type", "veth", "peer", "name", other, "netns", inside)
            command("ip", "link", "add", one, "netns", inside, *pair)
            for name in (one, other):
                command("ip", "-n", inside, "link", "set", name, "up")
        pair = ("type", "veth", "peer", "name", "p4", "netns", inside)
        command("ip", "link", "add", "eth1", "netns", host, *pair)
        command("ip", "-n", inside, "link", "set", "p4", "up")
        for name in ("all", "eth0", "eth1"):
            for key, value in (
                ("rp_filter", 0),
                ("arp_ignore", 1),
                ("arp_announce", 2),
            ):
                setting = f"net.ipv4.conf.{name}.{key}={value}"
                command("ip", "netns", "exec", host, "sysctl", "-qw", setting)
        command("ip", "-n", host, "addr", "add", f"{WITNESS}/32", "dev", "eth1")
        command("ip", "-n", host, "link", "set", "eth1", "up")
        command("ip", "netns", "exec", host, "ethtool", "-K", "eth1", "tx", "off")
        back = ("10.9.0.0/24", "dev", "eth1", "src", WITNESS, "table", "12")
        command("ip", "-n", host, "route", "add", *back)
        command("ip", "-n", host, "rule", "add", "from", WITNESS, "lookup", "12")
        for name, number in (("a0", 2), ("p4", 4), ("cap0", 9)):
            switch.add_port("br0", name, number)
        switch.mirror("br0", "cap0", "p1")
        self.mac = self._link("eth1")["address"]
        self.relay = self._start(inside, RELAY, "a1", "p2")
        self.venue = self._start(host, VENUE, str(PORT))
        self.firm: subprocess.Popen[str] | None = None

    def trade(self, sessions: int) -> None:
        """Have a firm trade by so many sessions, and by one with the witness."""
        names = [f"ALGO{n}@{GATEWAY}" for n in range(sessions)]
        words = (str(PORT), *names, f"ALGOW@{WITNESS}")
        self.firm = self._start(self.net.names[0], FIRM, *words)

    def slow(self, seconds: float) -> None:
        """Have the first path take so much longer, to the gateway."""
        assert self.relay.stdin is not None
        assert self.relay.stdout is not None
        self.relay.stdin.write(f"{seconds}\n")
        self.relay.stdin.flush()
        assert self.relay.stdout.readline() == "set\n"

    def by_first(self) -> int:
        """Return how many frames came to the gateway by its first path."""
        return self._came("eth0")

    def by_second(self) -> int:
        """Return how many frames came to the gateway by its second path."""
        return self._came("eth1")

    def _came(self, name: str) -> int:
        found: int = self._link(name, "-s")["stats64"]["rx"]["packets"]
        return found

    def is_round(self) -> bool:
        """Return whether orders to the gateway go by the second path now."""
        words = ("-O", "OpenFlow13", "dump-groups", "br0")
        return "output:4" in self.net.switch.ofctl(*words[2:])

    def counts(self) -> list[dict[str, Any]]:
        """Return, of each session, what it sent and what was answered; it is over."""
        assert self.firm is not None
        said = self.firm.communicate("stop\n", timeout=30)[0]
        found: list[dict[str, Any]] = json.loads(said)
        self.firm = None
        return found

    def stop(self) -> None:
        """End every process."""
        for process in (self.firm, self.relay, self.venue):
            if process is not None:
                process.kill()
                process.communicate()

    def _link(self, name: str, *more: str) -> dict[str, Any]:
        words = ("ip", "-n", self.net.names[1], *more, "-j", "link", "show", name)
        found: dict[str, Any] = json.loads(command(*words))[0]
        return found

    def _start(self, space: str, program: str, *words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            ["ip", "netns", "exec", space, sys.executable, "-c", program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process
