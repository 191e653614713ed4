"""The units in which feeds write time, each turned into seconds in one place: milliseconds, tenths, clocks, times of day.

Frames are no seconds: only a FrameRate (deepsport/timebase.py) turns them into some. No other file of the feeds multiplies a
time.
"""

from __future__ import annotations

import math
import re

_DAY = re.compile(r"(\d{1,2})[.:](\d{2})[.:](\d{2})")
_CLOCK = re.compile(r"(?:(?P<hours>\d{1,3}):)?(?P<minutes>\d{1,4}):(?P<seconds>\d{1,2})(?:[.,](?P<fraction>\d{1,6}))?")
_GAME_TIME = re.compile(r"\s*(?P<period>\d)\s*-\s*(?P<clock>[\d:.,]+)\s*")
MAX_TIME_S = 1e6
"""Eleven days: what lies beyond is no time in a video."""


def number_of(value: object) -> float | None:
    """A number that a feed writes as a number or as text; None for anything else, NaN and the infinities included.

    >>> number_of("31500"), number_of(31500), number_of("31,5"), number_of("nan"), number_of(True)
    (31500.0, 31500.0, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = value.strip() if isinstance(value, str) else value
    if isinstance(text, str) and re.fullmatch(r"[+-]?\d{1,20}(\.\d{1,20})?", text, re.ASCII) is None:
        return None
    try:
        number = float(text)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def seconds_of(value: object) -> float | None:
    """A time that is written in seconds; None when it is none.

    >>> seconds_of("3.6"), seconds_of(10**9)
    (3.6, None)
    """
    number = number_of(value)
    return None if number is None or abs(number) > MAX_TIME_S else number


def seconds_of_ms(value: object) -> float | None:
    """A time that is written in milliseconds, as a number or as text.

    >>> seconds_of_ms("31500"), seconds_of_ms(None)
    (31.5, None)
    """
    number = number_of(value)
    return None if number is None else seconds_of(number / 1000)


def seconds_of_tenths(value: object) -> float | None:
    """A time that is written in tenths of a second, as VolleyStation does.

    >>> seconds_of_tenths(7243)
    724.3
    """
    number = number_of(value)
    return None if number is None else seconds_of(number / 10)


def seconds_of_clock(clock: object) -> float | None:
    """A running time such as 43:10, 0:07:39, 00:07:43 or 00:01:02,500; minutes may pass 59 where no hour is written.

    >>> [seconds_of_clock(text) for text in ("43:10", "0:07:39", "00:01:02,500", "97:01.5", "1:75", "7")]
    [2590.0, 459.0, 62.5, 5821.5, None, None]
    """
    found = _CLOCK.fullmatch(clock.strip()) if isinstance(clock, str) else None
    if found is None or not found["seconds"].isascii():
        return None
    hours, minutes, seconds = int(found["hours"] or 0), int(found["minutes"]), int(found["seconds"])
    if seconds > 59 or (found["hours"] is not None and minutes > 59):
        return None
    return hours * 3600 + minutes * 60 + seconds + float("0." + (found["fraction"] or "0"))


def period_and_seconds(game_time: object) -> tuple[int, float] | None:
    """SoccerNet's game time: the period, and seconds on the clock of that period's video.

    >>> period_and_seconds("1 - 00:31"), period_and_seconds("2 - 4:05"), period_and_seconds("half time")
    ((1, 31.0), (2, 245.0), None)
    """
    found = _GAME_TIME.fullmatch(game_time) if isinstance(game_time, str) else None
    seconds = None if found is None else seconds_of_clock(found["clock"])
    return None if found is None or seconds is None else (int(found["period"]), seconds)


def seconds_of_day(clock: str) -> int | None:
    """Seconds since midnight of a clock such as 20.44.12 or 20:44:12; None when it is not one.

    >>> seconds_of_day("20.44.12"), seconds_of_day("25.00.00")
    (74652, None)
    """
    found = _DAY.fullmatch(clock.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds if hours < 24 and minutes < 60 and seconds < 60 else None


def seconds_between(clock_s: int, start_s: int) -> float:
    """Seconds from one time of day to another, up to half a day either way: a match may pass midnight.

    >>> seconds_between(10, 86_390), seconds_between(86_390, 10)
    (20.0, -20.0)
    """
    return float((clock_s - start_s + 43_200) % 86_400 - 43_200)
