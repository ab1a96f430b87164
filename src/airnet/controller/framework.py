"""The framework under the application: Ryu 4.34 or os-ken 4.2.2, from one source.

Three ways to run `app.py`, all tested:

* `airnet controller` (here `run`): os-ken with its native threads, cured of a bug.
* `python -m airnet.controller.framework ryu [OPTION...] APP`: Ryu's own manager.
* `ryu-manager APP`, plain, once `python -m airnet.controller.framework shim` has put
  twelve lines beside Ryu: Ryu 4.34 imports a name that eventlet 0.30.3 dropped, and
  no eventlet has both that name and support for Python 3.11.

Under a manager the options are the framework's own: group `[airnet]` of a
`--config-file`, or the environment (`OS_AIRNET__SOCKET`, `OS_AIRNET__PROTECTED`).
"""

import argparse
import functools
import importlib
import importlib.metadata
import os
import signal
import socket
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import structlog

from airnet import log
from airnet.aside import tell
from airnet.controller import detours
from airnet.controller.launch import Bounds, Tls, beside, check_tls, speak_tls
from airnet.errors import (
    EXIT_BUG,
    EXIT_DONE,
    EXIT_UNAVAILABLE,
    AirnetError,
    UnsupportedError,
    UsageError,
)

SOCKET = "/run/airnet/controller.sock"
#: The port IANA gave OpenFlow.
LISTEN = "127.0.0.1:6653"
UNBOUNDED = Bounds()
SHIM_NAME = "airnet_ryu_shim"
SHIM = '''\
"""Lets Ryu 4.34 be imported beside an eventlet without wsgi.ALREADY_HANDLED."""
import sys


class Lender:  # importlib.abc, whose finder this is, takes 0.02 s at every start
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "ryu.app.wsgi":
            import eventlet.wsgi
            if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
                eventlet.wsgi.ALREADY_HANDLED = object()
        return None


sys.meta_path.insert(0, Lender())
'''

F = TypeVar("F", bound=Callable[..., None])
P = ParamSpec("P")


def package() -> str:
    """Return which framework it is: the one whose manager loaded us, else os-ken."""
    for name in ("ryu", "os_ken"):
        if f"{name}.base.app_manager" in sys.modules:
            return name
    return "os_ken"


def part(name: str) -> ModuleType:
    """Return a module of the framework, like `lib.hub`."""
    return importlib.import_module(f"{package()}.{name}")


def title() -> str:
    """Return the framework, its version and the kind of threads, for people."""
    distribution = package().replace("_", "-")
    version = importlib.metadata.version(distribution)
    return f"{distribution} {version} {part('lib.hub').HUB_TYPE}"


if TYPE_CHECKING:

    class Base:
        """What RyuApp and OSKenApp offer and we use."""

        CONF: Any

        def __init__(self, *_args: object, **_kwargs: object) -> None: ...

        def start(self) -> None:
            """Start the thread that brings events."""


def base() -> Any:
    """Return RyuApp or OSKenApp, the class an application derives from."""
    name = "RyuApp" if package() == "ryu" else "OSKenApp"
    return getattr(part("base.app_manager"), name)


def on(event: str, *states: str) -> Callable[[F], F]:
    """Have a method called with an OpenFlow event, in the states named.

    An error nobody expected ends the process: rules in switches end by themselves,
    and a service manager starts a controller that knows what it knows.
    """
    kind = getattr(part("controller.ofp_event"), event)
    handler = part("controller.handler")
    dispatchers = [getattr(handler, f"{state}_DISPATCHER") for state in states]

    def mark(method: F) -> F:
        marked: F = handler.set_ev_cls(kind, dispatchers)(fatal(method))
        return marked

    return mark


def fatal(function: Callable[P, None]) -> Callable[P, None]:
    """Return `function`, but an exception that leaves it ends the process."""

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except Exception:  # noqa: BLE001 -- the frameworks would log it and limp on
            trace = traceback.format_exc()
            structlog.get_logger().error("controller.broken", trace=trace)
            os._exit(EXIT_BUG)

    return guarded


def then_exit(function: Callable[[], None]) -> Callable[[], None]:
    """Return `function`, but the process ends, well, when it returns."""

    def last() -> None:
        function()
        # Managers offer no way to end them; a signal's death is no clean end.
        os._exit(EXIT_DONE)

    return last


def options() -> Any:
    """Return the framework's configuration with the group `airnet` in it."""
    config = part("cfg")
    # Registering the same options again is harmless.
    config.CONF.register_opts(
        [
            config.StrOpt("socket", default=SOCKET, help="northbound socket"),
            config.ListOpt("protected", default=[], help="never contained"),
            config.ListOpt("paths", default=[], help="GATEWAY=PORT or ...@MAC"),
            config.BoolOpt("standby", default=False, help="lead only when asked to"),
        ],
        group="airnet",
    )
    return config.CONF


def cure_disconnect() -> None:
    """Make os-ken's native hub notice that a switch is gone.

    `Datapath.serve` joins its sending thread, which waits for a message for ever
    because `hub.kill` does nothing; a last message, sent when receiving ends, wakes
    it.
    """
    datapath = part("controller.controller").Datapath
    receive = datapath._recv_loop  # noqa: SLF001 -- there is no other place to mend

    def receive_then_wake(self: Any) -> None:
        try:
            receive(self)
        finally:
            self.send(b"", close_socket=True)

    datapath._recv_loop = receive_then_wake  # noqa: SLF001 -- what serve() calls


