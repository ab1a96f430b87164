"""One ledger entry as bytes: canonical JSON, one line, and back.

`{"body":{...},"kind":"...","sequence":n,"time_ns":n}`: keys sorted, no spaces, integers
for every quantity; the one exception is a probability, 0..1 with six decimals. The
leaf of the Merkle tree is the whole line without its newline.
"""

import msgspec

from airnet.domain.incident import Evidence

#: A longer entry is refused: no fact of ours needs a MiB.
LINE_BYTES_MAX = 1 << 20

_DECODER = msgspec.json.Decoder(Evidence)


def encode(evidence: Evidence) -> bytes:
    """Return the entry's canonical line, without newline."""
    line = msgspec.json.encode(evidence, order="sorted")
    assert len(line) <= LINE_BYTES_MAX, f"entry of {len(line)} bytes"
    return line


def build(
    sequence: int, kind: str, time_ns: int, body: dict[str, object]
) -> tuple[Evidence, bytes]:
    """Return an entry and its line. Floats are rounded to six decimals first."""
    rounded = {key: _rounded(value) for key, value in body.items()}
    entry = Evidence(sequence=sequence, kind=kind, time_ns=time_ns, body=rounded)
    line = encode(entry)
    # What is handed back is what will be read: values, not the objects they came from.
    return _DECODER.decode(line), line


def decode(line: bytes, sequence: int) -> Evidence:
    """Return the entry a line holds.

    Raises:
        ValueError: not JSON, not canonical, or not the entry of that sequence.
    """
    if len(line) > LINE_BYTES_MAX:
        raise ValueError("longer than any entry")
    try:
        entry = _DECODER.decode(line)
        again = encode(entry)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"not an entry: {error}") from error
    except (RecursionError, OverflowError) as error:  # nothing that we would write
        raise ValueError(f"not an entry: {error}") from error
    if entry.sequence != sequence:
        raise ValueError(f"sequence {entry.sequence} where {sequence} belongs")
    if again != line:
        raise ValueError("not in canonical form")
    return entry


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
