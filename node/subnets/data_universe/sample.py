"""Text to begin with, where nothing was collected yet: a folder of real, free text that every installation has.

For devnets and demonstrations: `write_sample` makes the folder, `use_folder` tells a node's data to collect from it.
"""

from pathlib import Path
from typing import Final

import msgspec

from node.subnets.data_universe.adapters.base import CollectJob
from node.subnets.data_universe.collecting import with_job
from node.subnets.data_universe.settings import read_settings, write_settings

SAMPLE_LABEL: Final = "python reference"
_ENDING: Final = ".txt"


def write_sample(folder: Path, *, topics_max: int = 80) -> int:
    """Write the topics of Python's language reference as text files into a folder; return how many."""
    from pydoc_data.topics import topics

    folder.mkdir(parents=True, exist_ok=True)
    chosen = sorted(topics)[:topics_max]
    for name in chosen:
        (folder / f"{name}{_ENDING}").write_text(topics[name], encoding="utf-8")
    return len(chosen)


def use_folder(data_folder: Path, source: Path, *, label: str = SAMPLE_LABEL, collects: bool = True) -> None:
    """Have the data in `data_folder` (`Host.folder`) collect from a folder of this machine.

    With `collects` False nothing is taken in, but rows of that pool can be looked up: for validators. Raises BadSource.
    """
    job = CollectJob("files", str(source), label, every_minutes=1, is_paused=not collects)
    settings = with_job(read_settings(data_folder), job)
    write_settings(data_folder, msgspec.structs.replace(settings))
