// What the viewer shows of a clip: a video, numbered frames, a moving image or a still, each as a track.
// A track: {element, ready, length(), frames(), fps, size(), time(), seek(s), play(), pause(), setRate(r), tick(), close()},
// of a video also setMuted(isMuted), setLoop(isLooping). Times are seconds; a length of 0 means that it cannot be searched.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const FPS = 8; // where a record has none
  const KEPT = 64; // images of a folder held in memory
  const AHEAD = 8;

  const fpsOf = (clip) => (clip.made && clip.made.fps) || clip.fps || FPS;

  function whenLoaded(element, event) {
    return new Promise((done) => {
      element.addEventListener(event, () => done(true), { once: true });
      element.addEventListener("error", () => done(false), { once: true });
    });
  }

  function video(clip, file, poster) {
    const element = make("video");
    element.muted = element.playsInline = true;
    element.preload = "auto";
    if (poster) element.poster = poster.url;
    const fps = fpsOf(clip);
    const ready = whenLoaded(element, "loadeddata");
    element.src = file.url;
    let wanted = null; // where to go once the present search is over
    let arrived = [];
    function go() {
      const target = wanted;
      wanted = null;
      element.currentTime = target;
    }
    function land() {
      if (wanted !== null) return go();
      const waiting = arrived;
      arrived = [];
      for (const done of waiting) done();
      return undefined;
    }
    element.addEventListener("seeked", land);
    const length = () => (Number.isFinite(element.duration) ? element.duration : 0);
    function seek(seconds) {
      if (!length()) return Promise.resolve();
      wanted = Math.max(0, Math.min(seconds, length() - 0.25 / fps));
      const landed = new Promise((done) => arrived.push(done));
      if (!element.seeking) go();
      return landed;
    }
    return {
      element,
      ready,
      fps,
      length,
      seek,
      isVideo: true,
      frames: () => Math.max(1, Math.round(length() * fps)),
      size: () => [element.videoWidth, element.videoHeight],
      time: () => (wanted === null ? element.currentTime : wanted),
      play: () => element.play().catch(() => {}), // rejected when it is closed before it starts
      pause: () => element.pause(),
      setRate: (rate) => element.playbackRate !== rate && (element.playbackRate = rate),
      setMuted: (isMuted) => (element.muted = isMuted),
      setLoop: (isLooping) => (element.loop = isLooping),
      tick() {},
      close() {
        land();
        element.removeAttribute("src");
        element.load(); // frees its decoder
      },
    };
  }

  function picture(url, fallback) {
    const element = make("img");
    element.alt = "";
    element.draggable = false;
    const ready = new Promise((done) => {
      element.addEventListener("load", () => done(true), { once: true });
      element.addEventListener("error", () => (fallback && element.getAttribute("src") !== fallback ? (element.src = fallback) : done(false)));
    });
    element.src = url;
    return { element, ready, size: () => [element.naturalWidth, element.naturalHeight] };
  }

  const unsearchable = { length: () => 0, frames: () => 1, time: () => 0, seek: () => Promise.resolve(), setRate() {}, tick() {}, close() {} };

  function still(clip, file) {
    return { ...unsearchable, ...picture(file.url), fps: fpsOf(clip), play() {}, pause() {} };
  }

  // Browsers tell nothing of the time of a moving image: it plays, from its start, or stands as its poster.
  function moving(clip, file, poster) {
    const shown = picture(file.url);
    const set = (url) => shown.element.getAttribute("src") !== url && (shown.element.src = url);
    return { ...unsearchable, ...shown, fps: fpsOf(clip), isMoving: true, play: () => set(file.url), pause: () => poster && set(poster.url) };
  }

  function frames(clip, file) {
    const fps = Math.min(fpsOf(clip), 60);
    const shown = picture(file.url);
    const images = new Map(); // number -> image, the latest last
    let [at, from, rate] = [0, null, 1]; // seconds; `from` is when it began to play
    const length = () => file.count / fps;
    const now = () => performance.now() / 1000;
    const time = () => Math.min(from === null ? at : at + (now() - from) * rate, length());
    function imageOf(number) {
      const image = images.get(number) || new Image();
      if (!image.src) image.src = `${file.folder}${String(number).padStart(6, "0")}${file.suffix}`;
      images.delete(number);
      images.set(number, image);
      if (images.size > KEPT) images.delete(images.keys().next().value);
      return image;
    }
    function tick() {
      const number = Math.min(file.count - 1, Math.floor(time() * fps + 1e-3));
      const image = imageOf(number);
      if (shown.element.src !== image.src && (image.complete || from === null)) shown.element.src = image.src;
      for (let step = 1; from !== null && step <= AHEAD; step++) imageOf((number + step) % file.count);
    }
    function restart(seconds) {
      at = Math.max(0, Math.min(seconds, length()));
      if (from !== null) from = now();
    }
    return {
      ...shown,
      fps,
      length,
      time,
      tick,
      frames: () => file.count,
      seek(seconds) {
        restart(seconds);
        tick();
        return Promise.resolve();
      },
      play: () => (from = from === null ? now() : from),
      pause() {
        at = time();
        from = null;
      },
      setRate(next) {
        if (next !== rate) restart(time());
        rate = next;
      },
      close: () => images.clear(),
    };
  }

  const KINDS = { video, moving, frames, still };

  // The files of a clip that can be shown, its earlier preview among them.
  function filesOf(clip) {
    const files = (clip.files || []).filter((file) => file.show !== "link");
    if (!clip.preview) return files;
    const isVideo = /\.(mp4|webm|m4v)$/i.test(clip.preview);
    return [...files, { kind: "preview", show: isVideo ? "video" : "moving", url: clip.preview }];
  }

  // Returns the track of a clip, of one of its files or of the first; null where none can be shown.
  function trackOf(clip, file) {
    const files = filesOf(clip);
    const chosen = file || files[0];
    if (!chosen) return null;
    const poster = chosen.kind === "preview" ? undefined : files.find((one) => one.show === "poster");
    return (KINDS[chosen.show] || still)(clip, chosen, poster);
  }

  // The address of a picture that stands for a clip without opening its video; null where it has none.
  function pictureOf(clip) {
    const files = clip.files || [];
    const found = ["poster", "frames", "moving", "still"].map((show) => files.find((file) => file.show === show)).find(Boolean);
    return found ? found.url : null;
  }

  window.vgpipeViewerTracks = { trackOf, filesOf, pictureOf };
})();
