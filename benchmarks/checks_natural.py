"""Good clips for benchmarks/checks.py: ffmpeg's test sources, and synthetic ones like what people film or draw.

Shape suffixes: T frames, H height, W width, C colour.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import numpy as np
from checks_clip import Made
from imageio_ffmpeg import get_ffmpeg_exe

SIZES = ((64, 64), (128, 96), (96, 128), (208, 120), (320, 192), (480, 272))
LENGTHS = (17, 9, 25, 33, 17, 49)
SHORT = (1, 2, 3, 4, 5)
SOURCES = (
    "testsrc", "testsrc2", "mandelbrot", "life=mold=10:life_color=#C83232:death_color=#204060", "life=ratio=0.3",
    "gradients", "gradients=type=radial", "gradients=type=spiral", "cellauto=rule=110", "cellauto=rule=30:full=1",
    "smptebars", "smptehdbars", "pal75bars", "rgbtestsrc", "yuvtestsrc",
    "zoneplate=kx2=256:ky2=256:kt=10", "perlin=octaves=4", "perlin", "colorspectrum",
)  # fmt: skip
STILL_SOURCES = ("smpte", "pal75", "rgbtest", "yuvtest", "colorspectrum")


def of_ffmpeg(each: int, first: int) -> Iterator[Made]:
    """Yields clips of ffmpeg's own test sources, which begin at other moments for another `first`."""
    for place, source in enumerate(SOURCES):
        for number in range(first, first + each):
            width, height = SIZES[(place + number) % len(SIZES)]
            count = LENGTHS[number % len(LENGTHS)]
            moves = not source.startswith(STILL_SOURCES)
            prompt = "a test pattern" if moves else "a static test pattern"
            frames_THWC = lavfi(source, width, height, count, start=number * 7)
            yield Made(f"{source}-{width}x{height}x{count}", "ffmpeg source", frames_THWC, prompt)


