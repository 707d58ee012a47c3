"""A node is small: what libp2p would load for transports that this node does not speak stays on the disk."""

import subprocess
import sys

import pytest

from p2p.lean import UNUSED

HEAVY = ("aioquic", "dns", "httpx", "requests", "rich", "trio_websocket")


def _loaded(program: str) -> set[str]:
    code = f"{program}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


def test_a_node_loads_none_of_what_it_does_not_speak() -> None:
    assert not _loaded("import p2p.network") & set(HEAVY)


def test_the_stock_library_loads_all_of_it() -> None:
    """Why there is anything to leave out; when this fails, `p2p.lean` can go."""
    assert set(HEAVY[:4]) <= _loaded("import libp2p")


def test_a_process_that_loaded_the_library_first_keeps_all_of_it() -> None:
    program = "import libp2p\nimport p2p.network\nfrom libp2p.host.basic_host import BasicHost\nBasicHost.get_id"
    assert "aioquic" in _loaded(program)


@pytest.mark.parametrize("name", UNUSED)
def test_what_is_left_out_exists_in_the_pinned_release(name: str) -> None:
    subprocess.run([sys.executable, "-c", f"import {name}"], check=True, timeout=60)
