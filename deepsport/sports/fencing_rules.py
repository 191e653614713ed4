"""The words of fencing: its events and its rules. The ledger is in fencing.py."""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("attack", "The team's attack is awarded the touch.", visible="a lunge or a run that lands, and that fencer's lamp"),
    EventKind("riposte", "The team parries and its riposte is awarded the touch.",
              visible="a blade turned aside, then a hit back, and that fencer's lamp"),
    EventKind("counter_attack", "The team hits into the other's attack and is awarded the touch.",
              visible="an arm stretched into a coming attack, and that fencer's lamp"),
    EventKind("remise", "The team renews its attack and is awarded the touch.",
              visible="a second thrust at once after the first"),
    EventKind("point_in_line", "The team's point, held in line, is awarded the touch.",
              visible="an arm held out straight while the other runs onto it"),
    EventKind("double_touch", "Épée: both hit at the same time, and both score.", carries=("zone", "num_players"),
              visible="both coloured lamps"),
    EventKind("simultaneous", "Foil or sabre: both attack at the same time, and nobody scores.", carries=("zone", "num_players"),
              visible="both coloured lamps, and the referee's two arms"),
    EventKind("off_target", "Foil: the team hits off the target, which stops play and scores nothing.", visible="a white lamp"),
    EventKind("rear_limit", "The team leaves the piste with both feet over its rear end.",
              visible="a fencer stepping off the end of the piste"),
    EventKind("yellow_card", "The team is warned.", visible="a yellow card held up"),
    EventKind("red_card", "The team is penalised with a touch for the other.", visible="a red card held up"),
    EventKind("black_card", "The team is excluded.", visible="a black card held up"),
    EventKind("period_end", "Time is up, or in sabre somebody has reached eight: the period ends.", carries=()),
    EventKind("priority", "The team wins the draw for priority before the extra minute.",
              visible="a lamp beside one fencer's name before the extra minute"),
)
TOUCHES = ("attack", "riposte", "counter_attack", "remise", "point_in_line")
"""Kinds by which the acting team scores a touch."""

WEAPONS = ("foil", "epee", "sabre")

EDITION = "FIE Technical Rules, December 2022"
_DAY = date(2026, 11, 23)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = EDITION, verified: date | None = None) -> Rule:
    return Rule(f"fencing.{name}", Sport.FENCING, title, text, law, edition, tags, verified)


