"""Which model a node works with, and where the models of this machine are kept.

A model is named as in the catalogue, or by the path of a bundle folder of the user's own. One store serves all homes
unless somebody says otherwise, so that a model is fetched and converted once.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import platformdirs

VARIABLE: Final = "NEUROND_MODELS"


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A model by name; `bundle` is the user's own folder, None for one of the catalogue."""

    name: str
    bundle: Path | None = None

    @classmethod
    def of(cls, text: str) -> "ChosenModel":
        """Return what `text` names: with a path separator a folder, else an entry of the catalogue."""
        if os.sep not in text:
            return cls(text)
        folder = Path(text).expanduser().absolute()
        return cls(folder.name, folder)

    def own_bundles(self) -> dict[str, Path]:
        """Return the user's own folder by name, as a model host wants it."""
        return {} if self.bundle is None else {self.name: self.bundle}


def shared_model_store() -> Path:
    """Return $NEUROND_MODELS, or the operating system's folder for caches of this program."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser().absolute() if named else Path(platformdirs.user_cache_dir("neurond")) / "models"
