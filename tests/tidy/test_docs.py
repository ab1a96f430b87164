"""The documents are true: links resolve, ADRs have their form, commands exist."""

import re
from pathlib import Path

import pytest

from tests.tidy import tree

DOCUMENTS = tree.files(
    "*.md", "docs/**/*.md", "bpf/*.md", "bench/*.md", "models/**/*.md"
)
DECISIONS = tree.files("docs/adr/*.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
ADR_LINES = 60


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_links_resolve(path: Path) -> None:
    """A relative link leads to a file of the tree, and its anchor to a heading."""
    broken = []
    for link in LINK.findall(path.read_text("utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        place = (path.parent / target).resolve() if target else path
        is_there = place.exists()
        if is_there and anchor:
            is_there = anchor in tree.headings(place.read_text("utf-8"))
        if not is_there:
            broken.append(link)

    assert not broken


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_decision_has_its_form(path: Path) -> None:
    """Number, title, status, context, decision, consequences; one screen."""
    text = path.read_text("utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)

    assert re.fullmatch(r"\d{4}-[a-z0-9-]+", path.stem)
    assert text.startswith(f"# {path.stem[:4]}. ")
    assert re.search(r"^Status: (accepted|superseded by \d{4})", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= ADR_LINES


def test_decisions_are_numbered_and_listed() -> None:
    """Numbers run from 0001 without a gap, and the index names each file."""
    index = (tree.ROOT / "docs" / "index.md").read_text("utf-8")

    assert [path.stem[:4] for path in DECISIONS] == [
        f"{number:04d}" for number in range(1, len(DECISIONS) + 1)
    ]
    assert [path.name for path in DECISIONS if f"adr/{path.name}" not in index] == []


def test_cited_decisions_exist() -> None:
    """`ADR 0007` anywhere means that docs/adr has it."""
    known = {path.stem[:4] for path in DECISIONS}
    missing = [
        f"{tree.name(path)}: ADR {number}"
        for path in tree.files("**/*.py", "**/*.md", "**/*.toml", "**/*.pyx", "bpf/*")
        for number in re.findall(r"\bADR (\d{4})\b", path.read_text("utf-8"))
        if number not in known
    ]

    assert not missing


def test_every_command_is_in_operating() -> None:
    """docs/operating names each subcommand that `airnet` has, and no other."""
    from airnet.cli.group import MODULES

    text = (tree.ROOT / "docs" / "operating.md").read_text("utf-8")
    table = set(re.findall(r"^\| `airnet ([a-z]+)\b", text, re.MULTILINE))

    assert table == set(MODULES)


def test_every_noun_is_in_nouns() -> None:
    """docs/nouns has a row for each module of airnet.domain."""
    text = (tree.ROOT / "docs" / "nouns.md").read_text("utf-8")
    rows = set(re.findall(r"^\| \**(\w+)\** \|", text.lower(), re.MULTILINE))
    modules = {path.stem for path in tree.files("src/airnet/domain/*.py")}

    assert sorted(modules - {"__init__"} - rows) == []


def test_cited_paths_exist() -> None:
    """A path in backquotes in README and docs is there, unless it is another host's."""
    missing = []
    pattern = re.compile(
        r"`((?:src|ext|bpf|tests|bench|models|docs|\.ci)/[\w./-]*[\w/])`"
    )
    for path in DOCUMENTS:
        for cited in pattern.findall(path.read_text("utf-8")):
            if not (tree.ROOT / cited).exists():
                missing.append(f"{tree.name(path)}: {cited}")

    assert not missing


def test_make_recipes_are_short() -> None:
    """A verb is at most five lines; logic lives in Python or in .ci."""
    long = []
    verb, lines = "", 0
    for line in (tree.ROOT / "Makefile").read_text("utf-8").splitlines():
        if line.startswith("\t"):
            lines += 1
            if lines == 6:
                long.append(verb)
        elif line:
            verb, lines = line.split(":")[0], 0

    assert not long


#: Where one number is too little to say: a text, and two numbers in one.
TOLD_OTHERWISE = ("assets", "actions_max")


def _default(value: object) -> str:
    """Return a default as docs/operating writes it."""
    if isinstance(value, tuple):
        return f"{len(value)}"
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def test_defaults_in_operating_are_those_of_the_policy() -> None:
    """Row by row: of what may be contained in the order of its three Causes."""
    from airnet.decide.policy import Policy

    policy = Policy()
    rules = (policy.cause.flood, policy.cause.algo_fault, policy.cause.compromise)
    text = (tree.ROOT / "docs" / "operating.md").read_text("utf-8")
    begin = text.index("| `cause.flood`")
    causes = text[begin : text.index("| `cause.venue_fault`")].splitlines()[1:]
    looked, wrong = set(), []
    for row in causes:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        keys = [
            key for key in re.findall(r"`(\w+)`", cells[0]) if hasattr(rules[0], key)
        ]
        if not keys or keys[0] in TOLD_OTHERWISE:
            continue
        looked |= set(keys)
        wanted = []
        for key in keys:
            each = [_default(getattr(rule, key)) for rule in rules]
            wanted.append(each[0] if len(set(each)) == 1 else ", ".join(each))
        if "; ".join(wanted) not in cells[2]:
            wrong.append(f"{cells[0]}: {cells[2]}, and it is {'; '.join(wanted)}")

    assert {"ttl_ms", "at_once", "action", "dwell_windows", "evidence_min"} <= looked
    assert not wrong


def test_limits_in_operating_are_those_of_the_policy() -> None:
    """Budget, hysteresis and trust, row by row."""
    from airnet.decide.policy import Policy

    policy = Policy()
    text = (tree.ROOT / "docs" / "operating.md").read_text("utf-8")
    looked, wrong = 0, []
    for row in re.findall(r"^\| `(?:budget|hysteresis|trust)\..*$", text, re.MULTILINE):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        part = re.match(r"`(\w+)\.", cells[0])
        assert part is not None
        keys = re.findall(r"`(?:\w+\.)?(\w+)`", cells[0])
        if keys[0] in TOLD_OTHERWISE:
            continue
        place = getattr(policy, part.group(1))
        wanted = ", ".join(_default(getattr(place, key)) for key in keys)
        looked += len(keys)
        if cells[2] != wanted:
            wrong.append(f"{cells[0]}: {cells[2]}, and it is {wanted}")

    assert looked > 12
    assert not wrong
