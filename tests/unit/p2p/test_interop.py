"""The wire is libp2p's: our host talks with a stock one, in a process that has the whole library."""

import subprocess
import sys
from pathlib import Path

import pytest

BESIDE = sorted(Path(__file__).parent.glob("stock_*.py"))
PROGRAM = "import sys, libp2p, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', *sys.argv[1:]]))"


@pytest.mark.timeout(240)
def test_our_host_and_a_stock_one_understand_each_other() -> None:
    command = [sys.executable, "-c", PROGRAM, *map(str, BESIDE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=220)
    assert done.returncode == 0, done.stdout + done.stderr
