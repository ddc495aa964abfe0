"""Measures whether sound and picture of finished files belong together: in ffmpeg's decoder and in Chromium.

usage: python benchmarks/sound_alignment.py [WORK_FOLDER]

1. A clip that flashes white and clicks in the same frames is exported in every kind that holds sound, at several rates.
   Printed: by how many ms the clicks are off the flashes, how much the length is off, and what became of the level.
2. The tiny LTX-2 of the tests is rendered by the command line, short and in segments. Printed: by how many ms the
   samples of the mp4 are off those that the model gave, and the largest step between samples, in and beside the seams.
3. Chromium, where /usr/bin/chromium is: the files are played, and their sound decoded, by a page that reports what the
   media element says and where the samples lie.

It takes about two minutes on two cores, of which the tiny LTX-2 takes half. T frames, S samples, C channels.
"""

from __future__ import annotations

import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.exporters.clips import REAL_FFMPEG
from vgpipe.exporters.base import exporter
from vgpipe.exporters.soundtrack import KINDS
from vgpipe.sound.record import sample_at

ROOT = Path(__file__).parents[1]
FAST: dict[str, dict[str, Any]] = {"mp4": {"preset": "veryfast"}, "av1": {"preset": 12}, "webm": {"speed": 8}}
CASES = [
    *((24.0, 49, 24_000, 2), (24.0, 49, 48_000, 2), (23.976, 50, 48_000, 1)),
    *((8.0, 17, 44_100, 2), (25.0, 121, 24_000, 2)),
]
EVERY = 7
CHROMIUM = Path("/usr/bin/chromium")
TINY = ("model.dtype=float32", "model.max_sequence_length=32", "model.rules.min_side=32", "clip.width=64",
        "clip.height=64", "checks=off", "run.plan=off", "quality.num_inference_steps=3", "executor.canary=false",
        "clip.prompt='a cat purrs'", "run.sheet=false")  # fmt: skip
PAGE = """<!doctype html><script>
const found_all = [];
async function look(name) {
  const video = document.createElement("video");
  video.src = name; video.muted = false;
  document.body.append(video);
  await new Promise((done) => { video.oncanplaythrough = done; video.onerror = done; });
  const found = { name, error: video.error && video.error.message, readyState: video.readyState,
                  duration: video.duration };
  try { await video.play(); } catch (error) { found.play = String(error); }
  await new Promise((done) => { video.onended = done; setTimeout(done, 8000); });
  found.ended = video.ended;
  found.audioBytes = video.webkitAudioDecodedByteCount;
  found.frames = video.getVideoPlaybackQuality().totalVideoFrames;
  const data = await (await fetch(name)).arrayBuffer();
  try {
    const decoded = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(data);
    const samples = decoded.getChannelData(0);
    found.samples = samples.length;
    found.first = samples.findIndex((one) => Math.abs(one) > 0.2);
  } catch (error) { found.decode = String(error); }
  found_all.push(found);
}
window.onload = async () => {
  for (const name of NAMES) await look(name);
  await fetch("/found", { method: "POST", body: JSON.stringify(found_all) });
};
</script><body></body>"""


