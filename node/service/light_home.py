"""The small folder of a light client: its state, its network key, and whom it asks. Nothing else is ever kept there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from node.light.chain import Checkpoint
from node.light.errors import BadCheckpoint
from node.primitives.types import HASH_BYTES, Hash, Height
from node.service.errors import BadInvite
from node.service.home import write_atomically
from node.service.invite import looks_like_invite, read_invite

FOLDER: Final = "light"
_SETTINGS: Final = "light.json"
_SETTINGS_BYTES_MAX: Final = 64 * 1024  # a few addresses
_HEIGHT_DIGITS_MAX: Final = 15


class LightSettings(msgspec.Struct, frozen=True):
    """Whom this light client asked last, and the network it belongs to; unknown keys are ignored."""

    peers: tuple[str, ...] = ()
    genesis_hash: str | None = None


@dataclass(frozen=True, slots=True)
class LightHome:
    """The folder of one light client."""

    path: Path

    @property
    def identity(self) -> Path:
        return self.path / "network.key"

    @property
    def peers(self) -> Path:
        return self.path / "peers.json"

    @property
    def lock(self) -> Path:
        return self.path / "light.lock"

    def create(self) -> None:
        """Make the folder, readable by its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def settings(self) -> LightSettings:
        """Return what was remembered; nothing at first, or when the file is damaged."""
        try:
            with (self.path / _SETTINGS).open("rb") as file:
                return msgspec.json.decode(file.read(_SETTINGS_BYTES_MAX), type=LightSettings)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return LightSettings()

    def remember(self, settings: LightSettings) -> None:
        """Keep `settings` for the next run."""
        write_atomically(self.path / _SETTINGS, msgspec.json.format(msgspec.json.encode(settings), indent=2))


def join_settings(known: LightSettings, peers: tuple[str, ...], genesis_hash: str | None, now_ms: int) -> LightSettings:
    """Return `known` with invites and addresses of this run in front of those of earlier ones.

    Raises:
        BadInvite: damaged or expired, or of another network than the rest.
    """
    addresses: list[str] = []
    networks = [each for each in (genesis_hash, known.genesis_hash) if each is not None]
    for peer in peers:
        if looks_like_invite(peer):
            invite = read_invite(peer, now_ms)
            addresses.extend(invite.addresses)
            networks.append(invite.genesis_hash.hex())
        else:
            addresses.append(peer)
    if len(set(networks)) > 1:
        raise BadInvite(
            "These invites, or this home and an invite, belong to different networks.",
            remedy="Use another --home for another network.",
        )
    kept = tuple(dict.fromkeys((*addresses, *known.peers)))
    return LightSettings(kept, networks[0] if networks else None)


def parse_checkpoint(text: str, *, needs_set: bool = True) -> Checkpoint:
    """Return the checkpoint in `HEIGHT:BLOCKHASH:SETHASH`, hashes in hex; without `needs_set` the last may be missing.

    Raises BadCheckpoint.
    """
    height, *rest = text.strip().split(":")
    try:
        hashes = tuple(bytes.fromhex(each) for each in rest)
    except ValueError:
        hashes = ()
    is_height = height.isdecimal() and height.isascii() and len(height) <= _HEIGHT_DIGITS_MAX
    counts = (2,) if needs_set else (1, 2)
    if not is_height or len(hashes) not in counts or any(len(each) != HASH_BYTES for each in hashes):
        raise BadCheckpoint(
            f"{text[:40]!r} is no checkpoint.",
            remedy="Write HEIGHT:BLOCKHASH:SETHASH as `neurond light checkpoint` prints it.",
        )
    return Checkpoint(Height(int(height)), Hash(hashes[0]), Hash(hashes[1]) if len(hashes) == 2 else None)


def format_checkpoint(checkpoint: Checkpoint) -> str:
    """Return the text that `parse_checkpoint` reads."""
    hashes = [each.hex() for each in (checkpoint.block_hash, checkpoint.set_hash) if each is not None]
    return ":".join((str(checkpoint.height), *hashes))
