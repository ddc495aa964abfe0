// Plays the videos of a row in step. A row has `players`, all of them after `equip()`, and a `playButton`.
(function () {
  "use strict";
  const DRIFT_S = 0.08;
  const videosOf = (row) => row.players.map((player) => player.element).filter((element) => element.tagName === "VIDEO" && !element.error);
  const isPlaying = (row) => row.classList.contains("playing");

  function named(row, isOn) {
    row.playButton.replaceChildren(window.vgpipeIcons.icon(isOn ? "pause" : "play"), isOn ? "pause" : "play");
    row.playButton.setAttribute("aria-pressed", String(isOn));
  }

  function stop(row) {
    row.classList.remove("playing");
    named(row, false);
    for (const player of row.players) player.pause();
  }

  // All start together once each has its first frames, and restart when the longest video has ended.
  async function playAll(row) {
    row.equip();
    const players = row.players;
    const videos = videosOf(row);
    for (const player of players) player.load();
    row.classList.add("playing");
    named(row, true);
    await Promise.all(videos.map(rewound));
    if (!isPlaying(row) || row.players !== players) return;
    for (const player of players) player.play();
    const leader = videos.reduce((longest, video) => (video.duration > longest.duration ? video : longest), videos[0]);
    if (!leader) return;
    leader.ontimeupdate = () => follow(leader, videos);
    leader.onended = () => isPlaying(row) && row.players === players && playAll(row);
  }

  function rewound(video) {
    return new Promise((done) => {
      const start = () => {
        video.currentTime = 0;
        done();
      };
      if (video.readyState >= 2) start();
      else {
        video.addEventListener("loadeddata", start, { once: true });
        video.addEventListener("error", done, { once: true });
        video.preload = "auto";
      }
    });
  }

  function follow(leader, videos) {
    for (const video of videos) {
      const isBehind = Math.abs(video.currentTime - leader.currentTime) > DRIFT_S;
      if (video !== leader && isBehind && leader.currentTime < video.duration) video.currentTime = leader.currentTime;
    }
  }

  const toggle = (row) => (isPlaying(row) ? stop(row) : playAll(row));

  window.vgpipeTogether = { isPlaying, playAll, stop, toggle };
})();
