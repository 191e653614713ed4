"""The words of baseball: its events and its rules. The ledger is in baseball.py."""

from __future__ import annotations

from datetime import date

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

_BASE = ("team", "zone", "player", "value")

KINDS = (
    EventKind("ball", "The team's batter lets a pitch outside the strike zone pass.", visible="a pitch wide of the plate"),
    EventKind("strike", "The team's batter swings and misses, or lets a pitch in the zone pass; outcome ``dropped`` when the "
              "catcher does not hold a third strike and the batter reaches first.",
              carries=("team", "zone", "player", "outcome"), visible="a swing that misses, or the umpire's fist"),
    EventKind("foul_ball", "The team's batter hits the ball foul.", visible="a hit ball outside the lines"),
    EventKind("single", "The team's batter reaches first base by a hit.", visible="a batter safe at first"),
    EventKind("double", "The team's batter reaches second base by a hit.", visible="a batter safe at second"),
    EventKind("triple", "The team's batter reaches third base by a hit.", visible="a batter safe at third"),
    EventKind("home_run", "The team's batter hits the ball out of the field and scores with all runners.",
              visible="the ball over the outfield fence"),
    EventKind("hit_by_pitch", "The team's batter is hit by a pitch.", visible="a batter struck by the ball"),
    EventKind("intentional_walk", "The team's batter is given first base on purpose.", visible="four raised fingers"),
    EventKind("error", "The team's batter reaches first base by a fielder's mistake.", visible="a fielder dropping the ball"),
    EventKind("ground_out", "The team's batter is out on a ball on the ground.",
              visible="a throw that beats the batter to first"),
    EventKind("fly_out", "The team's batter is out on a ball caught in the air.", visible="a fly ball caught"),
    EventKind("sacrifice_fly", "The team's batter is out on a caught fly, and the runner on third scores.",
              visible="a runner leaving third after a catch"),
    EventKind("infield_fly", "The team's batter is out by the infield fly rule.", visible="an umpire pointing at the sky"),
    EventKind("fielders_choice", "The team's batter is safe at first while a runner is put out; value: the base he had left.",
              carries=_BASE, visible="a throw to another base than first"),
    EventKind("double_play", "The team's batter and a runner are put out in one play; value: the base the runner had left.",
              carries=_BASE, visible="two throws, to second and to first"),
    EventKind("stolen_base", "A runner of the team takes the next base on the pitch; value: the base he left.",
              carries=_BASE, visible="a runner sliding in ahead of the catcher's throw"),
    EventKind("caught_stealing", "A runner of the team is put out trying to steal; value: the base he left.",
              carries=_BASE, visible="a sliding runner tagged"),
    EventKind("advance", "A runner of the team takes one more base, on a hit, a throw or a wild pitch; value: the base he left.",
              carries=_BASE),
    EventKind("runner_out", "A runner of the team is put out; value: the base he was on or had left.", carries=_BASE,
              visible="a runner tagged"),
    EventKind("balk", "The pitcher balks: every runner of the team takes a base.", visible="an umpire stopping the pitcher"),
)

EDITION = "Official Baseball Rules 2025 (MLB)"
COMPARED = "Official Baseball Rules (MLB), Rule 5.05 in an undated copy by the Baseball Rules Academy"
_DAY = date(2026, 11, 23)
LATER = "Official Baseball Rules (MLB), Rules 5.05 to 7.04 in an undated public transcription"
_LATER_DAY = date(2026, 11, 25)


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = EDITION, verified: date | None = None) -> Rule:
    return Rule(f"baseball.{name}", Sport.BASEBALL, title, text, law, edition, tags, verified)


