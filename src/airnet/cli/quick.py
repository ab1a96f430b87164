"""The one command line for which loading click would take longer than the work.

`airnet replay --to features --json FILE...`, in any order and with no other option, is
run from here; what differs by a letter is click's. The answers are the same.
"""

import os

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.errors import EXIT_DONE

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Sequence

#: Escapes of JSON (RFC 8259 section 7).
ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)}
ESCAPES |= {ord('"'): '\\"', ord("\\"): "\\\\"}


def files_of(words: "Sequence[str]") -> tuple[str, ...]:
    """Return the files when it is that command line; else nothing."""
    if not words or words[0] != "replay" or "_AIRNET_COMPLETE" in os.environ:
        return ()
    files: list[str] = []
    is_quick = is_json = False
    rest = iter(words[1:])
    for word in rest:
        if word == "--to" and next(rest, "") == "features":
            is_quick = True
        elif word == "--json":
            is_json = True
        elif word.startswith("-") or not word:
            return ()
        else:
            files.append(word)
    return tuple(files) if is_quick and is_json else ()


def run(files: tuple[str, ...]) -> int:
    """Take the files as far as features and print what was found."""
    # What modules leave is never garbage; looking for it takes longer than they do.
    import gc

    gc.disable()
    from airnet.extract import Extraction, extract

    with ends_whole():
        found = extract(Extraction(files=files))
    output.text(written(found).encode())
    gc.freeze()  # nor at the interpreter's end
    gc.enable()
    return EXIT_DONE


def written(value: object) -> str:
    """Return what extract found as JSON: objects, text and numbers."""
    if isinstance(value, dict):
        members = (f"{written(name)}:{written(each)}" for name, each in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, str):
        return f'"{value.translate(ESCAPES)}"'
    assert isinstance(value, int | float), "extract counts"
    return repr(value)
