"""What the gateway lists: the models of all doors, one entry a name with the paths that take it, and templates."""

from collections.abc import Sequence
from typing import Any

from node.gateway.keys import Caller
from node.market.chat import ModelInfo
from node.market.errors import UnknownModel
from node.market.routes import SubnetDoor
from node.market.templates import TEMPLATES
from node.subnets.doors import Empty


async def templates(caller: Caller, request: Empty) -> dict[str, Any]:
    """`GET /v1/templates`."""
    return {"object": "list", "data": TEMPLATES}


def model_list(doors: Sequence[SubnetDoor]) -> dict[str, Any]:
    """Every model that can be asked for now."""
    return {"object": "list", "data": list(_views(doors).values())}


def model_view(doors: Sequence[SubnetDoor], name: str) -> dict[str, Any]:
    """One model. Raises UnknownModel."""
    found = _views(doors).get(name)
    if found is None:
        raise UnknownModel(f"The model {name[:80]!r} is not served here.", param="model")
    return found


def _views(doors: Sequence[SubnetDoor]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for door in doors:
        for model in door.models():
            view = found.setdefault(model.name, _view(model))
            if model.path not in view["endpoints"]:
                view["endpoints"].append(model.path)
    return found


def _view(model: ModelInfo) -> dict[str, Any]:
    return {
        **model.facts,
        "id": model.name,
        "object": "model",
        "created": 0,
        "owned_by": f"subnet-{model.netuid}-{model.subnet}",
        "miners": model.miners,
        "endpoints": [model.path],
    }
