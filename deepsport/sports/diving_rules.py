"""The words of diving: its events and its rules. The ledger is in diving.py."""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

_DIVE = ("team", "zone", "num_players", "player", "outcome", "value")
KINDS = (
    EventKind("forward_dive", "The team dives forward (group 1); outcome: the number, value: the degree of difficulty.", _DIVE,
              visible="a take-off facing the water, turning forward"),
    EventKind("back_dive", "The team dives backward (group 2).", _DIVE,
              visible="a take-off with the back to the water, turning away from the board"),
    EventKind("reverse_dive", "The team dives reverse (group 3).", _DIVE,
              visible="a take-off facing the water, turning back towards the board"),
    EventKind("inward_dive", "The team dives inward (group 4).", _DIVE,
              visible="a take-off with the back to the water, turning towards the board"),
    EventKind("twisting_dive", "The team dives with twists (group 5).", _DIVE, visible="turns about the long axis of the body"),
    EventKind("armstand_dive", "The team dives from a handstand (group 6).", _DIVE,
              visible="a handstand on the edge of the platform"),
    EventKind("restart", "The team begins, stops, and begins again.", ("team", "zone", "num_players", "player"),
              visible="a diver who stops the approach and walks back"),
    EventKind("failed_dive", "The referee declares the team's dive failed.", ("team", "zone", "num_players", "player"),
              visible="a row of zeros on the board"),
    EventKind("award", "The judges give their marks for the dive; marks: one a judge, execution first.", ("team", "marks"),
              visible="the row of marks on the board"),
)
GROUPS = ("forward_dive", "back_dive", "reverse_dive", "inward_dive", "twisting_dive", "armstand_dive")
"""Kinds in the order of the groups of dives, 1 to 6."""

EDITION = "World Aquatics Competition Regulations, Diving"
FINA = "FINA Diving Rules, as published on fina.org"
_DAY = date(2026, 11, 23)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = EDITION, verified: date | None = None) -> Rule:
    return Rule(f"diving.{name}", Sport.DIVING, title, text, law, edition, tags, verified)


