"""What wallets, hotkeys and labels may be called: names that no directory listing, path or table can be tricked by."""

import re
from typing import Final

from node.wallet.errors import BadWalletName
from node.wallet.limits import NAME_CHARS_MAX

PUBLIC_SUFFIX: Final = "pub.txt"  # Bittensor's tools put <hotkey>pub.txt beside a hotkey
_NAME: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{NAME_CHARS_MAX - 1}}}")


def is_name(name: str) -> bool:
    """Tell whether a wallet, hotkey or label may be called so."""
    return _NAME.fullmatch(name) is not None and not name.endswith(PUBLIC_SUFFIX)


def check_name(name: str) -> None:
    """Raise BadWalletName unless a wallet, hotkey or label may be called so."""
    if not is_name(name):
        raise BadWalletName(f"{name[:NAME_CHARS_MAX]!r} cannot be a name here.")
