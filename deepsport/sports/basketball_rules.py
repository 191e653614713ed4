"""The words of basketball: its events and its rules. The ledger is in basketball.py."""

from __future__ import annotations

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

_FOUL = ("team", "zone", "num_players", "player", "outcome")

KINDS = (
    EventKind("two_pointer", "The team scores a basket worth two points.",
              visible="the ball through the hoop from inside the arc"),
    EventKind("three_pointer", "The team scores a basket from beyond the arc.", visible="the ball through the hoop from far out"),
    EventKind("missed_shot", "The team shoots at the basket and misses.", visible="the ball off the rim"),
    EventKind("rebound", "The team gets the ball after a miss.", visible="hands closing on the ball under the rim"),
    EventKind("turnover", "The team loses the ball without a shot: stolen, out of bounds, or by a violation.",
              visible="the ball taken by the other team"),
    EventKind("personal_foul", "A player of the team fouls; outcome ``shooting_2`` or ``shooting_3`` on a missed shot, "
              "``and_one`` on a basket just made.", carries=_FOUL, visible="the referee's raised fist"),
    EventKind("technical_foul", "A player or the bench of the team offends without contact.",
              visible="the referee's hands as a T"),
    EventKind("unsportsmanlike_foul", "A player of the team makes contact that is no fair attempt at the ball.",
              visible="the referee holding a wrist up high"),
    EventKind("free_throw_made", "The team scores a free throw.", visible="a shot from the line, alone, through the hoop"),
    EventKind("free_throw_missed", "The team misses a free throw.", visible="a shot from the line, alone, off the rim"),
    EventKind("jump_ball", "The team wins the jump ball that begins the game.",
              visible="two players leaping in the centre circle"),
    EventKind("held_ball", "Players of both teams hold the ball.", carries=(), visible="the referee's thumbs up"),
    EventKind("timeout", "The team takes a time-out.", carries=("team",), visible="players walking to the bench"),
    EventKind("quarter_end", "A quarter or an overtime ends.", carries=()),
)

FIBA = "FIBA Official Basketball Rules 2024"
NBA = "NBA Official Rules 2024-25"


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = FIBA) -> Rule:
    return Rule(f"basketball.{name}", Sport.BASKETBALL, title, text, law, edition, tags)


