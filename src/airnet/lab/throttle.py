"""Throttle, the order gateway's containments; it answers OpenC2 commands about them.

What of the profile (docs/openc2.md) is about limits; lab.control does the rest. Each
containment ends by the gateway's own steady clock, whether or not anybody lives to end
it. Pure but for its Clock; one lock, because commands and orders come on different
threads.
"""

import threading

import msgspec

from airnet.clock import Clock

NS_PER_MS = 1_000_000
OK, BAD_REQUEST, NOT_IMPLEMENTED, NO_ROOM = 200, 400, 501, 503
#: What a gateway grants at most, whatever it is asked for.
DURATION_MAX_MS = 600_000
#: Commands remembered, so that a repeated one changes nothing.
COMMANDS_MAX = 1024

Json = dict[str, object]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """The session meant; both empty when only the command is known."""

    comp_id: str = ""
    client: str = ""


NOBODY = Target()


class _Targets(msgspec.Struct, frozen=True, kw_only=True):
    session: Target = msgspec.field(name="x-airnet:session", default=Target())
    orders: Target = msgspec.field(name="x-airnet:orders", default=Target())
    features: tuple[str, ...] | None = None


class _Limit(msgspec.Struct, frozen=True, kw_only=True):
    limit: str = ""
    by: str = ""


class _Arguments(msgspec.Struct, frozen=True, kw_only=True):
    duration: int = 0
    airnet: _Limit = msgspec.field(name="x-airnet", default=_Limit())


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One OpenC2 command, what of it concerns an order gateway."""

    action: str
    target: _Targets = _Targets()
    args: _Arguments = _Arguments()
    command_id: str = ""


class _OpenC2(msgspec.Struct, frozen=True, kw_only=True):
    request: Request


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    openc2: _OpenC2


class _Headers(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str = ""


class _Command(msgspec.Struct, frozen=True, kw_only=True):
    body: _Body
    headers: _Headers = _Headers()


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_COMMANDS = msgspec.json.Decoder(_Command)


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """One containment: of whom, until when by which clock."""

    command_id: str
    target: Target
    until_mono_ns: int
    until_ns: int


class Throttle:
    """Which sessions may send no new order, and until when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._holds: dict[str, Hold] = {}

    def stops(self, comp_id: str) -> str:
        """Return the command that forbids new orders of a session now, or nothing."""
        if not self._holds:
            return ""
        now_ns = self._clock.mono_ns()
        with self._lock:
            for hold in self._holds.values():
                if hold.target.comp_id == comp_id and now_ns < hold.until_mono_ns:
                    return hold.command_id
        return ""

    def standing(self) -> list[Hold]:
        """Return the containments in force."""
        now_ns = self._clock.mono_ns()
        with self._lock:
            holds = list(self._holds.values())
        return [hold for hold in holds if now_ns < hold.until_mono_ns]

    def answer(self, body: bytes) -> bytes:
        """Carry out one command and return the response; never raises."""
        try:
            command = _COMMANDS.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _response("", BAD_REQUEST, f"no OpenC2 command: {error}", {})
        status, text, results = self.carry_out(command.body.openc2.request)
        return _response(command.headers.request_id, status, text, results)

    def carry_out(self, request: Request) -> tuple[int, str, Json]:
        """Return status, its text and the results."""
        if request.action == "query":
            return OK, "", self.results(request.command_id, request.target.session)
        if request.action not in ("contain", "restore"):
            return NOT_IMPLEMENTED, f"action {request.action!r} is not known", {}
        if not request.command_id:
            return BAD_REQUEST, "no command_id", {}
        if request.action == "restore":
            self.end(request.command_id)
            return OK, "", self.results(request.command_id)
        problem = self._problem(request)
        if problem:
            return BAD_REQUEST, problem, {}
        if not self.begin(request):
            return NO_ROOM, f"{COMMANDS_MAX} limits stand already", {}
        return OK, "", self.results(request.command_id)

    def _problem(self, request: Request) -> str:
        """Return what is wrong with a `contain`, or nothing."""
        if not request.target.session.comp_id:
            return "no comp_id"
        if request.args.airnet.limit != "new_orders":
            return f"limit {request.args.airnet.limit!r} is not new_orders"
        if not 0 < request.args.duration <= DURATION_MAX_MS:
            return f"duration is not 1..{DURATION_MAX_MS} ms"
        return ""

    def begin(self, request: Request) -> bool:
        """Begin a containment, unless its command was heard before; False: no room."""
        span_ns = request.args.duration * NS_PER_MS
        with self._lock:
            if request.command_id in self._holds:
                return True
            self._forget()
            if len(self._holds) >= COMMANDS_MAX:
                return False
            self._holds[request.command_id] = Hold(
                command_id=request.command_id,
                target=request.target.session,
                until_mono_ns=self._clock.mono_ns() + span_ns,
                until_ns=self._clock.now_ns() + span_ns,
            )
        return True

    def _forget(self) -> None:
        """Make room for a command: the oldest that has ended goes."""
        now_ns = self._clock.mono_ns()
        ended = [
            one for one, hold in self._holds.items() if hold.until_mono_ns < now_ns
        ]
        if len(self._holds) >= COMMANDS_MAX and ended:
            del self._holds[ended[0]]

    def end(self, command_id: str) -> None:
        """End a containment; what is not there has ended already."""
        with self._lock:
            hold = self._holds.get(command_id)
            if hold is not None:
                ended = msgspec.structs.replace(hold, until_mono_ns=0)
                self._holds[command_id] = ended

    def results(self, command_id: str, target: Target = NOBODY) -> Json:
        """Return the state of one command, and everything that stands."""
        standing = self.standing()
        found = {hold.command_id: hold for hold in standing}.get(command_id)
        return {
            "state": "applied" if found else "released",
            "until_ns": found.until_ns if found else 0,
            "standing": [
                {
                    "command_id": hold.command_id,
                    "comp_id": hold.target.comp_id,
                    "client": hold.target.client,
                    "until_ns": hold.until_ns,
                }
                for hold in standing
            ],
        }


def _response(request_id: str, status: int, text: str, results: Json) -> bytes:
    """Return an OpenC2 response."""
    response: Json = {"status": status, "results": {"x-airnet": results}}
    if text:
        response["status_text"] = text
    return msgspec.json.encode(
        {
            "headers": {"request_id": request_id},
            "body": {"openc2": {"response": response}},
        }
    )
