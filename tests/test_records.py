"""What every record type has in common."""

import inspect

import pytest
from pydantic import ValidationError

from deepsport import records
from deepsport.columns import schema_of
from deepsport.records import TABLES, Made, PassRate, Record, SpokenWord, Trajectory, Turn
from deepsport.taxonomy import DIMENSION_OF, KIND_OF, Budget, FormatErrorKind, StopReason, Task
from deepsport.timebase import FrameWindow


def test_every_record_type_has_a_table_or_is_part_of_one() -> None:
    types = {t for _, t in inspect.getmembers(records, inspect.isclass) if issubclass(t, Record) and t is not Record}
    assert types - set(TABLES) == {Made, SpokenWord, Turn}
    assert len(set(TABLES.values())) == len(TABLES)


@pytest.mark.parametrize("record_type", TABLES, ids=TABLES.values())
def test_first_field_is_the_key_and_all_fields_have_columns(record_type: type[Record]) -> None:
    names = list(record_type.model_fields)
    assert names[0] == "unit" or names[0].endswith("_id")
    assert schema_of(record_type).names == names


@pytest.mark.parametrize("record_type", TABLES, ids=TABLES.values())
def test_records_are_frozen_and_closed(record_type: type[Record]) -> None:
    assert record_type.model_config.get("frozen") and record_type.model_config.get("extra") == "forbid"


def test_record_refuses_change_and_unknown_fields() -> None:
    made = Made(step="ingest")
    with pytest.raises(ValidationError, match="frozen"):
        made.step = "ask"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Made(step="ingest", colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize("record_type", TABLES, ids=TABLES.values())
def test_records_hold_no_free_form_dicts(record_type: type[Record]) -> None:
    assert "dict[" not in " ".join(str(field.annotation) for field in record_type.model_fields.values())


def test_trajectory_knows_what_it_saw() -> None:
    look = Turn(text="…", window=FrameWindow(idx_start=4, idx_end=9), frame_indices=(4, 9))
    wrong = Turn(text="…", error=FormatErrorKind.BAD_CALL)
    fields = {"trajectory_id": "t", "question_id": "q", "clip_id": "c", "policy": "p", "initial_frames": (0, 9)}

    def play(*turns: Turn, stop: StopReason = StopReason.ANSWERED) -> Trajectory:
        return Trajectory(**fields, turns=turns, stop=stop, answer="goal", accuracy=1)  # type: ignore[arg-type]

    assert play(look, Turn(text="…")).seen_frames == (0, 9, 4, 9)
    assert (play(look).used_tool, play(Turn(text="…")).used_tool, play(wrong).used_tool) == (True, False, False)
    assert (play(look).format_ok, play(wrong).format_ok, play(stop=StopReason.BUDGET).format_ok) == (True, False, False)


def test_pass_rate_is_a_share() -> None:
    rate = PassRate(pass_rate_id="r", question_id="q", policy="p", budget=Budget.INITIAL, num_rollouts=8, num_passed=2)
    assert rate.rate == 0.25


def test_every_task_has_a_dimension_and_a_kind_of_answer() -> None:
    assert set(DIMENSION_OF) == set(KIND_OF) == set(Task)
