"""Match data for Metrica event feeds that come without: teams, players and periods as the events name them, as EPTS XML.

kloppy reads Metrica's events only together with an EPTS file. The events name everything that a ledger needs, so that where
nobody has the file, one is written from them. It makes no claim about the score.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from deepsport.errors import FeedError
from ingest.feed_events import parse_json

_PERIODS = ("first_half", "second_half", "first_extra_half", "second_extra_half")
_CHANNELS = "".join(f'<Channel id="{axis}"><Name>position_{axis}</Name><Unit>normalized</Unit></Channel>' for axis in "xy")


def write_metadata(path: Path, data: bytes) -> bytes:
    """EPTS XML for a Metrica event feed.

    Raises: FeedError when the events do not name two teams, or have no frames and times.
    """
    document: Any = parse_json(path, data)
    try:
        events = document["data"]
        teams = {event["team"]["id"]: event["team"]["name"] for event in events}
        players = {event["from"]["id"]: (event["from"]["name"], event["team"]["id"]) for event in events if event["from"]}
        players |= {event["to"]["id"]: (event["to"]["name"], event["team"]["id"]) for event in events if event["to"]}
        spans: dict[int, tuple[int, int]] = {}
        for event in events:
            first, last = spans.get(event["period"], (event["start"]["frame"], 0))
            spans[event["period"]] = (min(first, event["start"]["frame"]), max(last, event["end"]["frame"]))
        latest = max(events, key=lambda event: float(event["end"]["time"]))
        rate = round(latest["end"]["frame"] / latest["end"]["time"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise FeedError(f"{path}: events lack {type(error).__name__} {error}; export the feed again") from error
    if len(teams) != 2:
        raise FeedError(f"{path}: names {len(teams)} teams, a match has two; give Metrica's EPTS metadata file beside it")
    names = sorted(teams)
    parameters = "".join(
        f"<ProviderParameter><Name>{name}_start</Name><Value>{spans[number][0]}</Value></ProviderParameter>"
        f"<ProviderParameter><Name>{name}_end</Name><Value>{spans[number][1]}</Value></ProviderParameter>"
        for number, name in enumerate(_PERIODS, 1) if number in spans)
    return (
        "<main><Metadata><GlobalConfig><ProviderName>Metrica Sports</ProviderName>"
        f"<FrameRate>{rate}</FrameRate><ProviderGlobalParameters>{parameters}</ProviderGlobalParameters></GlobalConfig>"
        '<Sessions><Session id="1"><SessionType>Match</SessionType>'
        "<FieldSize><Width>105</Width><Height>68</Height></FieldSize></Session></Sessions><Teams>"
        + "".join(f"<Team id={quoteattr(name)}><Name>{escape(teams[name])}</Name><ProviderTeamsParameters/></Team>"
                  for name in names)
        + "</Teams><Players>"
        + "".join(f"<Player id={quoteattr(player)} teamId={quoteattr(team)}><Name>{escape(name)}</Name><ShirtNumber>{number}"
                  "</ShirtNumber><ProviderPlayerParameters/></Player>"
                  for number, (player, (name, team)) in enumerate(sorted(players.items()), 1))
        + '</Players><Devices><Device id="1"><Sensors><Sensor id="position"><Name>Position</Name>'
        f"<Channels>{_CHANNELS}</Channels></Sensor></Sensors></Device></Devices><PlayerChannels/></Metadata>"
        "<DataFormatSpecifications/></main>"
    ).encode()
