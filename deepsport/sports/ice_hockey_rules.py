"""The words of ice hockey: its events and its rules. The ledger is in ice_hockey.py.

``verified`` passages were compared on that day with the text of the IIHF Official Rulebook 2025/26 in a public transcription,
rule by rule. Rules 5, 18, 25 and 26 were not in what was read.
"""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

_PENALTY = ("team", "zone", "num_players", "player", "outcome")

KINDS = (
    EventKind("goal", "The team scores: the whole puck crosses the goal line.", visible="the puck in the net and the red light"),
    EventKind("icing", "The team shoots the puck from its own half over the far goal line.",
              visible="a linesman's raised arm and the puck behind the far goal"),
    EventKind("offside", "A player of the team enters the attacking zone before the puck.",
              visible="a linesman's arm pointing along the blue line"),
    EventKind("minor_penalty", "A player of the team gets two minutes; outcome ``coincidental`` when both teams lose a player, "
              "``not_served`` when the other team scored while the call was delayed.",
              carries=_PENALTY, visible="a player skating to the penalty box"),
    EventKind("double_minor", "A player of the team gets twice two minutes.", carries=_PENALTY,
              visible="the referee's two raised fingers, twice"),
    EventKind("major_penalty", "A player of the team gets five minutes.", carries=_PENALTY,
              visible="the referee's open hand of five"),
    EventKind("match_penalty", "A player of the team is sent off for a dangerous action, five minutes are served: a major with a "
              "game misconduct, called a match penalty in older books.",
              carries=_PENALTY,
              visible="a player sent down the tunnel"),
    EventKind("misconduct", "A player of the team gets ten minutes, and is replaced on the ice.", carries=_PENALTY,
              visible="the referee's hands on his hips"),
    EventKind("penalty_end", "A penalised player of the team may come back.", carries=("team", "player"),
              visible="a player leaving the penalty box"),
    EventKind("penalty_shot", "The team is given a penalty shot.", visible="the referee's arms crossed above his head"),
    EventKind("penalty_shot_miss", "The team's penalty shot is saved or missed.",
              visible="one skater alone, stopped by the keeper"),
    EventKind("faceoff", "The team wins a face-off.", visible="two players bent over the dropped puck"),
    EventKind("stoppage", "Play is stopped for no fault of either team: puck frozen, or out of play.", carries=()),
    EventKind("period_end", "A period or an overtime ends.", carries=()),
    EventKind("shootout_goal", "In the shoot-out, the team scores.", visible="one skater alone who beats the keeper"),
    EventKind("shootout_miss", "In the shoot-out, the team does not score.", visible="one skater alone, stopped by the keeper"),
)

EDITION = "IIHF Official Rulebook 2025/26"
_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str, verified: date | None = _DAY) -> Rule:
    return Rule(f"ice_hockey.{name}", Sport.ICE_HOCKEY, title, text, law, EDITION, tags, verified)


