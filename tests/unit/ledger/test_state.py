"""Typed storage: paths, defaults, savepoints, layers and index lists."""

import pytest

from node.ledger.genesis import genesis_state
from node.ledger.state import ITEMS, DictView, EmptyView, IndexedList, LayeredView, Map, Overlay, Value
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.errors import InvariantBroken
from node.primitives.types import Hash
from tests.unit.ledger.world import small_genesis

COUNT: Map[int, int] = Map("test", "count", int, int, default=0, about="a number by number")
NAME: Value[bytes] = Value("test", "name", bytes, about="one value")
LIST: IndexedList[int, bytes] = IndexedList("test", "list", int, bytes, about="a list")
for listed in [name for name in ITEMS if name[0] == "test"]:
    del ITEMS[listed]  # the chain's list stays the chain's


def test_a_path_is_the_digest_of_pallet_item_and_key() -> None:
    assert COUNT.path(7) == digest("state", b"test", b"count", encode(7))
    assert NAME.path == digest("state", b"test", b"name", b"")


def test_every_item_of_the_chain_is_listed_once_and_described() -> None:
    genesis_state(small_genesis())
    assert {pallet for pallet, _ in ITEMS} >= {"system", "accounts", "staking", "subnets", "neurons", "authority"}
    assert all(item.about for item in ITEMS.values())
    with pytest.raises(InvariantBroken):
        Map("accounts", "account", int, int, about="twice")


def test_a_value_equal_to_its_default_is_not_stored() -> None:
    overlay = Overlay(EmptyView())
    COUNT.put(overlay, 1, 5)
    COUNT.put(overlay, 1, 0)
    assert overlay.changes() == {}
    assert COUNT.get(overlay, 1) == 0
    assert not COUNT.has(overlay, 1)


def test_a_value_without_default_that_is_missing_is_a_defect() -> None:
    assert NAME.find(EmptyView()) is None
    with pytest.raises(InvariantBroken):
        NAME.get(EmptyView())


def test_rollback_undoes_everything_since_its_savepoint_and_nothing_before() -> None:
    overlay = Overlay(EmptyView())
    COUNT.put(overlay, 1, 1)
    outer = overlay.savepoint()
    COUNT.put(overlay, 1, 2)
    inner = overlay.savepoint()
    COUNT.put(overlay, 1, 3)
    COUNT.put(overlay, 2, 3)
    overlay.rollback(inner)
    assert (COUNT.get(overlay, 1), COUNT.get(overlay, 2)) == (2, 0)
    overlay.rollback(outer)
    assert COUNT.get(overlay, 1) == 1
    with pytest.raises(InvariantBroken):
        overlay.rollback(inner + 99)


def test_changes_are_net_and_undo_restores_the_base() -> None:
    base = Overlay(EmptyView())
    COUNT.put(base, 1, 1)
    COUNT.put(base, 2, 2)
    rows = {path: value for path, value in base.changes().items() if value is not None}
    overlay = Overlay(DictView(rows))
    COUNT.put(overlay, 1, 9)
    COUNT.put(overlay, 1, 1)
    COUNT.put(overlay, 2, 7)
    COUNT.put(overlay, 3, 3)
    changes = overlay.changes()
    assert set(changes) == {COUNT.path(2), COUNT.path(3)}
    assert list(changes) == sorted(changes)
    assert overlay.undo() == {COUNT.path(2): rows[COUNT.path(2)], COUNT.path(3): None}


def test_a_layer_shows_its_changes_over_its_parents_and_survives_a_rebase() -> None:
    store = DictView({Hash(b"a" * 32): b"0", Hash(b"b" * 32): b"0"})
    first = LayeredView({Hash(b"a" * 32): b"1"}, store)
    second = LayeredView({Hash(b"b" * 32): None}, first)
    expected = (b"1", None, None)

    def seen() -> tuple[bytes | None, ...]:
        return tuple(second.get(Hash(letter * 32)) for letter in (b"a", b"b", b"c"))

    assert seen() == expected
    second.rebase(DictView({Hash(b"a" * 32): b"1", Hash(b"b" * 32): b"0"}))
    assert seen() == expected


def test_many_layers_do_not_exhaust_the_stack() -> None:
    view: LayeredView = LayeredView({}, DictView({Hash(b"a" * 32): b"deep"}))
    for _ in range(5000):
        view = LayeredView({}, view)
    assert view.get(Hash(b"a" * 32)) == b"deep"


def test_an_indexed_list_holds_what_was_added_and_not_removed() -> None:
    overlay = Overlay(EmptyView())
    for member in (b"a", b"b", b"c", b"b"):
        LIST.add(overlay, 1, member)
    LIST.remove(overlay, 1, b"a")
    LIST.remove(overlay, 1, b"never")
    assert set(LIST.members(overlay, 1)) == {b"b", b"c"}
    assert LIST.count(overlay, 1) == 2
    assert LIST.contains(overlay, 1, b"c")
    assert not LIST.contains(overlay, 1, b"a")
    assert list(LIST.members(overlay, 1, limit=1)) == [LIST.at(overlay, 1, 0)]
    for member in (b"b", b"c"):
        LIST.remove(overlay, 1, member)
    assert overlay.changes() == {}