def run(
    listen: tuple[str, int],
    socket_path: str,
    bounds: Bounds = UNBOUNDED,
    *,
    tls: Tls | None = None,
    standby: bool = False,
    lane: tuple[str, int] | None = None,
) -> int:
    """Run the controller in os-ken until SIGTERM or SIGINT; return an exit status.

    Args:
        listen: where switches connect to.
        socket_path: where clients do.
        bounds: what no containment may match, and where a reroute may lead.
        tls: speak TLS with switches, and only with those this authority has signed.
        standby: lead only when a client asks for it.
        lane: where switches connect to the fast lane, a process beside this one.

    Raises:
        AirnetError: it could not start.
    """
    os.environ["OSKEN_HUB_TYPE"] = "native"
    # Imported first: it registers options, and the other way round is a circle.
    manager = part("base.app_manager").AppManager.get_instance()
    settings = options()
    settings.set_override("ofp_listen_host", listen[0])
    settings.set_override("ofp_tcp_listen_port", listen[1])
    if tls is not None:
        check_tls(tls)
        speak_tls(settings, tls, listen[1])
    settings.set_override("standby", standby, group="airnet")
    settings.set_override("socket", socket_path, group="airnet")
    settings.set_override("protected", list(bounds.protected), group="airnet")
    detours.detours(bounds.paths)  # said now, rather than when the application loads
    settings.set_override("paths", list(bounds.paths), group="airnet")
    _check_free(listen)
    cure_disconnect()
    with beside(lane, socket_path, bounds.protected, tls):
        return _serve(manager)


def _serve(manager: Any) -> int:
    """Run the application until it is told to end, or cannot go on."""
    stopping, asked = threading.Event(), threading.Event()
    failures: list[AirnetError] = []

    def serve() -> None:
        try:
            manager.load_apps(["airnet.controller.app"])
            part("lib.hub").joinall(manager.instantiate_apps())
        except AirnetError as error:
            failures.append(error)
        finally:
            stopping.set()

    def stop(_number: int, _frame: object) -> None:
        asked.set()
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    # A daemon, and so is every thread it starts: none outlives this function long.
    threading.Thread(target=serve, name="os-ken", daemon=True).start()
    stopping.wait()
    for application in list(manager.applications.values()):
        application.close()
    if failures:
        raise failures[0]
    return EXIT_DONE if asked.is_set() else EXIT_UNAVAILABLE


def run_ryu(words: Sequence[str]) -> int:
    """Run ryu-manager with `words`, having lent eventlet the name it lacks."""
    wsgi = importlib.import_module("eventlet.wsgi")
    if not hasattr(wsgi, "ALREADY_HANDLED"):
        wsgi.__dict__["ALREADY_HANDLED"] = object()
    manager = importlib.import_module("ryu.cmd.manager")
    manager.main(args=list(words), prog="ryu-manager")
    return EXIT_DONE


def install_shim(directory: Path) -> None:
    """Write the shim for plain `ryu-manager`, and the .pth file that loads it.

    Raises:
        UnsupportedError: the directory cannot be written to.
    """
    try:
        (directory / f"{SHIM_NAME}.py").write_text(SHIM)
        (directory / f"{SHIM_NAME}.pth").write_text(f"import {SHIM_NAME}\n")
    except OSError as error:
        raise UnsupportedError(f"{directory}: {error}", "name another one") from error


def _check_free(listen: tuple[str, int]) -> None:
    """Raise UnsupportedError if nothing can listen there."""
    family = socket.AF_INET6 if ":" in listen[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(listen)
            probe.listen(1)
        except OSError as error:
            raise UnsupportedError(
                f"{listen[0]}:{listen[1]}: cannot listen: {error}",
                "choose another --listen or end what has it",
            ) from error


class Parser(argparse.ArgumentParser):
    """An argument parser that answers as the rest of airnet does."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of ending the process with a status of argparse's own."""
        raise UsageError(message, "see --help")


def address(text: str) -> tuple[str, int]:
    """Return `HOST:PORT` or `[HOST]:PORT` as a pair.

    Raises:
        UsageError: it is neither.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"--listen {text}: not HOST:PORT", "like 127.0.0.1:6653")
    return host.strip("[]"), int(port)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the controller, Ryu's manager or the shim's installer; return a status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words[:1] == ["ryu"]:
            return run_ryu(words[1:])
        if words[:1] == ["shim"]:
            install_shim(Path(words[1] if words[1:] else sysconfig.get_path("purelib")))
            return EXIT_DONE
        parser = Parser(prog="airnet controller", description=run.__doc__)
        parser.add_argument("--socket", default=SOCKET, metavar="PATH")
        parser.add_argument("--listen", default=LISTEN, metavar="HOST:PORT")
        parser.add_argument("--protected", action="append", default=[], metavar="NET")
        parser.add_argument("--path", action="append", default=[], metavar="WAY")
        parser.add_argument("--tls", nargs=3, metavar=("KEY", "CERTIFICATE", "CA"))
        parser.add_argument("--standby", action="store_true")
        parser.add_argument("--lane", metavar="HOST:PORT")
        found = parser.parse_args(words)
        log.configure()
        return run(
            address(found.listen),
            found.socket,
            Bounds(found.protected, found.path),
            tls=Tls(*found.tls) if found.tls else None,
            standby=found.standby,
            lane=address(found.lane) if found.lane else None,
        )
    except AirnetError as error:
        tell(f"airnet controller: {error}")
        return error.exit_status


if __name__ == "__main__":
    sys.exit(main())
