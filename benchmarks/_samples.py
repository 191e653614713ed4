"""A small feed of every format, each with one moment that is known: for the test of units and for fuzzing."""

from __future__ import annotations

from deepsport.taxonomy import Sport

MATCH = "2016-01-23 - 20-30 West Ham 2 - 2 City"
SCOUT = "[3DATAVOLLEYSCOUT]\n[3TEAMS]\n1;A\n2;B\n[3SCOUT]\n"


def scout(code: str, clock: str, second: str) -> str:
    return ";".join([code, *[""] * 6, clock, "1", "1", "6", "1", second, ""]) + "\n"


def touch(code: str, clock: str = "20.00.00", second: str = "") -> str:
    return SCOUT + scout(code, clock, second) + scout("*p01:00", clock, second)


def camera(position: int, **more: object) -> dict[str, object]:
    return {"gameTime": f"1 - 00:{position // 1000:02d}", "label": "Main", "change_type": "abrupt", "position": position, **more}


LINK = {"half": "1", "time": "00:05", "label": "Foul"}
FEEDS: dict[str, tuple[Sport, object, float]] = {
    "frames": (Sport.SOCCER, {"format": "deepsport-feed-1", "sport": "soccer", "fps": [30000, 1001], "unit": "frames", "events": [
        {"frame": 300, "kind": "goal", "evidence": [300, 314]}]}, 10.01),
    "seconds": (Sport.SOCCER, {"format": "deepsport-feed-1", "sport": "soccer", "fps": 25, "unit": "seconds", "events": [
        {"time_s": 31.5, "kind": "goal", "evidence": [31, 33]}]}, 31.5),
    "spot": (Sport.SOCCER, [{"video": "1_720p", "fps": 29.97, "num_frames": 89910, "events": [
        {"frame": 300, "label": "goal"}]}], 10.01),
    "soccernet": (Sport.SOCCER, {"annotations": [{"gameTime": "1 - 01:31", "label": "Foul", "position": "91500"}]}, 91.5),
    "soccernet, no position": (Sport.SOCCER, {"annotations": [{"gameTime": "1 - 01:31", "label": "Foul"}]}, 91.0),
    "soccernet, cameras": (Sport.SOCCER, {"annotations": [camera(10000), camera(14000, replay="replay", link=LINK)]}, 5.0),
    "unisoccer": (Sport.SOCCER, [{"video": f"epl/{MATCH}/1_04_10.mp4", "caption": "corner"}], 250.0),
    "osl": (Sport.SOCCER, {"data": [{"inputs": [{"path": "1_720p.mkv"}], "events": [
        {"label": "goal", "position_ms": 31500}]}]}, 31.5),
    "activitynet": (Sport.SOCCER, {"v_1_720p": {"duration": 3000, "annotations": [
        {"segment": [31.5, 40], "label": "goal"}]}}, 31.5),
    "volleystation": (Sport.VOLLEYBALL, {"scout": {"sets": [{"events": [{"exchange": {"point": "*", "plays": [
        {"team": "*", "player": 1, "skill": "A", "effect": "#", "time": 7318}]}}]}]}}, 731.8),
    "datavolley": (Sport.VOLLEYBALL, touch("*04SQ#", second="315"), 315.0),
    "datavolley, time of day": (Sport.VOLLEYBALL, touch("*04SQ#", clock="00.00.10"), 20.0),
    "sportscode": (Sport.SOCCER, "<file><ALL_INSTANCES><instance><start>31.5</start><end>1:00</end><code>goal</code></instance>"
                   "</ALL_INSTANCES></file>", 31.5),
    "spadl": (Sport.SOCCER, [{"period_id": 1, "time_seconds": 31.5, "type_id": 8, "result_id": 1}], 31.5),
    "subtitles": (Sport.SOCCER, "1\n00:01:02,500 --> 00:01:04,000\nA goal.\n", 62.5),
}  # fmt: skip
"""By name: the sport of its broadcast, the feed as text or JSON, and the second of the video that its first moment lies at."""