RULES = (
    _rule("score", "How a run scores", "Rule 5.08(a)",
          "A run scores each time a runner legally touches all four bases, home last, before the third out ends the half-inning.",
          "run", "home plate", "score", edition=LATER, verified=_LATER_DAY),
    _rule("no_run_on_third_out", "No run on the third out", "Rule 5.08(a)",
          "No run counts when the third out is made by the batter before he reaches first, by a runner who was forced out, or "
          "by a runner ahead who missed a base.",
          "third out", "force out", "run does not count", edition=LATER, verified=_LATER_DAY),
    _rule("winner", "Nine innings and the winner", "Rule 7.01",
          "A game has nine innings; the team with more runs wins. The last half-inning is not played, or not played out, when "
          "the home team leads.",
          "winner", "nine innings", "home team leads", "bottom of the ninth", edition=LATER, verified=_LATER_DAY),
    _rule("walk_off", "Walk-off", "Rules 5.08(b) and 7.01(b)",
          "When the home team takes the lead in the last of the ninth or later, the game ends with that run. Only on a home run "
          "over the fence do all runners count.",
          "walk-off", "winning run", "bottom of the ninth", edition=LATER, verified=_LATER_DAY),
    _rule("extra_innings", "Extra innings", "Rule 7.01(b)",
          "A game level after nine innings goes on until one team leads after a whole inning, or the home team takes the lead. "
          "In the regular season each extra half-inning begins with a runner on second.",
          "extra innings", "tie", "runner on second"),
    _rule("half_inning", "Three outs", "Rule 5.09(e)",
          "Three outs end a team's turn at bat; the teams change sides.",
          "three outs", "half-inning", "side retired"),
    _rule("at_bat", "Who is at bat", "Rules 5.04 and 7.01",
          "The visiting team bats first in each inning. Only the team at bat can score, steal or reach base.",
          "at bat", "batting order", "visiting team", "top of the inning"),
    _rule("walk", "Base on balls", "Rule 5.05(b)(1)",
          "Four balls give the batter first base; runners move only as far as he forces them.",
          "walk", "base on balls", "four balls", edition=LATER, verified=_LATER_DAY),
    _rule("hit_by_pitch", "Hit by a pitch", "Rule 5.05(b)(2)",
          "A batter touched by a pitch he does not swing at gets first base, unless it was in the strike zone or he did not try "
          "to avoid it.",
          "hit by pitch", "first base", edition=LATER, verified=_LATER_DAY),
    _rule("strikeout", "Three strikes", "Rule 5.09(a)(2)",
          "A third strike that the catcher holds puts the batter out; so does one that is not held when first base is occupied "
          "and fewer than two are out.",
          "strikeout", "three strikes", "out", edition=LATER, verified=_LATER_DAY),
    _rule("dropped_third_strike", "Third strike not caught", "Rule 5.05(a)(2)",
          "When the catcher does not hold the third strike, the batter may run, provided first base is free or two are out.",
          "dropped third strike", "uncaught", "batter becomes a runner", edition=COMPARED, verified=_DAY),
    _rule("foul", "Foul ball", "Definitions: Strike (c)",
          "A ball hit outside the lines counts as a strike, but never as the third, unless it was bunted.",
          "foul ball", "two strikes", "bunt"),
    _rule("strike", "Strike", "Definitions: Strike",
          "A pitch is a strike when the batter swings and misses, or does not swing and any part of the ball passes through any "
          "part of the strike zone.",
          "strike", "strike zone", "swing"),
    _rule("ball", "Ball", "Definitions: Ball",
          "A pitch that does not pass through the zone in flight and is not swung at is a ball.",
          "ball", "outside the zone", "count"),
    _rule("hit", "Fair ball", "Rule 5.05(a)(1)",
          "A batter who hits a fair ball becomes a runner and may take as many bases as he can reach safely.",
          "base hit", "single", "double", "triple", "fair ball", edition=COMPARED, verified=_DAY),
    _rule("home_run", "Home run", "Rule 5.05(a)(5)",
          "A fair ball over a fence 250 feet away or more, is a home run: batter and runners score once they touch all bases.",
          "home run", "over the fence", "grand slam", edition=COMPARED, verified=_DAY),
    _rule("ground_rule_double", "Ball that bounces out of the field", "Rule 5.05(a)(6)",
          "A fair ball that bounces into the stands, or over or through the fence, gives batter and runners two bases.",
          "ground-rule double", "two bases", "bounce", edition=COMPARED, verified=_DAY),
    _rule("fly_out", "Caught in the air", "Rule 5.09(a)(1)",
          "A batter is out when a fielder catches his fly ball, fair or foul. Runners must touch their base after the catch "
          "before they advance.",
          "fly out", "catch", "tag up", "sacrifice fly", edition=LATER, verified=_LATER_DAY),
    _rule("ground_out", "Thrown out at first", "Rule 5.09(a)(10)",
          "A batter is out when, after a fair ball, he or first base is tagged with the ball before he touches it.",
          "ground out", "first base", "tag", edition=LATER, verified=_LATER_DAY),
    _rule("infield_fly", "Infield fly", "Definitions: Infield Fly",
          "With first and second, or all bases, occupied and fewer than two out, the batter is out on a fair fly an infielder "
          "can catch with ordinary effort, caught or not.",
          "infield fly", "pop-up", "first and second"),
    _rule("force", "Force play", "Rule 5.09(b)(6)",
          "A runner who must make room for the batter is out when the next base is tagged before he gets there.",
          "force out", "double play", "fielder's choice", edition=LATER, verified=_LATER_DAY),
    _rule("one_base", "One runner a base", "Rules 5.06(a) and 5.09(b)(9)",
          "Two runners may not hold one base; a runner may not pass another.",
          "base occupied", "passing a runner", "two runners", edition=LATER, verified=_LATER_DAY),
    _rule("steal", "Stealing", "Rule 5.06 and 9.07",
          "A runner may try for the next base at any time while the ball is live; he is out if tagged off a base.",
          "stolen base", "caught stealing", "tag"),
    _rule("balk", "Balk", "Rules 6.02(a) and 5.06(b)(3)",
          "With runners on base, a pitcher on the rubber who breaks off his motion or deceives the runner balks: each runner "
          "takes one base.",
          "balk", "pitcher", "runner advances", edition=LATER, verified=_LATER_DAY),
    _rule("error", "Error", "Rule 9.12",
          "The scorer charges an error when ordinary play would have put a batter or runner out; it counts as no hit.",
          "error", "fielder", "scorer"),
    _rule("regulation", "When a game counts", "Rule 7.01(d)",
          "A game called off is complete after five innings, or four and a half when the home team leads.",
          "called game", "rain", "five innings", edition=LATER, verified=_LATER_DAY),
)
BY_NAME = {rule.rule_id.removeprefix("baseball."): rule for rule in RULES}
