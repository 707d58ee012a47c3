"""The daemon process: one home, one node, signals, and one sentence when it cannot go on."""

import gc
import logging
import os
import signal
import sys
from typing import Final

import trio

from node.control.errors import error_view
from node.control.options import DaemonConfig
from node.control.words import SECRET_VARIABLES
from node.primitives.errors import InvariantBroken
from node.service.app import Node
from node.service.home import Home, with_last_settings
from node.service.logbook import Logbook, logger, open_log
from node.service.supervise import only_error
from storage.lock import HomeLock

log = logger("node")
_SETTLED_AFTER_S: Final = 40.0  # by then modules, peers and a model are there


def run(config: DaemonConfig) -> int:
    """Run the node of `config.home` until it is told to stop; returns the process's exit code.

    Raises StorageError (HomeInUse among them) before anything was touched.
    """
    for name in SECRET_VARIABLES:  # of whoever started it in front; plug-ins and children have no use for them
        os.environ.pop(name, None)
    Home(config.home).create()
    with HomeLock(config.home):
        book = open_log(
            Home(config.home).log, also_stderr=sys.stderr.isatty(), level=logging.getLevelName(config.log_level.upper())
        )
        last = Home(config.home).settings_of_last_start()
        return _run_locked(with_last_settings(config, last), book)


def _run_locked(config: DaemonConfig, book: Logbook) -> int:
    try:
        trio.run(_main, Node(config, book))
    except BaseException as raised:
        error = only_error(raised)
        view = error_view(error) if isinstance(error, Exception) else None
        if isinstance(error, KeyboardInterrupt):
            return 0
        if view is None:
            kind = "an impossible state" if isinstance(error, InvariantBroken) else "a defect"
            log.critical("the node stopped because of %s", kind, exc_info=raised)
            sys.stderr.write(f"neurond: The node stopped because of {kind}: {error}. Its log has the details.\n")
            return 1
        log.error("%s", view.message)
        sys.stderr.write(f"neurond: {view.message} {view.hint}".rstrip() + "\n")
        return 1
    log.info("stopped")
    return 0


async def _main(node: Node) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_on_signal, node)
        nursery.start_soon(_settle)
        await node.run()
        nursery.cancel_scope.cancel()


async def _settle() -> None:
    """Spare the garbage collector what lives as long as the process: looking through it holds all tasks for 0.1 s."""
    await trio.sleep(_SETTLED_AFTER_S)
    gc.collect()
    gc.freeze()


async def _stop_on_signal(node: Node) -> None:
    """The first signal drains, the second cancels."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        count = 0
        async for number in signals:
            if number == signal.SIGHUP and not sys.stderr.isatty():
                continue  # a closed terminal is no reason for a daemon to stop
            count += 1
            log.info("signal %s", signal.Signals(number).name)
            if count > 1:
                raise KeyboardInterrupt
            node.stop.set()
