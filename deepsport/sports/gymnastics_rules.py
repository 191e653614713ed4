"""The words of artistic gymnastics: its events and its rules. The ledger is in gymnastics.py."""

from __future__ import annotations

from deepsport.sports.base import EventKind, Rule
from deepsport.taxonomy import Sport

_WHO = ("team", "zone", "num_players", "player")
KINDS = (
    EventKind("floor_exercise", "The team performs on the floor.", _WHO, visible="tumbling on a large square mat"),
    EventKind("vault", "The team vaults.", _WHO, visible="a run, a springboard, and hands on the table"),
    EventKind("uneven_bars", "Women: the team performs on the uneven bars.", _WHO, visible="swings between a high and a low bar"),
    EventKind("balance_beam", "Women: the team performs on the beam.", _WHO, visible="a narrow beam walked and turned on"),
    EventKind("pommel_horse", "Men: the team performs on the pommel horse.", _WHO,
              visible="legs circling over a horse with two handles"),
    EventKind("still_rings", "Men: the team performs on the rings.", _WHO, visible="a gymnast between two hanging rings"),
    EventKind("parallel_bars", "Men: the team performs on the parallel bars.", _WHO,
              visible="swings between two bars side by side"),
    EventKind("horizontal_bar", "Men: the team performs on the high bar.", _WHO, visible="giant swings around one high bar"),
    EventKind("fall", "The team falls during its exercise.", _WHO, visible="a gymnast on the mat who gets up again"),
    EventKind("out_of_bounds", "The team steps over the line; value: the neutral deduction.", (*_WHO, "value"),
              visible="a foot outside the lines, and a raised flag"),
    EventKind("neutral_deduction", "Another deduction from the team's score (time, dress, conduct); value: how much.",
              ("team", "player", "value")),
    EventKind("award", "The exercise is scored; value: the D score, marks: each E judge's mark out of ten.",
              ("team", "value", "marks"), visible="the score on the board"),
)
WOMEN = ("vault", "uneven_bars", "balance_beam", "floor_exercise")
MEN = ("floor_exercise", "pommel_horse", "still_rings", "vault", "parallel_bars", "horizontal_bar")

WAG = "FIG Code of Points 2025-2028, Women's Artistic Gymnastics"
MAG = "FIG Code of Points 2025-2028, Men's Artistic Gymnastics"


def _rule(name: str, title: str, law: str, text: str, *tags: str, edition: str = WAG) -> Rule:
    return Rule(f"gymnastics.{name}", Sport.GYMNASTICS, title, text, law, edition, tags)


