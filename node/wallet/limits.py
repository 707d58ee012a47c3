"""Every bound of words, passwords and key files, each with its reason."""

from typing import Final

KEY_FILE_BYTES_MAX: Final = 16 * 1024  # a key file has under 1 KiB
NAME_CHARS_MAX: Final = 64  # fits every file system and table
WALLETS_LISTED_MAX: Final = 1000  # a directory with more is not ours
HOTKEYS_LISTED_MAX: Final = 1000
MNEMONIC_CHARS_MAX: Final = 512  # 24 words of at most 8 letters have 215 characters
PASSWORD_CHARS_MIN: Final = 8  # shorter ones are found offline even against Argon2id
PASSWORD_BYTES_MAX: Final = 1024  # longer input is a pasted file
KDF_OPERATIONS_MAX: Final = 16  # a hostile key file may not keep the processor busy for minutes
KDF_MEMORY_BYTES_MAX: Final = 1024 * 1024 * 1024  # nor take more memory than a desktop can spare
NEAR_WORDS_MAX: Final = 3  # more is no help
NACL_MEMORY_BYTES: Final = 512 * 1024 * 1024  # what Bittensor's encrypted form takes for one password; fixed by it
LABELS_MAX: Final = 1000  # of an address book; more belongs into a program of one's own
BOOK_BYTES_MAX: Final = 256 * 1024  # 1000 entries of about 150 bytes
NOTE_BYTES_MAX: Final = 256  # the date of the last test of a backup
MESSAGE_BYTES_MAX: Final = 1024 * 1024  # of a message to be signed: a document, no disk image
