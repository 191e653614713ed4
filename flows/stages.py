"""The ingest stage: sources to broadcasts, shots, utterances, events and clips; a unit a source.

A unit is named by what went in: the bytes of film and feed, and what the manifest says of them; for a URL its address and the
version that its host states. The same bytes are not ingested twice, wherever they lie. When a manifest says something else of a
film (another sport, another licence), or the film itself changes, its new unit *replaces* the old one: the old one's rows stay
where they are and are no longer read (``current_units``). The stages after it are in questions.py (annotate), lessons.py
(curriculum, export) and learning.py (train, evaluate, report).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from deepsport.catalog import Catalog
from deepsport.engine import failure_of, map_items
from deepsport.errors import MediaError, UserError
from deepsport.files import disk_fault
from deepsport.ids import digest, make_id, sha256_file, unit_id
from deepsport.records import Broadcast, Clip, ClockFit, Drop, Event, Fingerprint, Record, Shot, Unit, Utterance
from deepsport.settings import Settings
from deepsport.taxonomy import DropReason, Sport
from deepsport.video import MissingMedia, is_cut_short
from flows.hashes import FileHashes
from flows.ingest_job import Job, ingest_source
from flows.progress import OnOutcome, Reporter, ignore
from flows.recipe import Recipe
from flows.stage import StageResult, made_by, timed
from flows.workspace import Workspace
from ingest.broadcast import Ingested
from ingest.fetch import UnreachableMedia, public_url, version_of
from ingest.probe import drop_of, quarantine
from ingest.search import find_sources
from ingest.sources import MEDIA_SUFFIXES, Source, absolute, drop_duplicates, is_url

log = logging.getLogger(__name__)

STEP = "ingest"
SOURCES = "find_sources"
_REPLACES = "replaces "
_SAID = "said "
"""What was said of a film that could not be used, for when it can."""
_PASSING = frozenset({DropReason.UNREACHABLE_MEDIA, DropReason.CHANGED_MEDIA})
_NUM_ASKED_AT_ONCE = 8


def with_settings(recipe: Recipe, settings: Settings) -> Recipe:
    """The recipe as it runs here: a speech model that the settings name takes the place of the recipe's, hash included."""
    if settings.whisper_model is None:
        return recipe
    speech = recipe.ingest.speech.model_copy(update={"model": settings.whisper_model})
    return recipe.model_copy(update={"ingest": recipe.ingest.model_copy(update={"speech": speech})})


def current_units(catalog: Catalog, step: str, stage_hash: str | None = None) -> list[Unit]:
    """The finished units of a step that no other has replaced."""
    units = catalog.units(step, stage_hash)
    replaced = {given.removeprefix(_REPLACES) for unit in units for given in unit.inputs if given.startswith(_REPLACES)}
    return [unit for unit in units if unit.unit not in replaced]


def run_ingest(
    workspace: Workspace,
    recipe: Recipe,
    places: Sequence[str | Path],
    *,
    sport: Sport = Sport.OTHER,
    workers: int = 1,
    cluster: str | None = None,
    reporter: Reporter = ignore,
) -> StageResult:
    """Ingests every source in these files, folders, manifests and URLs that was not ingested before.

    Raises: UserError when a place does not exist or a setting cannot be used; StageFailed.
    """
    result = StageResult(STEP)
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(STEP)
    with timed(result):
        found = find_sources(places, sport)
        workspace.make()
        hashes = FileHashes(workspace.root / "hashes.json")
        unique = drop_duplicates(found.items, hashes.sha256)
        drops = [*found.drops, *unique.drops]
        result.num_items = len(unique.items) + len(found.drops)
        if not result.num_items:
            suffixes = " ".join(sorted(MEDIA_SUFFIXES))
            log.warning("no films in %s; folders are searched for %s", ", ".join(map(str, places)), suffixes)
        result.num_bad_items = len(found.drops)
        jobs, done, gone, shut = _plan(workspace, recipe, unique.items, hashes.sha256)
        hashes.save()
        done += [_shut(catalog, stage_hash, name, source) for name, source in shut]
        on_result = OnOutcome(reporter)
        for outcome in map_items(ingest_source, jobs, workers=workers, cluster=cluster, label=STEP, on_result=on_result):
            job = outcome.item
            if outcome.error is not None:
                if outcome.error.error_type in ("UserError", "RecipeError"):
                    raise UserError(outcome.error.message)  # not the item's fault: no other would fare better
                result.fail(job.source.uri, outcome.error)
                continue
            try:
                result.num_new += _commit(catalog, job, stage_hash, outcome.value)
            except OSError as error:
                if not disk_fault(error):
                    raise
                result.fail(job.source.uri, failure_of(error))
                continue
            done.append(job.unit)
        done.append(_note_drops(catalog, stage_hash, places, [*drops, *gone], result))
        units = {unit.unit: unit for step in (STEP, SOURCES) for unit in catalog.units(step, stage_hash)}
        for name in dict.fromkeys(done):
            if name in units:
                left_out = catalog.read(Drop, [name])
                result.count(units[name].num_records, left_out)
                is_copy = {drop.reason for drop in left_out} == {DropReason.DUPLICATE_MEDIA}
                result.num_bad_items += units[name].step == STEP and not units[name].num_records and not is_copy
    result.check(recipe.max_failure_share)
    return result


