"""Problems of second paths: legal, and cannot be meant."""

from collections.abc import Iterator

from airnet.config import Sdn, Site
from airnet.decide.divert import ANSWER_RULES
from airnet.decide.policy import Policy
from airnet.decide.protection import canonical, endpoint
from airnet.domain.decision import Mode

WHERE = "cause.venue_fault.divert"


def path_problems(policy: Policy, site: Site) -> Iterator[str]:
    """Yield what is odd about driving round a fault, and about the site's paths."""
    divert = policy.cause.venue_fault.divert
    for name in divert.rules:
        if name not in ANSWER_RULES:
            yield (
                f"{WHERE}.rules: {name} can be had by who forges a client, so nothing "
                f"is ever driven round for it; use {', '.join(ANSWER_RULES)}"
            )
    if divert.ttl_ms < divert.dwell_ms:
        yield f"{WHERE}.ttl_ms: shorter than the dwell, it would flap"
    if divert.assets and divert.mode is Mode.SHADOW:
        yield f"{WHERE}.assets: has no effect in shadow mode"
    places = {endpoint(canonical(one.ip), one.port) for one in site.gateways}
    for asset in divert.assets:
        if asset not in places:
            yield f"{WHERE}.assets: the site knows no {asset}"
    if divert.mode is Mode.ENFORCE and site.gateways and not site.paths:
        yield f"{WHERE}.mode: enforce, but the site has no [[path]]"
    gateways = {canonical(one.ip) for one in site.gateways}
    for path in site.paths:
        for field in ("gateway", "witness"):
            address = getattr(path, field)
            if canonical(address) not in gateways:
                yield f"path {path.name}: {field} {address} is no gateway of the site"


def way_problems(sdn: Sdn, site: Site) -> Iterator[tuple[str, str]]:
    """Yield what is wrong between a site's paths and a host's ports: file, problem."""
    ours, theirs = {one.name for one in sdn.paths}, {one.name for one in site.paths}
    for place, way in enumerate(sdn.paths):
        if way.name not in theirs:
            yield "config", f"sdn.path[{place}].name: the site has no path {way.name}"
    for path in site.paths:
        if ours and path.name not in ours:
            yield "site", f"path {path.name}: airnet.toml has no sdn.path of that name"


def unported(policy: Policy, sdn: Sdn) -> str:
    """Return what is wrong where reroutes are enforced and no port is named, or ""."""
    is_enforced = policy.cause.venue_fault.divert.mode is Mode.ENFORCE
    if is_enforced and not sdn.paths:
        return f"{WHERE}.mode: enforce, but airnet.toml has no [[sdn.path]]"
    return ""
