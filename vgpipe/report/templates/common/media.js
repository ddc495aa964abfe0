// The media of a clip: a video, a moving image, numbered frames played one by one, or a still.
// Each is a player: {element, load(), unload(), play(), pause(), isPlaying()}.
// Nothing is fetched before `load`.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const AHEAD = 3; // frames to prefetch; shown ones are released
  const MAX_FPS = 60;

  function video(file, poster) {
    const element = make("video");
    element.muted = element.loop = element.playsInline = true;
    // A poster needs no decoder; without one, show the first frame.
    element.preload = poster ? "none" : "metadata";
    element.addEventListener("error", () => element.hasAttribute("src") && cannotPlay(element, file));
    function load() {
      if (element.hasAttribute("src")) return;
      if (poster && !element.poster) showPoster(element, poster);
      element.src = file.url;
    }
    // Browsers have few decoders: a video far off the screen frees its own.
    function unload() {
      if (!element.hasAttribute("src")) return;
      element.pause();
      element.removeAttribute("src");
      element.load();
    }
    return {
      element,
      load,
      unload,
      play: () => element.play().catch(() => {}), // rejected when it leaves the screen before it starts
      pause: () => element.pause(),
      isPlaying: () => !element.paused,
    };
  }

  function showPoster(element, poster) {
    const probe = new Image(); // a video reports no error for a damaged poster
    probe.onerror = () => {
      element.removeAttribute("poster");
      element.preload = "metadata";
    };
    probe.src = element.poster = poster.url;
  }

  function cannotPlay(element, file) {
    if (element.error && element.error.code === MediaError.MEDIA_ERR_ABORTED) return;
    element.replaceWith(make("span", "", `${file.kind}: this browser cannot play it`));
  }

  // An image that falls back to another URL where its own is damaged.
  function picture(url, fallback) {
    const element = make("img");
    element.alt = "";
    element.decoding = "async";
    element.addEventListener("error", () => element.getAttribute("src") === url && fallback && (element.src = fallback));
    return { element, load: () => element.hasAttribute("src") || (element.src = url) };
  }

  function still(file) {
    return { ...picture(file.url), unload() {}, play() {}, pause() {}, isPlaying: () => false };
  }

  // A moving image cannot be paused: show the poster instead.
  function moving(file, poster) {
    const { element, load } = picture(poster ? poster.url : file.url, file.url);
    let plays = false;
    function set(isOn) {
      plays = isOn;
      if (poster) element.src = isOn ? file.url : poster.url;
    }
    return { element, load, unload: () => plays && set(false), play: () => set(true), pause: () => set(false), isPlaying: () => plays };
  }

  function frameByFrame(file, poster, fps) {
    const { element, load } = picture(poster ? poster.url : file.url, file.url);
    const coming = new Map(); // number -> {image, isReady}
    let at = 0; // the poster is the first frame
    let timer = 0;
    function fetchAhead() {
      for (let step = 1; step <= AHEAD; step++) {
        const number = (at + step) % file.count;
        if (coming.has(number)) continue;
        const next = { image: new Image(), isReady: false };
        coming.set(number, next);
        next.image.src = `${file.folder}${String(number).padStart(6, "0")}${file.suffix}`;
        next.image.decode().catch(() => {}).then(() => (next.isReady = true));
      }
    }
    function advance() {
      const number = (at + 1) % file.count;
      const next = coming.get(number);
      if (!next.isReady) return; // late rather than skipped
      coming.delete(number);
      at = number;
      if (next.image.naturalWidth) element.src = next.image.src;
      fetchAhead();
    }
    function play() {
      if (timer || file.count < 2) return;
      fetchAhead();
      timer = setInterval(advance, 1000 / Math.min(fps > 0 ? fps : 8, MAX_FPS));
    }
    function pause() {
      clearInterval(timer);
      timer = 0;
      coming.clear();
    }
    return { element, load, unload: pause, play, pause, isPlaying: () => timer !== 0 };
  }

  // Returns the player of a clip; null where none of its files can be shown.
  function playerOf(clip) {
    const files = clip.files || [];
    const file = files.find((one) => one.show !== "link");
    if (!file) return null;
    const poster = files.find((one) => one.show === "poster");
    const fps = (clip.made && clip.made.fps) || clip.fps;
    const players = { video: () => video(file, poster), moving: () => moving(file, poster), frames: () => frameByFrame(file, poster, fps) };
    return (players[file.show] || (() => still(file)))();
  }

  window.vgpipeMedia = { playerOf };
})();
