"""Terms: which rule of the policy a Verdict falls under, by asset class and phase."""

from airnet.decide.market import Hours, Phase
from airnet.decide.peers import Peers
from airnet.decide.policy import Contain, Policy, ppm
from airnet.decide.watch import Watch
from airnet.domain.verdict import PPM, Cause, Verdict


class Terms:
    """Looks a Cause's rule up: for the gateway's asset class, at the Verdict's time.

    Args:
        policy: its causes, and its market's intervals.
        peers: knows the asset class of a gateway.
    """

    def __init__(self, policy: Policy, peers: Peers) -> None:
        self._peers = peers
        self._hours = Hours(policy.market.intervals)
        self._contains = {cause: policy.contain(cause) for cause in Cause}
        self._watches = {cause: policy.watch(cause) for cause in Cause}
        self._watch_ppm = {
            cause: PPM if rule is None else ppm(rule.probability_min)
            for cause, rule in self._watches.items()
        }
        self._at: dict[tuple[Cause, str, Phase], Contain] = {}

    def where(self, verdict: Verdict) -> tuple[str, Phase]:
        """Return the asset class and the market's phase that a Verdict is about."""
        session = verdict.session
        if session is not None:
            asset = self._peers.asset(session.gateway, session.gateway_port)
        else:
            asset = self._peers.asset(verdict.address, verdict.port)
        return asset, self._hours.at(verdict.close_ns)

    def contain(self, cause: Cause, verdict: Verdict) -> Contain | None:
        """Return how a Cause may be contained there and then; None: it may not."""
        plain = self._contains[cause]
        if plain is None or not plain.when:
            return plain
        key = (cause, *self.where(verdict))
        found = self._at.get(key)
        if found is None:
            found = self._at[key] = plain.at(*key[1:])
        return found

    def watch(self, cause: Cause) -> Watch | None:
        """Return what is said of a Cause that is never contained, or None."""
        return self._watches[cause]

    def least_ppm(self, cause: Cause, verdict: Verdict) -> int:
        """Return how probable a Cause must be there and then, in parts per million."""
        rule = self.contain(cause, verdict)
        if rule is None:
            return self._watch_ppm[cause]
        return ppm(rule.probability_min)
