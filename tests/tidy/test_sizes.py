"""Sizes stay human: functions, modules, lines, parameters, nesting, in every language.

The limits are CONTRIBUTING's. What is over one is cut, not excepted.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy import tree

LINE = 88
FUNCTION = 60
PARAMETERS = 6
NESTING = 4
MODULE = {"*.py": 400, "*.pyi": 400, "*.pyx": 500, "*.pxd": 300, "*.c": 300, "*.h": 300}
TEST_MODULE = 600
#: The one layout, which every side includes.
LONG = {"bpf/airnet.h"}
#: Written by tools, or by a foundation.
NOT_OURS = {"requirements.lock", "LICENSE"}

BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
OPENS = re.compile(r"\s*(if|elif|else|for|while|with|try|except|finally|switch|do)\b")


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function of a Python module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def nesting(node: ast.AST) -> int:
    """Return how many blocks deep the statements under `node` go; elif adds none."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        is_elif = isinstance(node, ast.If) and [child] == node.orelse
        own = isinstance(child, BLOCKS) and not (is_elif and isinstance(child, ast.If))
        deepest = max(deepest, own + nesting(child))
    return deepest


def cython_functions(text: str) -> Iterator[tuple[str, int, list[str]]]:
    """Yield name, indent and lines of every function of a .pyx or .pxd file."""
    lines = text.splitlines()
    head = re.compile(r"(\s*)(?:cdef|cpdef|def)\b(?!\s+(?:class|extern))[^=]*?(\w+)\(")
    for first, line in enumerate(lines):
        found = head.match(line)
        if not found:
            continue
        indent = len(found[1])
        last = first
        for number in range(first + 1, len(lines)):
            body = lines[number]
            if not body.strip() or body.lstrip().startswith(")"):
                continue
            if len(body) - len(body.lstrip()) <= indent:
                break
            last = number
        yield found[2], indent, lines[first : last + 1]


def c_functions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield name and lines of every C function; kernel style has braces in column 0."""
    lines = text.splitlines()
    for first, line in enumerate(lines):
        if line != "{":
            continue
        last = lines.index("}", first)
        yield lines[first - 1].strip(), lines[first : last + 1]


def test_lines_are_short() -> None:
    """88 columns in every language; tables, links and shell tabs excepted."""
    long = []
    for path in tree.files("**/*", "**/.*"):
        if path.suffix not in tree.TEXT or tree.name(path) in NOT_OURS:
            continue
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            is_table = path.suffix == ".md" and line.startswith("|")
            if len(line.expandtabs(8)) > LINE and not is_table and "](" not in line:
                long.append(f"{tree.name(path)}:{number}")

    assert not long


@pytest.mark.parametrize("pattern", sorted(MODULE))
def test_modules_are_short(pattern: str) -> None:
    """A module has one idea, and that fits."""
    long = []
    for path in tree.files(f"**/{pattern}"):
        limit = TEST_MODULE if "tests" in path.parts else MODULE[pattern]
        lines = len(path.read_text("utf-8").splitlines())
        if lines > limit and tree.name(path) not in LONG:
            long.append(f"{tree.name(path)}: {lines} lines, limit {limit}")

    assert not long


def test_python_functions_are_short_and_flat() -> None:
    """At most 60 lines, 6 parameters (a test's are fixtures) and 4 blocks deep."""
    wrong = []
    for path in tree.files("**/*.py"):
        for node in functions(path.read_text("utf-8")):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            counted = [one for one in taken if one.arg not in ("self", "cls")]
            is_command = any("option" in ast.dump(d) for d in node.decorator_list)
            free = "tests" in path.parts or is_command
            where = f"{tree.name(path)}:{node.lineno} {node.name}"
            if lines > FUNCTION:
                wrong.append(f"{where}: {lines} lines")
            if len(counted) > PARAMETERS and not free:
                wrong.append(f"{where}: {len(counted)} parameters")
            if nesting(node) > NESTING:
                wrong.append(f"{where}: {nesting(node)} blocks deep")

    assert not wrong


def test_cython_functions_are_short_and_flat() -> None:
    """The same limits hold in kernels."""
    wrong = []
    for path in tree.files("ext/*.pyx", "ext/*.pxd"):
        for function, indent, lines in cython_functions(path.read_text("utf-8")):
            where = f"{tree.name(path)} {function}"
            if len(lines) > FUNCTION:
                wrong.append(f"{where}: {len(lines)} lines")
            for line in lines[1:]:
                depth = (len(line) - len(line.lstrip()) - indent) // 4
                if OPENS.match(line) and depth > NESTING:
                    wrong.append(f"{where}: {depth} blocks deep: {line.strip()}")

    assert not wrong


def test_c_functions_are_short_and_flat() -> None:
    """The same limits hold in C, where a tab is a level."""
    wrong = []
    for path in tree.files("bpf/*.[ch]", "ext/*.[ch]"):
        for function, lines in c_functions(path.read_text("utf-8")):
            where = f"{tree.name(path)} {function}"
            if len(lines) > FUNCTION:
                wrong.append(f"{where}: {len(lines)} lines")
            for line in lines:
                depth = len(line) - len(line.lstrip("\t"))
                if OPENS.match(line) and depth > NESTING:
                    wrong.append(f"{where}: {depth} blocks deep: {line.strip()}")

    assert not wrong
