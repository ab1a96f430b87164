"""No type meets msgspec first in a thread: see ADR 0003."""

import ast

from tests.tidy import tree

#: Packages whose code runs on more than one thread.
THREADED = ("act", "agent", "controller", "service")
PLACES = [f"src/airnet/{one}/*.py" for one in THREADED] + ["src/airnet/lab/throttle.py"]
MODULES = {"json", "msgpack", "toml", "yaml"}


def test_what_threads_decode_was_met_at_import() -> None:
    found, decoders = [], 0
    for path in tree.files(*PLACES):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(module):
            if not isinstance(node, ast.Call):
                continue
            said = ast.unparse(node.func)
            is_typed = any(keyword.arg == "type" for keyword in node.keywords)
            if is_typed and said in {f"msgspec.{one}.decode" for one in MODULES}:
                found.append(f"{tree.name(path)}:{node.lineno}")
            decoders += said == "msgspec.json.Decoder"

    assert not found, "make a msgspec.json.Decoder of the type at the module's top"
    assert decoders > 10
