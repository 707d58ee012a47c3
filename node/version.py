"""The one place where the version is written; the wheel, the network handshake and the CLI read it from here."""

__version__ = "0.1.0"
