"""What this node itself answers about chutes: the catalogue, statistics, checks; and deploys, prices, withdrawals.

Deploying, pricing and retiring write this node's own journal; nobody else's chutes can be touched.
"""

import base64
import binascii
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import trio

from models import ModelError
from node.market.errors import Conflict, TooLarge, Unfit
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.errors import MarketError
from node.subnets.base import Host, LocalRoute, View
from node.subnets.chutes.bundle import Chute, Kind, Role, canonical, chute_id, failed_rules, owner_of
from node.subnets.chutes.calls import find
from node.subnets.chutes.catalogue import Catalogue, Listed, demand_of, warm_miners
from node.subnets.chutes.checking import CheckReport, check_bundle
from node.subnets.chutes.errors import BadChute
from node.subnets.chutes.files import Shelf, catalogue_name
from node.subnets.chutes.journal import DEPLOY, PRICE, RETIRE, Deploy, Retire, SetPrice
from node.subnets.chutes.limits import (
    BLOB_UPLOAD_BYTES_MAX,
    CHUTES_LISTED_MAX,
    CHUTES_PER_OWNER_MAX,
    FETCH_BYTES_MAX,
    PRICE_RAO_MAX,
    TEXT_CHARS_MAX,
)
from node.subnets.chutes.listing import BlobReply, ChuteInfo, ChuteStats, Deployed
from node.subnets.chutes.messages import BLOB_TYPE
from node.subnets.chutes.money import cost_rao, creator_part_rao
from node.subnets.chutes.seen import Seen
from node.subnets.doors import AnyLocalRoute

Sort = Literal["name", "price", "calls", "latency"]


class ListRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which chutes to list; `q` is looked for in names and descriptions."""

    kind: Kind | None = None
    q: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)] = ""
    sort: Sort = "name"


class OneRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chute by its id or name."""

    chute: str


class PriceRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new recommended price, in rao for a million units."""

    chute: str
    price_rao: Annotated[int, msgspec.Meta(ge=0, le=PRICE_RAO_MAX)]


class DeployRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A bundle as chute.json has it. `dry_run` checks and says what would happen, and does nothing."""

    chute: Chute
    dry_run: bool = False


class BlobRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A content in base64, to be named in calls and bundles by its hash."""

    base64: str


class ChuteCard(msgspec.Struct, frozen=True, kw_only=True):
    """A chute with its definition and who keeps it warm."""

    info: ChuteInfo
    chute: Chute
    warm: tuple[str, ...]


class Shop:
    """The handlers of the local routes."""

    def __init__(self, catalogue: Catalogue, shelf: Shelf, seen: Seen) -> None:
        self._catalogue = catalogue
        self._shelf = shelf
        self._seen = seen

    def routes(self) -> tuple[AnyLocalRoute, ...]:
        """All of them."""
        one = "/v1/chutes/{chute}"
        return (
            LocalRoute("GET", "/v1/chutes", self.list, ListRequest, reply=list[ChuteInfo], summary="All chutes."),
            LocalRoute("POST", "/v1/chutes", self.deploy, DeployRequest, "admin", Deployed, "Deploy a chute."),
            LocalRoute("POST", "/v1/chutes/blobs", self.upload, BlobRequest, "invoke", BlobReply, "Upload bytes."),
            LocalRoute("POST", "/v1/chutes/check", self.check, DeployRequest, "read", CheckReport, "Check a bundle."),
            LocalRoute("GET", one, self.show, OneRequest, reply=ChuteCard, summary="A chute with its definition."),
            LocalRoute("PUT", one, self.price, PriceRequest, "admin", ChuteInfo, "Recommend another price."),
            LocalRoute("DELETE", one, self.retire, OneRequest, "admin", ChuteInfo, "Withdraw a chute."),
            LocalRoute("GET", f"{one}/stats", self.stats, OneRequest, reply=ChuteStats, summary="What was seen of it."),
        )

    async def list(self, host: Host, request: ListRequest) -> list[ChuteInfo]:
        """The public chutes that fit, sorted; unlisted ones are found by their name only."""
        view = host.view()
        words = request.q.lower()
        found = [
            self._info(each, view)
            for each in self._catalogue.all(view)
            if each.chute.visibility == "public"
            and request.kind in (None, each.chute.kind)
            and words in f"{each.chute.name} {each.chute.about}".lower()
        ]
        keys: dict[Sort, Callable[[ChuteInfo], tuple[Any, ...]]] = {
            "name": lambda each: (each.name, each.id),
            "price": lambda each: (each.price_rao, each.name, each.id),
            "calls": lambda each: (-each.calls, each.name, each.id),
            "latency": lambda each: (each.p50_ms or 2**31, each.name, each.id),
        }
        return sorted(found, key=keys[request.sort])[:CHUTES_LISTED_MAX]

    async def show(self, host: Host, request: OneRequest) -> ChuteCard:
        """One chute. Raises NotFound, Gone."""
        view = host.view()
        listed = find(self._catalogue, view, request.chute)
        warm = tuple(to_ss58(miner) for miner in warm_miners(view, listed.id))
        return ChuteCard(info=self._info(listed, view), chute=listed.chute, warm=warm)

    async def stats(self, host: Host, request: OneRequest) -> ChuteStats:
        """What this node saw of it. Raises NotFound, Gone."""
        view, seen = host.view(), self._seen
        listed = find(self._catalogue, view, request.chute)
        judged = seen.judged.get(listed.id, ())
        rate = sum(passed for _, passed in judged) / len(judged) if judged else None
        earned = cost_rao(seen.units[listed.id], listed.price_rao)
        return ChuteStats(
            id=listed.id.hex(), name=listed.chute.name, instances=len(warm_miners(view, listed.id)),
            judged=len(judged), pass_rate=rate, p50_ms=seen.quantile_ms(listed.id, 0.5),
            p95_ms=seen.quantile_ms(listed.id, 0.95), served=seen.served[listed.id],
            served_units=seen.units[listed.id], asked=seen.asked[listed.id],
            creator_rao=creator_part_rao(earned, listed.chute.creator_share_percent),
        )  # fmt: skip

    async def upload(self, host: Host, request: BlobRequest) -> BlobReply:
        """Keep a content for others to fetch. Raises Unfit, TooLarge, MarketError without room."""
        if len(request.base64) > BLOB_UPLOAD_BYTES_MAX * 4 // 3 + 4:
            raise TooLarge(f"An upload has at most {BLOB_UPLOAD_BYTES_MAX} bytes.", param="base64")
        try:
            data = base64.b64decode(request.base64, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Unfit("base64: expected base64.", param="base64") from error
        kept = await host.blobs.put(data, BLOB_TYPE)
        return BlobReply(kept.sha256.hex(), kept.size)

    # --- what a creator does ----------------------------------------------------------------------------------------

    async def check(self, host: Host, request: DeployRequest) -> CheckReport:
        """Every rule that a bundle fails; fetches its files if need be. Never raises for what they hold."""
        chute = request.chute
        paths: dict[Role, Path] = {}
        failed = list(failed_rules(chute))
        for file in chute.files:
            try:
                paths[file.role] = await self._shelf.path(file, host, is_decoder=chute.is_text)
            except (ModelError, MarketError) as error:
                failed.append(f"files: the {file.role} cannot be had: {error}")
        report = await trio.to_thread.run_sync(partial(check_bundle, chute, paths))
        return msgspec.structs.replace(report, failed=tuple(dict.fromkeys((*failed, *report.failed))))

    async def deploy(self, host: Host, request: DeployRequest) -> Deployed:
        """Check a bundle, keep its files for others, and write it into the journal. Raises BadChute, Conflict."""
        report = await self.check(host, request)
        if report.failed:
            raise BadChute(report.failed)
        chute = request.chute
        if owner_of(chute) != host.hotkey:
            raise Conflict(f"The owner must be this node's hotkey, {to_ss58(host.hotkey)}.", param="owner")
        view = host.view()
        mine = [each for each in self._catalogue.all(view) if each.owner == host.hotkey and not each.is_house]
        left = CHUTES_PER_OWNER_MAX - len(mine)
        known = any(each.id == chute_id(chute) for each in mine)
        if not request.dry_run and not known:
            await self._give_files(chute, host)
            await host.journal.append(DEPLOY, encode(Deploy(canonical(chute))))
            left -= 1
        return Deployed(
            id=report.id, name=report.name, is_deployed=known or not request.dry_run, macs=report.macs,
            memory_mb=report.memory_mb, chutes_left=left,
        )  # fmt: skip

    async def _give_files(self, chute: Chute, host: Host) -> None:
        """Keep the files that no catalogue supplies, so that other nodes can fetch them from here."""
        for file in chute.files:
            if catalogue_name(file) is None and file.size <= FETCH_BYTES_MAX:
                path = await self._shelf.path(file, host, is_decoder=chute.is_text)
                await host.blobs.put(await trio.to_thread.run_sync(path.read_bytes), BLOB_TYPE)

    async def price(self, host: Host, request: PriceRequest) -> ChuteInfo:
        """Recommend another price for an own chute. Raises NotFound, Gone, Conflict."""
        listed = self._own(host, request.chute)
        await host.journal.append(PRICE, encode(SetPrice(listed.id, request.price_rao)))
        return msgspec.structs.replace(self._info(listed, host.view()), price_rao=request.price_rao)

    async def retire(self, host: Host, request: OneRequest) -> ChuteInfo:
        """Withdraw an own chute. Raises NotFound, Gone, Conflict."""
        listed = self._own(host, request.chute)
        info = self._info(listed, host.view())
        await host.journal.append(RETIRE, encode(Retire(listed.id)))
        return info

    def _own(self, host: Host, name: str) -> Listed:
        listed = find(self._catalogue, host.view(), name)
        if listed.owner != host.hotkey or listed.is_house:
            raise Conflict("The chute belongs to somebody else; only its owner can change it.", param="chute")
        return listed

    def _info(self, listed: Listed, view: View) -> ChuteInfo:
        chute = listed.chute
        return ChuteInfo(
            id=listed.id.hex(), name=chute.name, kind=chute.kind,
            owner="" if listed.is_house else to_ss58(listed.owner), version=chute.version, about=chute.about,
            licence=chute.licence, price_rao=listed.price_rao, creator_share_percent=chute.creator_share_percent,
            ram_mb=chute.needs.ram_mb, instances=len(warm_miners(view, listed.id)),
            demand=demand_of(view).get(listed.id, 0.0), calls=self._seen.asked[listed.id],
            p50_ms=self._seen.quantile_ms(listed.id, 0.5), is_house=listed.is_house,
        )  # fmt: skip
