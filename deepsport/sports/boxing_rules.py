"""The words of boxing: its events and its rules. The ledger is in boxing.py."""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("knockdown", "The team puts the other down, who beats the count.", visible="a boxer on the canvas, and a count"),
    EventKind("knockout", "The team puts the other down, who does not beat the count of ten.",
              visible="a boxer counted out, and the referee's waving arms"),
    EventKind("technical_knockout", "The referee stops the bout in the team's favour.",
              visible="the referee stepping between the boxers who both stand"),
    EventKind("point_deduction", "The referee takes points from the team for a foul.",
              carries=("team", "zone", "player", "value"),
              visible="the referee holding a boxer's arm and showing a finger to each judge"),
    EventKind("disqualification", "The team is disqualified.", visible="the referee sending a boxer to the corner"),
    EventKind("retirement", "The team does not come out of its corner.", visible="a boxer left on the stool"),
    EventKind("foul_stoppage", "An accidental foul ends the bout.", carries=()),
    EventKind("round_end", "The bell ends the round.", carries=()),
    EventKind("scorecards", "The judges score the round; marks: for each judge the first team's points, then the second's.",
              carries=("marks",)),
)

ABC = "ABC Regulatory Guidelines for Championship Bouts, 2005"
NC = "North Carolina Administrative Code, Boxing (14B NCAC 10)"
MD = "Code of Maryland Regulations, Boxing (COMAR 09.14.06)"
MA = "Code of Massachusetts Regulations, Boxing (523 CMR 15)"
WBA = "World Boxing Association, instruction to referees on double falls"
_DAY = date(2026, 11, 23)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = ABC, verified: date | None = None) -> Rule:
    return Rule(f"boxing.{name}", Sport.BOXING, title, text, law, edition, tags, verified)