class Clicks:
    """A quiet tone, and a burst of noise at each frame that flashes."""

    def __init__(self, num_frames: int, fps: float, rate: int, channels: int):
        self.sample_rate_hz, self.channels = rate, channels
        samples = sample_at(num_frames, fps, rate)
        self.wave_S = 0.02 * np.sin(2 * np.pi * 440 * np.arange(samples) / rate)
        draw = np.random.default_rng(0)
        for frame in range(0, num_frames, EVERY):
            place = sample_at(frame, fps, rate)
            burst_S = 0.6 * np.hanning(rate // 100)[: samples - place]
            signs_S = draw.choice([-1.0, 1.0], len(burst_S) // 6 + 1).repeat(6)[: len(burst_S)]
            self.wave_S[place : place + len(burst_S)] += burst_S * signs_S

    def __iter__(self) -> Iterator[np.ndarray]:
        yield self.wave_S.astype(np.float32)[:, None].repeat(self.channels, 1)


def flashes(num_frames: int) -> np.ndarray:
    """Returns dark frames, of which every seventh is white."""
    frames_THWC = np.full((num_frames, 64, 64, 3), 40, np.uint8)
    frames_THWC[::EVERY] = 230
    return frames_THWC


def decoded(path: Path) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
    """Returns frames' brightness (T), samples (S, C), their rate, and the time of each frame in seconds."""
    told = subprocess.run([REAL_FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True).stderr
    rate, layout = re.search(r"Audio: .*?, (\d+) Hz, (\w+)", told).groups()
    sound = [REAL_FFMPEG, "-loglevel", "error", "-i", path, "-map", "0:a", "-f", "f32le", "-"]
    raw = subprocess.run(sound, capture_output=True, check=True).stdout
    video = [REAL_FFMPEG, "-loglevel", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough"]
    grey = subprocess.run([*video, "-pix_fmt", "gray", "-f", "rawvideo", "-"], capture_output=True, check=True).stdout
    crc = subprocess.run(
        [*video, "-enc_time_base", "demux", "-f", "framecrc", "-"], capture_output=True, check=True
    ).stdout
    top, bottom = map(int, re.search(rb"#tb 0: (\d+)/(\d+)", crc).groups())
    times = [int(line.split(b",")[2]) * top / bottom for line in crc.splitlines() if line[:1].isdigit()]
    samples_SC = np.frombuffer(raw, "<f4").reshape(-1, 1 if layout == "mono" else 2)
    return np.frombuffer(grey, "u1").reshape(len(times), -1).mean(1), samples_SC, int(rate), np.array(times)


def lag_samples(one_S: np.ndarray, other_S: np.ndarray) -> int:
    """Returns by how many samples the second of two sounds is later than the first."""
    size = 1 << (len(one_S) + len(other_S)).bit_length()
    across = np.fft.irfft(np.fft.rfft(other_S, size) * np.conj(np.fft.rfft(one_S, size)), size)
    place = int(np.argmax(across))
    return place - size if place > size // 2 else place


def resampled(wave_S: np.ndarray, count: int) -> np.ndarray:
    """Returns a sound with another number of samples over the same time, limited to what both rates can hold."""
    spectrum = np.fft.rfft(wave_S)
    kept = np.zeros(count // 2 + 1, complex)
    shared = min(len(kept), len(spectrum))
    kept[:shared] = spectrum[:shared]
    return np.fft.irfft(kept, count) * count / len(wave_S)


def db(ratio: float) -> float:
    return float(20 * np.log10(ratio))


def kinds(folder: Path) -> list[Path]:
    """Prints the table of kinds; returns a file of each kind that browsers play."""
    print(f"{'kind':11} {'fps':>6} {'rate':>6} {'ch':>2}  click-flash ms  length ms  level dB")
    found = []
    for fps, num_frames, rate, channels in CASES:
        sound = Clicks(num_frames, fps, rate, channels)
        for kind in KINDS:
            target = folder / f"{kind}-{fps}-{rate}"
            target.mkdir(parents=True)
            writes = exporter({"name": kind, **FAST.get(kind, {})})
            made = writes.export(flashes(num_frames), fps=fps, folder=target, sound=sound)
            light_T, samples_SC, out, times_T = decoded(target / made.files[0])
            own_S = resampled(sound.wave_S, len(samples_SC))
            late_s = lag_samples(own_S, samples_SC[:, 0].astype(float)) / out
            flash_s = times_T[light_T > 128][0]
            length = len(samples_SC) / out - num_frames / fps
            level = db(samples_SC[:, 0].std() / own_S.std())
            figures = f"{1e3 * (late_s - flash_s):+14.3f}  {1e3 * length:+9.3f}  {level:+8.2f}"
            print(f"{kind:11} {fps:6g} {out:6} {samples_SC.shape[1]:2}  {figures}")
            if (fps, rate) == (24.0, 48_000) and kind in ("mp4", "webm", "mp4_hevc", "av1"):
                found.append(target / made.files[0])
    return found


def ltx2(folder: Path) -> list[Path]:
    """Renders the tiny LTX-2 and prints where its sound is in the file."""
    model = folder / "tiny"
    subprocess.run([sys.executable, "-m", "tests.tiny", "ltx2", str(model)], cwd=ROOT, check=True, capture_output=True)
    found = []
    long = ("clip.num_frames=97", "model.rules.max_num_frames=33", "model.rules.segment_num_frames=33")
    runs = {
        "short": ("clip.num_frames=49",),
        "frames": (*long, "clip.continuation=frames"),
        "image": (*long, "clip.continuation=image", "model.pipeline_kwargs.image_crf=0"),
    }
    for name, settings in runs.items():
        run = folder / name
        where = (f"model.id={model}", f"store.dir={folder / 'store'}", f"hydra.run.dir={run}")
        command = [sys.executable, "-m", "vgpipe", "model=ltx2", *TINY, *where, "exporter=mp4+mov_prores", *settings]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        record = json.loads((run / "clips.jsonl").read_text().splitlines()[-1])
        files = {kind: run / record["files"][kind] for kind in ("mp4", "mov_prores")}
        _, exact_SC, rate, _ = decoded(files["mov_prores"])
        _, samples_SC, out, times_T = decoded(files["mp4"])
        late = lag_samples(exact_SC[:, 0] - exact_SC[:, 0].mean(), samples_SC[:, 0] - samples_SC[:, 0].mean())
        length = len(samples_SC) / out - len(times_T) / 24
        off = f"off by {1e3 * late / out:+.3f} ms, length {1e3 * length:+.3f} ms"
        print(f"ltx2 {name}: {len(times_T)} frames, {len(samples_SC)} samples; mp4 {off}")
        steps_S = np.abs(np.diff(exact_SC, axis=0)).max(1)
        spans = [one["delivered"] for one in record["segments"]]
        starts = np.cumsum([0, *(stop - start for start, stop in spans)])[1:-1]
        at_seams = np.zeros(len(steps_S), bool)
        for frame in starts:
            at_seams[max(0, sample_at(frame - 1, 24.0, rate)) : sample_at(frame + 9, 24.0, rate)] = True
        if len(starts):
            inside, beside = steps_S[at_seams].max(), steps_S[~at_seams][: -rate // 10].max()
            steps = f"largest step {inside:.4f} in them, {beside:.4f} beside them"
            print(f"  {len(starts)} seams: {steps}, of a sound that reaches {np.abs(exact_SC).max():.3f}")
        found.append(files["mp4"])
    return found


def chromium(paths: list[Path]) -> None:
    """Plays files in Chromium and prints what its page reports."""
    if not CHROMIUM.exists():
        print("there is no /usr/bin/chromium")
        return
    told: list[Any] = []
    has_told = threading.Event()
    names = {f"/{number}{path.suffix}": path for number, path in enumerate(paths)}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = names.get(self.path)
            kind = "text/html" if path is None else f"video/{path.suffix[1:]}"
            data = path.read_bytes() if path else PAGE.replace("NAMES", json.dumps(list(names))).encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            told.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            has_told.set()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--autoplay-policy=no-user-gesture-required",
        ]
        page = f"http://127.0.0.1:{server.server_address[1]}/"
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([*command, f"--user-data-dir={profile}", page], stdout=quiet, stderr=quiet)
        has_told.wait(180)
        process.terminate()
        process.wait(30)
    server.shutdown()
    for one, path in zip(told, paths, strict=False):
        print(f"{path.parent.name}/{path.name}: {json.dumps(one)}")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="sound-"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    chromium([*kinds(folder), *ltx2(folder)])


if __name__ == "__main__":
    main()
