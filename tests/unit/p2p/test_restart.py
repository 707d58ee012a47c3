"""A node that was stopped and started again is heard at once, however much it had said before."""

from tests.unit.p2p.test_network import receive
from tests.unit.p2p.worlds import World, accept, connected

TOPIC = "/test/restart/1"
SAID_BEFORE = 60  # far more than seconds pass here


async def test_what_a_restarted_node_publishes_arrives_at_once(world: World) -> None:
    """Gossip names a message by author and number: numbers that were used before would be taken for repetitions."""
    listener = await world.start("listener")
    heard = listener.subscribe(TOPIC, accept, capacity=2 * SAID_BEFORE)
    speaker = await world.start("speaker", listener)
    await connected(listener, speaker)
    for number in range(SAID_BEFORE):
        await speaker.publish(TOPIC, b"before %d" % number)
        assert (await receive(heard)).data == b"before %d" % number
    await world.stop("speaker")
    again = await world.start("speaker", listener)
    await connected(listener, again)
    await again.publish(TOPIC, b"again")
    assert (await receive(heard)).data == b"again"
