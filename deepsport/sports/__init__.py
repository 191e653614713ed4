"""One file a sport: its events, its rules as cited text, and its rules as code."""

from __future__ import annotations

from deepsport.errors import UserError
from deepsport.sports.american_football import AMERICAN_FOOTBALL
from deepsport.sports.badminton import BADMINTON
from deepsport.sports.base import SportModule
from deepsport.sports.baseball import BASEBALL
from deepsport.sports.basketball import BASKETBALL
from deepsport.sports.boxing import BOXING
from deepsport.sports.diving import DIVING
from deepsport.sports.fencing import FENCING
from deepsport.sports.gymnastics import GYMNASTICS
from deepsport.sports.ice_hockey import ICE_HOCKEY
from deepsport.sports.soccer import SOCCER
from deepsport.sports.table_tennis import TABLE_TENNIS
from deepsport.sports.tennis import TENNIS
from deepsport.sports.volleyball import VOLLEYBALL
from deepsport.taxonomy import Sport

_MODULES = {module.sport: module for module in (
    SOCCER,
    TENNIS,
    VOLLEYBALL,
    FENCING,
    BOXING,
    DIVING,
    GYMNASTICS,
    BASKETBALL,
    ICE_HOCKEY,
    AMERICAN_FOOTBALL,
    BASEBALL,
    TABLE_TENNIS,
    BADMINTON,
)}


def known_sports() -> tuple[Sport, ...]:
    """The sports that have a file here."""
    return tuple(_MODULES)


def sport_module(sport: Sport) -> SportModule:
    """All that is known of a sport.

    Raises: UserError when no file here describes it; `known_sports` lists those that are.
    """
    if sport not in _MODULES:
        raise UserError(f"{sport}: no rules are known for this sport; known are {', '.join(_MODULES)}")
    return _MODULES[sport]


def sport_named(name: str) -> Sport:
    """The sport that a person means: ``Table Tennis``, ``table-tennis``.

    Raises: UserError when there is none.

    >>> sport_named("Table Tennis").value
    'table_tennis'
    """
    try:
        return Sport(name.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise UserError(f"no sport {name!r}; there are {', '.join(Sport)}") from None
