"""Liar, a machine between a switch and its controller that does not keep its word.

It passes OpenFlow 1.3 messages on both ways, whole, and does with some of them as it is
told: `behaviour` may be changed at any time.

    honest      passes everything on
    early       answers barriers itself and at once; what was asked is passed on late
    deaf        answers barriers, passes no flow-mod on, says that nothing stands
    claiming    passes none on either, and tells back what it was asked for as if it
                stood; what else it is asked, the switch answers, barriers behind it
    refusing    answers each flow-mod with an error (OFPFMFC_EPERM)
    dropping    turns limits into drops: leaves meter and goto out of flow-mods
    pretending  the same, but tells back what it was asked for as if it stood
    starving    makes meters of one frame a second of what was asked for
    elsewhere   has the drop match another target than asked
    aside       has groups lead to port 3, tells back what it was asked for
    gone        is not there: hangs up, and takes no connection
"""

import contextlib
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable

HEADER = struct.Struct("!BBHI")
ERROR, FLOW_MOD, BUNDLES, MULTIPART, REPLY = 1, 14, 4, 18, 19
#: Statistics of flows, and descriptions of groups (7.3.5.2, 7.3.5.9).
FLOW, GROUP_DESC = 1, 7
GROUP_MOD, BARRIER, BARRIER_REPLY, METER_MOD = 15, 20, 21, 29
#: Section 7.3.4.1: the fixed part of a flow-mod, then the match.
MATCH_AT = 48
GOTO, METER = 1, 6
#: Section 7.3.4.3: the fixed part of a group-mod, then buckets, each of a fixed part
#: and actions (7.2.5), of which one outputs.
BUCKETS_AT, ACTIONS_AT, OUTPUT, ASIDE = 16, 16, 0, 3
ADD, MODIFY, PERMISSION = 0, 1, (5, 4)
#: EXT-230: the kind of a message that adds to a bundle, and where it holds another.
BUNDLED, INNER_AT = 2301, 24


class Liar:
    """Listens for the switch, connects to the controller."""

    def __init__(self, listen: int, controller: int, late_s: float = 3.0) -> None:
        self.behaviour = "honest"
        self.late_s = late_s
        self._controller = controller
        self._listener = socket.create_server(("127.0.0.1", listen))
        self._late: list[tuple[float, bytes]] = []
        self._claimed: list[bytes] = []
        self._groups: dict[int, bytes] = {}
        self._is_closing = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self) -> None:
        self._is_closing = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        while not self._is_closing:
            try:
                switch, _ = self._listener.accept()
            except OSError:
                return
            with switch, contextlib.suppress(OSError):
                if self.behaviour == "gone":
                    continue
                master = socket.create_connection(("127.0.0.1", self._controller), 5)
                with master:
                    self._pass_on(switch, master)
            self._late.clear()

    def _pass_on(self, switch: socket.socket, master: socket.socket) -> None:
        came = {switch: b"", master: b""}
        while not self._is_closing and self.behaviour != "gone":
            for one in select.select([switch, master], [], [], 0.02)[0]:
                data = one.recv(65536)
                if not data:
                    return
                came[one] += data
                while len(came[one]) >= HEADER.size:
                    length = HEADER.unpack_from(came[one])[2]
                    if len(came[one]) < length:
                        break
                    message, came[one] = came[one][:length], came[one][length:]
                    if one is switch:
                        master.sendall(message)
                    else:
                        self._tell(message, switch, master)
            while self._late and self._late[0][0] <= time.monotonic():
                switch.sendall(self._late.pop(0)[1])

    def _tell(
        self, message: bytes, switch: socket.socket, master: socket.socket
    ) -> None:
        """Do with a message of the controller as this liar does."""
        _, kind, _, xid = HEADER.unpack_from(message)
        how = self.behaviour
        flow_mod = inner(message)
        is_add = flow_mod[1] == FLOW_MOD and flow_mod[25] == ADD
        is_mod = kind in {FLOW_MOD, GROUP_MOD, METER_MOD, BUNDLES}
        if flow_mod[1] == GROUP_MOD:
            self._note(flow_mod)
        if how in {"early", "deaf"} and kind == BARRIER:
            master.sendall(HEADER.pack(4, BARRIER_REPLY, 8, xid))
        elif how == "early" and is_mod:
            self._late.append((time.monotonic() + self.late_s, message))
            self._claimed += [flow_mod] if is_add else []
        elif how in {"deaf", "claiming"} and is_mod:
            self._claimed += [flow_mod] if is_add else []
        elif how in {"early", "claiming"} and is_asking(message, FLOW):
            master.sendall(self._claim(message, xid))
        elif how in {"claiming", "aside"} and is_asking(message, GROUP_DESC):
            master.sendall(self._describe(xid))
        elif how == "aside":
            switch.sendall(changed(message, aside, GROUP_MOD))
        elif how == "refusing" and is_add:
            body = struct.pack("!HH", *PERMISSION) + message[:64]
            master.sendall(HEADER.pack(4, ERROR, 8 + len(body), xid) + body)
        elif how == "pretending" and is_asking(message, FLOW):
            master.sendall(self._claim(message, xid))
        elif how == "starving" and kind == METER_MOD:
            switch.sendall(starved(message))
        elif how in CHANGES:
            self._claimed += [flow_mod] if is_add else []
            switch.sendall(changed(message, CHANGES[how]))
        else:
            switch.sendall(message)

    def _claim(self, asked: bytes, xid: int) -> bytes:
        """Return flow statistics that say everything stands as it was asked for."""
        cookie, mask = struct.unpack_from("!QQ", asked, 32)
        entries = b""
        for message in self._claimed:
            own = struct.unpack_from("!Q", message, 8)[0]
            if own & mask == cookie & mask:
                entries += stats_of(message)
        body = struct.pack("!HH4x", 1, 0) + entries
        return HEADER.pack(4, REPLY, 8 + len(body), xid) + body

    def _note(self, message: bytes) -> None:
        """Keep what groups were asked for, and have not been taken away."""
        command, number = struct.unpack_from("!H2xI", message, 8)
        self._groups.pop(number, None)
        if command in (ADD, MODIFY):
            self._groups[number] = message

    def _describe(self, xid: int) -> bytes:
        """Return descriptions that say every group is as it was asked for."""
        body = struct.pack("!HH4x", GROUP_DESC, 0)
        for message in self._groups.values():
            _, kind, number = struct.unpack_from("!HBxI", message, 8)
            buckets = message[BUCKETS_AT:]
            body += struct.pack("!HBxI", 8 + len(buckets), kind, number) + buckets
        return HEADER.pack(4, REPLY, 8 + len(body), xid) + body