RULES = (
    _rule("goal", "What counts as scored", "Rule 78",
          "A goal is scored when the whole puck crosses the line between the posts and below the bar, put in by an attacker's "
          "stick or by a defender in any way. Kicked or thrown in on purpose it does not count.",
          "goal", "puck", "goal line", "kicked in"),
    _rule("after_goal", "Face-off at centre", "Rules 76.2 and 86.1",
          "Each period, and play after each goal, begins with a face-off at the centre spot.",
          "face-off", "centre", "goal", "period"),
    _rule("faceoff", "Face-off", "Rule 76",
          "An official drops the puck between two opponents to begin play after every stoppage; no other player may be in the "
          "circle until it has left the official's hand.",
          "face-off", "faceoff", "stoppage", "circle"),
    _rule("icing", "Icing", "Rule 81",
          "A team that shoots the puck from its own half over the opponents' goal line, untouched and not into the goal, ices "
          "it if a defender would be the first to touch it, judged when the first player gets to the end-zone dots. The "
          "face-off is in the end zone of the team that iced.",
          "icing", "red line", "end zone"),
    _rule("icing_shorthanded", "Icing by a short-handed team", "Rule 81",
          "A team with fewer players on the ice through penalties may shoot the puck the length of the rink; that is no icing.",
          "icing", "short-handed", "penalty kill"),
    _rule("icing_change", "No change after icing", "Rules 81.4 and 82.1",
          "The team that iced the puck may not change its players before the face-off that follows.",
          "icing", "line change", "substitution"),
    _rule("offside", "Into the zone before the puck", "Rule 83",
          "Attackers may not be over the far blue line, with both skates, before the puck. If one is and the puck follows, play "
          "stops and is faced off outside the zone, or where it was played from.",
          "offside", "blue line", "neutral zone"),
    _rule("delayed_offside", "Waiting at the blue line", "Rule 83",
          "When the defenders get the puck, or no attacker plays it, the linesman waits with a raised arm until all attackers "
          "have left the zone; then play goes on.",
          "delayed call", "tag up", "linesman"),
    _rule("minor", "Minor penalty", "Rule 16",
          "For a minor penalty a player sits out two minutes and is not replaced: the team is short-handed. Tripping, hooking, "
          "holding, interference, slashing and high sticks are usual causes.",
          "minor penalty", "two minutes", "tripping", "hooking", "short-handed"),
    _rule("power_play_goal", "A goal against a short-handed team", "Rule 16",
          "When a team that is short-handed through minor penalties concedes a goal, the first of these minors ends at once. A "
          "goal scored by the short-handed team ends none.",
          "power play", "power-play goal", "minor ends", "short-handed"),
    _rule("bench_minor", "Bench minor", "Rule 17",
          "A bench minor is served for two minutes by any player of the team: for too many players on the ice, for instance.",
          "bench minor", "too many players"),
    _rule("double_minor", "Double minor", "Rule 18",
          "Two minors for one act are served one after the other; a power-play goal in the first two minutes ends only the "
          "first of them.",
          "double minor", "four minutes", "high stick", "blood", verified=None),
    _rule("coincidental", "Coincidental penalties", "Rule 19",
          "When players of both teams are penalised alike at one stoppage, the penalties cancel out: the players sit, and the "
          "teams are not short-handed by them.",
          "coincidental", "cancel out", "four on four"),
    _rule("major", "Major penalty", "Rule 20",
          "A major is served for five minutes whatever is scored meanwhile. Often a game misconduct comes with it, which puts "
          "the player out of the game.",
          "major penalty", "five minutes", "game misconduct", "fighting"),
    _rule("match", "Dangerous actions, the former match penalty", "Rule 21",
          "Who injures anybody by a dangerous action, or tries to, gets a major and with it a game misconduct, and goes to the "
          "dressing room; a team-mate serves the five minutes. Older books call it a match penalty.",
          "match penalty", "attempt to injure", "ejected"),
    _rule("misconduct", "Misconduct", "Rule 22",
          "A misconduct costs the player ten minutes, but a substitute may take the ice at once.",
          "misconduct", "ten minutes", "abuse of officials"),
    _rule("two_men_short", "Never fewer than three skaters", "Rule 26",
          "A team is never more than two players short: a third penalty begins when one of the first two has ended.",
          "delayed penalty", "three skaters", "five on three", verified=None),
    _rule("delayed_penalty", "Delayed whistle", "Rule 15",
          "When the other team has the puck, a penalty is called only once the offenders touch it. If they are scored against "
          "before, a minor is not served.",
          "delayed penalty", "delayed whistle", "extra attacker"),
    _rule("penalty_shot", "Penalty shot", "Rule 24",
          "A player fouled from behind on a clear breakaway gets a penalty shot: alone against the goalkeeper, with the puck "
          "always moving forward. No rebound counts.",
          "penalty shot", "breakaway", "no rebound"),
    _rule("penalised", "A penalised player", "Rules 16 and 26",
          "A player in the penalty box takes no part; one sent off the game does not come back.",
          "penalty box", "penalised player", "ejected", verified=None),
    _rule("players", "Six on the ice", "Rule 5",
          "A team has six players on the ice, usually five skaters and a goalkeeper, who may be replaced by another skater.",
          "players", "skaters", "goalkeeper", "empty net", verified=None),
    _rule("periods", "Three periods", "Rules 77.1 and 86.3",
          "A game has three periods of twenty minutes of playing time, with intermissions; the teams change ends.",
          "period", "twenty minutes", "intermission"),
    _rule("overtime", "Overtime", "Rule 84",
          "A game level after three periods goes on with an overtime, in many games with three skaters each. The first goal "
          "ends the game.",
          "overtime", "sudden victory", "three on three", "tie"),
    _rule("shootout", "Shoot-out", "Rule 84",
          "If nobody scores in overtime, players of both teams take penalty shots in turn, five each, then one each until one "
          "team leads. The winner gets one goal added to the score.",
          "shoot-out", "shootout", "game-winning shots"),
    _rule("high_stick_puck", "High-sticking the puck", "Rule 80",
          "The puck may not be struck with the stick above shoulder height, and no goal counts when the stick was above the bar.",
          "high stick", "crossbar", "shoulder"),
    _rule("hand_pass", "Hand pass", "Rule 79",
          "Pushing the puck by hand to a team-mate stops play, except in the own defending zone.",
          "hand pass", "glove"),
    _rule("stoppage", "Puck out of play or frozen", "Rule 85",
          "Play stops when the puck leaves the rink, is held by the goalkeeper, or cannot be seen; a face-off follows.",
          "stoppage", "frozen", "out of play", "whistle"),
)
BY_NAME = {rule.rule_id.removeprefix("ice_hockey."): rule for rule in RULES}
