// The data of the page: loads report-data.js and, while the run continues, what it does at the moment and what is new.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const POLL_MS = 5000;
  const LIVE_MS = 2000;

  // `done(wasLoaded)` is called once.
  function loadScript(file, done) {
    const tag = document.createElement("script");
    tag.src = `${file}?${Date.now()}`;
    const end = (wasLoaded) => () => {
      tag.remove();
      done(wasLoaded);
    };
    tag.onload = end(true);
    tag.onerror = end(false);
    document.head.append(tag);
  }

  const missing = () => (byId("status").textContent = "report-data.js is missing: it belongs in the folder of this page");

  // Calls `apply(report, isNew)`; `isNew` is false where only what the run does has changed.
  function follow(apply) {
    let report = null;

    function loadData() {
      loadScript("report-data.js", (wasLoaded) => {
        if (!wasLoaded && !report) return missing();
        const isNew = wasLoaded && (!report || window.vgpipeReport.written !== report.data);
        if (isNew) report = { ...window.vgpipeReport, data: window.vgpipeReport.written };
        apply(report, isNew);
        if (!report.timeline.ended) setTimeout(look, report.live_file ? LIVE_MS : POLL_MS);
      });
    }

    function look() {
      // Nobody looks, and a phone may pay for what it loads.
      if (document.hidden) setTimeout(look, POLL_MS);
      else if (!report.live_file) loadData();
      else loadLive();
    }

    function loadLive() {
      loadScript("report-live.js", (wasLoaded) => {
        const now = wasLoaded ? window.vgpipeLive : null;
        if (!now || now.data !== report.data) return loadData(); // it has ended, or there are news of the clips
        Object.assign(report, { live: now.live, written: now.written });
        apply(report, false);
        setTimeout(look, LIVE_MS);
      });
    }

    loadData();
  }

  window.vgpipeData = { follow };
})();