def is_asking(message: bytes, what: int) -> bool:
    """Return whether a message asks for statistics or descriptions of a kind."""
    return message[1] == MULTIPART and message[9] == what


def parts(message: bytes) -> tuple[bytes, bytes, bytes]:
    """Return a flow-mod's fixed part, its match with padding, its instructions."""
    length = struct.unpack_from("!H", message, MATCH_AT + 2)[0]
    end = MATCH_AT + length + -length % 8
    return message[:MATCH_AT], message[MATCH_AT:end], message[end:]


def whole(message: bytes) -> bytes:
    """Return a message with its length put right."""
    return message[:2] + struct.pack("!H", len(message)) + message[4:]


def without_limit(message: bytes) -> bytes:
    """Return a flow-mod without meter and goto: what it limited, it drops."""
    fixed, match, steps = parts(message)
    found, at = [], 0
    while at < len(steps):
        kind, length = struct.unpack_from("!HH", steps, at)
        found.append((kind, steps[at : at + length]))
        at += length
    if METER not in {kind for kind, _ in found}:
        return message
    kept = b"".join(step for kind, step in found if kind not in {GOTO, METER})
    return whole(fixed + match + kept)


def is_bundled(message: bytes) -> bool:
    """Return whether a message adds another to a bundle."""
    return message[1] == BUNDLES and message[12:16] == BUNDLED.to_bytes(4, "big")


def inner(message: bytes) -> bytes:
    """Return what a message adds to a bundle, or the message itself."""
    return message[INNER_AT:] if is_bundled(message) else message


def changed(
    message: bytes, change: Callable[[bytes], bytes], kind: int = FLOW_MOD
) -> bytes:
    """Return a message with what it adds changed, whether in a bundle or alone."""
    if is_bundled(message):
        return whole(message[:INNER_AT] + changed(message[INNER_AT:], change, kind))
    at = 25 if kind == FLOW_MOD else 9
    is_add = message[1] == kind and message[at] == ADD
    return change(message) if is_add else message


def aside(message: bytes) -> bytes:
    """Return a group-mod whose ways that output do so by another port."""
    found, at = bytearray(message), BUCKETS_AT
    while at < len(found):
        end = at + struct.unpack_from("!H", found, at)[0]
        step = at + ACTIONS_AT
        while step < end:
            action, length, port = struct.unpack_from("!HHI", found, step)
            if action == OUTPUT and port < 0xFFFFFF00:  # OFPP_MAX: a port of its own
                struct.pack_into("!I", found, step + 4, ASIDE)
            step += length
        at = end
    return bytes(found)


def starved(message: bytes) -> bytes:
    """Return a meter-mod (7.3.4.4) with a band of one frame a second, if it has one."""
    if len(message) < 32:
        return message
    return message[:20] + struct.pack("!II", 1, 1) + message[28:]


def moved(message: bytes) -> bytes:
    """Return a flow-mod that matches another address: its target is the source's."""
    source, target = b"\x80\x00\x16\x04", b"\x80\x00\x18\x04"
    fixed, match, steps = parts(message)
    at = match.find(target)
    if at < 0 or match.find(source) < 0:
        return message
    other = bytes([10, 9, 0, 77])
    return whole(fixed + match[: at + 4] + other + match[at + 8 :] + steps)


def stats_of(message: bytes) -> bytes:
    """Return the ofp_flow_stats (7.3.5.2) of a flow-mod that was just carried out."""
    _, match, steps = parts(message)
    cookie = struct.unpack_from("!Q", message, 8)[0]
    idle, hard, priority = struct.unpack_from("!HHH", message, 26)
    flags = struct.unpack_from("!H", message, 44)[0]
    body = struct.pack("!IIHHHH4x", 0, 0, priority, idle, hard, flags)
    body += struct.pack("!QQQ", cookie, 0, 0) + match + steps
    return struct.pack("!HBx", len(body) + 4, message[24]) + body


CHANGES = {
    "dropping": without_limit,
    "pretending": without_limit,
    "elsewhere": moved,
}


def main() -> None:
    """Run one in this process: ports, then a behaviour a line on stdin."""
    liar = Liar(int(sys.argv[1]), int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        liar.behaviour = line.strip()
        print("so", flush=True)
    liar.close()


if __name__ == "__main__":
    main()
