"""Prints docs/feeds.md: every feed that is read, from FORMATS of ingest/feeds.py.

python docs/make_feeds.py > docs/feeds.md
"""

from __future__ import annotations

import sys

from ingest.feeds import FORMATS

PAGE = """# Feeds

What others wrote down about a broadcast, and what becomes of it. A feed is named in the manifest's column `feed`; beside
`match.mp4` it is found as `match.feed.json`. Its format is told by what it holds, whatever it is called.

{table}

**Names.** Where a file holds many videos, the broadcast's is found by its title or file name. SoccerNet, UniSoccer and
MatchTime count anew in each half's own video: the broadcast says which it is by its name (`1_720p.mkv`) or `feed.period` in the
recipe.

**Words.** Labels become kinds of `deepsport/sports/<sport>.py`: by their own words, or by the synonyms of
`ingest/feed_words.py`. What the sport has no word for is left out as `bad_feed`, and `deepsport status` counts it. Captions,
comments and subtitles become utterances, made by the step `import_transcript`, beside what the recogniser hears.

**Time.** No frame rate is guessed: `fps: -1` and a missing one are refused; 29.97 is 30000/1001, and 29 is repaired to it where
the video itself runs at that rate. An instant gets evidence from `feed.before_s` before to `feed.after_s` after it; a clock of
whole seconds lengthens it by one. Two ways to say one time that contradict one another cost the event.

**Clock.** A feed that runs on a clock of its own is fitted to the video's, each half by itself: the offset (within
`align.max_offset_s` of `feed.time_offset_s`) and the drift at which the feed's events agree best with the cuts, the words of the
commentary, the changes of the score in the score bug, and the whistles. Where `pip install 'deepsport[ocr]'` was done, the bug's
digits are read at its changes and tell who gained (`align.digits`), which sets rallies apart that come as evenly as a clock; a
bug that only flickered is no change then. The weights come with the package; nothing is downloaded. The fit is a row of
`clock_fits`, with its residuals, its
uncertainty and the chance that another match's feed would have done as well. A fit that is not certain is refused as
`feed_not_aligned`, and that half gives no event. `align.when = "always"` fits feeds of any format, `"never"` none: then
`feed.time_offset_s` is taken at its word.

**What cannot be trusted.** A file that is broken as a whole, of another sport or of another video is refused in one line with
the remedy, and the broadcast goes on without it. A single bad entry is left out with its place in the file and the reason. Bare
`NaN`, XML entities, and files over 32 MiB are refused.

To add a format: [CONTRIBUTING.md](../CONTRIBUTING.md). Make this page again with `python docs/make_feeds.py > docs/feeds.md`; a
test compares them.
"""


def feeds_page() -> str:
    """The page as Markdown."""
    rows = [f"| {known.name} | {known.gives} | {known.clock} |" for known in FORMATS]
    return PAGE.format(table="\n".join(["| format | gives | clock of its times |", "|---|---|---|", *rows]))


if __name__ == "__main__":
    sys.stdout.write(feeds_page())
