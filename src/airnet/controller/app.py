"""The application that ryu-manager and os-ken load: events in, effects out.

    ryu-manager src/airnet/controller/app.py

All it knows is how to carry things to and from `Control`, which does the thinking.
"""

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from airnet import log
from airnet.clock import SystemClock
from airnet.controller import detours, flows, framework, openflow, wire
from airnet.controller.control import Control
from airnet.controller.messages import Answer, Close, Effect, Note, Send, Tell
from airnet.controller.northbound import Northbound
from airnet.controller.wire import Datapath
from airnet.errors import ConfigError

if TYPE_CHECKING:
    from airnet.controller.framework import Base
else:
    Base = framework.base()

#: Writes a switch may leave unread (the frameworks' queue holds 16, then blocks).
WRITES_MAX = 12


class Controller(Base):
    """Containments as OpenFlow 1.3 rules, on every switch that connects."""

    OFP_VERSIONS = (0x04,)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        settings = framework.options().airnet
        try:
            protected = [flows.network(text) for text in settings.protected]
        except ValueError as error:
            raise ConfigError(f"protected: {error}", "give addresses") from error
        self.control = Control(
            protected,
            SystemClock(),
            framework.title(),
            is_leading=not settings.standby,
            allowed=detours.detours(settings.paths),
        )
        self.paths: dict[int, Datapath] = {}
        self.log = structlog.get_logger()
        # Events come in one thread, requests in another; Control is for one at a time.
        self.lock = threading.Lock()
        self.northbound = Northbound(
            Path(settings.socket),
            lambda client, *lines: self._do(self.control.request, client, *lines),
            lambda: self._do(self.control.tick),
        )
        self.northbound.open()

    def start(self) -> None:
        """Start to serve clients, beside the thread that brings events."""
        super().start()
        spawn = framework.part("lib.hub").spawn
        serve = framework.fatal(self.northbound.serve)
        try:
            # A manager runs us: its own SIGTERM is death without unlinking the socket.
            signal.signal(signal.SIGTERM, lambda *_: self.northbound.stop())
            serve = framework.then_exit(serve)
            log.configure()
        except ValueError:
            pass  # `framework.run` does, in the main thread, and sees to the end itself
        spawn(serve)
        self.log.info("controller.started", framework=framework.title())

    def close(self) -> None:
        """Let the clients go and unlink the socket."""
        self.northbound.end()

    def _do(self, act: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        """Let Control think about one thing, and carry out what it wants."""
        with self.lock:
            act(*args, **kwargs)
            for effect in self.control.take():
                self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Send(switch, messages):
                path = self.paths.get(switch)
                if path is None:
                    return
                if path.send_q is None or path.send_q.qsize() >= WRITES_MAX:
                    path.close()  # it has stopped reading; its death will be told
                    return
                path.send(openflow.encode(messages))
            case Answer(client, line):
                self.northbound.send(client, line)
            case Tell(line):
                self.northbound.tell(line)
            case Close(switch):
                if switch in self.paths:
                    self.paths[switch].close()
            case Note(event, values):
                self.log.info(event, **values)

    @framework.on("EventOFPStateChange", "MAIN", "DEAD")
    def state_changed(self, event: Any) -> None:
        """A switch has shaken hands, or is gone."""
        path: Datapath = event.datapath
        if path.id is None:
            return
        main = framework.part("controller.handler").MAIN_DISPATCHER
        if event.state == main:
            self.paths[path.id] = path
            where = "{}:{}".format(*path.address[:2])
            self.log.info("switch.connected", switch=f"{path.id:016x}", address=where)
            self._do(self.control.connected, path.id, where)
        elif self.paths.get(path.id) is path:
            del self.paths[path.id]
            self.log.info("switch.disconnected", switch=f"{path.id:016x}")
            self._do(self.control.disconnected, path.id)

    @framework.on("EventOFPBarrierReply", "MAIN")
    def barrier_came(self, event: Any) -> None:
        """All before the barrier is done, or was refused."""
        self._do(self.control.barrier, event.msg.datapath.id, event.msg.xid)

    @framework.on("EventOFPErrorMsg", "MAIN")
    def error_came(self, event: Any) -> None:
        """The switch refused a message."""
        message, of = event.msg, event.msg.datapath.ofproto
        kind = of.ofp_error_type_to_str(message.type)
        if message.type == of.OFPET_EXPERIMENTER:  # bundles, ONF EXT-230
            code = f"{message.experimenter:#x}/{message.exp_type}"
        else:
            code = of.ofp_error_code_to_str(message.type, message.code)
        reason = f"{kind}, {code}"
        self._do(self.control.refused, message.datapath.id, message.xid, reason)

    @framework.on("EventOFPFlowStatsReply", "MAIN")
    def flows_came(self, event: Any) -> None:
        """The switch tells what stands there."""
        message, of = event.msg, event.msg.datapath.ofproto
        told = [wire.actual_of(stats, of) for stats in message.body]
        more = bool(message.flags & of.OFPMPF_REPLY_MORE)
        switch = message.datapath.id
        self._do(self.control.flows_told, switch, message.xid, told, more=more)

    @framework.on("EventOFPMeterConfigStatsReply", "MAIN")
    def meters_came(self, event: Any) -> None:
        """The switch tells its meters."""
        message, of = event.msg, event.msg.datapath.ofproto
        told = [wire.meter_of(config, of) for config in message.body]
        more = bool(message.flags & of.OFPMPF_REPLY_MORE)
        switch = message.datapath.id
        self._do(self.control.meters_told, switch, message.xid, told, more=more)

    @framework.on("EventOFPGroupDescStatsReply", "MAIN")
    def groups_came(self, event: Any) -> None:
        """The switch tells its groups."""
        message, of = event.msg, event.msg.datapath.ofproto
        told = [wire.group_of(each, of) for each in message.body]
        more = bool(message.flags & of.OFPMPF_REPLY_MORE)
        switch = message.datapath.id
        self._do(self.control.groups_told, switch, message.xid, told, more=more)

    @framework.on("EventOFPPortDescStatsReply", "MAIN")
    def ports_came(self, event: Any) -> None:
        """The switch tells its ports."""
        message, of = event.msg, event.msg.datapath.ofproto
        told = wire.ports_up(message.body, of)
        self._do(self.control.ports_told, message.datapath.id, message.xid, told)

    @framework.on("EventOFPRoleReply", "MAIN")
    def role_came(self, event: Any) -> None:
        """The switch tells in which role it sees us."""
        message = event.msg
        told = (message.datapath.id, message.xid, message.role, message.generation_id)
        self._do(self.control.role_told, *told)

    @framework.on("EventOFPFlowRemoved", "MAIN")
    def flow_removed(self, event: Any) -> None:
        """A rule has ended, by its timeout or by somebody's hand."""
        message, of = event.msg, event.msg.datapath.ofproto
        expired = message.reason in {of.OFPRR_HARD_TIMEOUT, of.OFPRR_IDLE_TIMEOUT}
        reason = "expired" if expired else "removed"
        item = wire.actual_of(message, of)
        self._do(self.control.removed, message.datapath.id, item, reason)
