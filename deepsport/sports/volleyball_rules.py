"""The words of volleyball: its events and its rules. The ledger is in volleyball.py.

``verified`` passages were compared on that day with the text of the FIVB Official Volleyball Rules 2025-2028 in a public English
rendering, article by article.
"""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("kill", "The team's attack wins the rally.", visible="a spike that lands in the opponent's court"),
    EventKind("block", "The team's block wins the rally.", visible="hands above the net send the ball back down"),
    EventKind("service_ace", "The team's serve wins the rally.", visible="a serve that nobody plays on"),
    EventKind("net_touch", "A player of the team touches the net, a fault.", visible="the net shaken by a player"),
    EventKind("service_error", "The team's serve is a fault: in the net or out.", visible="a serve into the net or out"),
    EventKind("attack_error", "The team's attack is a fault: in the net or out.", visible="a spike into the net or out"),
    EventKind("ball_error", "The team plays the ball wrongly: caught, hit twice, four hits, or not returned.",
              visible="the ball dropped or held"),
    EventKind("centre_line", "A player of the team steps over the centre line.",
              visible="a foot on the other side under the net"),
    EventKind("position_fault", "The team stands out of its order when the ball is served.",
              visible="play stopped at the serve, a referee circling a finger"),
    EventKind("point", "The team wins the rally; how is not recorded."),
    EventKind("replay", "The rally does not count and is played again.", carries=(),
              visible="both thumbs of the referee up, and the same serve anew"),
    EventKind("time_out", "The team takes a time-out.", carries=("team",), visible="players at their bench, hands making a T"),
    EventKind("substitution", "The team changes a player.", carries=("team", "player"),
              visible="a player with a numbered paddle at the side line"),
    EventKind("yellow_card", "The team is warned.", carries=("team", "player"), visible="a yellow card held up"),
    EventKind("red_card", "The team is penalised: point and service for the other.", carries=("team", "player"),
              visible="a red card held up"),
    EventKind("expulsion", "A member of the team must leave for the rest of the set.", carries=("team", "player"),
              visible="both cards held up in one hand"),
)
WINS = {"kill": "attack", "block": "block", "service_ace": "service_ace", "point": "point"}
"""Kinds by which the acting team wins the rally, and the rule."""
LOSSES = {"net_touch": "net_touch", "service_error": "service_ace", "attack_error": "attack", "ball_error": "hits",
          "centre_line": "centre_line", "position_fault": "position_fault", "red_card": "red_card"}

EDITION = "FIVB Official Volleyball Rules 2025-2028"
_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str) -> Rule:
    return Rule(f"volleyball.{name}", Sport.VOLLEYBALL, title, text, law, EDITION, tags, _DAY)


