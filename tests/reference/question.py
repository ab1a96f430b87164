"""What a DNS message is about, read the slow way. Source: RFC 1035 section 4.1."""

from dataclasses import dataclass


@dataclass
class Question:
    """The fields of a HEADER that a DNS or an ICMP message fills."""

    name_key: int = 0
    domain_key: int = 0
    name_bytes: int = 0
    name_letters: int = 0
    code: int = 0


def key_of(data: bytes) -> int:
    """FNV-1a of 32 bits over a name in small letters, never 0."""
    key = 2166136261
    for byte in data.lower():
        key = (key ^ byte) * 16777619 % (1 << 32)
    return key or 1


def place_of(byte: int) -> int:
    """Letters and digits have a place each, everything else shares 28."""
    letter = bytes([byte]).lower()
    if letter.isalpha():
        return letter[0] - ord("a")
    if letter.isdigit():
        return 26 + int(letter)
    return 36 + letter[0] % 28


def labels_of(data: bytes) -> list[bytes] | None:
    """Return a name's labels; None when it is cut, compressed or too long."""
    labels: list[bytes] = []
    while data:
        count, data = data[0], data[1:]
        if not count:
            return labels
        if count > 63 or len(data) < count:
            return None
        labels.append(data[:count])
        data = data[count:]
        if sum(len(label) + 1 for label in labels) >= 255:
            return None
    return None


def wire(labels: list[bytes]) -> bytes:
    """Return labels as they are sent."""
    return b"".join(bytes([len(label)]) + label for label in labels)


def read_question(payload: bytes) -> Question:
    """Return what a datagram from or to port 53 says."""
    seen = Question()
    if len(payload) < 12:
        return seen
    seen.code = payload[2] & 0x80 | payload[3] & 15
    if payload[4:6] == b"\0\0":
        return seen
    labels = labels_of(payload[12:])
    if not labels:
        return seen
    front = labels[:-2]
    seen.name_key, seen.domain_key = key_of(wire(labels)), key_of(wire(labels[-2:]))
    seen.name_bytes = len(wire(front))
    seen.name_letters = len({place_of(byte) for label in front for byte in label})
    return seen


def read_icmp(data: bytes) -> Question:
    """Return the type of an ICMP message."""
    return Question(code=data[0] if data else 0)
