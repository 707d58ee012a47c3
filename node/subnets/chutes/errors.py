"""What is wrong with a bundle: all of it at once. Leaves of the market's error tree."""

from node.market.errors import Unfit


class BadChute(Unfit):
    """A bundle that breaks rules; `failed` names every one of them."""

    code = "chutes.bad_bundle"
    remedy = "Correct chute.json as listed; `neurond chutes check FILE` looks again."

    def __init__(self, failed: tuple[str, ...]) -> None:
        super().__init__(
            f"The bundle breaks {len(failed)} rule{'s' * (len(failed) != 1)}: {'; '.join(failed)}.", param="chute"
        )
        self.failed = failed
