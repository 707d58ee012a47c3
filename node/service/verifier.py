"""The chain's signature check with a memory: what gossip has verified is not verified again on import.

Only triples that hold are remembered, under a hash of all three parts, so a hostile message can neither poison the
memory nor grow it without a valid signature. Safe to call from any thread.
"""

import threading
from collections import OrderedDict
from typing import Final

from node.primitives.crypto import digest, verify

REMEMBERED_MAX: Final = 20_000  # a full block and the votes of a few minutes; about 3 MB


class RememberingVerifier:
    """A `Verifier` that remembers the latest signatures that held."""

    def __init__(self, capacity: int = REMEMBERED_MAX) -> None:
        self._capacity = capacity
        self._held: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Tell whether the signature holds; as `node.primitives.crypto.verify`."""
        key = digest("verified", public, message, signature)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return True
        if not verify(public, message, signature):
            return False
        with self._lock:
            self._held[key] = None
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)
        return True