RULES = (
    _rule("rounds", "Rounds", ".0503 (a)",
          "A round lasts three minutes and a minute's rest follows. Bouts are set for four, six, eight or ten rounds, bouts for "
          "a championship for twelve.",
          "round", "minutes", "rest", "twelve", "championship", edition=NC, verified=_DAY),
    _rule("ten_point_must", "Ten-point must", ".0503 (b)(1)",
          "Each judge gives the winner of a round ten points and the loser fewer, from nine down to one. An even round is ten "
          "points to each.",
          "ten point must", "scorecards", "judges", "even round", "10-9", "how a round is scored", edition=NC, verified=_DAY),
    _rule("no_fractions", "Whole points only", ".13 B(3)",
          "Judges give whole points; a fraction of a point may not be given.",
          "points", "fraction", "half point", edition=MD, verified=_DAY),
    _rule("criteria", "What judges look at", ".13 C",
          "Judges weigh knockdowns first, then clean hits, effective aggressiveness, defence, and command of the ring.",
          "criteria", "clean hits", "aggression", "defence", "ring generalship", edition=MD, verified=_DAY),
    _rule("knockdown_points", "What a knockdown is worth", ".13 F(1)",
          "A knockdown is worth a point, so a round won with one is usually ten to eight, and with two ten to seven.",
          "knockdown", "10-8", "10-7", "point", edition=MD),
    _rule("decision", "Who wins on points", ".13 F(3) to (7)",
          "Each judge has for winner the boxer with more points over the whole bout. The boxer that most judges have ahead "
          "wins; when neither has a majority of them, the bout is a draw.",
          "decision", "majority of judges", "draw", "points", "winner", edition=MD, verified=_DAY),
    _rule("decision_names", "Unanimous, split and majority", "Scoring",
          "All three judges for one boxer make a unanimous decision; two against one a split decision; two with the third even "
          "a majority decision. Two even cards make a majority draw, and one card each way with the third even a split draw.",
          "unanimous", "split", "majority", "decision", "draw"),
    _rule("incomplete_round", "Rounds that are not finished", "15.01 (4)",
          "Judges score a round that was cut short too, and points that the referee took away in it are deducted.",
          "incomplete round", "stopped", "technical decision", "deduction", edition=MA, verified=_DAY),
    _rule("knockdown", "What a knockdown is", "Knockdowns",
          "A boxer is down after a punch when any part of the body but the feet is on the canvas, or when only the ropes hold "
          "the boxer up. A slip or a push is no knockdown.",
          "knockdown", "down", "canvas", "ropes", "slip"),
    _rule("eight_count", "Mandatory count of eight", "Knockdowns",
          "A boxer who was knocked down takes a count of at least eight, even when up before it ends, and then boxes on if the "
          "referee finds the boxer fit.",
          "knockdown", "count", "eight", "mandatory eight"),
    _rule("neutral_corner", "Neutral corner", "Knockdowns",
          "After a knockdown the other boxer goes to the farthest neutral corner; the count stops until the boxer stays there.",
          "neutral corner", "count", "knockdown"),
    _rule("no_standing_eight", "No standing count", "Knockdowns",
          "The referee does not give a count to a boxer who is standing and was not knocked down.",
          "standing eight", "count"),
    _rule("no_three_knockdowns", "No three-knockdown rule", "Knockdowns",
          "Three knockdowns in a round do not by themselves end a bout; the referee decides.",
          "three knockdowns", "stoppage"),
    _rule("saved_by_the_bell", "Not saved by the bell", "Knockdowns",
          "The bell does not stop a count: a boxer who is down when the round ends is still counted, in the last round too.",
          "bell", "count", "saved by the bell", "knockout"),
    _rule("double_knockdown", "Both down at once", "Double fall",
          "When both boxers go down together the referee counts for both. If both rise in time the falls cancel each other; if "
          "one rises that boxer wins; if neither does the bout is a technical draw.",
          "double knockdown", "both down", "technical draw", edition=WBA, verified=_DAY),
    _rule("knockout", "Knockout", "Knockouts",
          "A boxer who is down and not ready to box when the referee counts ten has lost by knockout, whatever the scores.",
          "knockout", "ten", "counted out", "wins the bout"),
    _rule("technical_knockout", "Technical knockout", "Technical knockouts",
          "When the referee, alone or on the doctor's advice, finds a boxer unfit to go on after fair punches, or a corner "
          "gives up, the other wins by technical knockout.",
          "technical knockout", "stoppage", "referee", "doctor", "wins the bout"),
    _rule("retirement", "Not coming out", "Technical knockouts",
          "A boxer who does not come out of the corner when the bell calls the next round loses by technical knockout.",
          "retirement", "corner", "stool", "bell", "wins the bout"),
    _rule("sole_arbiter", "The referee decides", "Referee",
          "The referee alone may stop a bout or take points away during it; judges only score the rounds.",
          "referee", "stop", "sole arbiter"),
    _rule("fouls", "Fouls", "Fouls",
          "It is a foul to hit below the belt, behind the head, on the break or when the other is down, and to butt, hold, "
          "bite, or hit with anything but the knuckles of the glove.",
          "foul", "low blow", "head butt", "holding", "rabbit punch"),
    _rule("point_deduction", "Points taken away", "Fouls",
          "For a foul the referee may warn, or take a point or more from the boxer; every judge's card loses them in that "
          "round. An intentional foul that injures costs two.",
          "point deduction", "deduct", "foul", "loses points"),
    _rule("disqualification", "Disqualification", "Fouls",
          "A boxer whose intentional foul ends the bout, or who goes on fouling, is disqualified, and the other wins.",
          "disqualification", "foul", "wins the bout"),
    _rule("low_blow", "Five minutes after a low blow", "Fouls",
          "A boxer hit low may take up to five minutes to recover. Who cannot go on after that loses by technical knockout.",
          "low blow", "five minutes", "recover"),
    _rule("accidental_foul", "Accidental foul", "Accidental fouls",
          "When an accidental foul ends a bout before four rounds are complete there is no decision. After that the scorecards "
          "decide, the round under way included: a technical decision, or a technical draw.",
          "accidental foul", "four rounds", "technical decision", "no decision", "cut"),
)
BY_NAME = {rule.rule_id.removeprefix("boxing."): rule for rule in RULES}
