"""The words of table tennis: its events and its rules. The ledger is in table_tennis.py.

``verified`` passages were compared on that day with chapter 2 of the ITTF Handbook as public reproductions give it (2.8 and 2.10
also with the ITTF's own pages of 2009/10, 2.6 with the Statutes of 2023), those on conduct with 3.5.2 as quoted there.
"""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("service_ace", "The team serves, and the receiver does not return it.",
              visible="a serve after which nobody hits the ball back"),
    EventKind("smash", "The team wins the point with a smash.", visible="a high ball hit down hard, out of the other's reach"),
    EventKind("loop", "The team wins the point with a topspin stroke.",
              visible="a long upward swing, and a ball that dips and is not returned"),
    EventKind("drop_shot", "The team wins the point with a short ball close behind the net.",
              visible="a ball that bounces twice near the net"),
    EventKind("edge_ball", "The team's ball clips the edge of the table and cannot be returned.",
              visible="a ball that leaps aside at the table's edge"),
    EventKind("receiver_return", "Expedite system: the team makes its thirteenth correct return and wins the point.",
              visible="the stroke counter calling thirteen"),
    EventKind("service_fault", "The team's service is not correct.", visible="a serve into the net or off the table, or missed"),
    EventKind("netted", "The team hits the ball into the net.", visible="the ball stopped by the net"),
    EventKind("long_out", "The team hits the ball past the table.",
              visible="the ball flying beyond the end or side of the table"),
    EventKind("missed", "The team swings at the ball and misses it, or lets it bounce twice.", visible="a swing through the air"),
    EventKind("obstruction", "The team touches the ball over the table before it has bounced on its side.",
              visible="the ball hit or stopped in the air above the table"),
    EventKind("free_hand", "The team touches the table with the free hand.", visible="a hand laid on the table during a rally"),
    EventKind("table_moved", "The team moves the table, or touches the net.", visible="the table or the net shaken by a player"),
    EventKind("point", "The team wins the rally; how is not recorded."),
    EventKind("let", "The rally does not count, and the team serves again.",
              visible="a serve that clips the net, and a raised hand"),
    EventKind("time_out", "The team takes its time-out.", carries=("team", "player"), visible="hands making a T, a white card"),
    EventKind("yellow_card", "The team is warned.", carries=("team", "player"), visible="a yellow card held up"),
    EventKind("red_card", "The team is penalised: one point for the other, at the next offence two.",
              carries=("team", "player"), visible="a yellow and a red card held up together"),
    EventKind("expedite", "The expedite system begins; outcome ``in_play`` when a rally had to be stopped for it.",
              carries=("outcome",)),
)
WINS = {"point": "point", "service_ace": "point", "smash": "return", "loop": "return", "drop_shot": "return", "edge_ball": "edge",
        "receiver_return": "thirteen_returns"}
LOSSES = {"service_fault": "service", "netted": "return", "long_out": "beyond_table", "missed": "return",
          "obstruction": "obstruction", "free_hand": "free_hand", "table_moved": "table_moved"}

EDITION = "ITTF Handbook, The Laws of Table Tennis"
REGULATIONS = "ITTF Handbook, Regulations for International Competitions"
_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = EDITION, verified: date | None = _DAY) -> Rule:
    return Rule(f"table_tennis.{name}", Sport.TABLE_TENNIS, title, text, law, edition, tags, verified)