def _commit(catalog: Catalog, job: Job, stage_hash: str, made: Ingested | Drop) -> bool:
    inputs = job.inputs
    if isinstance(made, Drop):
        said = job.source.model_dump_json(exclude={"addresses"}, exclude_defaults=True)
        return catalog.commit(job.unit, STEP, stage_hash, (*inputs, f"{_SAID}{said}"), {}, [made])
    twin = _unit_of_broadcast(catalog, stage_hash).get(made.broadcast.broadcast_id)
    if twin not in (None, job.unit) and f"{_REPLACES}{twin}" not in inputs:
        # Only a URL comes this far: nobody knew its bytes before.
        if made.broadcast.exportable or not catalog.read(Broadcast, [str(twin)])[0].exportable:
            copy = drop_of(STEP, job.source.uri, DropReason.DUPLICATE_MEDIA, f"the same bytes as {made.broadcast.broadcast_id}")
            return catalog.commit(job.unit, STEP, stage_hash, inputs, {}, [copy])
        inputs = (*inputs, f"{_REPLACES}{twin}")  # for the copy is kept in, and so the film is
    replaces = job.replaces if job.replaces != made.broadcast.broadcast_id else None
    records: dict[type[Record], Sequence[Record]] = {
        Broadcast: [made.broadcast.model_copy(update={"replaces": replaces})],
        Shot: made.shots,
        Utterance: made.utterances,
        Event: made.events,
        ClockFit: made.clock_fits,
        Clip: made.clips,
        Fingerprint: [made.fingerprint],
    }
    return catalog.commit(job.unit, STEP, stage_hash, inputs, records, made.drops)


def _shut(catalog: Catalog, stage_hash: str, name: str, source: Source) -> str:
    """The unit that takes the place of a film's which cannot be had at present, but is now said to be kept in."""
    inputs = (digest("shut", name), f"source {source.uri}", f"{_REPLACES}{name}")
    records: dict[type[Record], Sequence[Record]] = {
        kind: catalog.read(kind, [name]) for kind in (Shot, Utterance, Event, ClockFit, Clip, Fingerprint)
    }
    said = {"licence": source.licence, "rights": source.rights}
    said = {field: words for field, words in said.items() if words not in ("", "unknown")}
    (broadcast,) = catalog.read(Broadcast, [name])
    records[Broadcast] = [broadcast.model_copy(update={"exportable": False, **said})]
    unit = unit_id(STEP, stage_hash, inputs)
    catalog.commit(unit, STEP, stage_hash, inputs, records, catalog.read(Drop, [name]))
    return unit


def _unit_of_broadcast(catalog: Catalog, stage_hash: str) -> dict[str, str]:
    """The current unit of each broadcast, by id."""
    units = [unit.unit for unit in current_units(catalog, STEP, stage_hash) if unit.num_records]
    return {broadcast.broadcast_id: unit for unit in units for broadcast in catalog.read(Broadcast, [unit])}


