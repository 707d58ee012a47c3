"""Where models of this machine are kept when nobody says otherwise: one store for all homes, fetched once."""

import os
from pathlib import Path
from typing import Final

import platformdirs

VARIABLE: Final = "NEUROND_MODELS"


def shared_model_store() -> Path:
    """Return $NEUROND_MODELS, or the operating system's folder for caches of this program."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_dir("neurond")) / "models"
