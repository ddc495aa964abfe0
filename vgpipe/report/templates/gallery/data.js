// The data of the page: report-data.js, loaded again while the run continues and somebody looks.
(function () {
  "use strict";
  const { byId, make } = window.vgpipeElements;
  const POLL_MS = 5000;
  let hasData = false;

  // Calls `apply` with the data; again after each time it is loaded, until `apply` returns false.
  function follow(apply) {
    const again = () => setTimeout(() => follow(apply), POLL_MS);
    if (hasData && document.hidden) {
      again(); // nobody looks, and a phone may pay for what it loads
      return;
    }
    const tag = make("script");
    tag.src = `report-data.js?${Date.now()}`;
    tag.onload = () => {
      tag.remove();
      hasData = true;
      if (apply(window.vgpipeReport)) again();
    };
    tag.onerror = () => {
      tag.remove();
      if (!hasData) byId("status").textContent = "report-data.js is missing: it belongs in the folder of this page";
      else again();
    };
    document.head.append(tag);
  }

  window.vgpipeData = { follow };
})();
