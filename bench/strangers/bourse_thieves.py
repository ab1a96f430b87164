"""Who trades as another at a bourse, and who makes another trade with him."""

import dataclasses

from strangers.bourse import Bourse
from strangers.bourse_clock import Steps
from strangers.bourse_desk import Desk, Harm
from strangers.bourse_gateway import Gateway
from strangers.bourse_ground import Incident
from strangers.bourse_link import Link, Manner
from strangers.bourse_market import Instrument
from strangers.bourse_wire import Habits, Host
from strangers.exchange_dice import Dice
from strangers.loop import MS, SECOND
from strangers.registry import family


class Impostor(Desk):
    """Trades on a session that it should not have."""

    #: Each time (ns) it did, how often it does, and its side (0: both).
    harm: Harm
    rate = 1.0
    side = 0
    #: Seconds until it begins: from, to.
    delay = (0.2, 0.2)

    def life(self) -> Steps:
        """Take, one way and much, or as its owner would."""
        r = self.rng
        low, high = self.delay
        yield (self.w.rng.uniform(low, high) if high > low else low) * SECOND
        while self.clock.now < self.w.end + 6 * SECOND:
            inst = r.choice(self.insts)
            if self.side:
                qty, through = inst.lot * r.randrange(2, 30), r.randrange(0, 3)
                self.take(inst, self.side, qty, through=through, harm=self.harm)
            else:
                self.take(inst, r.choice((1, -1)), harm=self.harm)
            yield r.expovariate(self.rate) * SECOND


def _impostor(w: Bourse, link: Link, insts: list[Instrument], name: str) -> Impostor:
    desk = Impostor(w, link, Dice(f"{w.stem}{w.seed}{name}"), insts, 1.0)
    desk.harm = []
    return desk


@family("compromise", Bourse)
def bourse_stolen_id(w: Bourse) -> None:
    """A stranger logs on as a firm: beside it, after it, or in its place."""
    r = w.rng
    agents = ("Human", "Slicer", "Idle", "Taker", "Auction", "Hedger")
    owner = w.some(*agents)[0]
    manner = r.choice(("both", "after", "kick"))
    host = _thief(w, owner.link)
    thief = _stolen(w, owner.link, host)
    insts = r.sample(w.market.insts, r.randrange(1, 5))
    rate, side = w.level(25, 1.2), r.choice((1, -1))
    desk = _impostor(w, thief, insts, "thief")
    desk.rate, desk.side, desk.delay = rate, side, (0.1, 1.5)
    w.clock.play(_log_on(w, owner, desk, manner), w.onset + w.warm)
    harm = {host.ip: desk.harm}
    w.incidents.append(Incident("compromise", harm, [thief.comp], [host.ip]))


def _thief(w: Bourse, owner: Link) -> Host:
    r = w.rng
    if r.random() < 0.7:
        return w.stranger(r.choice(("pub", "office", "vendor", "peer")))
    others = [firm for firm in w.firms if firm is not owner.manner.firm]
    return w.trading_host(r.choice(others))


def _stolen(w: Bourse, owner: Link, host: Host) -> Link:
    """Return another's session with the owner's CompID."""
    r = w.rng
    gw = owner.gw if r.random() < 0.7 else r.choice(w.gws)
    beat, head = r.choice((30, 60, 10)), r.randrange(4)
    style, layout = r.randrange(6), r.randrange(4)
    firm = dataclasses.replace(
        owner.manner.firm, id_style=style, layout=layout, says_secid=False
    )
    manner = Manner(firm, beat, head, is_us=False)
    link = Link(w.mirror, owner.comp, host, gw, manner)
    link.does_reset = r.random() < 0.7
    link.client_seq = owner.client_seq + 3
    return link


def _log_on(w: Bourse, owner: Desk, thief: Impostor, manner: str) -> Steps:
    if manner == "after":
        owner.is_dead = True
        yield from owner.withdraw_all()
        owner.link.log_out()
        yield w.rng.uniform(1, 3) * SECOND
    if manner == "kick":
        owner.link.was_kicked = True
        owner.link.tell("5", "58=Session taken over\x01", ("5",))
        owner.is_dead = True
        yield 2 * MS
    thief.harm.append(thief.link.connect())


@family("compromise", Bourse)
def bourse_rogue_gw(w: Bourse) -> None:
    """A firm's host logs on to a gateway that is none, and sends it orders."""
    r = w.rng
    owner = w.some("Taker", "Slicer", "Human", "Hedger", "Pairs")[0]
    link = owner.link
    gw = _rogue(w, link)
    is_diverted, comp = r.random() < 0.5, link.comp
    if not is_diverted and r.random() >= 0.5:
        comp += r.choice(("2", "T", "X"))
    other = Link(w.mirror, comp, link.host, gw, link.manner)
    other.does_reset = True
    desk = _impostor(w, other, owner.insts, "rg")
    desk.rate = w.level(20, 0.8)
    harm, hosts = {link.host.ip: desk.harm}, [link.host.ip, gw.host.ip]
    case = Incident("compromise", harm, [comp], hosts)
    w.incidents.append(case)

    def go() -> Steps:
        if is_diverted:
            owner.is_dead = True
            link.log_out("reroute")
            yield 0.5 * SECOND
        case.onset = other.connect()
        yield 0

    w.clock.play(go(), w.onset + w.warm)


def _rogue(w: Bourse, link: Link) -> Gateway:
    """Return a gateway of somebody else, who writes as the bourse does."""
    r, like = w.rng, link.gw.conduct
    where = r.choice(("near", "pub", "firm", "office"))
    nets = {"near": w.gateway_net, "firm": link.manner.firm.net, "office": w.office}
    ip = w.foreign() if where == "pub" else w.free(nets[where])
    mac = w.edge if where == "pub" else w.mac()
    far = 4 * MS if where == "pub" else r.uniform(5, 60) * 1000
    host = w.host(ip, mac, (far, 3000), Habits(acks="quick", is_gateway=True))
    port = like.port if r.random() < 0.6 else r.choice((9876, 5001, 443, 7001))
    comp = like.comp if r.random() < 0.6 else "EXCH2"
    same = dataclasses.replace(like, port=port, comp=comp, sigma=0.4)
    conduct = dataclasses.replace(same, latency=like.latency * 2)
    return Gateway(w.mirror, host, w.market, conduct)