RULES = (
    _rule("point", "To score a point", "Rule 6.1",
          "Every rally gives a point: to the team that grounds the ball in the opponents' court, or whose opponents commit a "
          "fault or are penalised. The team that wins the rally also serves next.",
          "point", "rally", "fault", "kill", "score"),
    _rule("set", "To win a set", "Rule 6.2",
          "A set goes to the first team to 25 points with a lead of two; at 24 all it goes on until one team leads by two.",
          "set", "25 points", "lead"),
    _rule("match", "To win the match", "Rule 6.3",
          "The match goes to the first team to win three sets. At two sets all the fifth is played to 15 points, again with a "
          "lead of two.",
          "match", "fifth set", "15 points", "winner"),
    _rule("default", "A team that does not play", "Rule 6.4",
          "A team that refuses to play or comes late without reason loses by three sets to none. A team with too few players "
          "loses the set or the match and keeps the points it has made.",
          "default", "incomplete team", "refuses", "late"),
    _rule("double_fault", "Faults of both teams", "Rule 6.1.2",
          "When both teams commit a fault at the same moment the rally is played again.",
          "double fault", "replay", "both teams"),
    _rule("toss", "The toss", "Rule 7.1",
          "The winner of the toss chooses to serve or receive first, or a side of the court; the loser has the other choice. "
          "There is a new toss before a deciding set.",
          "toss", "first service", "side", "choice"),
    _rule("positions", "Positions at the service", "Rule 7.4",
          "When the ball is served the receiving team stands in its order: three in front, three behind, each in the right "
          "place beside and behind its neighbours. The feet on the floor decide, and afterwards everybody may move.",
          "positions", "front row", "back row", "overlap", "order"),
    _rule("position_fault", "Out of position", "Rule 7.5",
          "A team with a player out of place at the moment of the serve loses the rally: point and service go to the other "
          "team. A server's fault in the serve itself counts first.",
          "position fault", "out of position", "overlap", "fault"),
    _rule("rotation", "Rotation after a side-out", "Rules 7.6 and 12.2.2",
          "When the receiving team wins the rally it gains the service, and its players move one place clockwise before "
          "serving. A serving team that wins the rally keeps its places.",
          "rotation", "side out", "serve", "clockwise"),
    _rule("rotation_fault", "Serving out of order", "Rule 7.7",
          "When the wrong player serves, the other team gets point and service; points that the faulty team has made since the "
          "mistake are taken away when the moment is known.",
          "rotation fault", "wrong server", "out of order"),
    _rule("in_and_out", "Ball in and ball out", "Rules 8.3 and 8.4",
          "A ball is in when any part of it touches court or line. It is out when it lands wholly outside, touches the antenna, "
          "ceiling or something off the court, or crosses the net outside the antennas.",
          "in", "out", "line", "antenna", "ceiling"),
    _rule("hits", "Faults in playing the ball", "Rule 9.3",
          "A fourth hit by one team, a ball that is caught or thrown, two hits in a row by one player and help from a teammate "
          "in hitting are faults; so is a ball left to fall in one's own court.",
          "four hits", "catch", "double contact", "ball error", "fault"),
    _rule("three_hits", "Three hits", "Rule 9.1",
          "A team may hit the ball three times to send it back, not counting a touch of the block. No player may hit it twice "
          "in a row.",
          "three hits", "contacts", "touches"),
    _rule("ball_in_net", "The ball touches the net", "Rules 10.2 and 10.3",
          "The ball may touch the net as it crosses, on the serve as well. A ball driven into the net may still be played "
          "within the three hits; if it tears the net or sticks in it the rally is played again.",
          "net", "ball in the net", "net serve", "replay"),
    _rule("reaching_over", "Reaching beyond the net", "Rules 11.1 and 11.4.1",
          "A blocker may touch the ball beyond the net only once the opponents have attacked it. A hitter's hand may follow "
          "through over the net when the ball was met on the own side.",
          "over the net", "reach", "block", "fault"),
    _rule("centre_line", "Under the net", "Rules 11.2 and 11.4.3",
          "Crossing under the net is allowed as long as it hinders nobody; but a foot that lies wholly beyond the centre line "
          "is a fault.",
          "centre line", "foot", "under the net", "penetration"),
    _rule("net_touch", "Touching the net", "Rules 11.3 and 11.4",
          "A player who touches the net between the antennas in the action of playing the ball commits a fault, and the other "
          "team wins the rally. Being hit by the net when the ball is driven into it is no fault.",
          "net touch", "net", "fault", "antenna"),
    _rule("service", "First service and order of service", "Rules 12.1 and 12.2",
          "The toss decides who serves first in the first and in the deciding set. Every other set begins with the team that "
          "did not serve first in the set before; within a set, who wins the rally serves.",
          "serve", "server", "first service", "service order"),
    _rule("service_execution", "How to serve", "Rule 12.4",
          "The server has eight seconds after the whistle to hit the ball with one hand or arm, after one toss, and may not "
          "touch the court or the end line at the moment of the hit.",
          "serve", "eight seconds", "end line", "foot fault", "toss"),
    _rule("screening", "Screening", "Rule 12.5",
          "The serving team may not hide server and ball from the receivers by waving, jumping or standing close together, and "
          "its players keep their hands below the head until the ball has crossed the net.",
          "screen", "hide", "serve", "hands"),
    _rule("service_ace", "A serve that wins the rally, and a serve that loses it", "Rules 6.1 and 12.6",
          "A serve that the receivers cannot keep in play wins the point at once. A serve into the net, out, or from beyond the "
          "end line is a fault and gives point and service to the other team.",
          "ace", "service ace", "serve", "service error", "fault"),
    _rule("attack", "Attack hit", "Rule 13",
          "An attack hit sends the ball towards the opponents. It wins the rally when it lands in their court, and is a fault "
          "when it goes out or does not cross the net.",
          "kill", "attack", "spike", "attack error", "out"),
    _rule("back_row_attack", "Attack from the back row", "Rules 13.2 and 13.3.3",
          "A back-row player may hit a ball that is wholly above the net only when taking off from behind the attack line; "
          "landing in front of it is allowed.",
          "back row", "attack line", "three metre line"),
    _rule("block", "Block", "Rule 14",
          "Front-row players may stop the ball above the net. A block that puts the ball down in the attackers' court wins the "
          "rally, and does not count as one of a team's three hits.",
          "block", "net", "front row", "three hits"),
    _rule("block_faults", "Blocking faults", "Rule 14.6",
          "It is a fault to block a serve, to block from the back row or as libero, to touch the ball beyond the net before the "
          "attack, and to send the ball out off the block.",
          "block", "blocking fault", "back row", "serve"),
    _rule("time_out", "Time-outs", "Rules 15.1 and 15.4",
          "Each team may take two time-outs of 30 seconds in a set, asked for while the ball is out of play and before the "
          "whistle for service.",
          "time out", "two", "30 seconds", "pause"),
    _rule("substitution", "Substitutions", "Rules 15.1, 15.5 and 15.6",
          "Each team may make six substitutions in a set. A player of the starting six may leave once and come back once, in "
          "the old place and for the same substitute.",
          "substitution", "change player", "six", "return"),
    _rule("courts", "Change of courts", "Rule 18.2",
          "The teams change courts after each set except before the deciding one, and in that set as soon as one of them has "
          "eight points.",
          "change of courts", "sides", "eight points"),
    _rule("libero", "The libero", "Rule 19.3",
          "The libero, in a shirt of another colour, replaces back-row players as often as wanted with a rally between, and may "
          "not serve, block, or attack a ball above the net.",
          "libero", "back row", "replacement", "shirt"),
    _rule("yellow_card", "A warning", "Rule 21.1",
          "A yellow card says that the team has reached the level at which misconduct is punished. It costs nothing.",
          "yellow card", "warning", "misconduct"),
    _rule("red_card", "A penalty", "Rule 21.3.1",
          "The first rude conduct of a member of a team is punished with a point and the service for the other team.",
          "red card", "penalty", "rude conduct", "point"),
    _rule("expulsion", "Expulsion and disqualification", "Rules 21.3.2 and 21.3.3",
          "Offensive conduct, or a second rude one, sends a member off for the rest of the set; an attack, or a second offence "
          "of that kind, for the rest of the match. Neither gives a point.",
          "expulsion", "disqualification", "offensive", "sent off"),
)
BY_NAME = {rule.rule_id.removeprefix("volleyball."): rule for rule in RULES}
