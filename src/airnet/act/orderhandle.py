"""Handle: what is needed to look at, or end, one command to an order gateway."""

import msgspec

from airnet.act.openc2 import Json
from airnet.domain.containment import Containment
from airnet.domain.decision import Action
from airnet.errors import ActuationError


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """A command by its id, the session that it is about, and where it was sent."""

    action: Action
    host: str
    port: int
    comp_id: str
    client: str
    id: str

    @property
    def control(self) -> tuple[str, int]:
        """Return where the gateway is told."""
        return self.host, self.port

    def target(self, kind: str = "session") -> Json:
        """Return the session, or its orders, as the gateway knows it."""
        return {f"x-airnet:{kind}": {"comp_id": self.comp_id, "client": self.client}}

    def text(self) -> str:
        """Return it as a Containment keeps it."""
        return msgspec.json.encode(self).decode()


#: Made while there is one thread: two that meet a type first at once crash msgspec.
_HANDLES = msgspec.json.Decoder(Handle)


def handle_of(containment: Containment) -> Handle:
    """Return the handle that a Containment keeps.

    Raises:
        ActuationError: it is none.
    """
    try:
        return _HANDLES.decode(containment.handle)
    except msgspec.DecodeError as error:
        raise ActuationError(
            f"decision {containment.decision_id}: not a handle: {error}",
            "it ends by itself; or use the gateway's own control",
        ) from error