def lavfi(source: str, width: int, height: int, count: int, start: int) -> np.ndarray:
    """Returns `count` frames of a source, from frame `start` on."""
    glue = ":" if "=" in source else "="
    if source.startswith(("smpte", "pal", "rgb", "yuv", "color")):
        start = 0
    graph = f"{source}{glue}size={width}x{height}:rate=16" + (f",trim=start_frame={start}" if start else "")
    command = [get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", graph, "-frames:v", str(count)]
    raw = subprocess.run([*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(count, height, width, 3)


class Studio:
    """Draws the parts of a scene.

    Args:
        seed: of everything that is drawn.
        size: width and height, pixels.
        count: frames.
    """

    def __init__(self, seed: int, size: tuple[int, int], count: int):
        self.draw = np.random.default_rng(seed)
        self.width, self.height = size
        self.count = count

    def cloud(self, slope: float, height: int | None = None, width: int | None = None) -> np.ndarray:
        """Returns a texture (H, W) of mean 0 and deviation 1; amplitude falls with frequency to the power `slope`."""
        shape = (height or self.height, width or self.width)
        frequency_HW = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
        frequency_HW[0, 0] = 1
        noise_HW = np.fft.rfft2(self.draw.standard_normal(shape))
        image_HW = np.fft.irfft2(noise_HW * frequency_HW**-slope, s=shape)
        return (image_HW - image_HW.mean()) / (image_HW.std() + 1e-9)

    def painting(self, slope: float, height: int | None = None, width: int | None = None) -> np.ndarray:
        """Returns a coloured texture (H, W, 3), 0 to 255, whose channels vary together."""
        shared_HW = self.cloud(slope, height, width)
        channels = [shared_HW + 0.35 * self.cloud(slope, height, width) for _ in range(3)]
        tone = self.draw.uniform(80, 150, 3)
        return np.stack(channels, -1) * self.draw.uniform(22, 42) + tone

    def pan(self, slope: float, speed: float) -> np.ndarray:
        """Returns a painting over which the camera moves, (T, H, W, 3)."""
        far = int(abs(speed) * self.count) + 2
        whole = self.painting(slope, self.height + far // 3 + 2, self.width + far)
        places = [(int(i * abs(speed) / 3), int(i * abs(speed))) for i in range(self.count)]
        return np.stack([whole[y : y + self.height, x : x + self.width] for y, x in places])

    def disc(self, x: float, y: float, radius: float) -> np.ndarray:
        """Returns how far each pixel is inside a disc, (H, W, 1), 0 to 1, smooth at its edge."""
        ys, xs = np.mgrid[: self.height, : self.width]
        return np.clip(radius - np.hypot(xs - x, ys - y) + 0.5, 0, 1)[..., None]

    def grain(self, strength: float, coarse: bool = False) -> np.ndarray:
        """Returns film grain that is new in each frame, (T, H, W, 1)."""
        if coarse:
            frames = [self.cloud(0.5) for _ in range(self.count)]
            return np.stack(frames)[..., None] * strength
        return self.draw.standard_normal((self.count, self.height, self.width, 1)) * strength

    def times(self) -> np.ndarray:
        """Returns 0 to 1 over the clip, (T, 1, 1, 1)."""
        return np.linspace(0, 1, self.count)[:, None, None, None]


def texture(s: Studio) -> np.ndarray:
    return s.pan(s.draw.uniform(0.9, 1.8), s.draw.uniform(0.5, 4))


def fine_texture(s: Studio) -> np.ndarray:
    """Grass, sand, gravel: much detail, which moves with the camera."""
    return s.pan(s.draw.uniform(0.55, 0.85), s.draw.uniform(0.5, 3))


def film_grain(s: Studio) -> np.ndarray:
    return s.pan(1.4, s.draw.uniform(0, 3)) + s.grain(s.draw.uniform(3, 22), coarse=bool(s.draw.integers(2)))


def fade(s: Studio) -> np.ndarray:
    """From or to black or white."""
    share = s.times() if s.draw.integers(2) else 1 - s.times()
    return s.pan(1.3, 1.5) * share + (1 - share) * s.draw.choice([0, 255])


def night(s: Studio) -> np.ndarray:
    """Lights in the dark, with the grain of a dark scene."""
    frames = np.zeros((s.count, s.height, s.width, 3)) + s.draw.uniform(3, 14) + s.pan(1.3, 1) * 0.03
    for _ in range(s.draw.integers(2, 7)):
        x, y, radius = s.draw.uniform(0, s.width), s.draw.uniform(0, s.height), s.draw.uniform(1, s.height / 12)
        colour = s.draw.uniform(60, 255, 3)
        for i in range(s.count):
            frames[i] += s.disc(x + i * 0.7, y, radius) * colour
    return frames + s.grain(s.draw.uniform(0.5, 3.5))


def cartoon(s: Studio) -> np.ndarray:
    """Flat colours with outlines; drawn on twos, so each second frame repeats."""
    frames = np.zeros((s.count, s.height, s.width, 3)) + s.draw.choice([[250, 250, 250], [90, 180, 240], [0, 0, 0]])
    frames[:, s.height * 2 // 3 :] = s.draw.uniform(0, 255, 3)
    actors = [(s.draw.uniform(0, 1), s.draw.uniform(0.2, 0.8), s.draw.uniform(0.08, 0.2)) for _ in range(3)]
    colours = s.draw.choice([0, 60, 128, 255], (3, 3))
    for i in range(s.count):
        for (x, y, radius), colour in zip(actors, colours, strict=True):
            place = (x * s.width + (i // 2) * s.width * 0.04) % s.width
            edge = s.disc(place, y * s.height, radius * s.height + 1.5)
            inside = s.disc(place, y * s.height, radius * s.height)
            frames[i] = frames[i] * (1 - edge) + inside * colour
    return frames


def static_shot(s: Studio) -> np.ndarray:
    """Nothing moves but the noise of the sensor, if there is any."""
    return np.repeat(s.painting(1.3)[None], s.count, 0) + s.grain(s.draw.choice([0, 0.7, 2]))


def cuts(s: Studio) -> np.ndarray:
    """Another scene every few frames."""
    length = int(s.draw.integers(4, 12))
    scenes = [s.pan(1.3, 2) + s.draw.uniform(-50, 50) for _ in range(-(-s.count // length))]
    return np.concatenate([scene[:length] for scene in scenes])[: s.count]


def fast_pan(s: Studio) -> np.ndarray:
    return s.pan(1.2, s.draw.uniform(10, 40))


def rain(s: Studio) -> np.ndarray:
    """Rain, snow or sparks: bright points that are elsewhere in each frame."""
    frames = s.pan(1.4, 0.5) * s.draw.uniform(0.2, 1)
    points = s.draw.random((s.count, s.height, s.width, 1)) < s.draw.uniform(0.002, 0.03)
    streak = points | np.roll(points, 1, 1) | np.roll(points, 2, 1)
    return frames + streak * s.draw.uniform(60, 180)


def water(s: Studio) -> np.ndarray:
    """Waves that run through each other; little is the same from frame to frame."""
    ys, xs = np.mgrid[: s.height, : s.width]
    waves = np.zeros((s.count, s.height, s.width))
    for _ in range(40):
        along, steepness = s.draw.uniform(0, 6.3), 0.03 * 30 ** s.draw.random()
        phase, speed = s.draw.uniform(0, 6.3), steepness**0.5 * 0.9  # as waves in deep water run
        travelled = steepness * (np.cos(along) * xs + np.sin(along) * ys) + phase
        for i in range(s.count):
            waves[i] += np.sin(travelled + speed * i) * (0.1 / steepness) ** 0.5
    return waves[..., None] * s.draw.uniform(3, 7) * np.array([0.7, 0.9, 1.0]) + np.array([60, 110, 150])


def fire(s: Studio) -> np.ndarray:
    """A flame that flickers before a dark room."""
    frames = s.pan(1.5, 0) * 0.25
    for i in range(s.count):
        wide = s.height / 5 * s.draw.uniform(0.85, 1.15)
        frames[i] += s.disc(s.width / 2 + s.draw.normal(0, 1), s.height * 0.6, wide) * np.array([230, 140, 30])
    return frames


def fog(s: Studio) -> np.ndarray:
    """Little contrast: fog, snow, a clear sky."""
    return (
        (s.pan(1.7, 1) - 128) * s.draw.uniform(0.06, 0.15) + s.draw.uniform(90, 225) + s.grain(s.draw.uniform(0, 1.5))
    )


def flashes(s: Studio) -> np.ndarray:
    """Lightning or a photographer: a few frames are bright."""
    frames = s.pan(1.3, 1) * s.draw.uniform(0.4, 0.8)
    for start in s.draw.choice(s.count, max(1, s.count // 16), replace=False):
        frames[start : start + 2] += s.draw.uniform(50, 150)
    return frames


def blinking(s: Studio) -> np.ndarray:
    """A light that is on and off for some frames each."""
    frames = s.pan(1.3, 0.5) * 0.7
    on = (np.arange(s.count) // int(s.draw.integers(4, 8))) % 2
    light = s.disc(s.width / 2, s.height / 2, s.height * s.draw.uniform(0.1, 0.3)) * np.array([250, 120, 40])
    return frames + on[:, None, None, None] * light


def houses(s: Studio) -> np.ndarray:
    """Windows in rows: straight edges that repeat."""
    across, down = int(s.draw.integers(9, 30)), int(s.draw.integers(9, 30))
    ys, xs = np.mgrid[: s.height, : s.width]
    speed = s.draw.choice([0, 0, 1, 2])
    frames = []
    for i in range(s.count):
        is_window = ((xs + i * speed) % across > across * 0.4) & (ys % down > down * 0.5)
        frames.append(np.where(is_window[..., None], [60, 80, 110], [170, 140, 120]) + s.cloud(1.0)[..., None] * 0)
    return np.stack(frames) + s.painting(1.2)[None] * 0.15 - 15 + s.grain(1.0)


def bricks(s: Studio) -> np.ndarray:
    """A wall: mortar in straight lines, every second row shifted."""
    wide, high = int(s.draw.integers(14, 30)), int(s.draw.integers(7, 14))
    ys, xs = np.mgrid[: s.height, : s.width]
    is_mortar = (ys % high == 0) | ((xs + (ys // high % 2) * (wide // 2)) % wide == 0)
    wall = np.where(is_mortar[..., None], [190, 185, 175], [150, 70, 50]) + s.painting(1.0) * 0.2
    light = s.times() * 20
    return wall[None] + light + s.grain(0.5)


def letterbox(s: Studio) -> np.ndarray:
    frames = s.pan(1.3, 1.5)
    bar = s.height // int(s.draw.integers(5, 9))
    frames[:, :bar] = frames[:, -bar:] = 0
    return frames


def split_screen(s: Studio) -> np.ndarray:
    """Two scenes, left and right."""
    frames = s.pan(1.3, 1.5)
    frames[:, :, s.width // 2 :] = s.pan(1.3, 2)[:, :, s.width // 2 :]
    return frames


def titles(s: Studio) -> np.ndarray:
    """White letters that scroll over black."""
    letters = s.draw.random((s.height + s.count, s.width // 2)) < 0.4
    rows = (np.arange(s.height + s.count) // 7 % 2 == 0)[:, None]
    page = np.repeat(letters & rows, 2, 1) * 235.0
    margin = s.width // 5
    page = np.pad(page, ((0, 0), (0, s.width - page.shape[1])))
    page[:, :margin] = page[:, -margin:] = 0
    return np.stack([page[i : i + s.height, :, None] for i in range(s.count)]).repeat(3, -1)


def zoom(s: Studio) -> np.ndarray:
    whole = s.painting(1.3, s.height * 2, s.width * 2)
    frames = []
    for i in range(s.count):
        factor = 1 + i / max(s.count, 2)
        ys = (np.arange(s.height) - s.height / 2) / factor * 1.9 + s.height
        xs = (np.arange(s.width) - s.width / 2) / factor * 1.9 + s.width
        frames.append(whole[ys.astype(int)][:, xs.astype(int)])
    return np.stack(frames)


def loop(s: Studio) -> np.ndarray:
    """A picture that comes back again and again, as in a seamless loop."""
    period = int(s.draw.integers(5, 9))
    frames = np.repeat(s.painting(1.4)[None], s.count, 0)
    for i in range(s.count):
        turn = 2 * np.pi * (i % period) / period
        inside = s.disc(s.width * (0.5 + 0.25 * np.cos(turn)), s.height * (0.5 + 0.25 * np.sin(turn)), s.height * 0.15)
        frames[i] = frames[i] * (1 - inside) + inside * np.array([240, 200, 60])
    return frames


def passer_by(s: Studio) -> np.ndarray:
    """Somebody walks through a still picture, and comes to rest or leaves shortly before the end."""
    frames = np.repeat(s.painting(1.4)[None], s.count, 0)
    end = max(1, int(s.count * s.draw.uniform(0.86, 1)))
    for i in range(s.count):
        place = s.width * min(i / end, 1) * s.draw.choice([1.2])
        inside = s.disc(place, s.height * 0.6, s.height * 0.12)
        frames[i] = frames[i] * (1 - inside) + inside * np.array([40, 40, 60])
    return frames + s.grain(s.draw.choice([0.5, 1]))


def time_lapse(s: Studio) -> np.ndarray:
    """The light of a whole day, and clouds that boil."""
    base, clouds = s.painting(1.4), [s.cloud(1.8) for _ in range(3)]
    frames = []
    for i in range(s.count):
        mix = sum(cloud * np.sin(i * 0.35 + 2 * n) for n, cloud in enumerate(clouds))
        frames.append(base * (0.4 + 0.6 * np.sin(np.pi * i / max(s.count - 1, 1))) + mix[..., None] * 15)
    return np.stack(frames)


def slow_motion(s: Studio) -> np.ndarray:
    """Something small moves by a part of a pixel each frame."""
    frames = np.repeat(s.painting(1.5)[None], s.count, 0)
    for i in range(s.count):
        inside = s.disc(s.width / 3 + i * 0.3, s.height / 2, s.height * 0.08)
        frames[i] = frames[i] * (1 - inside) + inside * np.array([220, 60, 60])
    return frames


def stars(s: Studio) -> np.ndarray:
    """Points on black that drift."""
    sky = (s.draw.random((s.height, s.width + s.count)) < 0.01) * s.draw.uniform(80, 255, (s.height, s.width + s.count))
    glow = sky + 0.4 * (np.roll(sky, 1, 0) + np.roll(sky, -1, 0) + np.roll(sky, 1, 1) + np.roll(sky, -1, 1))
    return np.stack([glow[:, i : i + s.width, None] for i in range(s.count)]).repeat(3, -1)


def high_key(s: Studio) -> np.ndarray:
    """A product on white: most of the picture is at the limit."""
    frames = np.full((s.count, s.height, s.width, 3), 255.0)
    for i in range(s.count):
        inside = s.disc(s.width * (0.4 + 0.2 * i / s.count), s.height / 2, s.height * 0.25)
        frames[i] = frames[i] * (1 - inside) + inside * (s.draw.uniform(0, 1) + np.array([180, 40, 60]))
    return frames


def neon(s: Studio) -> np.ndarray:
    """Strong contrast: much is black or white, and colours are saturated."""
    return (s.pan(1.4, 2) - 110) * s.draw.uniform(2, 3.5) + 128


SCENES: tuple[Callable[[Studio], np.ndarray], ...] = (
    texture, fine_texture, film_grain, fade, night, cartoon, static_shot, cuts, fast_pan, rain, water, fire, fog,
    flashes, blinking, houses, bricks, letterbox, split_screen, titles, zoom, loop, passer_by, time_lapse, slow_motion,
    stars, high_key, neon,
)  # fmt: skip
STILL_SCENES = (static_shot,)


def synthetic(each: int, first_seed: int) -> Iterator[Made]:
    """Yields clips of every kind of scene in many sizes and lengths."""
    for place, scene in enumerate(SCENES):
        for number in range(each):
            seed = first_seed + place * 1000 + number
            count = SHORT[(place + number) % 5] if number % 5 == 4 else LENGTHS[(place + number) % len(LENGTHS)]
            yield filmed(scene, seed, SIZES[(place + number * 5) % len(SIZES)], count)


def filmed(scene: Callable[[Studio], np.ndarray], seed: int, size: tuple[int, int], count: int) -> Made:
    """Returns a clip of one scene."""
    frames_THWC = np.clip(scene(Studio(seed, size, count)), 0, 255).round().astype(np.uint8)
    still = "a static shot" if scene in STILL_SCENES else "something happens"
    name = f"{scene.__name__}-{size[0]}x{size[1]}x{count}-{seed}"
    return Made(name, scene.__name__, frames_THWC, still)
