// The comparison page: rows are prompts with a seed, columns are runs; the videos of a row play together.
(function () {
  "use strict";
  const { make } = window.vgpipeCards;
  const data = window.vgpipeComparison;
  const DRIFT_S = 0.08;
  const byId = (id) => document.getElementById(id);

  function cellOf(cell) {
    const box = make("div", "cell");
    const frame = make("div", "media");
    box.append(frame);
    if (!cell) {
      frame.append(make("span", "", "not in this run"));
      return box;
    }
    if (cell.url && cell.show === "video") {
      const video = make("video");
      video.muted = video.playsInline = true;
      video.preload = "metadata";
      video.dataset.url = cell.url;
      frame.append(video);
    } else if (cell.url) {
      const image = make("img");
      image.alt = "";
      image.dataset.url = cell.url;
      frame.append(image);
    } else {
      frame.append(make("span", "", cell.state));
    }
    box.append(make("p", "numbers", cell.numbers));
    if (cell.error) box.append(make("p", "note bad", `${cell.state}: ${cell.error}`));
    if (cell.degradations) box.append(make("p", "note warn", `degraded: ${cell.degradations.join("\n")}`));
    return box;
  }

  const videosOf = (row) => [...row.querySelectorAll("video")];

  function stop(row) {
    row.classList.remove("playing");
    row.querySelector("button").textContent = "play all";
    for (const video of videosOf(row)) video.pause();
  }

  // All begin together, once each has its first frames, and again when the longest has ended.
  async function playAll(row) {
    const videos = videosOf(row).filter((video) => !video.error);
    for (const video of videos) if (!video.hasAttribute("src")) video.src = video.dataset.url;
    row.classList.add("playing");
    row.querySelector("button").textContent = "pause";
    await Promise.all(videos.map(rewound));
    if (!row.classList.contains("playing")) return;
    for (const video of videos) video.play().catch(() => {});
    const leader = videos.reduce((one, other) => (other.duration > one.duration ? other : one), videos[0]);
    if (!leader) return;
    leader.ontimeupdate = () => follow(leader, videos);
    leader.onended = () => row.classList.contains("playing") && playAll(row);
  }

  function rewound(video) {
    return new Promise((done) => {
      const begin = () => {
        video.currentTime = 0;
        done();
      };
      if (video.readyState >= 2) begin();
      else {
        video.addEventListener("loadeddata", begin, { once: true });
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

  function rowOf(told) {
    const row = make("section", "row");
    const head = make("div", "rowhead");
    const prompt = make("p", "prompt", told.prompt === null ? "(no prompt)" : told.prompt);
    prompt.dir = "auto";
    const button = make("button", "", "play all");
    button.type = "button";
    button.addEventListener("click", () => (row.classList.contains("playing") ? stop(row) : playAll(row)));
    head.append(prompt, make("p", "numbers", told.seed === null ? "" : `seed ${told.seed}`), button);
    const cells = make("div", "cells");
    cells.append(...told.cells.map(cellOf));
    row.append(head, cells);
    row.text = `${told.prompt}\n${told.seed}`.toLowerCase();
    return row;
  }

  function table(head, rows) {
    const element = make("table");
    for (const [at, row] of [head, ...rows].entries()) {
      const line = make("tr");
      line.append(...row.map((text, column) => make(at && column ? "td" : "th", "", text === null ? "" : text)));
      element.append(line);
    }
    return element;
  }

  function showHead() {
    const names = data.runs.map((run) => run.name);
    byId("settings").append(table(["setting", ...names], data.settings));
    byId("settings").hidden = data.settings.length === 0;
    byId("costs").append(table(["", ...names], data.costs));
    const columns = make("div", "cells names");
    columns.append(...names.map((name) => make("strong", "", name)));
    byId("names").append(make("div", "rowhead"), columns);
    document.documentElement.style.setProperty("--runs", String(names.length));
    const count = `${data.rows.length} prompts with a seed, ${names.length} runs`;
    byId("status").textContent = data.shared < data.rows.length ? `${count}; ${data.shared} are in all of them` : count;
  }

  const watcher = new IntersectionObserver(
    (changes) => {
      for (const { target, isIntersecting } of changes) {
        for (const item of target.querySelectorAll("video, img")) {
          if (isIntersecting && !item.hasAttribute("src")) item.src = item.dataset.url;
          else if (!isIntersecting && item.tagName === "VIDEO" && item.hasAttribute("src")) {
            stop(target);
            item.removeAttribute("src");
            item.load();
          }
        }
      }
    },
    { rootMargin: "300px" },
  );

  function search() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of byId("rows").children) row.hidden = !words.every((word) => row.text.includes(word));
  }

  window.vgpipeTheme.followTheme(byId("theme"), () => {});
  showHead();
  byId("rows").append(...data.rows.map(rowOf));
  for (const row of byId("rows").children) watcher.observe(row);
  byId("search").addEventListener("input", search);
  document.documentElement.dataset.ready = "yes";
})();
