"""The guardrails are formulas: no branch that a proof would not see."""

import ast

import pytest

from tests.tidy import tree

#: Modules whose functions are given numbers by what runs and unknowns by a proof.
FORMULAS = {
    "src/airnet/decide/rules.py": None,
    "src/airnet/prove/claims.py": ("_radius", "_alone", "_unready", "meets"),
}
#: What asks an unknown for its truth, and what z3 would answer wrongly.
BRANCHES = (ast.BoolOp, ast.IfExp, ast.If, ast.While, ast.Assert, ast.Not)
#: Keywords of a rule that the record alone asks, with numbers.
TOLD = {"measured", "limit"}


@pytest.mark.parametrize("name", FORMULAS)
def test_rules_have_no_branch(name: str) -> None:
    found = []
    for node in _formulas(name):
        for part in ast.walk(node):
            is_chained = isinstance(part, ast.Compare) and len(part.ops) > 1
            if isinstance(part, BRANCHES) or is_chained:
                found.append(f"{name}:{part.lineno}")

    assert not found


def _formulas(name: str) -> list[ast.AST]:
    """Return the functions and lambdas that are formulas."""
    module = ast.parse((tree.ROOT / name).read_text(encoding="utf-8"))
    wanted = FORMULAS[name]
    found: list[ast.AST] = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and (
            wanted is None or node.name in wanted
        ):
            found.append(node)
        if isinstance(node, ast.Lambda):
            found.append(node)
    assert found
    return found
