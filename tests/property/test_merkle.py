"""record.merkle equals the slow reference at every size."""

from hypothesis import given, strategies as st

from airnet.record.merkle import CompactRange
from tests.reference.merkle import tree_hash

leaves = st.lists(st.binary(max_size=12), min_size=1, max_size=70)


@given(leaves)
def test_the_compact_range_is_the_tree_hash_at_every_size(data: list[bytes]) -> None:
    tree = CompactRange()
    for size, leaf in enumerate(data, 1):
        tree.add(leaf)
        assert tree.root() == tree_hash(data[:size])
