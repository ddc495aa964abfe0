// The neighbours of a clip: which clips the arrows reach, and a strip of small pictures of them.
(function () {
  "use strict";
  const { make } = window.vgpipeElements;
  const { pictureOf } = window.vgpipeViewerTracks;
  const AROUND = 30; // pictures on each side of the current one

  // Returns {name: clips}: all on the page, those of the same prompt, those of the same seed, each in the page's order.
  function lists(clip, shown, all) {
    const isThere = shown.some((one) => one.id === clip.id);
    const page = isThere ? shown : [clip, ...shown];
    const everywhere = all.length ? all : page;
    const of = (key) => (clip[key] === undefined ? [clip] : everywhere.filter((one) => one[key] === clip[key]));
    return { all: page, prompt: of("prompt"), seed: of("seed") };
  }

  // The clip `by` places further; null at the ends.
  function beside(list, id, by) {
    const at = list.findIndex((one) => one.id === id);
    return list[at + by] || null;
  }

  // What to compare a clip with, when nobody said: another seed of its prompt, or the next clip.
  function rival(clip, found) {
    const others = found.prompt.filter((one) => one.id !== clip.id && pictureOrVideo(one));
    if (others.length) return others[0];
    const next = beside(found.all, clip.id, 1) || beside(found.all, clip.id, -1);
    return next || null;
  }

  const pictureOrVideo = (clip) => Boolean((clip.files || []).some((file) => file.show !== "link"));

  function thumb(clip, isCurrent, isAgainst) {
    const button = make("button", "v-thumb");
    button.type = "button";
    button.dataset.id = clip.id;
    const url = pictureOf(clip);
    if (url) {
      const picture = make("img");
      picture.alt = "";
      picture.decoding = "async";
      picture.src = url;
      button.append(picture);
    } else {
      button.append(make("span", "", clip.state === "done" ? "no picture" : clip.state));
    }
    const settings = clip.labels ? Object.entries(clip.labels).map((pair) => pair.join(" ")) : [clip.seed === undefined ? "" : `seed ${clip.seed}`];
    const words = [clip.prompt || clip.id, ...settings].filter(Boolean).join(", ");
    button.title = words;
    button.setAttribute("aria-label", words);
    if (isCurrent) button.setAttribute("aria-current", "true");
    if (isCurrent || isAgainst) button.append(make("span", "v-letter", isCurrent && isAgainst ? "A B" : isAgainst ? "B" : "A"));
    button.classList.toggle("v-against", isAgainst);
    return button;
  }

  // Fills the strip with the part of a list around the current clip; a press calls `choose(id)`.
  function fill(box, list, id, against, choose) {
    const at = Math.max(0, list.findIndex((one) => one.id === id));
    const near = list.slice(Math.max(0, at - AROUND), at + AROUND + 1);
    const state = JSON.stringify([id, against, near.map((clip) => [clip.id, clip.state, pictureOf(clip)])]);
    if (box.state === state) return; // it may have been scrolled
    box.state = state;
    box.replaceChildren(...near.map((clip) => thumb(clip, clip.id === id, clip.id === against)));
    box.onclick = (event) => {
      const button = event.target.closest("button[data-id]");
      if (button) choose(button.dataset.id);
    };
    const current = box.querySelector("[aria-current]");
    if (current) box.scrollLeft = current.offsetLeft - (box.clientWidth - current.offsetWidth) / 2;
  }

  window.vgpipeViewerStrip = { lists, beside, rival, fill };
})();