class _Plan(NamedTuple):
    jobs: list[Job]
    done: list[str]
    """Units that are done."""
    gone: list[Drop]
    """For copies of what is done, and for what cannot be had any more."""
    shut: list[tuple[str, Source]]
    """Units of films that cannot be had, with what is now said of them: that they are kept in."""


def _plan(
    workspace: Workspace, recipe: Recipe, sources: Sequence[Source], sha256_of: Callable[[Path], str]
) -> _Plan:
    """What is to be done about these sources."""
    catalog, stage_hash = workspace.catalog, recipe.stage_hash(STEP)
    made = made_by(STEP, stage_hash)
    current = current_units(catalog, STEP, stage_hash)
    by_identity = {unit.inputs[0]: unit for unit in current}
    by_label: dict[str, list[Unit]] = {}
    for unit in current:
        by_label.setdefault(unit.inputs[1], []).append(unit)
    broadcasts = {unit.unit: catalog.read(Broadcast, [unit.unit])[0] for unit in current if unit.num_records}
    by_broadcast = {broadcast.broadcast_id: unit for unit, broadcast in broadcasts.items()}
    ever: dict[str, list[Broadcast]] = {}
    """By id and by place, those of other recipes too, and those that others have replaced."""
    for broadcast in catalog.read(Broadcast):
        for key in (broadcast.broadcast_id, broadcast.source_uri):
            ever.setdefault(key, []).append(broadcast)
    looks = _look(sources, sha256_of)
    here = {make_id("broadcast", look) for look in looks if isinstance(look, str)}
    jobs, done, gone, shut = plan = _Plan([], [], [], [])

    def keep(names: Sequence[str], source: Source, error: MediaError) -> None:
        gone.append(quarantine(source.uri, error, SOURCES))
        for name in names:
            if broadcasts[name].exportable and not source.may_leave:
                shut.append((name, source))
            else:
                done.append(name)

    for source, look in zip(sources, looks, strict=True):
        label = f"source {source.uri}"
        before_it = by_label.get(label, [])
        # What lay there before, unless it was only moved: its bytes are then another source's of this run.
        old = [unit.unit for unit in before_it if unit.unit not in broadcasts or broadcasts[unit.unit].broadcast_id not in here]
        known = [name for name in old if name in broadcasts]
        if isinstance(look, MediaError) and known:  # gone or out of reach: what was ingested of it is kept
            keep(known, source, look)
            continue
        said = "" if isinstance(look, MediaError) else look
        twin = None if source.is_remote else by_broadcast.get(make_id("broadcast", said))
        ingested = [twin] if twin else known
        told = [broadcasts[name] for name in ingested]
        if not told:
            told = ever.get(make_id("broadcast", said)) or ever.get(source.uri, [])
        for film in told:
            source = _completed(source, film)
        for given in (given for unit in before_it for given in unit.inputs if given.startswith(_SAID)):
            source = source.completed(Source.model_validate_json(given.removeprefix(_SAID)))
        feed = _look_at_feed(source)
        if isinstance(feed, MediaError) and ingested:
            keep(ingested, source, feed)
            continue
        identity = _identity(source, said, str(source.feed) if isinstance(feed, MediaError) else feed)
        fault = next((seen for seen in (look, feed) if isinstance(seen, MediaError)), None)
        before = by_identity.get(identity)
        if before is not None and not _may_pass(catalog, before):
            done.append(before.unit)
            first = broadcasts.get(before.unit)
            if first is not None and first.source_uri != source.uri and _holds(Path(first.source_uri), said, sha256_of):
                detail = f"the same bytes as {first.source_uri}"
                gone.append(drop_of(SOURCES, source.uri, DropReason.DUPLICATE_MEDIA, detail))
            elif first is not None and _proxy_is_lost(workspace, first):
                # The rows stand, the proxy is made anew.
                jobs.append(Job(workspace, recipe.ingest, made, source, before.unit, tuple(before.inputs)))
            continue
        inputs = (identity, label, *sorted(f"{_REPLACES}{unit}" for unit in {twin, *old} - {None}))
        jobs.append(
            Job(
                workspace,
                recipe.ingest,
                made,
                source,
                unit_id(STEP, stage_hash, inputs),
                inputs,
                replaces=next((broadcasts[name].broadcast_id for name in known if name != twin), None),
                drop=None if fault is None else quarantine(source.uri, fault),
            )
        )
    return plan


