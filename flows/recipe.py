"""Recipes: all settings of a run in one TOML file, and the hash that says which results they belong to.

``recipes/tiny.toml`` runs on two CPU cores in minutes, ``recipes/qwen2.5-vl-7b.toml`` holds the paper's values. A stage's hash
covers its own settings, the seed, the version of its code and the hash of the stage before it: change one, and this stage and
all after it are made anew while all before it are kept. Where things lie and with whom we talk is not here but in
deepsport/settings.py; no result depends on it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from annotate.blind import BlindConfig
from annotate.distill import DistillConfig
from annotate.templates import TemplateConfig
from curriculum.difficulty import DifficultyConfig
from curriculum.duplicates import DuplicateConfig
from curriculum.schedule import ScheduleConfig
from curriculum.split import SplitConfig
from deepsport.agent.environment import EpisodeConfig
from deepsport.errors import RecipeError, first_complaint
from deepsport.ids import digest
from deepsport.taxonomy import Sport
from export.shards import ShardConfig
from flows.perception import PerceptionConfig
from ingest.broadcast import IngestConfig
from ingest.simulator.schedule import SimulatorConfig
from train.config import GRPOConfig, PretrainConfig, SFTConfig

STAGES = ("ingest", "annotate", "curriculum", "export", "train")
"""Stages with a hash, in order. The base model stands beside them: difficulty is measured with it, so it counts to curriculum."""

STEP_VERSIONS = {"ingest": 3, "annotate": 3, "base": 3, "curriculum": 1, "export": 2, "train": 3}
"""Raised when a stage's code gives other results for the same settings, so that old units are not taken for new ones."""


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class SimulateSettings(_Settings):
    """Which broadcasts ``deepsport demo`` makes for itself."""

    broadcasts: dict[Sport, int] = Field(default_factory=lambda: {Sport.SOCCER: 4, Sport.TENNIS: 4, Sport.VOLLEYBALL: 2})
    """How many broadcasts of each sport."""
    duration_s: float = Field(default=90.0, gt=0)
    """Length of each."""
    first_seed: int = Field(default=0, ge=0)
    """Seed of the first; the others follow."""
    simulator: SimulatorConfig = Field(default_factory=SimulatorConfig)
    """How they look and sound."""


class TeacherSettings(_Settings):
    """What the language model of ``DEEPSPORT_TEACHER_BASE_URL`` does. With all of it off no server is needed."""

    words: bool = False
    """It words the questions; their keys stay as the rules prove them."""
    plays: bool = False
    """It plays the episodes to learn from, in place of the scripted teacher."""
    judges: bool = False
    """It judges the reasoning of the episodes."""
    budget_tokens: int | None = Field(default=None, ge=1)
    """Tokens that one broadcast may cost; none means no limit."""
    timeout_s: float = Field(default=120.0, gt=0)
    """How long one completion may take."""

    @property
    def needed(self) -> bool:
        """Whether a server is asked at all."""
        return self.words or self.plays or self.judges


class AnnotateSettings(_Settings):
    """How questions are asked and proved."""

    templates: TemplateConfig = Field(default_factory=TemplateConfig)
    """What is asked."""
    blind: BlindConfig = Field(default_factory=BlindConfig)
    """When a question gives itself away."""
    distill: DistillConfig = Field(default_factory=DistillConfig)
    """How the teacher plays; ``episode`` in it is the budget of all episodes of the run, the trained model's too."""
    teacher: TeacherSettings = Field(default_factory=TeacherSettings)
    """What a language model does, if any."""


class BaseSettings(_Settings):
    """The model that training starts from, and that difficulty is measured with."""

    checkpoint: str | None = None
    """Folder or hub id of a Qwen2.5-VL or Qwen3-VL; none means that a tiny one is built and taught to see."""
    perception: PerceptionConfig = Field(default_factory=PerceptionConfig)
    """What the tiny one learns to see on."""
    pretrain: PretrainConfig = Field(default_factory=PretrainConfig)
    """How."""
    frame_width: int = Field(default=64, ge=16)
    """Pixels across at which the model is shown frames."""
    frame_height: int = Field(default=64, ge=16)
    """Pixels down."""
    instructions: bool = False
    """Whether the protocol is explained in each prompt; a model from outside needs it."""

    @property
    def frame_size(self) -> tuple[int, int]:
        """Width and height of a frame."""
        return self.frame_width, self.frame_height


class CurriculumSettings(_Settings):
    """How questions become lessons."""

    difficulty: DifficultyConfig = Field(default_factory=DifficultyConfig)
    """What counts as passed."""
    num_rollouts: int = Field(default=4, ge=1)
    """Attempts of the base model at each question under each budget."""
    temperature: float = Field(default=1.0, ge=0)
    """How freely it samples them; 0 is greedy, and then one attempt says all."""
    batch_size: int = Field(default=64, ge=1)
    """Attempts that are played at once."""
    schedule: ScheduleConfig = Field(default_factory=ScheduleConfig)
    """Bands and order."""
    duplicates: DuplicateConfig = Field(default_factory=DuplicateConfig)
    """When clips count as the same."""
    split: SplitConfig = Field(default_factory=SplitConfig)
    """Who is held out."""


class TrainSettings(_Settings):
    """Training and measuring."""

    sft: SFTConfig = Field(default_factory=SFTConfig)
    """Cold start on trajectories."""
    longer_sft: SFTConfig | None = None
    """A second, longer SFT from the same start, as long as SFT and GRPO together: what the same compute would give without RL."""
    grpo: GRPOConfig = Field(default_factory=GRPOConfig)
    """Agentic RL, from the end of ``sft``."""
    max_batch: int = Field(default=64, ge=1)
    """Most sequences in one forward pass."""
    max_new_tokens: int = Field(default=128, ge=8)
    """Tokens of one turn when the model is measured."""


