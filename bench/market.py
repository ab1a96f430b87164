"""How fast the twin's market runs without wire and pipeline.

`python bench/market.py [--json] [--gate]` builds worlds of 50 sessions and 20 symbols
and runs their markets, warm books, no rows kept: events of the kernel and messages a
CPU second, and virtual time over CPU time. `--gate` ends with status 1 below GATE
million events a CPU second. Every market's sums are checked.
"""

import json
import statistics
import sys
import time
from typing import Any

from airnet._ext import market
from airnet.twin import catalogue
from airnet.twin.plan import Size

GATE = 4.0
SEEDS, WARM_S, SECONDS = 5, 2, 15
SECOND_NS = 10**9


def measure(seed: int) -> dict[str, float]:
    """Run one market; return what it did a CPU second."""
    size = Size(duration_s=WARM_S + SECONDS, sessions=50, symbols=20)
    plan = catalogue.build("quiet", seed, size=size)
    rows = plan.rows()
    tables: dict[str, Any] = {name: rows[name] for name in market.TABLES}
    one = market.Market(seed, plan.start_ns, len(rows["line"]), 0, **tables)
    one.run(plan.start_ns + WARM_S * SECOND_NS)
    events, messages = one.events, one.messages
    begun = time.process_time()
    one.run(plan.start_ns + (WARM_S + SECONDS) * SECOND_NS)
    took = time.process_time() - begun
    wrong = {name: value for name, value in one.conserved().items() if value}
    if wrong:
        sys.exit(f"bench/market.py: seed {seed}: not conserved: {wrong}")
    return {
        "events_per_cpu_s": (one.events - events) / took,
        "messages_per_cpu_s": (one.messages - messages) / took,
        "messages_per_s": (one.messages - messages) / SECONDS,
        "times_real_time": SECONDS / took,
    }


def main() -> int:
    """Measure, print, and gate when asked to."""
    found = [measure(seed) for seed in range(SEEDS)]
    result = {
        name: round(statistics.median(one[name] for one in found), 1)
        for name in found[0]
    }
    million = result["events_per_cpu_s"] / 1e6
    if "--json" in sys.argv:
        print(json.dumps(result, indent=1))
    else:
        print(f"{million:8.2f} M events a CPU second (wanted {GATE:.0f})")
        print(f"{result['messages_per_cpu_s'] / 1e6:8.2f} M messages a CPU second")
        print(f"{result['messages_per_s']:8.0f} messages a virtual second")
        print(f"{result['times_real_time']:8.0f} times real time")
    return 1 if "--gate" in sys.argv and million < GATE else 0


if __name__ == "__main__":
    sys.exit(main())