def _look(sources: Sequence[Source], sha256_of: Callable[[Path], str]) -> list[str | MediaError]:
    """Of each source its sha256, for a URL its version, or the error that hides it."""

    def look(source: Source) -> str | MediaError:
        if not source.is_remote:
            try:
                if not Path(source.uri).is_file():
                    return MissingMedia(f"{source.uri}: no such file; mend the path")
                return sha256_of(Path(source.uri))
            except OSError as error:
                return UnreachableMedia(f"{source.uri}: cannot be read ({error.strerror}); check its rights and its disk")
        try:
            return version_of(source.address(source.uri))
        except MediaError as error:
            return error

    remote = [source for source in sources if source.is_remote]
    with ThreadPoolExecutor(_NUM_ASKED_AT_ONCE) as pool:
        asked = iter(list(pool.map(look, remote)))
    return [next(asked) if source.is_remote else look(source) for source in sources]


def _proxy_is_lost(workspace: Workspace, broadcast: Broadcast) -> bool:
    """Gone, or cut short as a copy that broke off is."""
    return not workspace.store.exists(broadcast.proxy_key) or is_cut_short(workspace.store.path(broadcast.proxy_key))


def _may_pass(catalog: Catalog, unit: Unit) -> bool:
    """Whether a unit was set aside for a fault that may have passed by now."""
    return not unit.num_records and any(drop.reason in _PASSING for drop in catalog.read(Drop, [unit.unit]))


def _holds(path: Path, sha256: str, sha256_of: Callable[[Path], str]) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def _completed(source: Source, known: Broadcast) -> Source:
    """The source with what it does not say itself taken from the film as it was ingested before.

    A folder says nothing of sport and licence; that must not make it forgotten what a manifest said.
    """
    told = Source(
        uri=known.source_uri,
        sport=known.sport,
        title=known.title,
        licence=known.licence,
        rights=known.rights,
        feed=known.feed_uri if known.feed_uri is not None and _is_there(known.feed_uri) else None,
        simulated=known.simulated,
    )
    # What was kept in stays in. What may leave against licence and rights does so because somebody said so.
    said = False if not known.exportable else None if told.may_leave else True
    return source.completed(told.model_copy(update={"exportable": said}))


def _is_there(place: str) -> bool:
    """Whether a feed that was known before may be counted on; of a URL its host is asked later."""
    return is_url(place) or Path(place).is_file()


def _look_at_feed(source: Source) -> str | MediaError:
    """The sha256 of a source's feed, for a URL its address and version; empty without one; or the error that hides it."""
    if source.feed is None:
        return ""
    try:
        if is_url(source.feed):
            return f"{source.feed} {version_of(source.address(source.feed))}"
        return sha256_file(Path(source.feed))
    except MediaError as error:
        return error


def _identity(source: Source, look: str, feed: str) -> str:
    """What makes a source the same as one before: its bytes (for a URL its address and version), its feed, what is said of it."""
    what = look if look and not source.is_remote else f"{source.uri} {look}".rstrip()
    stem = Path(source.uri).stem
    title = "" if source.title == stem else source.title  # a renamed copy is the same film
    said = (source.sport, title, source.licence, source.rights, source.may_leave, source.simulated)
    return digest(what, feed, *said, length=32)


def _note_drops(
    catalog: Catalog, stage_hash: str, places: Sequence[str | Path], drops: Sequence[Drop], result: StageResult
) -> str:
    """Keeps what was dropped before ingest (manifest rows, copies), in place of what an earlier look at these places dropped."""
    label = f"places {digest(sorted(str(absolute(public_url(str(place)))) for place in places))}"
    identity = digest(sorted(drop.drop_id for drop in drops))
    before = [unit for unit in current_units(catalog, SOURCES, stage_hash) if unit.inputs[0] == label]
    if not drops and not before:
        return ""
    if before and before[-1].inputs[1] == identity:
        return before[-1].unit
    inputs = (label, identity, *(f"{_REPLACES}{unit.unit}" for unit in before))
    name = unit_id(SOURCES, stage_hash, inputs)
    result.num_new += catalog.commit(name, SOURCES, stage_hash, inputs, {}, drops)
    return name
