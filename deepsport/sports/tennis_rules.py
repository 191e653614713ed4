"""The words of tennis: its events and its rules. The ledger is in tennis.py.

``verified`` passages were compared on that day with the ITF Rules of Tennis 2025 as the USTA's Friend at Court 2025 prints them.
"""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("ace", "The team serves, and the receiver does not touch the ball.", visible="a serve that nobody reaches"),
    EventKind("double_fault", "The team serves two faults in a row.", visible="a second serve into the net or out"),
    EventKind("net_point", "The team wins the point with a shot at the net.", visible="a player volleying at the net"),
    EventKind("long_out", "The team hits the ball out.", visible="the ball landing behind the baseline"),
    EventKind("winner", "The team wins the point with a shot from the back of the court.", visible="a ball out of reach"),
    EventKind("netted", "The team hits the ball into the net.", visible="the ball in the net"),
    EventKind("passing_shot", "The team wins the point with a ball past an opponent at the net.",
              visible="a ball past a player at the net"),
    EventKind("wide_out", "The team hits the ball past a side line.", visible="the ball landing beside the court"),
    EventKind("net_touch", "A player of the team touches the net or plays the ball before it has crossed it.",
              visible="the net shaken by a player"),
    EventKind("hindrance", "The team hinders its opponents on purpose and loses the point.",
              visible="play stopped, the umpire speaking to a player"),
    EventKind("fault", "The team's first service is a fault.", visible="a first serve into the net or out"),
    EventKind("service_let", "The team's service touches the net and is otherwise good; it is served again.",
              visible="a serve that clips the tape, and is served again"),
    EventKind("let", "The point does not count, and the team serves it again.", visible="play stopped, and the point begun anew"),
    EventKind("point", "The team wins the point; how is not recorded."),
)
WINS = {"ace": "ace", "net_point": "second_bounce", "winner": "second_bounce", "passing_shot": "second_bounce", "point": "point"}
"""Kinds by which the acting team wins the point, and the rule."""
LOSSES = {"double_fault": "double_fault", "long_out": "out", "wide_out": "out", "netted": "out", "net_touch": "net_touch",
          "hindrance": "hindrance"}

EDITION = "ITF Rules of Tennis 2025"
_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str) -> Rule:
    return Rule(f"tennis.{name}", Sport.TENNIS, title, text, law, EDITION, tags, _DAY)