RULES = (
    _rule("score", "What a basket is worth", "Art. 16",
          "A basket from the area inside the arc counts two points, from beyond it three, and a free throw one. It counts when a "
          "live ball enters from above and stays in or passes through.",
          "basket", "points", "two points", "three points", "field goal", "beyond the arc", "how many points"),
    _rule("after_basket", "After a basket", "Art. 17",
          "After a basket, or a last free throw that went in, a player of the team that let it in throws the ball in from behind "
          "the endline.",
          "throw-in", "endline", "possession", "two pointer", "three pointer", "made basket"),
    _rule("winner", "Who wins", "Art. 8 and 1.3",
          "The team with more points at the end of playing time wins. There are no draws: a level score after the fourth quarter "
          "is played off in overtimes of five minutes, as many as it takes.",
          "winner", "overtime", "level score", "tie"),
    _rule("quarters", "Four quarters", "Art. 8",
          "A game has four quarters of ten minutes, with half-time after the second.",
          "quarter", "ten minutes", "playing time", "half-time"),
    _rule("nba_quarters", "Quarters in the NBA", "Rule 5",
          "In the NBA the four quarters last twelve minutes each, and an overtime five.",
          "quarter", "twelve minutes", "NBA", edition=NBA),
    _rule("jump_ball", "The opening jump ball", "Art. 12",
          "A jump ball in the centre circle begins the first quarter. The team that does not gain the ball from it gets the "
          "arrow: the next alternating possession.",
          "jump ball", "tip-off", "arrow", "start"),
    _rule("alternating", "Alternating possession", "Art. 12.5",
          "Held balls, and the starts of the later quarters and of overtimes, go to the team the arrow points to; after that "
          "throw-in the arrow turns.",
          "held ball", "arrow", "alternating possession", "jump ball situation"),
    _rule("personal_foul", "Personal foul", "Art. 34",
          "A personal foul is illegal contact: holding, pushing, charging, blocking. If nobody was shooting and the bonus is not "
          "reached, the fouled team throws the ball in nearest to the place.",
          "personal foul", "contact", "charge", "block", "push"),
    _rule("shooting_foul", "Foul on a shooter", "Art. 34.2",
          "A player fouled while shooting gets one free throw if the basket was made, and otherwise as many as the shot was "
          "worth: two, or three from beyond the arc.",
          "shooting foul", "and one", "act of shooting", "free throws"),
    _rule("team_control_foul", "Foul by the team in control", "Art. 34.2 and 41",
          "A foul by the team that has the ball is charged to player and team, but gives no free throws, whatever the count of "
          "team fouls: the other team gets the ball.",
          "offensive foul", "team control", "charging"),
    _rule("bonus", "Team fouls and the bonus", "Art. 41",
          "Once a team has four fouls in a quarter, each further personal foul by it, not in control of the ball, gives the "
          "other team two free throws instead of a throw-in.",
          "team fouls", "bonus", "penalty situation", "fifth foul"),
    _rule("overtime_fouls", "Team fouls in overtime", "Art. 41.1.2",
          "Team fouls in overtime are counted on from the fourth quarter.",
          "team fouls", "overtime", "bonus"),
    _rule("nba_bonus", "The bonus in the NBA", "Rule 12B",
          "In the NBA too the fifth team foul of a quarter, in overtime the fourth, brings free throws, and so does the second "
          "foul in the last two minutes.",
          "bonus", "last two minutes", "NBA", edition=NBA),
    _rule("five_fouls", "Five fouls", "Art. 40",
          "A player with five fouls, personal or technical, must leave the game and can no longer be fielded.",
          "five fouls", "fouled out", "player fouls", "fifth foul"),
    _rule("nba_six_fouls", "Six fouls in the NBA", "Rule 3",
          "In the NBA a player is out with the sixth personal foul.",
          "six fouls", "fouled out", "NBA", edition=NBA),
    _rule("technical", "Technical foul", "Art. 36",
          "A technical foul is bad conduct without contact. The other team shoots one free throw at once, and play goes on "
          "where it was stopped, with the team that had the ball.",
          "technical foul", "conduct", "bench"),
    _rule("unsportsmanlike", "Unsportsmanlike foul", "Art. 37",
          "Contact that is no fair attempt at the ball, is too hard, or stops a fast break from behind is unsportsmanlike: two "
          "free throws and the ball for the other team.",
          "unsportsmanlike", "flagrant", "fast break", "hard contact"),
    _rule("disqualified", "Two technicals", "Arts. 36.2.3 and 37.2.3",
          "Two technical fouls, two unsportsmanlike fouls, or one of each, and the player is disqualified for the rest of the "
          "game.",
          "disqualified", "ejected", "two technical fouls"),
    _rule("free_throw", "Free throws", "Art. 43",
          "A free throw is an unhindered shot for one point from the line. No other event of play comes between those of a set; "
          "a missed last one is live and may be rebounded, unless the ball is given afterwards.",
          "free throw", "line", "unhindered"),
    _rule("rebound", "The ball after a miss", "Art. 14 and 29",
          "A missed shot belongs to nobody until a team controls it. If it touched the ring and the shooters get it back, they "
          "have 14 seconds.",
          "rebound", "control", "14 seconds", "miss"),
    _rule("shot_clock", "Twenty-four seconds", "Art. 29",
          "A team that gains the ball must shoot within 24 seconds, and the ball must touch the ring; else it loses the ball.",
          "shot clock", "24 seconds", "violation"),
    _rule("eight_seconds", "Eight seconds", "Art. 28",
          "A team must bring the ball from its back court to its front court within eight seconds.",
          "eight seconds", "back court", "violation"),
    _rule("backcourt", "Ball returned to the back court", "Art. 30",
          "A team in control in its front court may not be the last to touch the ball before it returns to the back court and "
          "then be first to touch it there.",
          "backcourt violation", "over and back"),
    _rule("travelling", "Travelling and dribbling twice", "Arts. 24 and 25",
          "Who holds the ball may move only within the limits of the pivot foot, and may not dribble again after ending a "
          "dribble. Both cost the ball.",
          "travelling", "double dribble", "steps", "turnover"),
    _rule("three_seconds", "Three seconds", "Art. 26",
          "An attacker may not stay longer than three seconds in the opponents' restricted area while the team controls the "
          "ball in front court.",
          "three seconds", "restricted area", "paint"),
    _rule("out_of_bounds", "Out of bounds", "Art. 23",
          "The ball is out when it touches anybody or anything on or beyond the line. The team that did not touch it last throws "
          "it in.",
          "out of bounds", "line", "throw-in"),
    _rule("goaltending", "Goaltending", "Art. 31",
          "A shot may not be touched on its way down above the ring, nor while it is on the ring. By a defender, the basket "
          "counts as if made.",
          "goaltending", "basket interference", "block"),
    _rule("timeouts", "Time-outs", "Art. 18",
          "A team has two time-outs of a minute in the first half, three in the second, and one in each overtime; what is left "
          "over is lost.",
          "time-out", "timeout", "minute"),
)
BY_NAME = {rule.rule_id.removeprefix("basketball."): rule for rule in RULES}