RULES = (
    _rule("bout", "How long a bout lasts", "t.38 and t.40",
          "A bout in the pools goes to five touches in three minutes. A bout of direct elimination goes to fifteen in three "
          "periods of three minutes with a minute's rest between them. Who has more when time runs out wins.",
          "bout", "touches", "fifteen", "five", "period", "winner", "score"),
    _rule("level", "Level when time runs out", "o.17 (now t.38)",
          "When the scores are level at the end of time, lots are drawn for priority and one more minute is fenced for a single "
          "deciding touch. If nobody scores it, the fencer who drew priority wins.",
          "priority", "extra minute", "tie", "level", "draw", "lots",
          edition="US Fencing rulebook after the FIE Rules, o.17", verified=_DAY),
    _rule("last_double", "Double hits at the last touch in épée", "o.17 (now t.38)",
          "In an épée bout that stands level one touch short of the end a double hit does not count: the fencers go on for a "
          "deciding touch from where they are.",
          "double", "epee", "deciding touch", "annulled",
          edition="US Fencing rulebook after the FIE Rules, o.17", verified=_DAY),
    _rule("sabre_break", "The break at eight in sabre", "t.40",
          "In a sabre bout to fifteen the first period ends early as soon as one fencer has eight touches; a minute's rest "
          "follows.",
          "sabre", "eight", "break", "period"),
    _rule("target_foil", "Target at foil", "t.77",
          "At foil only the trunk counts, with the lower part of the mask's bib; arms, legs and head do not. Hits are made with "
          "the point.",
          "foil", "target", "trunk", "valid"),
    _rule("off_target", "Off-target hits at foil", "t.78",
          "A foil hit that lands off the target scores nothing, but it stops the phrase: nothing that lands after it counts.",
          "off target", "white lamp", "foil", "stops"),
    _rule("target_epee", "Target at épée", "t.92",
          "At épée the whole fencer is target, from mask to shoe, and hits are made with the point.",
          "epee", "target", "whole body"),
    _rule("target_sabre", "Target at sabre", "t.98",
          "At sabre everything above the hips counts, arms and mask included. A sabre hits with edge, back or point.",
          "sabre", "target", "cut", "waist"),
    _rule("attack", "The attack has the right of way", "t.83 to t.85",
          "At foil and sabre the fencer who first stretches the arm and threatens the target attacks and has priority. When "
          "both lamps light, the attack scores unless it was parried, fell short, or ran onto a point in line.",
          "attack", "right of way", "priority", "lamp", "touch"),
    _rule("riposte", "Parry and riposte", "t.86",
          "A parry that turns the attack aside gives the defender the right to riposte. An immediate riposte has priority over "
          "an attacker who goes on; a defender who waits gives the right of way back.",
          "riposte", "parry", "right of way", "touch"),
    _rule("counter_attack", "Counter-attack", "t.89",
          "A fencer who hits into a simple attack without parrying loses the touch when both land. Against a compound attack "
          "the counter-attack scores if it lands a clear fencing time before the attack's last movement.",
          "counter attack", "stop hit", "fencing time", "touch"),
    _rule("remise", "Remise and renewed attacks", "t.60 (now t.89)",
          "An attacker who was parried and at once thrusts again makes a remise. It scores only when the riposte is delayed; an "
          "immediate riposte goes before it.",
          "remise", "renewed", "redoublement", "touch",
          edition="US Fencing rulebook after the FIE Rules, t.60", verified=_DAY),
    _rule("point_in_line", "Point in line", "t.60 (now t.89)",
          "Who holds the arm straight with the point at the target, before the other attacks, has priority. The attacker must "
          "deflect that blade first; a mere contact of blades is not enough.",
          "point in line", "line", "straight arm", "touch",
          edition="US Fencing rulebook after the FIE Rules, t.60", verified=_DAY),
    _rule("simultaneous", "Simultaneous attacks", "t.60 (now t.89)",
          "When both fencers conceive and make an attack at the same moment and both hit, the touches cancel each other, even "
          "when one of the two is off the target.",
          "simultaneous", "both lamps", "annulled", "no touch",
          edition="US Fencing rulebook after the FIE Rules, t.60", verified=_DAY),
    _rule("double_touch", "Double touches at épée", "t.93",
          "Épée knows no right of way: the first to hit scores. When both hit within a twenty-fifth of a second the box lights "
          "both lamps and each fencer is given a touch; in the extra minute such a double counts for nobody.",
          "double touch", "epee", "both lamps", "both score"),
    _rule("rear_limit", "Leaving the piste at the rear", "t.34",
          "A fencer who goes off the rear end of the piste with both feet loses a touch to the other.",
          "rear limit", "end of the piste", "off the back", "touch"),
    _rule("side", "Leaving the piste at the side", "t.35",
          "Stepping over the side line with one or both feet stops play, and the fencer goes back a metre. If that puts both "
          "feet behind the rear limit, the other fencer gets a touch.",
          "side line", "metre", "piste", "ground lost"),
    _rule("restart", "On guard after a touch", "t.17",
          "After every touch that counts both fencers come on guard again at their lines. After a halt without a touch they "
          "resume where they stood.",
          "on guard", "restart", "after a touch"),
    _rule("yellow_card", "Yellow card", "t.158 to t.162",
          "A first light offence in a bout brings a yellow card, a warning. It costs nothing, but any later light offence by "
          "the same fencer brings a red card, as does one after a red card.",
          "yellow card", "warning", "first group"),
    _rule("red_card", "Red card", "t.158 to t.165",
          "A red card gives the other fencer a touch, which may be the last of the bout. It follows a repeated light offence or "
          "a first grave one, such as a dangerous or violent action.",
          "red card", "penalty touch", "second group", "touch"),
    _rule("black_card", "Black card", "t.158 to t.170",
          "A black card excludes the fencer: the bout is over and the other one wins. It is for the gravest offences, such as "
          "refusing to salute or fencing by collusion, or for repeating a grave disorder.",
          "black card", "excluded", "third group", "fourth group"),
    _rule("passivity", "Unwillingness to fight", "t.124",
          "When a minute passes without a touch the referee may call unwillingness to fight. The cards for it are counted apart "
          "from the others and grow from warning to touch to exclusion.",
          "passivity", "non combativity", "unwillingness", "minute"),
    _rule("annulled_by_offence", "A touch made by an offence", "t.79",
          "Covering the target or putting another part of the body in its place is an offence; a touch that the offender scores "
          "that way is taken back.",
          "covering", "substitution", "annulled", "offence",
          edition="FIE Technical Rules, as reproduced by British Fencing", verified=_DAY),
    _rule("video", "Video refereeing", "t.60 to t.64",
          "Where there is video, a fencer may ask for a review of the referee's decision. One whose appeal fails has one fewer "
          "left; one who was right keeps it.",
          "video", "appeal", "review", "challenge"),
)
BY_NAME = {rule.rule_id.removeprefix("fencing."): rule for rule in RULES}
