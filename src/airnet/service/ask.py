"""Ask: what a command says to a running airnet, and what it hears."""

import os
import socket
from pathlib import Path

import msgspec

from airnet.act.gate import Gate, Note
from airnet.clock import SystemClock
from airnet.domain.instruction import Ask, Instruction, Signed
from airnet.errors import InstructionError, UnsupportedError
from airnet.service.talk import (
    ANSWER_BYTES_MAX,
    NS_PER_S,
    Answer,
    Request,
    patience_ns,
)

READ_BYTES = 65_536
#: The warden answers by itself before that, even when airnet hangs.
BEYOND_NS = 3 * NS_PER_S
#: Made while there is one thread: two that meet a type first at once crash msgspec.
_ANSWERS = msgspec.json.Decoder(Answer)


def ask(path: Path, what: Ask, signed: Signed | None = None) -> Answer:
    """Return what a running airnet answers.

    Raises:
        UnsupportedError: nobody answers there.
    """
    clock = SystemClock()
    end_ns = clock.mono_ns() + patience_ns(what) + BEYOND_NS
    whole = b""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            _connect(channel, path, clock, end_ns)
            channel.settimeout(BEYOND_NS / NS_PER_S)
            line = msgspec.json.encode(Request(ask=what, signed=signed))
            channel.sendall(line + b"\n")
            while not whole.endswith(b"\n"):
                left_ns = end_ns - clock.mono_ns()
                channel.settimeout(max(left_ns / NS_PER_S, 0.001))
                data = channel.recv(READ_BYTES)
                if not data or len(whole) > ANSWER_BYTES_MAX:
                    raise ConnectionError("it hung up")
                whole += data
            return _ANSWERS.decode(whole)
    except (OSError, msgspec.DecodeError) as error:
        raise UnsupportedError(
            f"{path}: no answer from airnet: {error}",
            "is `airnet run` running, and may this account talk to it?",
        ) from error


def _connect(
    channel: socket.socket, path: Path, clock: SystemClock, end_ns: int
) -> None:
    """Connect, waiting for room where many others are at the door."""
    channel.setblocking(False)
    while True:
        try:
            channel.connect(str(path))
        except BlockingIOError:
            if clock.mono_ns() > end_ns:
                raise
            clock.sleep_s(0.01)
        else:
            return


def frozen_by_hand(directory: Path, instruction: Instruction) -> str:
    """Freeze without airnet's help; return what stands then.

    Raises:
        InstructionError: this account may not write there.
    """
    gate = Gate(directory)
    try:
        gate.freeze(Note(signed=Signed(instruction=instruction), uid=os.getuid()))
    except OSError as error:
        raise InstructionError(
            f"airnet does not answer, and its freeze file: {error.strerror}",
            "as root or airnet's account; or kill -USR1 airnet",
        ) from error
    return gate.closed()
