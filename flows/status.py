"""``deepsport status``: what the workspace holds for a recipe, what was left out, and why."""

from __future__ import annotations

import json
import sys
from collections import Counter

from deepsport.records import Broadcast, ClipGroup, Drop, Lesson, Unit
from flows.lessons import CURRICULUM, EXPORT, GROUP, MEASURE, read_manifests
from flows.questions import GATE
from flows.questions import STEP as ANNOTATE
from flows.recipe import STAGES
from flows.session import Session
from flows.stage import EXIT_DONE, EXIT_QUARANTINED, QUARANTINE
from flows.stages import SOURCES, current_units
from flows.stages import STEP as INGEST

_STEPS = {
    "ingest": (SOURCES, INGEST),
    "annotate": (ANNOTATE, GATE),
    "curriculum": (GROUP, MEASURE, CURRICULUM),
    "export": (EXPORT,),
    "train": ("train", "evaluate"),
}
_NUM_NAMED = 20


def current_of(session: Session) -> dict[str, list[Unit]]:
    """The units of each stage that belong to the recipe and were not replaced."""
    catalog, recipe = session.workspace.catalog, session.recipe
    return {
        stage: [unit for step in _STEPS[stage] for unit in current_units(catalog, step, recipe.stage_hash(stage))]
        for stage in STAGES
    }


def show_status(session: Session, *, as_json: bool = False) -> int:
    """Prints the state; 3 when something is quarantined, else 0."""
    catalog = session.workspace.catalog
    units = current_of(session)
    drops = {stage: catalog.read(Drop, [unit.unit for unit in found]) for stage, found in units.items()}
    counts = {table: number for table, number in catalog.counts().items() if number}
    shards = {manifest.name: manifest.num_samples for manifest in read_manifests(session.workspace, session.recipe)}
    quarantined = [drop for found in drops.values() for drop in found if drop.reason in QUARANTINE]
    broadcasts = catalog.read(Broadcast, [unit.unit for unit in units["ingest"]])
    changed = [broadcast for broadcast in broadcasts if broadcast.replaces]
    code = EXIT_QUARANTINED if quarantined else EXIT_DONE
    if as_json:
        state = {
            "workspace": str(session.workspace.root),
            "recipe": session.recipe.name,
            "tables": counts,
            "stages": {
                stage: {
                    "units": len(found),
                    "records": sum(unit.num_records for unit in found),
                    "drops": _by_reason(drops[stage]),
                }
                for stage, found in units.items()
            },
            "clip_groups": _grouped(session, units),
            "shards": shards,
            "changed": [
                {"source_uri": now.source_uri, "broadcast_id": now.broadcast_id, "replaces": now.replaces} for now in changed
            ],
            "repairs": {b.source_uri: b.repairs for b in broadcasts if b.repairs},
            "quarantined": [{"item": drop.item, "reason": drop.reason, "detail": drop.detail} for drop in quarantined],
        }
        sys.stdout.write(json.dumps(state, indent=2, ensure_ascii=False) + "\n")
        return code
    _print_tables(session, units, drops, counts, shards, broadcasts)
    for now in changed[:_NUM_NAMED]:
        session.show(f"changed: {now.source_uri}: {now.broadcast_id} stands in place of {now.replaces}")
    for drop in quarantined[:_NUM_NAMED]:
        session.show(f"quarantined: {drop.reason}: {drop.line}")
    if len(quarantined) > _NUM_NAMED:
        session.show(f"… and {len(quarantined) - _NUM_NAMED} more; `deepsport status --json` has all")
    return code


def _grouped(session: Session, units: dict[str, list[Unit]]) -> dict[str, int]:
    """Of the newest look for clips that show the same: groups, clips in them, and groups that tie broadcasts together."""
    ingested = {unit.unit for unit in units["ingest"]}
    looks = [unit for unit in units["curriculum"] if unit.step == GROUP and ingested.issuperset(unit.inputs)]
    newest = max(looks, key=lambda unit: len(unit.inputs), default=None)
    groups = [] if newest is None else session.workspace.catalog.read(ClipGroup, [newest.unit])
    return {
        "groups": len(groups),
        "clips": sum(len(group.clip_ids) for group in groups),
        "across_broadcasts": sum(len(group.broadcast_ids) > 1 for group in groups),
    }


def _by_reason(drops: list[Drop]) -> dict[str, int]:
    return {f"{drop_step}/{reason}": n for (drop_step, reason), n in sorted(Counter((d.step, d.reason) for d in drops).items())}


def _print_tables(
    session: Session,
    units: dict[str, list[Unit]],
    drops: dict[str, list[Drop]],
    counts: dict[str, int],
    shards: dict[str, int],
    broadcasts: list[Broadcast],
) -> None:
    from rich.markup import escape
    from rich.table import Table

    catalog, recipe = session.workspace.catalog, session.recipe
    session.show(f"{session.workspace.root}, recipe {recipe.name}")
    table = Table("stage", "units", "records", "left out", box=None, header_style="dim", pad_edge=False)
    for column in table.columns[1:3]:
        column.justify = "right"
    for stage, found in units.items():
        reasons = ", ".join(f"{reason} {count}" for reason, count in Counter(d.reason for d in drops[stage]).most_common())
        table.add_row(stage, str(len(found)), f"{sum(unit.num_records for unit in found):,}", escape(reasons) or "–")
    session.show(table)
    sports = ", ".join(f"{sport} {count}" for sport, count in Counter(b.sport for b in broadcasts).most_common())
    hours = sum(broadcast.duration_s for broadcast in broadcasts) / 3600
    session.show(f"broadcasts: {len(broadcasts)} ({hours:.2f} h){': ' + sports if sports else ''}")
    mended = sum(bool(broadcast.repairs) for broadcast in broadcasts)
    if mended:
        session.show(f"put right on the way in: {mended} (`deepsport status --json` says what)")
    same = _grouped(session, units)
    if same["groups"]:
        session.show(
            f"clips that show the same: {same['clips']} in {same['groups']} groups, "
            f"{same['across_broadcasts']} of them across broadcasts"
        )
    newest = [unit.unit for unit in units["curriculum"] if unit.step == CURRICULUM]
    lessons = catalog.read(Lesson, newest[-1:])
    if lessons:
        cells = Counter((lesson.split, lesson.band) for lesson in lessons)
        session.show("lessons: " + ", ".join(f"{split} {band} {count}" for (split, band), count in sorted(cells.items())))
    if shards:
        session.show("shards: " + ", ".join(f"{name} {count}" for name, count in shards.items()))
    session.show("all tables: " + (", ".join(f"{table} {number:,}" for table, number in counts.items()) or "empty"))
