"""Stands in for the `neurond` script in tests of the launcher: a daemon that only talks, and a devnet that is a lie."""

import os
import sys
import time
from pathlib import Path

import msgspec
import trio

from node.control.options import DevnetNode, DevnetStatus, Progress, encode_progress
from node.control.schema import Shutdown
from node.control.server import ControlServer
from tests.unit.control.fake import GENESIS, FakeApi


class Mortal(FakeApi):
    """Says its own process id and ends when it is told to."""

    def __init__(self, end: trio.Event) -> None:
        super().__init__()
        self._end = end

    async def hello(self, client, version):  # type: ignore[no-untyped-def]
        return msgspec.structs.replace(await super().hello(client, version), pid=os.getpid())

    async def shutdown(self, drain: bool = True) -> Shutdown:
        self._end.set()
        return await super().shutdown(drain)


async def daemon(home: Path) -> None:
    end = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(ControlServer(Mortal(end), print).run, home)
        await end.wait()
        nursery.cancel_scope.cancel()


def main(arguments: list[str]) -> int:
    home = Path(arguments[arguments.index("--home") + 1])
    mode = (home.parent / "mode").read_text() if (home.parent / "mode").exists() else ""
    if mode == "die":
        print("a line of the log", file=sys.stderr)
        print("neurond: Port 4001 is taken. Choose another --listen.", file=sys.stderr)
        print("afterthought", file=sys.stderr)
        return 1
    if mode == "silent death":
        return 3
    if mode == "hang":
        time.sleep(60)
    if arguments[0] == "up":
        (home.parent / "arguments").write_text("\n".join(arguments))
        (home.parent / "environment").write_text("\n".join(os.environ))
        (home.parent / "session").write_text(f"{os.getsid(0)} {os.getppid()}")
        trio.run(daemon, home)
    if arguments[0] == "devnet":
        print(encode_progress(Progress("keys", "making keys", 1, 2)), file=sys.stderr)
        print("an ordinary sentence", file=sys.stderr)
        node = DevnetNode("node-0", str(home / "node-0"), "validator", True, 1)
        status = DevnetStatus(str(home), "devnet", GENESIS, (node,))
        print("?" if mode == "nonsense" else msgspec.json.encode(status).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
