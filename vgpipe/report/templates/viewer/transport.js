// Plays one track, or two in step: the longest leads, the other follows it.
(function () {
  "use strict";
  const FAR_S = 0.25; // beyond this both wait for each other, below it the follower is made faster or slower
  const REST_S = 1.5; // between two such waits: a machine that is too slow for both would do nothing else
  const NEAR_S = 0.01;
  const PULL = 3; // of its rate, per second that it is away
  const MOST = 0.25;

  // `onChange` is called on each frame of the screen while it plays, and after each change.
  function transport(onChange) {
    let tracks = [];
    let [isPlaying, isLooping, rate] = [false, true, 1];
    let turn = 0; // counts plays and pauses: what was awaited may be out of date
    let aligned = 0; // when both last began together
    let early = null; // the frame that was asked for before the tracks were ready

    const leader = () => tracks.reduce((best, track) => (best && best.length() >= track.length() ? best : track), null);
    const videosLoop = () => tracks.forEach((track) => track.setLoop && track.setLoop(isLooping && tracks.length === 1));
    const each = (act) => Promise.all(tracks.map(act));
    const ends = (track) => (track.element.ended === true ? true : track.time() >= track.length() - 1e-3);

    // Returns whether they are too far apart to be drawn together.
    function follow(first) {
      let isFar = false;
      for (const track of tracks) {
        track.tick();
        // Without a length it has no time; a shorter one waits on its last frame.
        if (track === first || !track.length() || first.time() >= track.length()) continue;
        const away = first.time() - track.time();
        isFar = isFar || Math.abs(away) > FAR_S;
        track.setRate(Math.abs(away) < NEAR_S ? rate : rate * (1 + Math.max(-MOST, Math.min(MOST, away * PULL))));
      }
      return isFar && performance.now() - aligned > 1000 * REST_S;
    }

    function tick(mine) {
      if (mine !== turn || !isPlaying) return;
      const first = leader();
      if (first && first.length()) {
        if (ends(first) && !(first.element.loop === true)) {
          if (isLooping) play(0);
          else pause();
          return;
        }
        if (follow(first)) {
          play(first.time());
          return;
        }
      }
      onChange();
      requestAnimationFrame(() => tick(mine));
    }

    async function play(from) {
      const mine = ++turn;
      isPlaying = true;
      const first = leader();
      onChange();
      if (!first) return;
      const start = from !== undefined ? from : ends(first) && first.length() ? 0 : first.time();
      if (from !== undefined || tracks.length > 1 || start === 0) {
        tracks.forEach((track) => track.pause());
        await each((track) => track.seek(start));
      }
      if (mine !== turn) return;
      tracks.forEach((track) => {
        track.setRate(rate);
        track.play();
      });
      aligned = performance.now();
      requestAnimationFrame(() => tick(mine));
    }

    function pause() {
      turn++;
      isPlaying = false;
      tracks.forEach((track) => track.pause());
      onChange();
    }

    async function seek(seconds) {
      const mine = ++turn;
      const wasPlaying = isPlaying;
      if (wasPlaying) tracks.forEach((track) => track.pause());
      await each((track) => track.seek(seconds));
      if (mine !== turn) return;
      onChange();
      if (wasPlaying) play(seconds);
    }

    // The middle of a frame: its edges may belong to the one before.
    const middle = (number, fps) => (number + 0.5) / fps;

    function frame() {
      const first = leader();
      if (!first || !first.length()) return { at: 0, of: 0, seconds: 0, length: 0 };
      const of = first.frames();
      const at = Math.min(of - 1, Math.floor(first.time() * first.fps + 1e-3));
      return { at, of, seconds: Math.min(first.time(), first.length()), length: first.length() };
    }

    function toFrame(number) {
      const first = leader();
      if (!first) return;
      if (first.length()) seek(middle(Math.max(0, Math.min(first.frames() - 1, number)), first.fps));
      else early = number;
    }

    return {
      // Takes other tracks, from `seconds` on; resolves when they show something.
      async set(next, { plays, seconds = 0 }) {
        const mine = ++turn;
        tracks.filter((track) => !next.includes(track)).forEach((track) => track.close());
        tracks = next;
        early = null;
        isPlaying = plays;
        videosLoop();
        await each((track) => track.ready);
        if (tracks !== next) return;
        videosLoop();
        if (early !== null) toFrame(early);
        else if (mine !== turn) onChange(); // paused or played since
        else if (plays) play(seconds);
        else seek(seconds);
      },
      play,
      pause,
      toggle: () => (isPlaying ? pause() : play()),
      frame,
      toFrame,
      step(by) {
        if (isPlaying) pause();
        toFrame(frame().at + by);
      },
      setRate(next) {
        rate = next;
        tracks.forEach((track) => track.setRate(rate));
      },
      setLoop(wanted) {
        isLooping = wanted;
        videosLoop();
      },
      isPlaying: () => isPlaying,
    };
  }

  window.vgpipeViewerTransport = { transport };
})();
