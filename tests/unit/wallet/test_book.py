"""The address book: one label, one address, and a damaged file says so."""

from pathlib import Path

import pytest

from node.primitives.address import to_ss58
from node.primitives.errors import AddressError
from node.wallet import BadAddressBook, BadWalletName, LabelTaken, WalletNotFound
from node.wallet.book import AddressBook

ADA, BOB = to_ss58(bytes([1]) * 32), to_ss58(bytes([2]) * 32)


@pytest.fixture
def book(tmp_path: Path) -> AddressBook:
    return AddressBook(tmp_path / "home" / "addresses.json")


def test_labels_are_kept_and_removed(book: AddressBook, tmp_path: Path) -> None:
    assert book.entries() == []
    book.add("bob", BOB)
    book.add("ada", ADA)
    book.add("ada", ADA)
    again = AddressBook(tmp_path / "home" / "addresses.json")
    assert [(each.label, each.address) for each in again.entries()] == [("ada", ADA), ("bob", BOB)]
    assert (tmp_path / "home" / "addresses.json").stat().st_mode & 0o777 == 0o600
    assert again.remove("bob").address == BOB
    assert again.find("bob") is None
    with pytest.raises(WalletNotFound):
        again.remove("bob")


def test_a_label_never_comes_to_mean_another_address(book: AddressBook) -> None:
    book.add("ada", ADA)
    with pytest.raises(LabelTaken):
        book.add("ada", BOB)
    assert book.find("ada") == ADA


def test_labels_and_addresses_are_checked(book: AddressBook) -> None:
    for label in ("", "a b", "../x", "x" * 65, ADA):
        with pytest.raises(BadWalletName):
            book.add(label, BOB)
    with pytest.raises(AddressError, match="checksum"):
        book.add("bob", BOB[:-1] + ("1" if BOB[-1] != "1" else "2"))
    assert book.entries() == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\xff", b"[]", b'{"version":1}', b'{"version":1,"labels":{"a b":"x"}}',
        b'{"version":1,"labels":{"ada":"5nope"}}', b'{"version":2,"labels":{}}', b" " * 300_000,
    ],
)  # fmt: skip
def test_a_damaged_book_is_named_and_left_alone(book: AddressBook, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "home" / "addresses.json"
    path.parent.mkdir()
    path.write_bytes(data)
    for use in (book.entries, lambda: book.add("bob", BOB)):
        with pytest.raises(BadAddressBook, match=r"addresses\.json"):
            use()
    assert path.read_bytes() == data
