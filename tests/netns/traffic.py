"""Traffic between the hosts of a Network: datagrams sent, and what arrived, when."""

from collections.abc import Callable

from tests.netns.ovs import Network

#: Counts datagrams by source and first bytes until told to stop by an empty one.
RECEIVE = """
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind(("0.0.0.0", 9000))
print("ready", flush=True)
while True:
    data, (source, _) = s.recvfrom(2048)
    print(time.monotonic_ns(), source, data.decode(), flush=True)
"""
#: Sends a numbered datagram each `gap` seconds, `count` of them.
SEND = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
count, gap = int(sys.argv[1]), float(sys.argv[2])
began = time.monotonic()
for i in range(count):
    time.sleep(max(0.0, began + i * gap - time.monotonic()))
    s.sendto(str(i).encode(), ("10.9.0.2", 9000))
"""


class Sink:
    """What the gateway host received, by source."""

    def __init__(self, net: Network) -> None:
        self.process = net.run(2, RECEIVE)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        self.seen: list[tuple[float, str, int]] = []

    def read(self, enough: "Callable[[Sink], bool]") -> None:
        """Read until `enough(self)`."""
        while not enough(self):
            assert self.process.stdout is not None
            at, source, number = self.process.stdout.readline().split()
            self.seen.append((int(at) / 1e9, source, int(number)))

    def numbers(self, source: str) -> list[int]:
        return [number for _, of, number in self.seen if of == source]

    def times(self, source: str) -> list[float]:
        return [at for at, of, _ in self.seen if of == source]

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()
