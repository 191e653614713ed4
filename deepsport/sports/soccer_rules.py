"""The words of soccer: its events and its rules. The ledger is in soccer.py."""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("goal", "The team scores: the whole ball crosses the line between the posts.",
              visible="the ball in the net"),
    EventKind("corner_kick", "The team takes a corner kick.", visible="the ball kicked from the corner arc"),
    EventKind("foul", "The team commits a foul for which a direct free kick is given; outcome ``advantage`` when play goes on, "
              "``penalty`` inside its own penalty area, ``indirect`` for an offence without contact.",
              carries=("team", "zone", "num_players", "player", "outcome"), visible="the referee's whistle"),
    EventKind("offside", "A player of the team is penalised for offside.", visible="the assistant referee's raised flag"),
    EventKind("kick_off", "The team kicks off from the centre spot.", visible="the ball kicked from the centre spot"),
    EventKind("goal_kick", "The team takes a goal kick.", visible="the ball kicked from the goal area"),
    EventKind("throw_in", "The team throws the ball in.", visible="the ball thrown from the touch line"),
    EventKind("free_kick", "The team takes a direct free kick; outcome ``retaken`` when it must be taken again.",
              carries=("team", "zone", "num_players", "player", "outcome"), visible="a still ball kicked past a wall"),
    EventKind("indirect_free_kick", "The team takes an indirect free kick; outcome ``retaken`` when it must be taken again.",
              carries=("team", "zone", "num_players", "player", "outcome"), visible="the referee's raised arm"),
    EventKind("penalty_kick", "The team takes a penalty kick; outcome ``retaken`` when it must be taken again.",
              carries=("team", "zone", "num_players", "player", "outcome"), visible="a kick from the penalty mark"),
    EventKind("yellow_card", "A player of the team is cautioned.", visible="a yellow card held up"),
    EventKind("red_card", "A player of the team is sent off.", visible="a red card held up"),
    EventKind("half_time", "The first half (of the match, or of extra time) ends.", carries=()),
    EventKind("full_time", "The match ends.", carries=()),
    EventKind("own_goal", "A player of the team puts the ball into the team's own goal: the other team scores.",
              visible="the ball in the net, and its defenders dismayed"),
    EventKind("dropped_ball", "Play was stopped for no offence, and the referee drops the ball for the team.",
              visible="the referee letting the ball fall"),
    EventKind("substitution", "A player of the team is replaced; player is who goes off.", carries=("team", "player"),
              visible="the fourth official's board"),
    EventKind("extra_time", "Normal time ends level, and extra time follows.", carries=()),
    EventKind("shootout", "The match ends level, and penalties (kicks from the penalty mark) follow.", carries=()),
    EventKind("shootout_goal", "In the shoot-out, the team scores its kick.", visible="a kick from the mark into the net"),
    EventKind("shootout_miss", "In the shoot-out, the team's kick is saved or missed.",
              visible="a kick from the mark saved or wide"),
)

EDITION = "IFAB Laws of the Game 2024/25"
"""All passages are true of this edition; those marked ``verified`` were compared with its text, law by law. From 2025/26 on a
goalkeeper who holds the ball for too long costs a corner kick (see ``indirect``)."""
_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str, verified: date | None = None) -> Rule:
    return Rule(f"soccer.{name}", Sport.SOCCER, title, text, law, EDITION, tags, verified)