RULES = (
    _rule("point", "How a point is lost", "Rule 24",
          "A point ends when one side loses it: by two faults, by not returning the ball before it bounces twice, by a return "
          "out or into something outside, or by one of the faults that the rule lists. The other side wins it.",
          "point", "loses the point", "rally"),
    _rule("game", "Score in a game", "Rule 5a",
          "Points in a game are called love, 15, 30, 40 and game, the server's first. At three points each the score is deuce; "
          "the next point gives advantage, and a second point in a row gives the game, while a point lost brings the score back "
          "to deuce.",
          "game", "points", "deuce", "advantage", "score"),
    _rule("tie_break", "Tie-break game", "Rule 5b",
          "A tie-break is counted one, two, three; the first to seven points wins game and set if two ahead, otherwise it goes "
          "on until somebody leads by two. The player due to serve serves one point, then each serves two in turn.",
          "tie break", "six all", "set"),
    _rule("set", "Score in a set", "Rule 6",
          "A set goes to the first to win six games with a lead of two. In a tie-break set a tie-break game is played at six "
          "games all; in an advantage set play goes on until somebody leads by two.",
          "set", "games", "score"),
    _rule("match", "Score in a match", "Rule 7",
          "A match is the best of three sets, won with two, or the best of five, won with three.",
          "match", "sets", "best of three", "best of five", "winner"),
    _rule("match_tie_break", "Match tie-break", "Appendix VI",
          "Where it is announced, a tie-break to ten points with a lead of two is played in place of the final set.",
          "match tie break", "ten points", "final set", "super tie break"),
    _rule("no_ad", "No-advantage scoring", "Appendix VI",
          "Under the no-ad method one point decides the game at deuce, and the receiver chooses the half from which it is "
          "served to.",
          "no ad", "deciding point"),
    _rule("toss", "Choice of ends and service", "Rule 9",
          "The side that wins the toss chooses to serve or receive first, or an end, or leaves the choice to the other; the "
          "other side then has what remains.",
          "toss", "choice", "first server", "end"),
    _rule("ends", "Change of ends", "Rule 10",
          "The players change ends after the first, third and every odd game of a set, and after a set unless it had an even "
          "number of games. In a tie-break they change after every six points.",
          "change of ends", "odd game", "six points", "sides"),
    _rule("service_order", "Order of service", "Rule 14, and Rule 5b for the tie-break",
          "The receiver of one game serves the next, all through the match. Who served first in a tie-break receives first in "
          "the following set.",
          "serve", "server", "receiver", "service order"),
    _rule("doubles_service", "Order of service in doubles", "Rule 14",
          "In doubles each team settles before a set which partner serves its first game; the four players then serve in the "
          "same turn until the set ends.",
          "doubles", "partner", "order of service", "rotation"),
    _rule("doubles_receiving", "Order of receiving in doubles", "Rule 15",
          "In doubles each team settles who receives the first point of a set's first game; the partners then receive in turn "
          "from their halves. Once the service is returned either may hit the ball.",
          "doubles", "receiving", "partner", "half"),
    _rule("service", "The service", "Rules 16 and 17",
          "The server stands still behind the baseline, releases the ball and hits it before it bounces, from alternate halves "
          "beginning on the right. The ball must land in the service court diagonally opposite.",
          "service", "serve", "service court", "diagonal", "right half"),
    _rule("foot_fault", "Foot fault", "Rule 18",
          "While serving the server may not walk or run, touch the baseline or the court with a foot, or go past the centre "
          "mark or the sideline's extension. It counts as a fault.",
          "foot fault", "baseline", "server"),
    _rule("service_fault", "A service fault", "Rules 19 and 20",
          "A service is a fault when it misses its court, the server misses the ball or foot-faults, or the ball hits a post, a "
          "fixture or the server's partner first. After one fault the server serves again from the same half.",
          "fault", "first serve", "second serve", "service fault"),
    _rule("double_fault", "Two faults lose the point", "Rule 24a",
          "A server who misses the first service may serve again; two faults in a row, a double fault, lose the point, so the "
          "receiver wins it.",
          "double fault", "second serve", "fault", "point"),
    _rule("service_let", "Let during a service", "Rule 22",
          "A service that touches the net and is otherwise good, or is served before the receiver is ready, is a let and is "
          "served again; an earlier fault still counts.",
          "let", "service let", "net cord", "not ready"),
    _rule("let", "A let", "Rule 23",
          "When a let is called for anything but a service let on the second serve, the whole point is played again, with a "
          "first service.",
          "let", "replay the point", "first service"),
    _rule("ace", "An unreturned service wins the point", "Rules 17 and 24b",
          "A good service that the receiver does not return before it bounces a second time wins the point for the server. When "
          "the receiver does not even touch it, it is called an ace.",
          "ace", "serve", "point"),
    _rule("volleyed_service", "Returning a service before it bounces", "Rule 24e",
          "The receiver must let the service bounce; who volleys it, or is hit by it before it bounces, loses the point unless "
          "it was a service let.",
          "volley", "return of serve", "before it bounces"),
    _rule("out", "A ball hit out or into the net loses the point", "Rules 12, 24c and 24d",
          "A player who returns the ball so that it lands outside the opponent's court, or does not get it over the net, or "
          "hits a fixture before it bounces, loses the point. A ball that touches a line is good.",
          "out", "long out", "wide", "netted", "line", "point"),
    _rule("second_bounce", "A ball not returned loses the point", "Rule 24b",
          "A player who does not return the ball before it has bounced twice loses the point, however near to the net the "
          "winning shot was made.",
          "net point", "winner", "passing shot", "volley", "bounce", "point"),
    _rule("net_touch", "Touching the net or reaching over it", "Rules 24g and 24h",
          "A player loses the point when body, racket or clothes touch the net, a post or the opponent's court during play, or "
          "when the ball is hit before it has passed the net. Following through over the net is allowed.",
          "net touch", "touches the net", "reaching over", "point"),
    _rule("body", "The ball touches a player", "Rules 24f, 24i and 24j",
          "A player whom the ball in play touches, or who hits it on purpose twice, carries it, or hits it with a racket not "
          "held in the hand, loses the point.",
          "body", "double hit", "carry", "thrown racket"),
    _rule("good_return", "A good return", "Rule 25",
          "A return is good though it touches the net or a post, or passes outside the post below the net's height, as long as "
          "it lands in the right court.",
          "good return", "net cord", "around the post"),
    _rule("hindrance", "Hindrance", "Rule 26",
          "A player who is hindered by a deliberate act of an opponent wins the point; by an accident or something beyond "
          "anybody's control, the point is played again.",
          "hindrance", "hinders", "deliberate", "replay"),
    _rule("errors", "Correcting errors", "Rule 27",
          "When a player served out of turn or from the wrong half or end, points already played stand and the order is put "
          "right at once; a game that was finished out of turn is left as it was.",
          "wrong server", "out of turn", "error", "wrong end"),
    _rule("continuous_play", "Continuous play", "Rule 29",
          "At most 25 seconds pass between points, 90 at a change of ends and 120 between sets; after the first game of a set "
          "and in a tie-break there is no rest.",
          "time", "25 seconds", "change of ends", "set break", "delay"),
    _rule("coaching", "Coaching", "Rule 30",
          "Coaching from off the court is allowed where the event's rules permit it, never while a point is being played.",
          "coaching", "coach", "advice"),
    _rule("court", "Court and net", "Rule 1",
          "The court is 23.77 m long and 8.23 m wide, 10.97 m for doubles. The net is 0.914 m high in the middle and 1.07 m at "
          "the posts.",
          "court", "net height", "doubles", "size"),
)
BY_NAME = {rule.rule_id.removeprefix("tennis."): rule for rule in RULES}
