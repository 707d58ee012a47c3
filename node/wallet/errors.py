"""What can go wrong with words, passwords and key files; leaves of the node's error tree below `WalletError`.

No message ever holds a word, a password or a part of a key.
"""

from node.primitives.errors import WalletError
from node.wallet.limits import PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN


class BadMnemonic(WalletError):
    """The words are no valid recovery phrase."""

    code = "bad_mnemonic"
    remedy = "Check the spelling and the order of the words."


class WrongPassword(WalletError):
    """The key file does not open with this password."""

    code = "wrong_password"
    remedy = "Try again; capital letters and spaces count."


class WeakPassword(WalletError):
    """The new password is too short or too long."""

    code = "weak_password"
    remedy = f"A password has at least {PASSWORD_CHARS_MIN} characters and at most {PASSWORD_BYTES_MAX} bytes."


class BadWalletName(WalletError):
    """A name that cannot be a wallet's or a hotkey's."""

    code = "bad_wallet_name"
    remedy = "Use letters, digits, '-', '_' and '.', at most 64, beginning with a letter or digit."


class WalletExists(WalletError):
    """A wallet or hotkey of this name is there already; nothing was overwritten."""

    code = "wallet_exists"
    remedy = "Choose another name."


class WalletNotFound(WalletError):
    """There is no wallet or hotkey of this name."""

    code = "wallet_not_found"
    remedy = "List the wallets to see their names (neurond wallet list)."


class KeyFilePermissions(WalletError):
    """Others on this machine may read or change a private key."""

    code = "key_file_permissions"
    remedy = "Run chmod 600 on the file that the message names."


class KeyFileInaccessible(WalletError):
    """The operating system refuses to read or write a key file."""

    code = "key_file_inaccessible"
    remedy = "Check that the file and its directory belong to you and that the disk has room."


class BadKeyFile(WalletError):
    """A key file that is damaged, too large, or contradicts itself."""

    code = "bad_key_file"
    remedy = "Restore the wallet from its words under another name."


class UnsupportedKeyFile(WalletError):
    """A key file of a form or key type that this program does not use."""

    code = "unsupported_key_file"
    remedy = "Restore the wallet from its words, or make a new one."
