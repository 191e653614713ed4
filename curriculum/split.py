"""Splits are by broadcast: all questions of one video lie in one split, and held-out sports are never trained on.

Broadcasts that show the same in some clips (see duplicates.py) lie in one split too, the most guarded of theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from deepsport.errors import RecipeError
from deepsport.ids import digest
from deepsport.records import Broadcast, ClipGroup
from deepsport.taxonomy import Split, Sport

log = logging.getLogger(__name__)


class SplitConfig(BaseModel):
    """Who is held out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    transfer_sports: tuple[Sport, ...] = (Sport.VOLLEYBALL,)
    """Sports that are never trained on."""
    test_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of the broadcasts of every other sport that is held out."""
    test_broadcasts: tuple[str, ...] = ()
    """Broadcasts to hold out, by id or title; they and no others, unless none of them is there: then the share decides."""
    seed: int = 0


def assign_splits(
    broadcasts: Sequence[Broadcast], config: SplitConfig, groups: Sequence[ClipGroup] = ()
) -> dict[str, Split]:
    """The split of each broadcast, by id; the same for the same broadcast whatever others there are, but for its copies.

    A broadcast is held out when its hash falls into the share, so one that was once trained on is not tested on when others
    join. Of few broadcasts of a sport none or all may fall there: then the one with the lowest hash is held out, or the one with
    the highest is not; a sport's only broadcast is trained on. Broadcasts that share a group of clips are drawn as one; where one
    of them is of a transfer sport or held out by name, all are.

    A recipe may name broadcasts of another data set, as ``tiny`` names the demo's: where none of them is, the share decides.

    Raises: RecipeError when some of test_broadcasts exist and others do not.
    """
    known = {name for b in broadcasts for name in (b.broadcast_id, b.title)}
    unknown = [name for name in config.test_broadcasts if name not in known]
    named = set(config.test_broadcasts)
    if unknown and not named & known:
        log.warning(
            "none of the recipe's test_broadcasts is here (%s): %.0f %% of each sport are held out",
            ", ".join(unknown),
            100 * config.test_share,
        )
        named = set()
    elif unknown:
        raise RecipeError(f"test_broadcasts: no broadcast is called {', '.join(unknown)}; take ids or titles from the catalog")
    family = _families(broadcasts, groups)
    splits: dict[str, Split] = {}
    by_sport: dict[Sport, set[str]] = {}
    for first, members in family.items():
        names = {name for member in members for name in (member.broadcast_id, member.title)}
        if not {member.sport for member in members}.isdisjoint(config.transfer_sports):
            splits[first] = Split.TRANSFER
        elif named:
            splits[first] = Split.TRAIN if named.isdisjoint(names) else Split.TEST
        else:
            by_sport.setdefault(members[0].sport, set()).add(first)
    for ids in by_sport.values():
        ranked = sorted((_hash_share(config.seed, broadcast_id), broadcast_id) for broadcast_id in ids)
        num_held_out = sum(share < config.test_share for share, _ in ranked)
        least = 1 if len(ranked) > 1 and config.test_share > 0 else 0
        held_out = {broadcast_id for _, broadcast_id in ranked[:min(max(num_held_out, least), len(ranked) - 1)]}
        splits.update((broadcast_id, Split.TEST if broadcast_id in held_out else Split.TRAIN) for broadcast_id in ids)
    return {member.broadcast_id: splits[first] for first, members in family.items() for member in members}


def _families(broadcasts: Sequence[Broadcast], groups: Sequence[ClipGroup]) -> dict[str, list[Broadcast]]:
    """Broadcasts that are tied by groups of clips, under the lowest of their ids."""
    first = {broadcast.broadcast_id: broadcast.broadcast_id for broadcast in broadcasts}
    for group in groups:
        tied = {first[broadcast_id] for broadcast_id in group.broadcast_ids if broadcast_id in first}
        if len(tied) > 1:
            lowest = min(tied)
            first = {broadcast_id: lowest if of in tied else of for broadcast_id, of in first.items()}
    families: dict[str, list[Broadcast]] = {}
    for broadcast in sorted(broadcasts, key=lambda broadcast: broadcast.broadcast_id):
        families.setdefault(first[broadcast.broadcast_id], []).append(broadcast)
    return families


def _hash_share(seed: int, broadcast_id: str) -> float:
    """A number in [0, 1) that belongs to the broadcast."""
    return int(digest("split", seed, broadcast_id, length=12), 16) / 16**12
