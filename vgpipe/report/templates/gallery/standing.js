// How a run stands, from the data of its page, and times in words.
(function () {
  "use strict";
  const SILENT_S = 60;

  // Returns {name, isActive, said}: `rendering` and `paused` runs have a process, a `silent` one has probably lost it.
  function stateOf(report) {
    const { ended, reason, paused } = report.timeline;
    if (ended) {
      const isStopped = reason && reason !== "finished";
      return { name: isStopped ? "stopped" : "ended", isActive: false, said: isStopped ? `stopped (${reason})` : "" };
    }
    if (Date.now() / 1000 - report.written >= SILENT_S) {
      return { name: "silent", isActive: false, said: "no news" };
    }
    return paused ? { name: "paused", isActive: true, said: "paused" } : { name: "rendering", isActive: true, said: "rendering" };
  }

  function duration(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 90) return `${whole} s`;
    const minutes = Math.round(whole / 60);
    if (minutes < 60) return `${minutes} min`;
    const rest = minutes % 60;
    return `${Math.floor(minutes / 60)} h${rest ? ` ${rest} min` : ""}`;
  }

  const dateOf = (seconds) => new Date(seconds * 1000);
  const isSameDay = (a, b) => a.toDateString() === b.toDateString();
  const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const day = (date, year) => date.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short", ...(year ? { year: "numeric" } : {}) });

  // "07:40", of another day than today "Tue, 1 Dec, 07:40"
  function moment(seconds) {
    const date = dateOf(seconds);
    return isSameDay(date, new Date()) ? clock(date) : `${day(date)}, ${clock(date)}`;
  }

  // "Mon, 30 Nov 2026, 14:50, 13 s"
  function span({ started, ended, seconds }) {
    if (!started) return "";
    const from = dateOf(started);
    const parts = [day(from, true), clock(from)];
    if (ended) parts.push(duration(seconds));
    return parts.join(", ");
  }

  window.vgpipeStanding = { stateOf, duration, moment, span };
})();
