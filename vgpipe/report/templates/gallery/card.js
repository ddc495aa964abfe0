// Cards, one per clip: what it shows, its prompt in one line, its state where it is not done, a pick and a star.
(function () {
  "use strict";
  const { make, color } = window.vgpipeElements;
  const { icon } = window.vgpipeIcons;
  const { playerOf } = window.vgpipeMedia;
  const USUAL_RATIO = 4 / 3;
  const NARROWEST = 0.4; // wider and narrower clips have bars beside them
  const WIDEST = 3.5;

  // Width over height of the place of a clip.
  function ratioOf(clip) {
    const { width, height } = { ...clip, ...clip.made };
    const ratio = width > 0 && height > 0 ? width / height : USUAL_RATIO;
    return Math.min(WIDEST, Math.max(NARROWEST, ratio));
  }

  // In a few words; empty for a clip that is done.
  function stateOf(clip) {
    if (clip.state === "done") return "";
    if (clip.rejected) return "rejected";
    if (clip.state !== "drafted") return clip.state;
    const steps = clip.draft_steps === undefined ? "" : ` ${clip.draft_steps}/${clip.num_inference_steps || "?"}`;
    const place = clip.contest && clip.contest.label ? ` \u00b7 ${clip.contest.label}` : "";
    return `preview${steps}${place}`;
  }

  function missing(clip) {
    if (clip.error) return clip.error;
    if (clip.state === "failed") return "no video";
    if (clip.state !== "done" && clip.state !== "drafted") return "";
    return clip.files ? `${clip.files[0].kind}: browsers cannot play this format` : "file missing";
  }

  function mark(name, title) {
    const button = make("button", `mark ${name}`);
    button.type = "button";
    button.tabIndex = -1; // the card has the focus, and keys for these
    button.dataset.act = name;
    button.title = title;
    button.ariaLabel = name;
    button.append(icon(name === "pick" ? "check" : "star"));
    return button;
  }

  function state(text, clip) {
    const pill = make("span", "state");
    const dot = make("span", "dot");
    dot.style.background = color(clip.rejected ? "failed" : clip.state);
    pill.append(dot, text);
    return pill;
  }

  function why(clip) {
    const text = make("p", "why", missing(clip));
    text.dir = "auto";
    return text;
  }

  function frame(clip, player) {
    const box = make("div", "media");
    box.append(player ? player.element : why(clip));
    const text = stateOf(clip);
    if (text) box.append(state(text, clip));
    if (clip.sound) box.append(icon("sound"));
    box.append(mark("pick", "pick (p)"), mark("star", "star (s)"));
    return box;
  }

  // Returns an empty card of the right shape.
  function empty() {
    const element = make("article", "card");
    element.tabIndex = -1;
    return element;
  }

  function shape(element, clip) {
    element.style.setProperty("--ratio", String(ratioOf(clip)));
  }

  function caption(clip, seed) {
    const line = make("div", "caption");
    const prompt = make("p", "prompt", clip.prompt === undefined ? "(no prompt)" : clip.prompt);
    prompt.dir = "auto";
    line.title = clip.seed === undefined ? prompt.textContent : `${prompt.textContent}\nseed ${clip.seed}`;
    line.append(prompt);
    if (seed) {
      const end = make("span", "seed");
      end.append(make("span", "word", "seed "), String(clip.seed));
      line.append(end);
    }
    return line;
  }

  // Fills a card; its media get their URLs only from `load`. `hasTwins`: whether other clips have its prompt.
  function fill(element, clip, hasTwins) {
    if (element.player) element.player.unload();
    element.player = playerOf(clip);
    const seed = hasTwins && clip.seed !== undefined ? `seed ${clip.seed}` : "";
    element.dataset.state = clip.state;
    element.ariaLabel = [clip.prompt || clip.id, seed, stateOf(clip)].filter(Boolean).join(", ");
    element.replaceChildren(frame(clip, element.player), caption(clip, seed));
  }

  // Shows whether a clip is picked and starred.
  function showMarks(element, isPicked, isStarred) {
    for (const [name, isOn] of [["pick", isPicked], ["star", isStarred]]) {
      element.classList.toggle(name === "pick" ? "picked" : "starred", isOn);
      const button = element.querySelector(`.mark.${name}`);
      if (button) button.ariaPressed = String(isOn);
    }
  }

  const load = (element) => element.player && element.player.load();
  const unload = (element) => element.player && element.player.unload();

  // `wanted`: whether to play; undefined toggles.
  function play(element, wanted) {
    const { player } = element;
    if (!player) return;
    player.load();
    const plays = wanted === undefined ? !player.isPlaying() : wanted;
    if (plays) player.play();
    else player.pause();
  }

  window.vgpipeCards = { empty, shape, fill, showMarks, load, unload, play };
})();
