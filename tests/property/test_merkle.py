"""record.merkle equals the slow reference; proofs prove, and nothing else does."""

from hypothesis import given, strategies as st

from airnet.record import merkle
from airnet.record.merkle import CompactRange, leaf_hash
from tests.reference.merkle import tree_hash

leaves = st.lists(st.binary(max_size=12), min_size=1, max_size=70)


@given(leaves)
def test_the_compact_range_is_the_tree_hash_at_every_size(data: list[bytes]) -> None:
    tree = CompactRange()
    for size, leaf in enumerate(data, 1):
        tree.add(leaf)
        assert tree.root() == tree_hash(data[:size])


@given(leaves, st.data())
def test_inclusion_is_proven_for_the_leaf_and_for_no_other(
    data: list[bytes], draw: st.DataObject
) -> None:
    hashes = [leaf_hash(leaf) for leaf in data]
    index = draw.draw(st.integers(0, len(data) - 1))
    proof = merkle.inclusion_proof(hashes, index)
    root = tree_hash(data)

    def proves(leaf: bytes, at: int, path: list[bytes]) -> bool:
        return merkle.verify_inclusion(leaf, at, len(data), path, root)

    assert proves(hashes[index], index, proof)
    assert not proves(leaf_hash(b"forged leaf, long"), index, proof)
    assert not proves(hashes[index], len(data), proof)
    assert not proves(hashes[index], index, [*proof, root])
    if proof:
        assert not proves(hashes[index], index, proof[:-1])


@given(leaves, st.data())
def test_consistency_is_proven_for_a_prefix_and_not_for_another_past(
    data: list[bytes], draw: st.DataObject
) -> None:
    hashes = [leaf_hash(leaf) for leaf in data]
    old_size = draw.draw(st.integers(1, len(data)))
    proof = merkle.consistency_proof(hashes, old_size)
    old, new = tree_hash(data[:old_size]), tree_hash(data)
    forged = tree_hash([b"another past, long"] * old_size)

    assert merkle.verify_consistency(old_size, len(data), proof, old, new)
    assert not merkle.verify_consistency(old_size, len(data), proof, forged, new)
    assert not merkle.verify_consistency(old_size, len(data), proof, old, forged)
    assert not merkle.verify_consistency(len(data) + 1, len(data), proof, old, new)
