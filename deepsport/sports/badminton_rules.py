"""The words of badminton: its events and its rules. The ledger is in badminton.py.

``verified`` passages were compared on that day with the Laws of Badminton (BWF Statutes 4.1, in force 2019-05-31) in a public
transcription. The kinds of winning stroke are the classes of the CoachAI and ShuttleSet records.
"""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

KINDS = (
    EventKind("service_ace", "The team serves, and the receiver does not return it.",
              visible="a serve that falls to the floor untouched"),
    EventKind("smash", "The team wins the rally with a smash.", visible="a steep, hard stroke from above the head to the floor"),
    EventKind("drop_shot", "The team wins the rally with a drop from the back of the court.",
              visible="a slow stroke from above the head that falls close behind the net"),
    EventKind("net_shot", "The team wins the rally with a soft shot at the net.",
              visible="a shuttle that tumbles over the tape and falls"),
    EventKind("net_kill", "The team wins the rally by pushing or rushing the shuttle down at the net.",
              visible="a short stroke downwards close to the net"),
    EventKind("clear", "The team wins the rally with a clear.", visible="a high, long stroke that falls on the back line"),
    EventKind("lob", "The team wins the rally with a lob from the front of the court.",
              visible="an upward stroke from near the net over the other's head"),
    EventKind("drive", "The team wins the rally with a drive.", visible="a flat, fast stroke at the height of the tape"),
    EventKind("smash_return", "The team wins the rally with its return of a smash.", visible="a smash blocked back out of reach"),
    EventKind("service_fault", "The team's service is not correct.",
              visible="a serve that the service judge calls, or that misses"),
    EventKind("netted", "The team's stroke does not pass the net.", visible="the shuttle stopped by the net or short of it"),
    EventKind("shuttle_out", "The team's stroke lands outside the court.",
              visible="the shuttle falling beyond a line, a judge's arms spread"),
    EventKind("misjudged", "The team lets a shuttle fall that lands in.",
              visible="a player stepping away from a shuttle that lands on the line"),
    EventKind("net_touch", "A player of the team touches the net, or reaches over it.", visible="the net shaken by a player"),
    EventKind("double_hit", "The team hits the shuttle twice, holds it, or is touched by it.",
              visible="a shuttle that hits a player, or two strokes on one side"),
    EventKind("point", "The team wins the rally; how is not recorded."),
    EventKind("let", "The rally does not count, and the team serves again.",
              visible="the umpire's call, and the same serve anew"),
    EventKind("interval", "The pause when the leader reaches eleven.", carries=(), visible="players walking to their coaches"),
    EventKind("challenge", "The team asks for a review of a line call; outcome ``successful`` or ``unsuccessful``.",
              carries=("team", "player", "outcome"), visible="a raised hand, then the replay of the line"),
    EventKind("yellow_card", "The team is warned.", carries=("team", "player"), visible="a yellow card held up"),
    EventKind("red_card", "The team is faulted for misconduct: a point for the other.", carries=("team", "player"),
              visible="a red card held up"),
    EventKind("black_card", "The team is disqualified.", carries=("team", "player"),
              visible="the referee holding up a black card"),
)
WINS = {"point": "point", "service_ace": "rally", "smash": "rally", "drop_shot": "rally", "net_shot": "rally",
        "net_kill": "rally", "clear": "rally", "lob": "rally", "drive": "rally", "smash_return": "rally"}
LOSSES = {"service_fault": "service", "netted": "netted", "shuttle_out": "out", "misjudged": "rally",
          "net_touch": "net_touch", "double_hit": "double_hit", "red_card": "red_card"}

EDITION = "BWF Laws of Badminton (Statutes 4.1, 2019)"
_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = EDITION, verified: date | None = _DAY) -> Rule:
    return Rule(f"badminton.{name}", Sport.BADMINTON, title, text, law, edition, tags, verified)


