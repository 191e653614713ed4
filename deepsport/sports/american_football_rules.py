"""The words of American football: its events and its rules. The ledger is in american_football.py."""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

_PLAY = ("team", "zone", "num_players", "player", "outcome", "value")

KINDS = (
    EventKind("kickoff", "The team kicks off, or kicks after a safety; value: the yard line at which the receivers then begin, "
              "counted from their own goal; outcome ``recovered`` when the kickers get the ball.",
              carries=_PLAY, visible="the ball kicked high from a tee"),
    EventKind("run", "The team runs with the ball; value: yards gained.", carries=_PLAY, visible="a runner through the line"),
    EventKind("pass_complete", "The team completes a forward pass; value: yards gained.", carries=_PLAY,
              visible="a thrown ball caught"),
    EventKind("pass_incomplete", "The team's forward pass falls to the ground.", visible="a thrown ball on the ground"),
    EventKind("sack", "The team's passer is tackled before he can throw; value: yards gained, below zero.",
              carries=_PLAY, visible="the passer brought down behind the line"),
    EventKind("touchdown", "The team scores a touchdown.",
              visible="a player with the ball in the end zone, a referee's raised arms"),
    EventKind("extra_point", "The team kicks the extra point.", visible="a short kick between the posts after a touchdown"),
    EventKind("extra_point_missed", "The team's kick for the extra point fails.", visible="a short kick wide or blocked"),
    EventKind("two_point", "The team runs or passes for two extra points.",
              visible="a play from the two-yard line into the end zone"),
    EventKind("two_point_failed", "The team's try for two fails.", visible="a play from the two-yard line stopped"),
    EventKind("field_goal", "The team kicks a field goal.", visible="the ball between the posts"),
    EventKind("field_goal_missed", "The team's field goal attempt fails; value: the yard line at which the other team begins.",
              carries=_PLAY, visible="the ball wide of the posts"),
    EventKind("safety", "The team scores two points: the others were stopped in their own end zone.",
              visible="a referee's palms together above the head"),
    EventKind("interception", "The team catches a pass of the others; value: its yard line then.", carries=_PLAY,
              visible="a defender catching the pass"),
    EventKind("fumble_recovery", "The team gets a ball that the others dropped; value: its yard line then.", carries=_PLAY,
              visible="a loose ball under a pile of players"),
    EventKind("punt", "The team punts; value: the yard line at which the receivers begin.", carries=_PLAY,
              visible="the ball dropped and kicked far"),
    EventKind("penalty", "The team is penalised; value: yards; outcome ``automatic_first_down``, ``loss_of_down`` or "
              "``declined``. The play it undoes is not recorded.", carries=_PLAY, visible="a yellow flag on the field"),
    EventKind("timeout", "The team takes a time-out.", carries=("team",), visible="a referee waving both arms"),
    EventKind("quarter_end", "A quarter, or the overtime period, ends.", carries=()),
)

EDITION = "NFL Official Playing Rules 2025"
COMPARED = "NFL Official Playing Rules 2021, Rule 11"
"""The copy with which the verified passages were compared; the values have not changed since."""
_DAY = date(2026, 11, 23)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = EDITION, verified: date | None = None) -> Rule:
    return Rule(f"american_football.{name}", Sport.AMERICAN_FOOTBALL, title, text, law, edition, tags, verified)