RULES = (
    _rule("final_score", "The score of an exercise", "Section 5",
          "An exercise scores its D score, for what was done, plus its E score, for how well, less any neutral deductions.",
          "final score", "d score", "e score", "deduction", "total", "award"),
    _rule("d_score", "D score", "Section 7",
          "The D score adds the difficulty of the elements that count, the bonus for connections, and the requirements the "
          "exercise meets. It has no upper limit.",
          "d score", "difficulty", "elements", "connection", "open ended"),
    _rule("e_score", "E score", "Section 8",
          "Each E judge starts from ten and takes off for faults of execution and artistry. A perfect exercise would keep all "
          "ten.",
          "e score", "execution", "artistry", "ten", "faults"),
    _rule("e_panel", "How E marks are averaged", "Section 5",
          "The highest and the lowest mark of the E panel are dropped, and the rest are averaged.",
          "e panel", "drop", "average", "trimmed", "judges", "marks"),
    _rule("deductions", "Sizes of a fault", "Section 8",
          "A small fault costs a tenth, a medium one three tenths, a large one half a point.",
          "fault", "small", "medium", "large", "tenth", "deduction"),
    _rule("fall", "A fall", "Section 8",
          "A fall costs one point from each E judge, on the mat or onto the apparatus alike. The exercise may go on if it is "
          "resumed in time.",
          "fall", "fall from the beam", "bars", "one point", "mat", "deduction"),
    _rule("after_a_fall", "Time after a fall", "Section 2",
          "A gymnast who has fallen from bars, rings, horse or bar has thirty seconds to go on, and ten from the beam; after "
          "sixty the exercise is over.",
          "fall", "thirty seconds", "ten seconds", "resume"),
    _rule("landing", "Landings", "Section 8",
          "A step or hop at landing costs a tenth, a big one three tenths; touching the mat with the hands counts as a fall "
          "when they bear weight. A still landing costs nothing.",
          "landing", "step", "hop", "stuck", "dismount"),
    _rule("line", "Over the line", "Section 13",
          "One foot or hand over the line of the floor costs a tenth from the final score; both feet, or a landing outside, "
          "three tenths. Vault landings outside the corridor are treated alike.",
          "out of bounds", "line", "floor", "flag", "corridor", "neutral deduction", "stepping over the line"),
    _rule("neutral", "Neutral deductions", "Section 5",
          "Faults that are not of execution, such as stepping over lines, overtime, dress or the behaviour of a coach, are "
          "taken from the final score and not from the E score.",
          "neutral deduction", "penalty", "dress", "overtime", "coach"),
    _rule("overtime", "Time limits", "Sections 12 and 13",
          "A women's beam or floor exercise lasts at most ninety seconds; going over costs a tenth. There is no limit for bars.",
          "time", "ninety seconds", "overtime", "beam", "floor"),
    _rule("overtime_men", "Time limit on the men's floor", "Article 9",
          "A men's floor exercise has a time limit; going over costs from the final score, more the longer it lasts.",
          "time", "floor", "men", "overtime", edition=MAG),
    _rule("elements_women", "Elements that count, women", "Section 7",
          "The eight hardest elements of a women's exercise count, the dismount among them, each once: A is worth a tenth, each "
          "further letter a tenth more.",
          "elements", "eight", "letters", "value", "difficulty"),
    _rule("elements_men", "Elements that count, men", "Article 6.1",
          "The eight hardest elements of a men's exercise count, the dismount among them, and no more than four of one group.",
          "elements", "eight", "groups", "four", "difficulty", edition=MAG),
    _rule("groups_men", "Element groups", "Article 7",
          "A men's exercise is asked for elements of each group of the apparatus, the dismount being one; each group that is "
          "met adds to the D score.",
          "element group", "requirement", "men", edition=MAG),
    _rule("composition_women", "Composition, women", "Section 7",
          "Each women's exercise has four requirements of half a point; one that is missing is half a point less in the D score.",
          "composition", "requirement", "half a point"),
    _rule("vault_score", "Scoring a vault", "Section 10",
          "Every vault has a set difficulty, announced beforehand by its number. A vault counts nothing if the hands do not "
          "touch the table.",
          "vault", "number", "difficulty", "table", "zero"),
    _rule("two_vaults", "Two vaults", "Section 10",
          "In a vault final, and when qualifying for one, two different vaults are done and their scores are averaged. "
          "Elsewhere one vault counts.",
          "vault", "two vaults", "average", "apparatus final"),
    _rule("once", "Each apparatus once", "Section 3",
          "In the all-around each gymnast does each apparatus once; women have four, men six. An exercise is not repeated "
          "unless something outside the gymnast's control broke it off.",
          "all around", "apparatus", "once", "repeat", "order"),
    _rule("award_follows", "The score follows the exercise", "Section 5",
          "An exercise is scored when it is over and before the next on that apparatus begins; the score is shown to the public.",
          "award", "score", "shown", "next"),
    _rule("ranking", "Who wins", "FIG Technical Regulations, Section 2",
          "The all-around is won by the highest sum over all apparatus, an apparatus final by the highest score on it, a team "
          "event by the highest sum of the counting scores.",
          "winner", "ranking", "all around", "total", "team"),
    _rule("tie", "Ties on one apparatus", "FIG Technical Regulations, Section 2",
          "With equal scores in an apparatus final the higher E score places first; if these are equal too, the place is shared.",
          "tie", "equal", "e score", "shared place"),
    _rule("inquiry", "Inquiries", "FIG Technical Regulations, Section 8",
          "A coach may question a D score at once after it is shown, never an E score.",
          "inquiry", "protest", "d score", "coach"),
    _rule("hands", "Help from a coach", "Section 8",
          "When a coach helps the gymnast by touching, a point is taken off and the element does not count.",
          "spotting", "help", "coach", "touch"),
)
BY_NAME = {rule.rule_id.removeprefix("gymnastics."): rule for rule in RULES}
