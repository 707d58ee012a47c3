"""Words for what a key is and how long its recovery words are; nothing is imported, so that naming them is free."""

from typing import Literal

KeyKind = Literal["sealed", "bittensor", "plain", "watch"]
"""Encrypted by neurond, encrypted as Bittensor's tools do it, not encrypted, no key here."""
WordCount = Literal[12, 15, 18, 21, 24]
"""How many recovery words a wallet has."""
