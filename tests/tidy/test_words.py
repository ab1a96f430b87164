"""Words we do not use, names that hide a missing noun, traces of one machine."""

import ast
import re
import subprocess
import tomllib

from tests.tidy import tree

#: A thing called so has no noun yet (CONTRIBUTING, the first smell).
EMPTY_NAMES = {
    "base",
    "common",
    "engine",
    "handler",
    "helper",
    "helpers",
    "manager",
    "misc",
    "util",
    "utils",
}
MARKERS = re.compile(r"\b(?:X{3}|FIX" + r"ME|HACK)\b")
TODO = re.compile(r"\bTO" + r"DO\b(?!.*#\d+)")
#: Put together from halves, so that this file does not name what it looks for.
REGISTRIES = tuple(
    "".join(halves)
    for halves in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.npm", "js"),
        ("deb.deb", "ian.org"),
        ("proxy.go", "lang.org"),
    )
)
#: A reason: several words, which are not that it is another line's.
REASON = r"(?!(?:see|as in|as above|the same|so does|ditto)\b)\w.* .*"
REASONED = re.compile(r": ?[A-Z]+\d+(?:, ?[A-Z]+\d+)* --? " + REASON)
TYPED = re.compile(r"\[[a-z-]+\] # " + REASON)
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|farm|opt/py" + r"pi)[/\w]")
LONG_SLEEP = re.compile(r"\bsleep\((?:0\.(?:[3-9]|2[6-9])|[1-9])")


def ours() -> list[tuple[str, str]]:
    """Return name and text of every text file of the repository but the lock."""
    return [
        (tree.name(path), path.read_text("utf-8"))
        for path in tree.files("**/*", "**/.*", ".ci/*")
        if path.suffix in tree.TEXT and path.name != "requirements.lock"
    ]


def test_no_marker_is_left() -> None:
    """Unfinished work is an issue with a number, not a word in a file."""
    left = [
        f"{name}:{number}"
        for name, text in ours()
        if not name.startswith("tests/tidy/")
        for number, line in enumerate(text.splitlines(), 1)
        if MARKERS.search(line) or TODO.search(line)
    ]

    assert not left


def test_no_machine_and_no_registry_is_named() -> None:
    """The tree works anywhere: no path of one machine, no package registry's host."""
    traces = [
        f"{name}:{number}: {line.strip()[:60]}"
        for name, text in ours()
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE.search(line) or any(host in line for host in REGISTRIES)
    ]
    lock = (tree.ROOT / "requirements.lock").read_text("utf-8")

    assert not traces
    assert not any(host in lock for host in REGISTRIES)
    assert "index-url" not in lock


def test_modules_and_classes_have_nouns() -> None:
    """No utils, no manager: the thing has a name, or is two things."""
    wrong = []
    for path in tree.files("src/**/*.py", "ext/*.pyx", "bench/*.py"):
        if path.stem in EMPTY_NAMES:
            wrong.append(tree.name(path))
    suffixes = tuple(name.capitalize() for name in EMPTY_NAMES - {"base"})
    for path in tree.files("src/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef) and node.name.endswith(suffixes):
                wrong.append(f"{tree.name(path)}:{node.lineno} {node.name}")

    assert not wrong


def test_tests_do_not_mock_xfail_or_sleep_long() -> None:
    """Tests use little machines, pass or fail, and wait for what they wait for."""
    wrong = []
    for path in tree.files("tests/**/*.py"):
        if path.parent.name == "tidy":
            continue
        text = path.read_text("utf-8")
        for word in ("unittest.mock", "mark.xfail", "pytest.xfail", "MagicMock"):
            if word in text:
                wrong.append(f"{tree.name(path)}: {word}")
        wrong += [f"{tree.name(path)}: {one}" for one in LONG_SLEEP.findall(text)]

    assert not wrong


def test_tests_say_what_they_are_about() -> None:
    """Every test module starts with a sentence."""
    silent = [
        tree.name(path)
        for path in tree.files("tests/**/test_*.py")
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert not silent


def test_nothing_built_is_committed() -> None:
    """vmlinux.h, objects and generated C are made on each host, never kept."""
    command = ["git", "-c", f"safe.directory={tree.ROOT}", "ls-files"]
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, check=False)
    kept = done.stdout.decode().split()
    built = re.compile(
        r"(^|/)vmlinux\.h$|\.(o|so|pyc|egg-info)$|(^|/)ext/(?!\w+_shim\.c)\w+\.c(pp)?$"
    )

    assert [name for name in kept if built.search(name)] == []


def test_every_suppression_gives_its_reason() -> None:
    """`noqa`, `type: ignore` and ruff's ignores say why on their line, in words.

    What mypy does not read, tests and benches, has nothing for it to ignore.
    """
    silent = []
    pattern = re.compile(r"#\s*(?:noqa|cython-lint)\b(?P<rest>.*)$")
    typed = re.compile(r"#\s*type: ignore\b(?P<rest>.*)$")
    for path in tree.files("src/**/*.py", "tests/**/*.py", "bench/**/*.py", "setup.py"):
        is_typed = tree.name(path).startswith("src/")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            told, found = typed.search(line), pattern.search(line)
            if (told and not (is_typed and TYPED.fullmatch(told["rest"]))) or (
                found and not REASONED.fullmatch(found["rest"])
            ):
                silent.append(f"{tree.name(path)}:{number}")
    project = (tree.ROOT / "pyproject.toml").read_text("utf-8")
    block = project.split("\nignore = [\n")[1].split("\n]")[0]
    silent += [line for line in block.splitlines() if "#" not in line]

    assert not silent


def test_lock_holds_every_requirement() -> None:
    """What pyproject.toml asks for, requirements.lock pins with hashes."""
    project = tomllib.loads((tree.ROOT / "pyproject.toml").read_text("utf-8"))[
        "project"
    ]
    asked = [*project["dependencies"]]
    for extra in project["optional-dependencies"].values():
        asked += extra
    lock = (tree.ROOT / "requirements.lock").read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    names = {re.split(r"[<>=\[;! ]", one)[0].lower().replace("_", "-") for one in asked}

    assert names <= pinned
    assert lock.count("--hash=sha256:") >= len(pinned)