class ExportSettings(_Settings):
    """How lessons become shards."""

    shards: ShardConfig = Field(default_factory=ShardConfig)
    """How large a shard may grow."""
    licences: tuple[str, ...] = ()
    """Only broadcasts under these licences go into shards; empty: all that may be exported."""
    clip_width: int = Field(default=640, ge=32, le=1920, multiple_of=2)
    """Pixels across of the clips in the shards."""
    clip_height: int = Field(default=360, ge=32, le=1080, multiple_of=2)
    """Pixels down."""
    gop: int = Field(default=10, ge=1)
    """Frames between key frames: small means quick access, large means small files."""


class Recipe(_Settings):
    """All settings of a run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$")
    """What the run is called in reports."""
    description: str = ""
    """One line on what it is for."""
    seed: int = 0
    """Seed of everything that draws lots."""
    max_failure_share: float = Field(default=0.5, ge=0, le=1)
    """A stage fails when more than this share of its items do; fewer are quarantined and the rest goes on."""
    simulate: SimulateSettings = Field(default_factory=SimulateSettings)
    """The broadcasts that the demo makes for itself."""
    ingest: IngestConfig = Field(default_factory=IngestConfig)
    """Broadcasts to shots, transcript, clips and events."""
    annotate: AnnotateSettings = Field(default_factory=AnnotateSettings)
    """Clips to questions and trajectories."""
    base: BaseSettings = Field(default_factory=BaseSettings)
    """The model that training starts from."""
    curriculum: CurriculumSettings = Field(default_factory=CurriculumSettings)
    """Questions to lessons."""
    export: ExportSettings = Field(default_factory=ExportSettings)
    """Lessons to shards."""
    train: TrainSettings = Field(default_factory=TrainSettings)
    """Shards to checkpoints."""

    @property
    def episode(self) -> EpisodeConfig:
        """The budget of every episode of the run."""
        return self.annotate.distill.episode

    def stage_hash(self, stage: str) -> str:
        """Hash of the stage's settings, the seed, its code's version, and of all stages before it.

        Raises: ValueError for a stage that has none.
        """
        if stage not in STAGES:
            raise ValueError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
        chained = ""
        for name in STAGES[: STAGES.index(stage) + 1]:
            # Ingest draws no lots: another seed must not cost another ingest.
            seed = None if name == "ingest" else self.seed
            beside = self.base_hash if name == "curriculum" else ""
            chained = digest(chained, beside, name, STEP_VERSIONS[name], seed, getattr(self, name))
        return chained

    @property
    def base_hash(self) -> str:
        """Hash of what the base model is made from; it knows nothing of the broadcasts."""
        return digest("base", STEP_VERSIONS["base"], self.seed, self.base, self.annotate.templates, self.episode)

    @property
    def recipe_hash(self) -> str:
        """Hash of everything that decides the results."""
        return digest(self.stage_hash(STAGES[-1]), self.simulate)


def recipe_names() -> list[str]:
    """Names of the recipes that come with DeepSport."""
    folder = resources.files("recipes")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name_or_path: str = "tiny", overrides: Sequence[str] = ()) -> Recipe:
    """The recipe of that name, or in that file; ``overrides`` are ``table.key=value`` with a TOML value.

    Raises: RecipeError when there is none, when it is not TOML, or when a key or value is not one of ours.
    """
    where, text = _find(name_or_path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{where}: not TOML: {error}") from None
    for override in overrides:
        _apply(table, override)
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        raise RecipeError(f"{where}: {_explain(error)}") from None


def _find(name_or_path: str) -> tuple[str, str]:
    path = Path(name_or_path)
    if path.suffix == ".toml" or path.parent != Path():
        try:
            return str(path), path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise RecipeError(f"{path}: no such recipe file") from None
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"{path}: cannot be read as text ({error})") from None
    entry = resources.files("recipes") / f"{name_or_path}.toml"
    if not entry.is_file():
        raise RecipeError(f"no recipe {name_or_path!r}; there are {', '.join(recipe_names())}, or give a path to a .toml file")
    return f"recipe {name_or_path}", entry.read_text(encoding="utf-8")


def _apply(table: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {override}: write table.key=value, e.g. --set annotate.templates.num_options=3")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()  # a bare word is a string
    *tables, last = key.strip().split(".")
    inner = table
    for name in tables:
        inner = inner.setdefault(name, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {override}: {name!r} is a value, not a table")
    inner[last] = parsed


def _explain(error: ValidationError) -> str:
    """The first fault, with its key and what would be right."""
    fault = error.errors()[0]
    location = [str(part) for part in fault["loc"]]
    key = ".".join(location)
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if fault["type"] == "extra_forbidden":
        known = _keys_at(Recipe, location[:-1])
        near = difflib.get_close_matches(location[-1], known, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return f"unknown key {key!r}; {remedy}{more}"
    if fault["type"] == "missing":
        return f"{key!r} is missing{more}"
    return f"{key} = {fault['input']!r}: {first_complaint(error)}{more}"


def _keys_at(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for name in path:
        annotation = model.model_fields[name].annotation if name in model.model_fields else None
        candidates = [annotation, *get_args(annotation)]
        nested = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not nested:
            return []
        model = nested[0]
    return list(model.model_fields)