RULES = (
    _rule("goal", "When a goal is scored", "Law 10",
          "A goal counts when the whole of the ball has passed over the goal line, between the posts and under the bar, and the "
          "scoring team broke no law. The team with more goals at the end wins; equal goals are a draw.",
          "goal", "score", "winner", "draw"),
    _rule("kick_off", "Kick-off", "Law 8",
          "A kick-off begins each half, and play begins again with one after every goal: the team that let the goal in kicks "
          "off. The team that kicked off the first half does not kick off the second.",
          "kick off", "restart", "after a goal", "half time", verified=_DAY),
    _rule("free_kick", "Fouls and the direct free kick", "Laws 12 and 13",
          "A foul is an offence against an opponent while the ball is in play, such as a careless tackle, a trip, a push or a "
          "hold. The other team gets a direct free kick where it happened, from which a goal may be scored at once.",
          "foul", "free kick", "direct", "tackle", "restart", verified=_DAY),
    _rule("penalty_kick", "Penalty kick", "Law 14",
          "A foul that would earn a direct free kick, committed inside the offender's own penalty area, is punished by a "
          "penalty kick for the other team.",
          "penalty", "foul", "penalty kick", verified=_DAY),
    _rule("offside", "Offside", "Law 11",
          "A player is in an offside position when nearer to the opponents' goal line than both the ball and the last opponent "
          "but one, in the opponents' half. Being there is no offence; taking part in play from there is, and the other team "
          "gets an indirect free kick.",
          "offside", "flag", "indirect free kick", "restart", verified=_DAY),
    _rule("corner_kick", "Corner kick", "Law 17",
          "The attacking team gets a corner kick when the ball crosses the goal line, no goal is scored, and a defender touched "
          "it last. The attackers kick it from the corner arc; a goal may be scored directly.",
          "corner", "corner kick", "goal line", "restart", verified=_DAY),
    _rule("goal_kick", "Goal kick", "Law 16",
          "The defending team gets a goal kick when the ball crosses the goal line, no goal is scored, and an attacker touched "
          "it last.",
          "goal kick", "goal line", "restart", verified=_DAY),
    _rule("throw_in", "Throw-in", "Law 15",
          "When the ball crosses the touch line, the team that did not touch it last throws it in with both hands from behind "
          "the head. No goal can be scored straight from the throw.",
          "throw in", "touch line", "restart", verified=_DAY),
    _rule("cards", "Cautions and sendings-off", "Law 12",
          "A yellow card is a caution. A red card sends the player off, and so does a second caution in the match; a player who "
          "was sent off takes no further part.",
          "yellow card", "red card", "caution", "sent off", "dismissal"),
    _rule("duration", "The two halves", "Law 7",
          "A match has two halves of 45 minutes with an interval of at most 15 minutes; the referee adds the time that was "
          "lost.",
          "half time", "full time", "duration", "added time", verified=_DAY),
    _rule("own_goal", "Into one's own net", "Law 10",
          "It does not matter who puts the ball in: one scored against one's own side is the opponents', and the conceding team "
          "kicks off.",
          "own goal", "own net", "deflection"),
    _rule("own_restart", "Straight into one's own net from a restart", "Laws 13, 15, 16 and 17",
          "A ball that goes straight into the taker's own goal from a free kick, throw-in, goal kick or corner is no goal: the "
          "other team gets a corner kick.",
          "own restart", "straight into own goal", verified=_DAY),
    _rule("advantage", "Advantage", "Law 5",
          "When the team that was fouled gains more by playing on, the referee lets play go on, and comes back to the offence "
          "only if the expected benefit fails within a few seconds. A card can still be shown at the next stoppage.",
          "advantage", "play on", "referee"),
    _rule("indirect", "Offences for an indirect free kick", "Law 12",
          "Dangerous play, getting in an opponent's way without contact, dissent, and a goalkeeper who handles a team-mate's "
          "deliberate kick cost an indirect free kick; in the edition of 2024/25 so does holding the ball with the hands for "
          "more than six seconds.",
          "indirect", "dangerous play", "impeding", "back pass", "obstruction", verified=_DAY),
    _rule("indirect_goal", "Scoring from an indirect free kick", "Law 13",
          "From an indirect free kick the ball must touch another player on its way in. The referee holds an arm up until it "
          "does; straight into the opponents' net is only a goal kick.",
          "indirect free kick", "raised arm", "second touch", verified=_DAY),
    _rule("handball", "Handling the ball", "Law 12",
          "Touching the ball on purpose with hand or arm, or with the arm making the body unnaturally bigger, is an offence for "
          "a direct free kick. The goalkeeper may handle it inside the own penalty area.",
          "handball", "hand", "arm", verified=_DAY),
    _rule("serious_foul", "Straight red card", "Law 12",
          "Serious foul play, violent conduct, spitting, biting, and stopping an obvious chance of a goal by a foul or a "
          "handball are sent off at once, without a caution before.",
          "straight red", "violent conduct", "denied an obvious chance", verified=_DAY),
    _rule("second_caution", "Second yellow card", "Law 12",
          "A player cautioned for the second time in a match is shown the yellow and then the red card and goes off. The team "
          "plays on with one player fewer.",
          "second yellow", "two cautions", "sent off", verified=_DAY),
    _rule("dropped_ball", "Dropped ball", "Law 8",
          "When play is stopped for something that is no offence, such as an injury or a ball that hit the referee, it goes on "
          "with a ball dropped for one player of the team that last touched it, or for the goalkeeper in the penalty area.",
          "dropped ball", "drop ball", "injury", "stoppage", verified=_DAY),
    _rule("penalty_rebound", "The penalty and the rebound", "Law 14",
          "The taker must kick the ball forward and may not touch it again before somebody else has. A ball that comes back "
          "from the goalkeeper is in play. It is taken again when the goalkeeper offends and the kick misses.",
          "penalty rebound", "retake", "encroachment", "saved penalty"),
    _rule("penalty_time", "Time for a penalty", "Law 7",
          "When a penalty kick has to be taken or taken again, the half is lengthened until it is completed. No other restart "
          "lengthens it.",
          "time extended", "end of half", "penalty", verified=_DAY),
    _rule("extra_time", "Extra time", "Law 7 and Law 10",
          "Where a competition needs a winner, a match level at full time may go into extra time: two equal halves of at most "
          "15 minutes each, begun by a new toss. Goals in it count as any other.",
          "extra time", "level", "knock-out"),
    _rule("shootout", "Penalties: kicks from the penalty mark", "Law 10.3",
          "Level teams may be parted by kicks from the penalty mark, taken in turn, five each. It stops as soon as one has more "
          "than the other can still reach. Still level after five, it goes on until one has scored once more from as many "
          "kicks.",
          "shoot-out", "penalties", "kicks from the penalty mark", "sudden death", "five kicks", verified=_DAY),
    _rule("shootout_who", "Who takes part in the shoot-out", "Law 10.3",
          "Only players on the field at the end of the match take part; those sent off do not. Cautions from the match are not "
          "carried over. A team with more players must reduce to equal numbers.",
          "shoot-out", "eligible", "reduce to equate"),
    _rule("substitutions", "Substitutions", "Law 3",
          "In official competitions a team may replace up to five players, and one more where the match goes to extra time. Who "
          "was replaced takes no further part.",
          "substitution", "substitute", "five substitutions", "replaced"),
    _rule("players", "How many players", "Law 3",
          "A team begins with at most eleven players, one of them goalkeeper. A match may not go on when a team has fewer than "
          "seven.",
          "players", "eleven", "seven", "abandoned", verified=_DAY),
    _rule("no_offside", "Receiving straight from a throw-in, goal kick or corner", "Law 11",
          "Nobody is offside who receives the ball straight from a goal kick, a throw-in or a corner kick.",
          "exception", "straight from a restart", verified=_DAY),
    _rule("dead_ball", "Misconduct while play is stopped", "Law 12",
          "A card may be shown for what is done while the ball is out of play, but the restart stays what it was.",
          "ball out of play", "dead ball", "misconduct", verified=_DAY),
)
BY_NAME = {rule.rule_id.removeprefix("soccer."): rule for rule in RULES}
