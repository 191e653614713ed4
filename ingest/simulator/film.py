"""Turns a schedule into pictures: stadiums, moving players, the figures and the object of an event, and what lies over them.

Still parts are painted once a broadcast and kept; a frame is a crop of them with what moves drawn on top.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deepsport.taxonomy import Transition
from ingest.simulator.canvas import (
    Canvas,
    Image,
    add_noise,
    draw_crowd,
    enlarged,
    perspective,
)
from ingest.simulator.looks import DARK, HAIRS, KITS, SKINS, WHITE, Colour, Look, shade
from ingest.simulator.mixing import flashed, mixed
from ingest.simulator.schedule import FLASH_FRAMES, GraphicKind, PlannedEvent, PlannedShot, Scene, Schedule, SimulatorConfig
from ingest.simulator.stage import HEIGHT, PANORAMA_WIDTH, WIDTH, ZONE_X, Camera, Points, SportShow, project
from ingest.simulator.stills import (
    draw_player_near,
    paint_background,
    paint_bug,
    paint_coach,
    paint_crowd,
    paint_full_screen,
    paint_lower_third,
    paint_replay_mark,
    paint_table,
)

_FIGURE_PX: Final = 160
_SLOT_PX: Final = 66
"""Distance between two figures; a figure is about 50 wide."""
_OBJECT_BASE_Y: Final = 190
_NUM_REUSED: Final = 4
"""Two pictures are mixed into one, and one frame may still be on its way to the encoder."""
_REPLAY_ZOOM: Final = 1.2
_POP: Final = (0.9, 0.97)
"""Size of an event's figures on its first and its last two frames."""


class Panorama:
    """The still part of a wide camera's picture, and where the field lies in it."""

    def __init__(self, show: SportShow, camera: Camera, look: Look, rng: np.random.Generator) -> None:
        field = show.field
        self.camera = camera
        self.image: Image = np.empty((HEIGHT, PANORAMA_WIDTH, 3), np.uint8)
        metres = np.array([(0, 0), (field.length_m, 0), (field.length_m, field.width_m), (0, field.width_m)], np.float32)
        corners = [(camera.far_x[0], camera.far_y), (camera.far_x[1], camera.far_y), (camera.near_x[1], camera.near_y),
                   (camera.near_x[0], camera.near_y)]
        self.to_pixels = perspective(metres, np.array(corners, np.float32))
        self._paint(show, look, rng)

    def place(self, shares: Points, show: SportShow) -> tuple[Points, NDArray[np.float64]]:
        """Pixels (N, 2) of places given as shares of the field, and the height in pixels of a player there (N,)."""
        pixels = project(self.to_pixels, shares * np.array([show.field.length_m, show.field.width_m]))
        depth = (pixels[:, 1] - self.camera.far_y) / (self.camera.near_y - self.camera.far_y)
        far, near = self.camera.player_px
        return pixels, far + (near - far) * depth

    def _paint(self, show: SportShow, look: Look, rng: np.random.Generator) -> None:
        field, camera = show.field, self.camera
        canvas = Canvas(self.image, look.light)
        boards_top = int(camera.far_y) - 30
        self.image[:boards_top] = draw_crowd(rng, boards_top, PANORAMA_WIDTH, 11, look.crowd_hue, look.light)
        canvas.box(0, boards_top, PANORAMA_WIDTH, HEIGHT, look.surround)
        self._paint_boards(canvas, boards_top, look, rng)
        edges = np.linspace(0, field.length_m, field.num_stripes + 1)
        for number in range(field.num_stripes):
            left, right = edges[number], edges[number + 1]
            strip = np.array([(left, 0), (right, 0), (right, field.width_m), (left, field.width_m)])
            contrast = look.stripes if number % 2 else -look.stripes
            canvas.polygon(project(self.to_pixels, strip), shade(look.surface, 1 + contrast))
        for line in field.lines:
            canvas.path(project(self.to_pixels, np.array(line)), (226, 232, 226), field.line_px)
        show.draw_extras(canvas, self.to_pixels, look)
        if field.net_height_m:
            self._paint_net(canvas, show)

    @staticmethod
    def _paint_boards(canvas: Canvas, top: int, look: Look, rng: np.random.Generator) -> None:
        x = -int(rng.integers(0, 90))
        while x < PANORAMA_WIDTH:
            width = int(rng.integers(80, 150))
            colour = look.boards[int(rng.integers(len(look.boards)))]
            canvas.box(x, top, x + width - 3, top + 17, colour)
            for mark in range(int(rng.integers(2, 6))):
                canvas.box(x + 12 + mark * 13, top + 5, x + 20 + mark * 13, top + 12, shade(colour, 1.9))
            x += width

    def _paint_net(self, canvas: Canvas, show: SportShow) -> None:
        field = show.field
        if field.net_along:
            ends = [(-0.9, field.width_m / 2), (field.length_m + 0.9, field.width_m / 2)]
        else:
            ends = [(field.length_m / 2, -0.5), (field.length_m / 2, field.width_m + 0.5)]
        (ax, ay), (bx, by) = project(self.to_pixels, np.array(ends))
        shares = np.array([(x / field.length_m, y / field.width_m) for x, y in ends])
        high_a, high_b = self.place(shares, show)[1] * field.net_height_m / 1.8
        lower = 0.0 if field.net_along else 0.58  # a volleyball net hangs above the floor
        for share in np.linspace(lower, 1, 6):
            canvas.line(ax, ay - high_a * share, bx, by - high_b * share, (70, 74, 78), 1)
        for share in np.linspace(0, 1, 40):
            x, y, high = ax + (bx - ax) * share, ay + (by - ay) * share, high_a + (high_b - high_a) * share
            canvas.line(x, y - high * lower, x, y - high, (70, 74, 78), 1)
        canvas.line(ax, ay, ax, ay - high_a, (190, 190, 190), 3)
        canvas.line(bx, by, bx, by - high_b, (190, 190, 190), 3)
        canvas.line(ax, ay - high_a, bx, by - high_b, WHITE, 3)


