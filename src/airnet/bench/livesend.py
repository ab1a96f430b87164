"""The sender of the live bench: FIX on a veth, from the kernel, on a CPU of its own.

`python -m airnet.bench.livesend INTERFACE CPU` takes one JSON object a line: `frames`,
`per_second` (0: as fast as it goes) and `batch`. Orders go up and reports come down,
32 flows of each, their sequence numbers going on. It answers with a line: what it
sent, what the link did not take, and when.
"""

import json
import sys

from airnet.bench.livetalk import frames
from airnet.lab.generate import Flows, Generator, go_first, stay_on

FLOW_BITS = 5


def main() -> None:
    """Answer each line until there is none."""
    interface, cpu = sys.argv[1:]
    stay_on(int(cpu))
    go_first()
    generator = Generator(interface, flows=Flows(frames=frames(), bits=FLOW_BITS))
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    for line in sys.stdin:
        wanted = json.loads(line)
        lost = generator.lost()
        sent = generator.stream(
            wanted["frames"], per_second=wanted["per_second"], batch=wanted["batch"]
        )
        told = {
            "frames": sent.frames,
            "lost": generator.lost() - lost,
            "start_mono_ns": sent.start_mono_ns,
            "end_mono_ns": sent.end_mono_ns,
            "cpu_ns": sent.cpu_ns,
        }
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    generator.close()


if __name__ == "__main__":
    main()
