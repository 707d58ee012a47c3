"""The state tree against a dictionary, and the overlay against a stack of dictionaries."""

import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from node.ledger import merkle
from node.ledger.state import DictView, Overlay
from node.primitives.types import Hash

# Few distinct bytes in few places: paths that share long prefixes and collide often.
heads = st.sampled_from([0, 1, 128, 255])
paths = st.builds(lambda head, tail: Hash(bytes([head]) + bytes(30) + bytes([tail])), heads, st.integers(0, 255))
values = st.binary(max_size=8)
changes = st.dictionaries(paths, st.one_of(st.none(), values), max_size=12)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(changes, max_size=8), paths)
def test_the_tree_is_a_function_of_the_rows_and_proves_each_of_them(
    batches: list[dict[Hash, bytes | None]], probe: Hash
) -> None:
    tree: merkle.Node = merkle.EMPTY
    model: dict[Hash, bytes] = {}
    for batch in batches:
        tree = merkle.update(tree, batch)
        for path, value in batch.items():
            if value is None:
                model.pop(path, None)
            else:
                model[path] = value
        assert merkle.root_hash(tree) == merkle.root_hash(merkle.build(sorted(model.items())))
    root = merkle.root_hash(tree)
    for path in [*model, probe]:
        proof = merkle.prove(tree, path)
        assert merkle.verify_proof(root, path, model.get(path), proof)
        assert not merkle.verify_proof(root, path, b"something else", proof)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), paths, st.one_of(st.none(), values)),
        st.tuples(st.just("save"), paths, st.none()),
        st.tuples(st.just("undo"), paths, st.none()),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.dictionaries(paths, values, max_size=6), steps)
def test_an_overlay_behaves_like_copies_of_a_dictionary(
    rows: dict[Hash, bytes], script: list[tuple[str, Hash, bytes | None]]
) -> None:
    overlay, model = Overlay(DictView(rows)), dict(rows)
    saved: list[tuple[int, dict[Hash, bytes]]] = []
    for action, path, value in script:
        if action == "save":
            saved.append((overlay.savepoint(), copy.copy(model)))
        elif action == "undo" and saved:
            mark, model = saved.pop()
            overlay.rollback(mark)
        elif action == "set":
            overlay.set(path, value)
            if value is None:
                model.pop(path, None)
            else:
                model[path] = value
        assert all(overlay.get(known) == model.get(known) for known in {*rows, path})
    after = dict(rows)
    for path, change in overlay.changes().items():
        assert change != rows.get(path), "only real changes are listed"
        if change is None:
            after.pop(path, None)
        else:
            after[path] = change
    assert after == model
    for path, old in overlay.undo().items():
        assert old == rows.get(path)
