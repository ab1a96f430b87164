"""airnet._ext.twin draws as the reference does, up to the last bits of a logarithm."""

import math

from hypothesis import given, strategies as st

from airnet._ext import twin
from tests.reference.chance import Chance

U64 = st.integers(0, (1 << 64) - 1)


@given(U64, U64, U64)
def test_streams_are_the_references(seed: int, role: int, number: int) -> None:
    """Each kind of draw, one after the other, from any stream."""
    reference = Chance(seed, role, number)
    first, unit, normal, exponential = twin.draws(seed, role, number)
    assert first == reference.integer()
    assert unit == reference.unit()
    assert math.isclose(normal, reference.normal(), rel_tol=1e-12, abs_tol=1e-300)
    assert math.isclose(
        exponential, reference.exponential(), rel_tol=1e-12, abs_tol=1e-300
    )
