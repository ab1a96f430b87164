"""Every way the world can fail us, in one file, each with its remedy and exit status.

Bad input is data (a counted reason), a broken assumption is a crash (`assert`); only
what is left is an `AirnetError`. Exit statuses are those of sysexits(3).
"""

#: What ends a command before its end: SIGHUP, SIGINT, SIGTERM (POSIX, kill).
ENDINGS = frozenset({1, 2, 15})

EXIT_DONE = 0
EXIT_NO = 1
EXIT_USAGE = 64
EXIT_BAD_DATA = 65
EXIT_UNAVAILABLE = 69
EXIT_BUG = 70
EXIT_CONFIG = 78
#: 128 and the number of SIGINT, or of SIGPIPE, as shells have it.
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141


class AirnetError(Exception):
    """What failed, where, whose fault it is and the remedy, in one line.

    Args:
        what: the failure, with names and values.
        remedy: one sentence telling the operator what to do next.
    """

    exit_status = EXIT_BUG
    fault_of = "airnet"

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy

    @property
    def where(self) -> str:
        """The file, interface or thing that `what` begins with; "" where none."""
        place, colon, _ = self.what.partition(": ")
        return place if colon else ""

    def __str__(self) -> str:
        return f"{self.what} ({self.fault_of}); {self.remedy}"


class UsageError(AirnetError):
    """The command line asks for something that does not exist."""

    exit_status = EXIT_USAGE
    fault_of = "command line"


class Stopped(AirnetError):
    """A signal ended the command; its exit status is 128 and the signal's number."""

    fault_of = "signal"

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


class ConfigError(AirnetError):
    """A configuration, site or policy file is wrong: file, field, what was expected."""

    exit_status = EXIT_CONFIG
    fault_of = "operator"


class UnsupportedError(AirnetError):
    """This host lacks a feature. The service degrades as configured; tests skip."""

    exit_status = EXIT_UNAVAILABLE
    fault_of = "host"


class CaptureError(AirnetError):
    """A capture file or interface cannot be read: file or interface, place, reason."""

    exit_status = EXIT_BAD_DATA
    fault_of = "capture"


class RoomError(CaptureError):
    """There is no room for frames that were to be kept: file, reason."""

    exit_status = EXIT_UNAVAILABLE
    fault_of = "host"


class ModelError(AirnetError):
    """A model cannot be used: unreadable, wrong schema hash, outside the profile."""

    exit_status = EXIT_BAD_DATA
    fault_of = "models"


class ActuationError(AirnetError):
    """An actuator did not do as told: decision id, actuator, what is known of it."""

    exit_status = EXIT_UNAVAILABLE
    fault_of = "network"


class InstructionError(AirnetError):
    """A person's instruction is not followed: what was asked, why it is not done."""

    exit_status = EXIT_NO
    fault_of = "instruction"


class LedgerError(AirnetError):
    """The ledger cannot be written, or does not verify: place, expected, found."""

    exit_status = EXIT_NO
    fault_of = "disk or tampering"