class _Motion:
    """How players and ball move through one play."""

    def __init__(self, show: SportShow, rng: np.random.Generator, num_frames: int, event: PlannedEvent, since: int) -> None:
        self._course, self.ball, gaze = show.movement(rng, num_frames, event, since)
        self._num_frames = num_frames
        shape = self._course.shape[1:3]
        self._phase = rng.uniform(0, 2 * np.pi, (*shape, 2))
        self._speed = rng.uniform(0.03, 0.07, (*shape, 2))
        self._sway = show.sway * np.array([1.0, show.field.length_m / show.field.width_m])
        self._pull = show.pull
        self.skins = rng.integers(0, len(SKINS), shape)
        self.pan = (rng.uniform(-0.5, 0.5, 2) if gaze is None else np.array(gaze) / 2) * (PANORAMA_WIDTH - WIDTH)

    def places(self, frame: float) -> NDArray[np.float64]:
        """Places (2, N, 2) of all players, as shares of the field."""
        wander = self._sway * np.sin(self._phase + self._speed * frame)
        x, y, _ = self.ball.at(frame)
        follow = self._pull * (np.array([x, y]) - 0.5) * np.array([1.0, 0.5])
        moment = max(0.0, frame) / max(1, self._num_frames - 1) * (len(self._course) - 1)
        step = min(int(moment), max(0, len(self._course) - 2))
        home = self._course[step]
        if len(self._course) > 1:
            home = home + (moment - step) * (self._course[step + 1] - home)
        return np.asarray(home + wander + follow)


