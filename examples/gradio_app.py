"""A web page with a queue of videos to render: `pip install 'gradio>=6'`, then `python examples/gradio_app.py`."""

from dataclasses import dataclass, field
from queue import Queue
from threading import Thread

import gradio as gr

import vgpipe

entries: list["Entry"] = []
waiting: Queue["Entry"] = Queue()


@dataclass
class Entry:
    """A clip that somebody has asked for."""

    clip: dict[str, object]
    model: str
    quality: str
    state: str = "waiting"
    video: str | None = None
    stop: vgpipe.CancelToken = field(default_factory=vgpipe.CancelToken)

    def render(self, kept: vgpipe.KeptModels) -> None:
        """Renders the clip."""
        run = vgpipe.run(
            clip=self.clip, model=self.model, quality=self.quality, on_progress=self.note, cancel=self.stop, kept=kept
        )
        self.video = str(run.clips[0].files["mp4"]) if run.ok else None
        self.state = run.clips[0].error or run.stopped_by or run.clips[0].state

    def note(self, now: vgpipe.ProgressState) -> None:
        """Shows how far the clip is."""
        self.state = f"{now.stage} {now.fraction:.0%}" + (f", {now.eta_s:.0f} s left" if now.eta_s else "")


def work() -> None:
    """Renders one entry after the other, and keeps models loaded from one to the next."""
    with vgpipe.KeptModels() as kept:
        while True:
            entry = waiting.get()
            try:
                entry.render(kept)
            except vgpipe.VgpipeError as error:
                entry.state = str(error)


def add(prompt: str, seed: float, model: str, quality: str) -> None:
    """Puts a clip into the queue."""
    entries.append(Entry({"prompt": prompt, "seed": int(seed)}, model, quality))
    waiting.put(entries[-1])


def show(shown: str | None) -> tuple[list[list[object]], object, str | None]:
    """Returns the queue, newest first, and the newest video where it is not the one that is shown."""
    rows = [[*one.clip.values(), one.model, one.quality, one.state] for one in entries[::-1]]
    newest = next((one.video for one in entries[::-1] if one.video), None)
    return rows, gr.skip() if newest == shown else newest, newest


with gr.Blocks(title="vgpipe", analytics_enabled=False) as page:
    prompt = gr.Textbox(label="Prompt", value="a small red circle moving left")
    with gr.Row():
        seed = gr.Number(label="Seed", value=0, precision=0, minimum=0)
        model = gr.Dropdown(vgpipe.options("model"), label="Model", value="shapes")
        quality = gr.Dropdown(vgpipe.options("quality"), label="Quality", value="quick")
    with gr.Row():
        gr.Button("Add to the queue", variant="primary").click(add, [prompt, seed, model, quality])
        gr.Button("Cancel the newest").click(lambda: entries and entries[-1].stop.cancel())
    table = gr.Dataframe(headers=["prompt", "seed", "model", "quality", "state"], label="Queue", interactive=False)
    video, shown = gr.Video(label="Newest video", autoplay=True), gr.State()
    gr.Timer(0.5).tick(show, shown, [table, video, shown], show_progress="hidden")

if __name__ == "__main__":
    Thread(target=work, daemon=True).start()
    page.launch(theme=gr.themes.Default(font="sans-serif", font_mono="monospace"))