RULES = (
    _rule("point", "How a point is scored", "Law 2.10.1",
          "Unless the rally is a let, somebody scores it, whoever served: the player whose opponent fails to serve or to return "
          "correctly, or commits one of the faults of the law.",
          "point", "rally", "score", "ace", "service ace"),
    _rule("game", "To win a game", "Law 2.11.1",
          "A game goes to the first player or pair with eleven points. At ten all play goes on until somebody leads by two.",
          "game", "eleven", "11 points", "ten all", "deuce", "lead"),
    _rule("match", "To win a match", "Law 2.12.1",
          "A match is the best of an odd number of games: mostly five or seven, so that three or four games win it.",
          "match", "best of five", "best of seven", "games", "winner"),
    _rule("toss", "Choice of service and ends", "Laws 2.13.1 and 2.13.2",
          "Lots are drawn before the match. The winner chooses to serve, to receive, or an end of the table; the other has the "
          "remaining choice.",
          "toss", "lot", "choice", "first server", "end"),
    _rule("service_order", "Service changes after two points", "Law 2.13.3",
          "Service passes to the other side after every two points. From ten all on, and under the expedite system, each serves "
          "for one point in turn.",
          "serve", "server", "service order", "two points", "ten all", "turn"),
    _rule("next_game", "Who serves first in the next game", "Law 2.13.6",
          "The side that served first in a game receives first in the next one of the match.",
          "next game", "first server", "receive first"),
    _rule("ends", "Change of ends", "Law 2.13.7",
          "The sides change ends after each game, and once more in the last possible game of a match when one of them first "
          "reaches five points.",
          "change of ends", "sides", "five points", "last game"),
    _rule("doubles_order", "Order of serving in doubles", "Laws 2.13.4 and 2.13.5",
          "At each change of service in doubles the player who received serves next, and the partner of the player who served "
          "receives.",
          "doubles", "partner", "receiver", "order of serving"),
    _rule("doubles_play", "Partners hit in turn", "Law 2.8.2",
          "In doubles the two partners must hit the ball alternately, in the order that server and receiver began. Who hits out "
          "of turn loses the point.",
          "doubles", "alternate", "out of turn", "partner"),
    _rule("wrong_order", "Serving or receiving out of turn", "Laws 2.14.1 to 2.14.3",
          "When somebody serves or receives out of turn, or the ends were not changed, play stops as soon as it is noticed and "
          "goes on as it should have been. Points already made stand.",
          "out of turn", "mistake", "wrong end", "error"),
    _rule("service", "A correct service", "Laws 2.6.1 to 2.6.5",
          "The ball rests on the open palm, is tossed almost straight up by at least 16 cm without spin, and is struck as it "
          "falls, from behind the end line and in the receiver's sight. It bounces first on the server's side, then on the "
          "receiver's.",
          "service", "serve", "toss", "open palm", "16 cm", "service fault", "hidden"),
    _rule("service_doubtful", "A doubtful service", "Law 2.6.6",
          "An umpire who doubts that a service was correct may warn the server the first time; after that a doubtful service "
          "costs the point. A service that is clearly wrong always does.",
          "service", "warning", "doubt", "umpire"),
    _rule("service_doubles", "Service in doubles goes crosswise", "Law 2.6.3",
          "In doubles the service must bounce first in the server's right half-court and then in the receiver's right "
          "half-court.",
          "doubles", "service", "right half", "diagonal"),
    _rule("return", "A correct return", "Laws 2.7.1 and 2.10.1.2",
          "The ball must be struck so that it touches the opponent's side of the table, directly or after the net. Who hits it "
          "into the net, misses it, or hits it too late loses the point.",
          "return", "net", "netted", "missed", "smash", "loop", "winner"),
    _rule("edge", "Edge balls", "Laws 2.1.2 and 2.10.1.3",
          "The upper edge belongs to the playing surface, the vertical sides of the table top do not. A ball that clips the "
          "edge is good; one that touches the side below it is not.",
          "edge", "edge ball", "side of the table", "playing surface"),
    _rule("beyond_table", "A ball past the table", "Law 2.10.1.4",
          "A ball that passes over the opponent's side or beyond the end line without touching the table loses the point for "
          "the player who hit it.",
          "out", "long out", "end line", "past the table"),
    _rule("obstruction", "Obstruction", "Laws 2.5.8 and 2.10.1.6",
          "A player who touches the ball while it is above or flying towards the table and has not yet bounced on that side "
          "obstructs it and loses the point: volleys are not allowed.",
          "obstruction", "volley", "before the bounce", "body"),
    _rule("double_hit", "Striking twice", "Law 2.10.1.7",
          "Who deliberately strikes the ball twice in a row loses the point. A ball that touches racket and hand in one stroke "
          "is good, for the racket hand below the wrist counts as the racket.",
          "double hit", "twice", "hand", "wrist"),
    _rule("free_hand", "Free hand on the table", "Law 2.10.1.11",
          "A player whose free hand, the one without the racket, touches the playing surface during a rally loses the point.",
          "free hand", "touch the table", "hand"),
    _rule("table_moved", "Moving the table or touching the net", "Laws 2.10.1.9 and 2.10.1.10",
          "A player who moves the table, or touches the net or its posts, with the body or anything worn or carried loses the "
          "point.",
          "table moved", "touching the net", "net assembly", "clothing"),
    _rule("let", "A let", "Laws 2.9.1 and 2.9.2",
          "A rally is a let and is played again when an otherwise good service touches the net, the receiver was not ready, or "
          "something beyond the players' control disturbed it. The score does not change, and the same player serves.",
          "let", "net cord", "not ready", "disturbance", "replay"),
    _rule("expedite", "The expedite system", "Laws 2.15.1 to 2.15.3",
          "After ten minutes of a game in which fewer than eighteen points have been scored, or when both sides ask for it, the "
          "expedite system begins and stays until the match ends. If a rally was stopped for it, its server serves again; "
          "otherwise the last receiver serves.",
          "expedite", "ten minutes", "eighteen points", "slow game"),
    _rule("thirteen_returns", "Thirteen returns", "Law 2.15.4",
          "Under the expedite system each side serves for one point in turn, and a receiver who makes thirteen correct returns "
          "in a rally wins the point.",
          "thirteen", "returns", "expedite", "receiver", "stroke counter"),
    _rule("racket", "The racket", "Laws 2.4.2 to 2.4.6",
          "At least 85 % of the blade's thickness is wood. One side is black and the other of a bright colour that can be told "
          "from it, covered with pimpled rubber up to 2 mm or sandwich rubber up to 4 mm thick.",
          "racket", "bat", "rubber", "colour", "black", "pimples", verified=None),
    _rule("table_and_ball", "Table, net and ball", "Laws 2.1 to 2.3",
          "The table is 2.74 m long, 1.525 m wide and 76 cm high, the net 15.25 cm. The ball is 40 mm wide, weighs 2.7 g and is "
          "white or orange.",
          "table", "net height", "ball", "size", "40 mm"),
    _rule("time_out", "Time-out", "Regulation 3.4.4.2",
          "Each player or pair may take one time-out of up to a minute in a match, between two rallies.",
          "time out", "minute", "pause", "white card", edition=REGULATIONS),
    _rule("yellow_card", "A warning", "Regulation 3.5.2.2",
          "For a first, less serious offence of conduct the umpire may hold up a yellow card: a warning that any further "
          "offence is penalised.",
          "yellow card", "warning", "misbehaviour", "conduct", edition=REGULATIONS),
    _rule("red_card", "Penalty points", "Regulations 3.5.2.3 and 3.5.2.4",
          "A warned player's second offence gives the opponent one point and the next one two, each time with a yellow and a "
          "red card held up together. After three penalty points it is for the referee.",
          "red card", "penalty point", "misbehaviour", "two points", edition=REGULATIONS),
)
BY_NAME = {rule.rule_id.removeprefix("table_tennis."): rule for rule in RULES}
