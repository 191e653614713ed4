"""What feeds call an event and which of their entries is the broadcast: shared by the formats that write plain labels."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PureWindowsPath

from deepsport.errors import FeedError
from deepsport.records import Broadcast
from ingest.feed_events import FeedConfig, snake_case, some

SYNONYMS = {
    "corner": "corner_kick", "corners": "corner_kick", "kickoff": "kick_off", "start_of_half_game": "kick_off",
    "throwin": "throw_in", "direct_free_kick": "free_kick", "freekick": "free_kick", "indirect_freekick": "indirect_free_kick",
    "penalty": "penalty_kick", "off_side": "offside", "foul_with_no_card": "foul", "yellow_red_card": "red_card",
    "second_yellow_card": "red_card", "yellow_to_red_card": "red_card", "goalkick": "goal_kick", "sub": "substitution",
    "owngoal": "own_goal", "spike": "kill", "ace_serve": "service_ace", "serve_error": "service_error", "ace": "service_ace",
    "block_point": "block",
}  # fmt: skip
"""Labels of the field, in snake_case, for kinds that DeepSport calls otherwise."""

_HALF = re.compile(r"(?:half[ _-]?)?([1-9])(?:[ _-]?half)?(?:[ _-](?:HQ|LQ|\d{3,4}p))?", re.IGNORECASE)


def kind_of(label: str, known_kinds: Collection[str] | None) -> str:
    """The kind that a label stands for: its own words, where the sport knows them, else a synonym that it knows, else its words.

    >>> kind_of("Corner", {"corner_kick"}), kind_of("Corner", None), kind_of("Yellow->red card", {"red_card"})
    ('corner_kick', 'corner', 'red_card')
    """
    kind = snake_case(label)
    other = SYNONYMS.get(kind)
    return other if other is not None and kind not in (known_kinds or ()) and other in (known_kinds or ()) else kind


def bare_name(name: str) -> str:
    r"""A video's name without folders, however they are written, and the usual endings, in lower case.

    >>> bare_name("clips\\01\\A_Match.MP4"), bare_name("clips/01/a_match")
    ('a_match', 'a_match')
    """
    return re.sub(r"\.(mp4|mkv|mov|avi|webm|m4v|ts)$", "", PureWindowsPath(name.strip()).name.lower())


def names_of(broadcast: Broadcast) -> set[str]:
    """What a feed may call the broadcast: its title or its file's name."""
    return {bare_name(broadcast.title), bare_name(broadcast.source_uri)} - {""}


def period_of(broadcast: Broadcast, config: FeedConfig) -> int | None:
    """Which half or period the broadcast is: by the config, else by its name, as in ``1_720p.mkv``; None when neither says.

    >>> from deepsport.timebase import FrameRate
    >>> half = Broadcast.model_construct(title="2_224p", source_uri="/games/2_224p.mkv")
    >>> period_of(half, FeedConfig()), period_of(half, FeedConfig(period=1))
    (2, 1)
    """
    if config.period is not None:
        return config.period
    for name in (PureWindowsPath(broadcast.source_uri).stem, broadcast.title):
        found = _HALF.fullmatch(name.strip())
        if found is not None:
            return int(found[1])
    return None


def check_length(path: object, name: str, length_s: float, broadcast: Broadcast, hint: str = "") -> None:
    """Raises: FeedError when the feed's own length of the video is not the broadcast's, within a second or two per cent."""
    if abs(length_s - broadcast.duration_s) > max(1.0, 0.02 * broadcast.duration_s):
        raise FeedError(f"{path}: {name[:80]!r} lasts {length_s:.1f} s{hint}, the broadcast {broadcast.duration_s:.1f} s; it is "
                        "another video, or its fps is wrong")


def not_named(path: object, broadcast: Broadcast, num_found: int, held: Sequence[str]) -> FeedError:
    """The error of a file of many videos in which the broadcast is not to be found by its name, or not once."""
    return FeedError(f"{path}: names {num_found} videos {broadcast.title[:80]!r}; it holds {some([name[:80] for name in held])}. "
                     "Give the broadcast the right title in the manifest")