RULES = (
    _rule("point", "Every rally gives a point", "Law 7.3",
          "Who wins a rally adds a point, whether serving or receiving.",
          "point", "rally", "score"),
    _rule("rally", "How a rally is won", "Laws 7.3 and 15",
          "A side wins the rally when the shuttle lands in the other side's court, or when the other side commits a fault. Who "
          "leaves a shuttle that then lands in has lost the rally.",
          "rally", "winner", "lands in", "smash", "drop", "misjudged"),
    _rule("game", "To win a game", "Laws 7.2, 7.4 and 7.5",
          "A game goes to the first side with 21 points. At 20 all it goes to the first lead of two, and at 29 all to whoever "
          "scores the thirtieth point.",
          "game", "21 points", "20 all", "29 all", "thirty", "lead", "setting"),
    _rule("match", "To win a match", "Law 7.1",
          "A match is the best of three games, so two games win it.",
          "match", "best of three", "games", "winner"),
    _rule("three_by_fifteen", "Games to 15 from 2027", "Law 7 as changed by the annual meeting of 2026",
          "From 4 January 2027 a match is the best of three games to 15 points, with setting up to 21.",
          "15 points", "3x15", "new scoring", "2027",
          edition="BWF annual general meeting, Horsens, April 2026, by press reports"),
    _rule("toss", "The toss", "Law 6",
          "The side that wins the toss chooses either to serve or receive first, or an end of the court; the other side has the "
          "remaining choice.",
          "toss", "first service", "choice", "end"),
    _rule("service_order", "Who serves next", "Laws 10.3 and 11.3",
          "Whoever wins the rally serves next: a serving side that wins it serves again, a receiving side that wins it becomes "
          "the serving side.",
          "serve", "server", "serves next", "service over"),
    _rule("next_game", "First service of the next game", "Law 7.6",
          "The side that won a game serves first in the next one.",
          "next game", "first service", "serve first"),
    _rule("service_court", "Right or left service court", "Laws 10.1 and 11.1",
          "The server serves from the right service court while the serving side's score in the game is even, from the left "
          "while it is odd, and the shuttle goes diagonally.",
          "service court", "right", "left", "even", "odd", "diagonal"),
    _rule("doubles", "Serving in doubles", "Laws 11.3 to 11.5",
          "In doubles a server whose side wins the rally serves again from the other service court. The receiving pair keep "
          "their places; a pair changes courts only when it scores while serving.",
          "doubles", "partner", "service court", "change places"),
    _rule("service_court_error", "Serving or receiving from the wrong court", "Law 12",
          "When somebody has served or received out of turn or from the wrong service court, the mistake is corrected and the "
          "score stands.",
          "wrong court", "service court error", "out of turn", "mistake"),
    _rule("ends", "Change of ends", "Law 8.1",
          "The sides change ends after the first game, after the second if there is a third, and in the third when a side first "
          "reaches eleven.",
          "change of ends", "sides", "third game", "eleven"),
    _rule("service", "A correct service", "Laws 9.1 and 13.1",
          "Server and receiver stand still, with both feet on the floor, in diagonally opposite courts off the lines. The "
          "racket first hits the base, moves forward without a stop, and sends the shuttle upwards over the net. Anything else "
          "is a fault.",
          "service", "serve", "service fault", "feet", "delay"),
    _rule("service_height", "Height of the service", "Law 9.1.6",
          "The whole shuttle must be lower than 1.15 m above the floor at the moment the server hits it.",
          "service height", "1.15", "too high", "waist"),
    _rule("service_missed", "A service that misses or sticks", "Laws 9.1.9 and 13.2",
          "It is a fault when the server swings and misses, when the served shuttle stays on top of the net or is caught in it "
          "after crossing, and when the receiver's partner hits it.",
          "service", "misses", "caught in the net", "receiver's partner"),
    _rule("not_ready", "Serving before the receiver is ready", "Laws 9.4 and 14.2.1",
          "The server waits until the receiver is ready, otherwise it is a let; a receiver who tries to return the service "
          "counts as having been ready.",
          "ready", "receiver", "let", "quick serve"),
    _rule("out", "A shuttle that lands out", "Laws 1.3 and 13.3.1",
          "A shuttle that lands outside the lines of the court is a fault of the side that hit it. The lines belong to the "
          "court.",
          "out", "line", "shuttle out", "lands outside"),
    _rule("netted", "A shuttle that does not pass the net", "Laws 13.3.2 and 15.1",
          "A stroke that does not carry the shuttle over the net is a fault; play stops once it falls on the striker's side.",
          "net", "netted", "fails to pass", "fault"),
    _rule("touch", "A shuttle that touches something", "Laws 13.3.3 to 13.3.5",
          "It is a fault when the shuttle touches the ceiling or a wall, a player or a player's clothes, or anything else "
          "outside the court.",
          "ceiling", "touches the body", "clothes", "wall", "fault"),
    _rule("double_hit", "Hitting twice or carrying", "Laws 13.3.6 to 13.3.9",
          "One player may not hit the shuttle twice in a row, nor two partners one after the other, nor may it be caught and "
          "slung. Frame and strings in one stroke are allowed.",
          "double hit", "twice", "carry", "sling", "partner"),
    _rule("net_touch", "Touching or crossing the net", "Laws 13.4.1 to 13.4.3",
          "During play it is a fault to touch the net or posts, to reach over the net unless the racket follows a stroke begun "
          "on one's own side, or to get under it in the opponent's way.",
          "net touch", "over the net", "invades", "racket", "fault"),
    _rule("obstruction", "Obstructing and distracting", "Laws 13.4.4 and 13.4.5",
          "It is a fault to keep an opponent from a legal stroke where the shuttle is followed over the net, or to distract one "
          "on purpose by shouts or gestures.",
          "obstruction", "distract", "shout", "gesture", "fault"),
    _rule("let", "A let", "Law 14",
          "A let is called when the receiver was not ready, both sides are faulted in service, the shuttle sticks on or in the "
          "net after the return of service, it falls apart, a line judge could not see, or something unforeseen happens. The "
          "rally does not count and the same player serves again.",
          "let", "replay", "not ready", "unsighted", "serves again"),
    _rule("interval", "Intervals", "Law 16.2",
          "In each game there may be a pause of up to 60 seconds when the leading side reaches eleven, and one of up to 120 "
          "seconds between games.",
          "interval", "eleven", "60 seconds", "break", "pause"),
    _rule("continuous_play", "Play is continuous", "Laws 16.1, 16.4 and 16.5",
          "Apart from the intervals play goes on until the match is over. Nobody may delay it to recover or for advice, leave "
          "the court without leave, or be coached while the shuttle is in play.",
          "continuous", "delay", "coaching", "leave the court"),
    _rule("yellow_card", "A warning for misconduct", "Laws 16.6 and 16.7.1.1",
          "Delaying, tampering with the shuttle or offensive conduct first brings a warning to the side.",
          "yellow card", "warning", "misconduct", "delay"),
    _rule("red_card", "Faulted for misconduct", "Laws 16.7.1.2 and 16.7.1.3",
          "A side that was warned, or whose offence is flagrant, is faulted, which gives the other side the point, and is "
          "reported to the referee.",
          "red card", "faulted", "misconduct", "flagrant", "point"),
    _rule("black_card", "Disqualification", "Law 16.7.2",
          "The referee may disqualify a side that was faulted and reported; the other side then has won the match.",
          "black card", "disqualified", "referee"),
    _rule("challenge", "Reviews of line calls", "Law 17.5.2",
          "Where there is a review system, a line call may be challenged and the referee decides by it. A side whose second "
          "challenge fails has none left in the match.",
          "challenge", "review", "hawk eye", "line call", verified=None),
    _rule("court", "The court and the net", "Law 1",
          "The net is 1.524 m high in the middle and 1.55 m at the posts. All lines are 40 mm wide and belong to the area that "
          "they bound.",
          "court", "net height", "lines", "posts"),
)
BY_NAME = {rule.rule_id.removeprefix("badminton."): rule for rule in RULES}
