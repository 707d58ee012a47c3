"""What can go wrong with words, passwords and key files; leaves of the node's error tree below `WalletError`.

No message ever holds a word that was typed, a password or a part of a key.
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


class WatchOnly(WalletError):
    """A wallet without a key of its own: it shows what an address holds and can sign nothing."""

    code = "watch_only"
    remedy = (
        "Sign where the key is: `neurond tx build … --out FILE` here, `neurond tx sign FILE` there, "
        "`neurond tx submit FILE` here; or restore the wallet from its words."
    )


class BadAddressBook(WalletError):
    """The address book is damaged, too large, or asked for a label that cannot be one."""

    code = "bad_address_book"
    remedy = "Correct the file that the message names, or move it aside; it holds labels only, no keys."


class LabelTaken(WalletError):
    """A label of the address book that stands for another address already, or is a wallet's name."""

    code = "label_taken"
    remedy = "Choose another label, or remove that one first (neurond wallet book remove LABEL)."


class BadSignedMessage(WalletError):
    """A message, or a signature of one, that is malformed or too large."""

    code = "bad_signed_message"
    remedy = "A signature has 128 hexadecimal digits; a message at most 1 MiB."


class BadTransactionFile(WalletError):
    """A file that is no transaction to be signed or sent, or one that was damaged or changed on its way."""

    code = "bad_transaction_file"
    remedy = "Make it again with `neurond tx build`, and carry the whole file."


class OtherNetwork(WalletError):
    """A transaction for another network than the one this machine signs for."""

    code = "other_network"
    remedy = "Compare the genesis hash with `neurond tx build` on the online machine; name it with --genesis if right."


class TransactionExpired(WalletError):
    """A transaction whose time has passed; no block would take it."""

    code = "transaction_expired"
    remedy = "Build it again, with a longer --valid-for if it has a long way to go."