RULES = (
    _rule("scores", "What scores are worth", "Rule 11-1-2",
          "A touchdown is worth six points, a field goal three, a safety two. The try after a touchdown gives one point by a "
          "kick and two by a run or pass.",
          "touchdown", "field goal", "safety", "points", "extra point", edition=COMPARED, verified=_DAY),
    _rule("winner", "The winning team", "Rule 11-1-1",
          "The team with more points in the whole game wins.",
          "winner", "points", edition=COMPARED, verified=_DAY),
    _rule("touchdown", "Touchdown", "Rule 11-2-1",
          "A touchdown is scored when a runner has the ball on, above or behind the plane of the opponents' goal line, or a "
          "loose ball is caught or recovered there.",
          "touchdown", "goal line", "plane", "end zone", edition=COMPARED, verified=_DAY),
    _rule("try", "The try after a touchdown", "Rule 11-3-1",
          "The team that scored may add points on one scrimmage down: a kick with the ball spotted on the 15, or a run or pass "
          "from the two-yard line.",
          "extra point", "two-point conversion", "try", "conversion", edition=COMPARED, verified=_DAY),
    _rule("field_goal", "Field goal", "Rule 11-4-1",
          "A field goal is a place kick or drop kick from scrimmage, or a fair-catch kick, that goes over the bar between the "
          "posts without touching the ground or a team-mate.",
          "field goal", "posts", "place kick"),
    _rule("missed_field_goal", "After a missed field goal", "Rule 11-4-2",
          "After a miss the defenders take over where the ball was kicked, or on their 20-yard line if that is farther out.",
          "missed field goal", "spot of the kick", "20-yard line"),
    _rule("safety", "Safety", "Rule 11-5-1",
          "When the offence, by its own doing, is left with the ball dead behind its own goal line, or fouls there, the others "
          "score a safety of two points.",
          "safety", "own end zone", "two points"),
    _rule("after_score", "Kick after a score", "Rule 6-1-1",
          "Each half, and play after a field goal or a try, begins with a kickoff by the team that scored.",
          "kickoff", "after a score", "half"),
    _rule("safety_kick", "Kick after a safety", "Rule 6-1-1",
          "After a safety the team that was scored on puts the ball in play by a kick from its 20-yard line.",
          "safety kick", "free kick", "20-yard line"),
    _rule("second_half", "Who kicks off the second half", "Rule 4-2-2",
          "The choices for the second half belong to the team that did not have the first choice before the game.",
          "second half", "coin toss", "deferred"),
    _rule("downs", "Four downs for ten yards", "Rule 7-3-1",
          "The offence has four downs to gain ten yards from where the series began. When it does, a new series begins: first "
          "and ten, or first and goal when the line is nearer.",
          "first down", "ten yards", "series", "down and distance"),
    _rule("turnover_on_downs", "Fourth down failed", "Rule 7-3-1",
          "If the fourth down does not reach the line to gain, the other team takes the ball where it is dead.",
          "turnover on downs", "fourth down", "line to gain"),
    _rule("possession", "Who may play the ball", "Rules 7 and 8",
          "Only the team in possession runs, passes, kicks or punts from scrimmage; the defence gains the ball by an "
          "interception, a recovered fumble, a kick or on downs.",
          "possession", "offense", "defense", "turnover"),
    _rule("forward_pass", "Forward pass", "Rule 8-1",
          "The offence may throw one forward pass a down, from behind the line of scrimmage. A pass that is not caught is dead, "
          "and the down counts.",
          "forward pass", "incomplete", "line of scrimmage"),
    _rule("interception", "Interception", "Rule 8-1",
          "A defender who catches a forward pass before it touches the ground intercepts it, may run with it, and his team has "
          "the ball.",
          "interception", "defender", "turnover"),
    _rule("fumble", "Fumble", "Rule 8-7",
          "A loose ball that a runner dropped belongs to whoever recovers it; on fourth down and in the last two minutes only "
          "the fumbler may advance it for the offence.",
          "fumble", "recovery", "loose ball"),
    _rule("punt", "Punt", "Rule 9",
          "A team that does not expect to reach the line to gain may kick the ball away. The receivers then begin a series, "
          "unless they touch the ball and lose it.",
          "punt", "scrimmage kick", "fair catch"),
    _rule("touchback", "Touchback", "Rule 11-6",
          "A kick or a defender's catch that ends dead behind the receivers' goal line, with the impetus from the other side, "
          "is a touchback: they begin on a fixed yard line.",
          "touchback", "end zone", "impetus"),
    _rule("onside", "Onside kick", "Rule 6-1",
          "The kicking team may recover its own kickoff once the ball has gone ten yards or was touched by the receivers.",
          "onside kick", "ten yards", "recover"),
    _rule("penalty", "Enforcing a penalty", "Rule 14-1",
          "A penalty moves the ball by five, ten or fifteen yards, or to the place of the foul, and as a rule the down is played "
          "again. The other team may decline it and keep the result of the play.",
          "penalty", "yards", "declined", "flag on the play"),
    _rule("half_distance", "Half the distance", "Rule 14-2",
          "A penalty never takes the ball to or over the goal line: if it would go more than half the way, it goes half the way.",
          "half the distance", "penalty near the goal line"),
    _rule("automatic_first_down", "Automatic first down", "Rule 14-8",
          "Some defensive fouls, such as holding, pass interference or roughing the passer, give the offence a first down "
          "however far it had to go.",
          "automatic first down", "defensive holding", "pass interference", "roughing"),
    _rule("intentional_grounding", "Intentional grounding", "Rule 8-2",
          "A passer under pressure may not throw the ball away where no receiver is near: the down is lost, with yards.",
          "intentional grounding", "loss of down"),
    _rule("quarters", "Four quarters", "Rule 4-1",
          "A game has four quarters of fifteen minutes. After the first and the third the teams change ends, and down, distance "
          "and possession stay.",
          "quarter", "fifteen minutes", "halftime"),
    _rule("overtime", "Overtime", "Rule 16",
          "A level game goes on after a new toss. Each team has a chance with the ball, unless the first series ends in a "
          "safety; then whoever leads wins. A regular-season game level after ten minutes is a tie.",
          "overtime", "tie", "sudden death", "possession"),
    _rule("timeouts", "Time-outs", "Rule 4-5-1",
          "Each team has three time-outs in a half.",
          "timeout", "three time-outs", "half"),
)
BY_NAME = {rule.rule_id.removeprefix("american_football."): rule for rule in RULES}
