"""The address book: labels for addresses of others, one small file, `label = "address"` as JSON.

It holds no keys. A label may be wherever an address is asked for, so it can never look like one, and one label stands
for one address until it is removed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from node.primitives.address import from_ss58
from node.primitives.errors import AddressError
from node.wallet.errors import BadAddressBook, BadKeyFile, BadWalletName, LabelTaken, WalletNotFound
from node.wallet.files import PRIVATE_DIRECTORY, inaccessible, read_file, replace_file
from node.wallet.limits import BOOK_BYTES_MAX, LABELS_MAX
from node.wallet.names import check_name

VERSION: Final = 1


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A label and its ss58 address."""

    label: str
    address: str


class AddressBook:
    """The labels in the file at `path`, which need not exist."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[Entry]:
        """Return all entries by label. Raises BadAddressBook, KeyFileInaccessible."""
        return [Entry(label, address) for label, address in sorted(self._read().items())]

    def find(self, label: str) -> str | None:
        """Return the address that `label` stands for. Raises as `entries`."""
        return self._read().get(label)

    def add(self, label: str, address: str) -> Entry:
        """Add a label; adding the same once more changes nothing.

        Raises:
            BadWalletName: the label. AddressError: the address. LabelTaken: it stands for another address.
            BadAddressBook: damaged or full. KeyFileInaccessible.
        """
        check_name(label)
        from_ss58(address)
        if _is_address(label):
            raise BadWalletName("A label must not be an address itself.")
        labels = self._read()
        if labels.get(label, address) != address:
            raise LabelTaken(f"The label {label} stands for {labels[label]}.")
        if len(labels) >= LABELS_MAX and label not in labels:
            raise BadAddressBook(f"The address book is full: it holds {LABELS_MAX:,} labels.")
        self._write(labels | {label: address})
        return Entry(label, address)

    def remove(self, label: str) -> Entry:
        """Remove a label and return what it was. Raises WalletNotFound, and as `entries`."""
        labels = self._read()
        if label not in labels:
            raise WalletNotFound(
                f"The address book has no label {label[:64]!r}.", remedy="See `neurond wallet book list`."
            )
        address = labels.pop(label)
        self._write(labels)
        return Entry(label, address)

    def _read(self) -> dict[str, str]:
        try:
            data = read_file(self._path, private=False, bytes_max=BOOK_BYTES_MAX)
            found = msgspec.json.decode(data, type=_File)
        except WalletNotFound:
            return {}
        except (BadKeyFile, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadAddressBook(f"The address book {self._path} cannot be read: it is damaged.") from error
        if found.version != VERSION:
            raise BadAddressBook(
                f"The address book {self._path} has version {found.version}.", remedy="Upgrade neurond."
            )
        for label, address in found.labels.items():
            try:
                check_name(label)
                from_ss58(address)
            except (BadWalletName, AddressError) as error:
                raise BadAddressBook(f"The address book {self._path}: {error.message}") from error
        return found.labels

    def _write(self, labels: dict[str, str]) -> None:
        try:
            self._path.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise inaccessible(error, self._path.parent) from error
        replace_file(self._path, msgspec.json.format(msgspec.json.encode(_File(VERSION, labels)), indent=1) + b"\n")


def _is_address(text: str) -> bool:
    try:
        from_ss58(text)
    except AddressError:
        return False
    return True
