// The clip that is open, in the address: `#clip=ID`, and `&vs=ID` for what it is compared with. Other parts stay as they are.
(function () {
  "use strict";
  let hasEntry = false; // the history holds an entry of ours, which the way back removes
  let isLeaving = false;

  const parts = () => location.hash.slice(1).split("&").filter(Boolean);
  const valueOf = (part) => part.slice(part.indexOf("=") + 1);

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch (error) {
      return text;
    }
  }

  // Returns {id, against}, each null where the address does not name it.
  function read() {
    const found = (name) => parts().find((part) => part.startsWith(`${name}=`));
    const [id, against] = [found("clip"), found("vs")];
    return { id: id ? decoded(valueOf(id)) : null, against: against ? decoded(valueOf(against)) : null };
  }

  function hashOf(id, against) {
    const kept = parts().filter((part) => !/^(clip|vs)=/.test(part));
    if (id !== null) kept.push(`clip=${encodeURIComponent(id)}`);
    if (id !== null && against) kept.push(`vs=${encodeURIComponent(against)}`);
    return kept.length ? `#${kept.join("&")}` : location.pathname + location.search;
  }

  function put(way, url) {
    try {
      history[way](null, "", url);
      return true;
    } catch (error) {
      return false; // a browser may forbid it on a file
    }
  }

  // Says in the address what is open. The first time it adds an entry, so that the way back closes the viewer.
  function show(id, against) {
    if (isLeaving) return;
    if (read().id === null) hasEntry = put("pushState", hashOf(id, against));
    else put("replaceState", hashOf(id, against));
  }

  function clear() {
    if (read().id === null) return;
    if (!hasEntry) {
      put("replaceState", hashOf(null));
      return;
    }
    hasEntry = false;
    isLeaving = true;
    history.back();
  }

  // `changed({id, against})` is called when the way back, or a link, leads elsewhere.
  function follow(changed) {
    window.addEventListener("popstate", () => {
      isLeaving = false;
      changed(read());
    });
    window.addEventListener("hashchange", () => changed(read()));
  }

  window.vgpipeViewerAddress = { read, show, clear, follow };
})();
