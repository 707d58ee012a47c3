"""One daemon on one home, and no stale locks."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from storage import FileLock, HomeInUse, HomeLock, Inaccessible, Locked

HOLDER = """
import sys
from pathlib import Path
from storage import HomeLock
with HomeLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_daemon_is_told_who_holds_the_home(tmp_path: Path) -> None:
    with HomeLock(tmp_path), pytest.raises(HomeInUse, match=str(os.getpid())) as caught:
        HomeLock(tmp_path).acquire()
    assert caught.value.pid == os.getpid()
    assert "--home" in str(caught.value)


def test_a_killed_daemon_leaves_no_lock(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(HomeInUse) as caught:
            HomeLock(tmp_path).acquire()
        assert caught.value.pid == child.pid
        child.send_signal(signal.SIGKILL)
        child.wait()
    with HomeLock(tmp_path) as lock:
        assert lock.owner_pid() == os.getpid()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path / "new home")
    for _ in range(2):
        lock.acquire()
        lock.acquire()
        lock.release()
        lock.release()


def test_garbage_in_the_lock_file_only_costs_the_pid(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "x.lock")
    with lock:
        lock.path.write_bytes(b"\xff\xfe garbage" * 100)
        assert lock.owner_pid() is None
        with pytest.raises(Locked):
            FileLock(lock.path).acquire()
    lock.path.unlink()
    assert lock.owner_pid() is None


def test_a_home_that_cannot_be_is_inaccessible(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Inaccessible):
        HomeLock(tmp_path / "file").acquire()