RULES = (
    _rule("score", "What a dive scores", "D 7",
          "The highest and lowest marks are cancelled, two at each end with seven judges and one with five. The three that are "
          "left are added and multiplied by the degree of difficulty.",
          "score", "marks", "drop", "difficulty", "multiplied", "award"),
    _rule("synchro_score", "What a synchronised dive scores", "D 9",
          "Of eleven judges, the highest and lowest execution mark for each diver and the highest and lowest for "
          "synchronisation go. The five left are added, multiplied by 0.6 so that they weigh as three, and by the degree of "
          "difficulty.",
          "synchronised", "synchro", "score", "eleven judges", "0.6"),
    _rule("panel", "Who judges", "D 5.2.1 and D 5.2.2",
          "Seven judges mark individual dives at the great championships, and five may elsewhere. A synchronised dive has "
          "eleven: five for the synchronisation and three for each diver; or nine, with two for each diver.",
          "judges", "panel", "seven", "five", "eleven", "nine", edition=FINA, verified=_DAY),
    _rule("marks", "Marks", "D 5.1.4",
          "A judge's mark is between nought and ten, in steps of half a point.",
          "marks", "half points", "nought to ten", "award", edition=FINA, verified=_DAY),
    _rule("scale", "What a mark says", "D 8.1",
          "Ten is excellent and 8.5 or more near it; from 7 very good or good; from 5 satisfactory; from 2.5 deficient; below "
          "that unsatisfactory; nought means completely failed.",
          "scale", "excellent", "good", "satisfactory", "deficient", "mark"),
    _rule("looks_at", "What a judge looks at", "D 8.1",
          "The mark covers the starting position and approach, the take-off, the flight and the entry, as one impression and "
          "whatever the difficulty of the dive.",
          "approach", "take off", "flight", "entry", "splash", "judge"),
    _rule("number", "The number of a dive", "D 1.5",
          "The first figure of a dive's number is its group. The third counts half somersaults, or the second to third in "
          "groups five and six; a last figure counts half twists. A is straight, B pike, C tuck, D free.",
          "number", "group", "half somersaults", "twists", "position", "407c"),
    _rule("groups", "Groups of dives", "D 2",
          "There are six groups: forward, back, reverse, inward, twisting, and, from the platform only, armstand.",
          "group", "forward", "back", "reverse", "inward", "twisting", "armstand"),
    _rule("difficulty", "Degree of difficulty", "Appendix 1 to 4",
          "A dive's degree of difficulty is added up from its somersaults, position, twists, approach and unnatural entry, and "
          "depends on the height it is done from.",
          "degree of difficulty", "tariff", "dd", "difficulty"),
    _rule("statement", "Statement of dives", "D 4",
          "Each diver hands in the list of dives beforehand and must do them in that order. A dive may not be done twice; the "
          "same number in another position is still the same dive.",
          "list", "statement", "repeat", "order", "same dive"),
    _rule("order", "Order of diving", "D 3",
          "Divers dive in turn, one dive each a round. A draw gives the order of the first stage; a final is dived in reverse "
          "order of the places so far.",
          "order", "round", "turn", "start list", "draw", "who dives next"),
    _rule("rounds", "Rounds", "D 3",
          "Men's individual events are of six dives and women's of five; the diver, or the pair, with the highest total of all "
          "rounds wins.",
          "rounds", "total", "winner", "six dives", "five dives"),
    _rule("tie", "Equal totals", "D 7",
          "Divers with the same total share the place, and the next place is not given.",
          "tie", "equal", "shared place", "ranking"),
    _rule("restart", "Starting again", "D 6.22, D 6.23 (see D 10)",
          "A diver who stops after the take-off has begun, or starts again, has two points taken from each mark.",
          "restart", "balk", "two points", "deduction", edition=FINA, verified=_DAY),
    _rule("second_restart", "A second attempt that fails", "D 6.24 (see D 10)",
          "When the second attempt fails as well, the referee declares the dive failed, and it gets no points.",
          "restart", "failed dive", "second attempt", edition=FINA, verified=_DAY),
    _rule("failed", "Failed dives", "D 10",
          "The referee declares a dive failed, for no points, when another number than the announced one is done, when the "
          "wrong end of the body enters first, when it is refused, or when somebody helped.",
          "failed dive", "zero", "wrong dive", "refused", "no points", edition=FINA, verified=_DAY),
    _rule("wrong_position", "Another position than announced", "D 6.17 (see D 10)",
          "A dive done in another position than announced gets at most two points from each judge.",
          "position", "pike", "tuck", "two points maximum", edition=FINA, verified=_DAY),
    _rule("arms", "Arms at the entry", "D 6.19 (see D 10)",
          "With an arm above the head in a feet-first entry, or below it in a head-first one, no mark may be over four and a "
          "half.",
          "arms", "entry", "four and a half", "maximum", edition=FINA, verified=_DAY),
    _rule("minute", "A minute to begin", "D 6.12 (see D 10)",
          "A diver who has been warned and still takes more than a minute has failed the dive.",
          "time", "minute", "warning", "failed dive", edition=FINA, verified=_DAY),
    _rule("twist", "Twists that are not finished", "D 8.6.6 (see D 10)",
          "A dive that twists ninety degrees or more too far or too little is declared failed.",
          "twist", "ninety degrees", "failed dive", edition=FINA, verified=_DAY),
    _rule("double_bounce", "Double bounce", "D 6.16 (see D 10)",
          "A diver who bounces twice on the end of the board before the take-off has failed the dive.",
          "double bounce", "board", "failed dive", edition=FINA, verified=_DAY),
    _rule("synchro_failed", "Failed synchronised dives", "D 9.2, D 9.5 (see D 10)",
          "A synchronised dive has failed when either diver does another number or position, or enters the water before the "
          "other has left the board.",
          "synchronised", "failed dive", "pair", edition=FINA, verified=_DAY),
)
BY_NAME = {rule.rule_id.removeprefix("diving."): rule for rule in RULES}
