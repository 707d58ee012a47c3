"""Subnets from elsewhere: packages that name theirs under the entry point `neurond.subnets`, and folders being written.

Loading runs the package's code with all rights of this program: only what the user has installed, or names himself, is
loaded. A package that fails to load is left out and said so; it never keeps the node from starting.
"""

import importlib
import logging
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Final

from node.market.errors import BadSubnetPackage
from node.subnets.base import AnySubnet, Spec, Subnet
from node.subnets.spec import SUBNET_GROUP

GROUP: Final = SUBNET_GROUP
_METHODS: Final = ("draw", "serve", "judge")

_log = logging.getLogger(__name__)


@cache
def plugins() -> Mapping[str, AnySubnet]:
    """The subnets of installed packages, by the name in their spec."""
    found: dict[str, AnySubnet] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            subnet = _load(point)
        except BadSubnetPackage as error:
            _log.warning("a subnet is left out: %s", error)
            continue
        found.setdefault(subnet.spec.name, subnet)
    return found


def subnet_in(where: str) -> AnySubnet:
    """The subnet in a folder that is a package, or the one called `module:Class`. Raises BadSubnetPackage."""
    folder = Path(where)
    if folder.is_dir():
        inner = folder / folder.resolve().name  # of a project as `subnet new` writes it
        folder = inner if (inner / "__init__.py").is_file() else folder
        return _only_subnet_of(_package(folder.resolve()))
    module_name, colon, class_name = where.partition(":")
    if not colon:
        raise BadSubnetPackage(f"{where!r} is neither a folder nor of the form module:Class.")
    found = getattr(_module(module_name, Path.cwd()), class_name, None)
    return _made(found, where)


def _load(point: EntryPoint) -> AnySubnet:
    try:
        found = point.load()
    except Exception as error:  # a stranger's module may fail in any way
        raise BadSubnetPackage(f"The package of the subnet {point.name!r} cannot be loaded: {error!r}.") from error
    return _made(found, point.value)


def _package(folder: Path) -> ModuleType:
    """The package in a folder, loaded from there even if another of its name was loaded before."""
    name = folder.name
    if not name.isidentifier() or name in sys.stdlib_module_names:
        raise BadSubnetPackage(f"A package cannot be called {name!r}.", remedy="Rename the folder.")
    for loaded in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        if Path(getattr(sys.modules[loaded], "__file__", None) or ".").parent != folder:
            del sys.modules[loaded]
    sys.path[:] = [str(folder.parent), *(each for each in sys.path if each != str(folder.parent))]
    return _module(name, folder.parent)


def _module(name: str, parent: Path) -> ModuleType:
    if str(parent) not in sys.path:
        sys.path.insert(0, str(parent))
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise BadSubnetPackage(f"{name!r} cannot be imported from {parent}: {error!r}.") from error


def _only_subnet_of(module: ModuleType) -> AnySubnet:
    classes = [each for each in vars(module).values() if _is_subnet_class(each)]
    if len(classes) != 1:
        named = ", ".join(each.__name__ for each in classes) or "none"
        raise BadSubnetPackage(f"The package {module.__name__!r} shows not one subnet class but {named}.")
    return _made(classes[0], module.__name__)


def _is_subnet_class(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Subnet) and found is not Subnet


def _made(found: object, where: str) -> AnySubnet:
    """An instance of the class; complete enough to be asked."""
    if not _is_subnet_class(found) or not callable(found):
        raise BadSubnetPackage(f"{where!r} is no subnet class.")
    try:
        subnet = found()
    except Exception as error:
        raise BadSubnetPackage(f"The subnet {where!r} cannot be made: {error!r}.") from error
    missing = [name for name in _METHODS if getattr(type(subnet), name) is getattr(Subnet, name)]
    missing += [name for name in ("spec", "Task", "Part") if not hasattr(subnet, name)]
    if missing or not isinstance(subnet.spec, Spec):
        raise BadSubnetPackage(f"The subnet {where!r} lacks {', '.join(missing) or 'a Spec'}.")
    made: AnySubnet = subnet
    return made
