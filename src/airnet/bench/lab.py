"""Lab: latencies on real links: XDP on a veth, a real switch, a real controller.

See `airnet.bench.trials`.
"""

from airnet.bench import apart

LIMIT_S = 180


def measure() -> dict[str, dict[str, object]]:
    """Return figures by name; where they cannot be had, what is missing."""
    found = apart.run("trials", limit_s=LIMIT_S, needs="namespaces, XDP, Open vSwitch")
    return {"lab": found} if "missing" in found else found
