"""Every actuator is under the conformance kit, against the real thing it commands."""

import ast
from collections.abc import Iterator

from tests.tidy import tree

#: What the role asks of a class (airnet.act.actuator.Actuator).
ROLE = {"accepts", "apply", "release"}
#: Says of itself, in its class, that no enforcer is behind it.
NOTHING = "touches_nothing"


def actuators() -> Iterator[tuple[str, str]]:
    """Yield module and name of each class that fulfils the role, but for roles."""
    for path in tree.files("src/airnet/act/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ClassDef) or _is_protocol(node):
                continue
            methods = {
                one.name for one in node.body if isinstance(one, ast.FunctionDef)
            }
            if methods >= ROLE and not _says(node, NOTHING):
                yield tree.name(path), node.name


def made_by_adapters() -> set[str]:
    """Return what classes the adapters make, or make others of."""
    found = set()
    for path in tree.files("tests/conformance/adapters/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            made = [node.func] if isinstance(node, ast.Call) else []
            made += node.bases if isinstance(node, ast.ClassDef) else []
            found |= {one.id for one in made if isinstance(one, ast.Name)}
    return found


def _is_protocol(node: ast.ClassDef) -> bool:
    return any(isinstance(one, ast.Name) and one.id == "Protocol" for one in node.bases)


def _says(node: ast.ClassDef, name: str) -> bool:
    return any(
        isinstance(one, ast.Assign)
        and any(isinstance(to, ast.Name) and to.id == name for to in one.targets)
        for one in node.body
    )


def test_every_actuator_is_under_the_kit() -> None:
    made, known = made_by_adapters(), list(actuators())

    forgotten = [f"{path}: {name}" for path, name in known if name not in made]

    assert len(known) >= 6, "the actuators were not found"
    assert not forgotten, "add an adapter: tests/conformance/role.py says how"
