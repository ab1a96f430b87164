"""DNS tunnel: data leaves in the names that a machine asks for."""

from airnet.domain.decision import TargetType
from airnet.twin.disturb import pick, strike
from airnet.twin.plan import Plan
from airnet.twin.rows_line import Murmur
from airnet.twin.rows_strike import Strike
from airnet.twin.spec import compromised

SPEC = compromised(
    "queries a second: 300 to 2", "moderate", TargetType.SOURCE, 5000, is_held_out=True
)


def prepare(plan: Plan) -> None:
    """Tunnel through the resolver that everybody asks."""
    source = int(plan.row("line", pick(plan))["client"])
    asked = [
        int(plan.row("murmur", number)["b"])
        for number in range(plan.count("murmur"))
        if plan.row("murmur", number)["kind"] == int(Murmur.DNS)
    ]
    span = plan.span(0.35, 0.45)
    rate = plan.easy(hardest=2.0, easiest=300.0)
    about = f"{rate:.0f} names a second with data in them"
    number = plan.mark(span, about, hosts=(plan.address(source),), excess=rate)
    strike(
        plan,
        Strike.TUNNEL,
        span,
        rate=rate,
        source=source,
        target=asked[0],
        port=53,
        bytes_min=40,
        bytes_max=180,
        incident=number,
    )
