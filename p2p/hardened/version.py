"""Checks that libp2p is the one release the hardening was written for; imported before all else in this folder."""

from importlib import metadata

from p2p.errors import UnsupportedLibp2pError

LIBP2P_VERSION = "0.8.1"


def check_libp2p_version(installed: str | None) -> None:
    """Raises UnsupportedLibp2pError unless `installed` is the hardened release; None means it is not installed."""
    if installed != LIBP2P_VERSION:
        found = "none is installed" if installed is None else f"{installed} is installed"
        raise UnsupportedLibp2pError(
            f"libp2p {LIBP2P_VERSION} is needed, {found}; run: pip install libp2p=={LIBP2P_VERSION}"
        )


def installed_version() -> str | None:
    """The installed libp2p release, or None."""
    try:
        return metadata.version("libp2p")
    except metadata.PackageNotFoundError:
        return None


check_libp2p_version(installed_version())
