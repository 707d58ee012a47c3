"""A signature check with a memory: what gossip has verified is not verified again on import.

Only triples that hold are remembered, under their signature with key and message beside it, so a hostile message can
neither poison the memory nor grow it without a valid signature. Safe to call from any thread.
"""

import threading
from typing import Final

from node.primitives.crypto import digest, verify
from node.primitives.types import HASH_BYTES

REMEMBERED_MAX: Final = 20_000  # a full block and the votes of a few minutes; about 6 MB


class RememberingVerifier:
    """A `Verifier` that remembers the latest signatures that held: at least half of `capacity`, at most all of it."""

    def __init__(self, capacity: int = REMEMBERED_MAX) -> None:
        self._generation = max(1, capacity // 2)
        self._young: dict[bytes, tuple[bytes, bytes]] = {}
        self._old: dict[bytes, tuple[bytes, bytes]] = {}
        self._lock = threading.Lock()

    def __call__(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature holds; as `node.primitives.crypto.verify`."""
        about = (public, message if len(message) <= HASH_BYTES else digest("verified", message))
        if self._young.get(signature) == about or self._old.get(signature) == about:
            return True
        if not verify(public, message, signature):
            return False
        with self._lock:
            if len(self._young) >= self._generation:
                self._old, self._young = self._young, {}
            self._young[signature] = about
        return True
