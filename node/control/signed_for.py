"""The networks that this machine has signed for, so that a file for another one is refused and not just displayed.

A machine without a node knows no chain: the first time somebody has to compare the genesis hash, afterwards it is
remembered here. No keys, no addresses.
"""

from pathlib import Path
from typing import Final

import msgspec

from node.wallet import BadKeyFile, BadTransactionFile, WalletNotFound
from node.wallet.files import PRIVATE_DIRECTORY, inaccessible, read_file, replace_file

_BYTES_MAX: Final = 16 * 1024  # some hundred networks
_NETWORKS_MAX: Final = 100


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    genesis_hashes: tuple[str, ...]


class SignedFor:
    """The genesis hashes in a small file of the home."""

    def __init__(self, home: Path) -> None:
        self._path = home / "signed-for.json"

    def networks(self) -> tuple[str, ...]:
        """Return the genesis hashes, oldest first. Raises BadTransactionFile for a damaged list."""
        try:
            data = read_file(self._path, private=False, bytes_max=_BYTES_MAX)
            return msgspec.json.decode(data, type=_File).genesis_hashes
        except WalletNotFound:
            return ()
        except (BadKeyFile, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadTransactionFile(
                f"The list of networks {self._path} is damaged.", remedy="Remove it; you will be asked once more."
            ) from error

    def remember(self, genesis_hash: str) -> None:
        """Add a network. Raises KeyFileInaccessible, and as `networks`."""
        known = self.networks()
        if genesis_hash in known:
            return
        try:
            self._path.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        except OSError as error:
            raise inaccessible(error, self._path.parent) from error
        replace_file(self._path, msgspec.json.encode(_File((*known, genesis_hash)[-_NETWORKS_MAX:])))
