"""A few words that the command line and whoever starts it agree on; apart, so that a command loads nothing for them."""

from typing import Final

ERROR_PREFIX: Final = "neurond: "
"""What every sentence on a failure begins with, on standard error."""
PROGRESS_VARIABLE: Final = "NEUROND_PROGRESS"
"""Set to "json", it makes a command tell its progress as JSON lines."""
SECRET_VARIABLES: Final = ("NEUROND_PASSWORD", "NEUROND_NEW_PASSWORD")
"""What opens a wallet: for the command that was given it, never for a daemon, which runs models and plug-ins."""