class Film:
    """All pictures of one broadcast. entropy seeds everything that is not in the schedule."""

    def __init__(
        self, show: SportShow, look: Look, schedule: Schedule, config: SimulatorConfig, entropy: int, start_clock_s: float
    ) -> None:
        self._show, self._look, self._schedule, self._config = show, look, schedule, config
        self._entropy, self._start_clock_s = entropy, start_clock_s
        self._panoramas: dict[int, Panorama] = {}
        self._stills: dict[Scene, Image] = {}
        self._motions: dict[int, _Motion] = {}
        self._bugs: dict[tuple[str, ...], Image] = {}
        self._graphics: dict[int, Image] = {}
        self._memory: list[Image] = []
        self._turn: Iterator[int] = iter(())
        self._graphic_starts = [graphic.first for graphic in schedule.graphics]
        self._scored = [event.first + 4 for event in schedule.events]

    def frame(self, index: int, number: int) -> Image:
        """Frame index of the broadcast, which lies in shot number; HWC uint8 RGB."""
        shots = self._schedule.shots
        # The shot that is being mixed in, if any: this one at its beginning, the next one at the end of this.
        entering = next((n for n in (number, number + 1) if n < len(shots) and _mixes(shots[n], index)), None)
        if entering is None:
            image = self._picture(index, shots[number])
        else:
            after = shots[entering]
            assert after.mixed is not None
            first, last = after.mixed
            share = (index - first + 1) / (last - first + 2)
            pictures = self._picture(index, shots[entering - 1]), self._picture(index, after)
            image = mixed(after.transition, *pictures, share, self._look)
        flash = bisect_right(self._schedule.flashes, index) - 1
        if flash >= 0 and (step := index - self._schedule.flashes[flash]) < FLASH_FRAMES:
            image = flashed(image, step)
        if not self._look.noise:
            return image
        return add_noise(image, _noise_tile(self._look.noise), (index * 2654435761 + self._entropy) % (1 << 31))

    def _picture(self, index: int, shot: PlannedShot) -> Image:
        """What one camera shows, and what lies over it."""
        if shot.scene in (Scene.WIDE, Scene.REPLAY):
            image = self._wide(index, shot)
        elif shot.scene is Scene.CLOSE:
            image = self._close(index, shot)
        elif shot.scene is Scene.GRAPHIC:
            return self._cropped(self._graphic_at(shot.first, paint_full_screen), 0, 0)
        else:
            image = self._cutaway(index, shot)
        self._lay_over(image, index)
        if self._config.score_bug:
            self._draw_bug(image, index)
        if shot.scene is Scene.REPLAY:
            mark = paint_replay_mark()
            image[16 : 16 + mark.shape[0], WIDTH - 16 - mark.shape[1] : WIDTH - 16] = mark
        return image

    def _cropped(self, image: Image, top: int, left: int) -> Image:
        """A frame of its own with what lies there of a larger picture."""
        frame: Image = self._memory[next(self._turn)] if self._memory else np.empty((HEIGHT, WIDTH, 3), np.uint8)
        np.copyto(frame, image[top : top + HEIGHT, left : left + WIDTH])
        return frame

    def reuse_memory(self) -> None:
        """From now on a frame is overwritten by the next but three: fresh memory costs 0.5 ms a frame, a fifth of drawing it."""
        self._memory = [np.empty((HEIGHT, WIDTH, 3), np.uint8) for _ in range(_NUM_REUSED)]
        self._turn = itertools.cycle(range(_NUM_REUSED))

    def _rng(self, *key: int) -> np.random.Generator:
        return np.random.default_rng([self._entropy, *key])

    def _wide(self, index: int, shot: PlannedShot) -> Image:
        assert shot.play is not None
        panorama = self._panoramas.get(shot.camera)
        if panorama is None:
            panorama = Panorama(self._show, self._show.field.cameras[shot.camera], self._look, self._rng(1, shot.camera))
            self._panoramas[shot.camera] = panorama
        event = self._schedule.events[shot.play]
        live = shot if shot.live is None else self._schedule.shots[shot.live]
        motion = self._motions.get(shot.play)
        if motion is None:
            num_frames, since = live.last - live.first + 1, event.first - live.first
            motion = _Motion(self._show, self._rng(2, shot.play), num_frames, event, since)
            if len(self._motions) > 32:  # memory must not grow with the length of the broadcast
                self._motions.clear()
            self._motions[shot.play] = motion
        moment = shot.moment(index)
        frame = moment - live.first
        share = min(1.0, max(0.0, frame / max(1, live.last - live.first)))
        ease = share * share * (3 - 2 * share)
        slack = (PANORAMA_WIDTH - WIDTH) // 2
        left = round(slack + 0.9 * (motion.pan[0] + (motion.pan[1] - motion.pan[0]) * ease))
        image = self._cropped(panorama.image, 0, left)
        self._draw_players(Canvas(image, self._look.light, x=-left), panorama, motion, frame, event, int(moment))
        if shot.scene is Scene.REPLAY:
            image = enlarged(image, _REPLAY_ZOOM, ZONE_X[event.zone])
        if event.first <= int(moment) <= event.last:
            self._draw_event(Canvas(image, self._look.light), event, int(moment))
        return image

    def _draw_players(
        self, canvas: Canvas, panorama: Panorama, motion: _Motion, frame: float, event: PlannedEvent, index: int
    ) -> None:
        places = motion.places(frame)
        pixels, heights = panorama.place(places.reshape(-1, 2), self._show)
        per_team = places.shape[1]
        kits = [self._look.kit(team) for team in self._look.teams]
        bx, by, up = motion.ball.at(frame)
        ball, ball_height = panorama.place(np.array([(bx, by)]), self._show)
        # Plain numbers: taking them out of arrays one by one costs as much as drawing the players.
        numbers = np.arange(len(pixels))
        strides, xys, tall = np.sin(0.45 * frame + 1.7 * numbers).tolist(), pixels.tolist(), heights.tolist()
        skins = motion.skins.ravel().tolist()
        for number in np.argsort(pixels[:, 1]).tolist():
            x, y = xys[number]
            if -20 < x + canvas.x < WIDTH + 20:
                team = number // per_team
                person = canvas.at(x, y, tall[number] / 10)
                self._show.draw_player(person, kits[team], SKINS[skins[number]], strides[number], team)
        x, y, height = float(ball[0, 0]), float(ball[0, 1]), float(ball_height[0])
        self._show.draw_ball(canvas.at(x, y), up * height, event, index)

    def _draw_event(self, canvas: Canvas, event: PlannedEvent, index: int) -> None:
        rng = self._rng(3, event.first)
        look, zone_x = self._look, ZONE_X[event.zone]
        edge = min(index - event.first, event.last - index)
        pop = _POP[edge] if edge < len(_POP) else 1.0
        motion = (index - event.first) / max(1, event.last - event.first)
        shift_x, shift_y = rng.uniform(-7, 7), rng.uniform(-4, 4)
        thing = canvas.at(zone_x + shift_x, _OBJECT_BASE_Y + shift_y, pop * (1 + 0.6 * (look.figure_scale - 1)))
        self._show.draw_object(thing, event.kind, look, motion)
        kit = KITS[look.teams[event.team]]
        for slot in range(event.num_players):
            x = zone_x + (slot - (event.num_players - 1) / 2) * _SLOT_PX + rng.uniform(-4, 4)
            y = 351 + rng.uniform(-3, 3)
            height = _FIGURE_PX * look.figure_scale * rng.uniform(0.97, 1.03) * pop
            skin, hair = SKINS[int(rng.integers(len(SKINS)))], HAIRS[int(rng.integers(len(HAIRS)))]
            mirrored = bool(rng.random() < 0.5)
            person = canvas.at(x, y, height / 100)
            self._show.draw_person(person, kit, skin, hair, shorts=_shorts(kit), mirrored=mirrored, kind=event.kind)

    def _cutaway(self, index: int, shot: PlannedShot) -> Image:
        still = self._stills.get(shot.scene)
        if still is None:
            rng = self._rng(4, list(Scene).index(shot.scene))
            still = paint_crowd(rng, self._look) if shot.scene is Scene.CROWD else paint_coach(rng, self._look)
            self._stills[shot.scene] = still
        slack_y, slack_x = still.shape[0] - HEIGHT, still.shape[1] - WIDTH
        share = min(1.0, max(0.0, (index - shot.first) / max(1, shot.last - shot.first)))
        start = self._rng(5, shot.first).random(2)
        left, top = round(slack_x * abs(start[0] - 0.6 * share)), round(slack_y * abs(start[1] - 0.3 * share))
        return self._cropped(still, top, left)

    def _close(self, index: int, shot: PlannedShot) -> Image:
        """A player, swaying a little."""
        still = self._stills.get(shot.scene)
        if still is None:
            still = self._stills[shot.scene] = paint_background(self._rng(4, list(Scene).index(shot.scene)), self._look)
        rng = self._rng(6, shot.first)
        x, pace = 320 + rng.uniform(-90, 90), rng.uniform(0.05, 0.12)
        image = self._cropped(still, 0, 0)
        sway = float(np.sin(pace * (index - shot.first)))
        kit = self._look.kit(self._look.teams[shot.camera])
        draw_player_near(Canvas(image, self._look.light).at(x, 372), rng, kit, shot.number, sway)
        return image

    def _lay_over(self, image: Image, index: int) -> None:
        number = bisect_right(self._graphic_starts, index) - 1
        graphic = self._schedule.graphics[number] if number >= 0 else None
        if graphic is None or index > graphic.last or graphic.kind is GraphicKind.FULL_SCREEN:
            return
        shown = graphic.shown(index)
        if graphic.kind is GraphicKind.LOWER_THIRD:  # slides out of the left edge
            picture = self._graphic_at(graphic.first, paint_lower_third)
            width = round(picture.shape[1] * shown)
            image[288 : 288 + picture.shape[0], :width] = picture[:, picture.shape[1] - width :]
            return
        picture = self._graphic_at(graphic.first, paint_table)
        top, left = (HEIGHT - picture.shape[0]) // 2, (WIDTH - picture.shape[1]) // 2
        place = image[top : top + picture.shape[0], left : left + picture.shape[1]]
        place[:] = mixed(Transition.DISSOLVE, place.copy(), picture, shown, self._look)

    def _graphic_at(self, first: int, paint: Callable[[Look, tuple[str, ...]], Image]) -> Image:
        """The picture of the graphic that begins on that frame."""
        picture = self._graphics.get(first)
        if picture is None:
            if len(self._graphics) > 4:
                self._graphics.clear()
            graphic = self._schedule.graphics[bisect_right(self._graphic_starts, first) - 1]
            picture = self._graphics[first] = paint(self._look, graphic.words)
        return picture

    def bug_words(self, index: int) -> tuple[str, str, str]:
        """What the score bug says on a frame: the score of each team, and the clock."""
        state = self._schedule.states[bisect_right(self._scored, index)]
        clock = self._show.clock_words(self._start_clock_s, index * self._config.rate.den / self._config.rate.num, state)
        return (*self._show.score_words(state), clock)

    def _draw_bug(self, image: Image, index: int) -> None:
        words = self.bug_words(index)
        bug = self._bugs.get(words)
        if bug is None:
            if len(self._bugs) > 8:
                self._bugs.clear()
            bug = self._bugs[words] = paint_bug(self._look, words)
        image[14 : 14 + bug.shape[0], 16 : 16 + bug.shape[1]] = bug


def _mixes(shot: PlannedShot, index: int) -> bool:
    return shot.mixed is not None and shot.mixed[0] <= index <= shot.mixed[1]


def _shorts(kit: Colour) -> Colour:
    return DARK if kit == KITS["white"] else shade(kit, 0.45)


@lru_cache(maxsize=16)
def _noise_tile(peak: int) -> Image:
    noise = np.random.default_rng(peak).normal(peak / 2, peak / 5, (HEIGHT + 96, WIDTH + 128, 1))
    return np.repeat(np.clip(np.rint(noise), 0, peak).astype(np.uint8), 3, axis=2)
