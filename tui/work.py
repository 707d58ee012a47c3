"""Beginning background work, which is made only when it begins.

A coroutine that is handed over may never run, when its screen closes in that moment, and Python complains about it on
the terminal. What is handed over here is the function.
"""

from textual.dom import DOMNode
from textual.worker import Worker, WorkType


def begin(node: DOMNode, work: WorkType[None], group: str, *, exclusive: bool = True) -> Worker[None]:
    """Run `work`, an async function without arguments, as long as `node` lives.

    With `exclusive` it takes the place of what runs of the same group.
    """
    return node.run_worker(work, group=group, exclusive=exclusive)
