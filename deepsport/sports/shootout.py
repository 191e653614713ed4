"""Kicks from the penalty mark and penalty shots: who has won a shoot-out. Shared by soccer and ice hockey."""

from __future__ import annotations

Kicks = tuple[tuple[int, bool], ...]
"""Attempts in order: the team (0 or 1), and whether it scored."""


def shootout_goals(kicks: Kicks) -> tuple[int, int]:
    """Goals of each team.

    >>> shootout_goals(((0, True), (1, False), (0, True)))
    (2, 0)
    """
    return (sum(team == 0 and hit for team, hit in kicks), sum(team == 1 and hit for team, hit in kicks))


def shootout_winner(kicks: Kicks, num_rounds: int = 5) -> int | None:
    """Who has won, or None while it goes on: a lead that cannot be caught up, then a lead after equal attempts.

    >>> shootout_winner(((0, True), (1, False), (0, True), (1, False), (0, True))) is None
    True
    >>> shootout_winner(((0, True), (1, False), (0, True), (1, False), (0, True), (1, False)))
    0
    """
    goals = shootout_goals(kicks)
    taken = [sum(side == team for side, _ in kicks) for team in (0, 1)]
    for team in (0, 1):
        # The other may still score every attempt left to it: of the first rounds, or of the round that is being taken.
        left = max(num_rounds, *taken) - taken[1 - team]
        if goals[team] > goals[1 - team] + left:
            return team
    return None
