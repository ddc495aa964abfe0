// The page of a plan: its verdict, the matrix where there are several pairs, the pair that is chosen.
(function () {
  "use strict";
  const { byId } = window.vgpipeElements;
  const plan = window.vgpipePlan;
  const pairs = plan.pairs;
  const ORDER = ["fits", "fits, changed", "tight", "smaller clip", "does not fit"];

  let shown = null;
  let width = document.documentElement.clientWidth;

  const nameOf = (pair) => `${pair.model}/${pair.tier}`;

  // The pair of the address, `#model/card`; else the best of them.
  function first() {
    const named = pairs.find((pair) => `#${encodeURI(nameOf(pair))}` === location.hash);
    if (named) return named;
    return pairs.reduce((best, pair) => (ORDER.indexOf(pair.fit) < ORDER.indexOf(best.fit) ? pair : best), pairs[0]);
  }

  function choose(pair) {
    shown = pair;
    window.vgpipePair.show(byId("pair"), pair, pairs.length === 1);
    window.vgpipeMatrix.mark(byId("matrix"), pair);
  }

  function pressed(pair) {
    choose(pair);
    history.replaceState(null, "", `#${encodeURI(nameOf(pair))}`);
    byId("pair").scrollIntoView({ block: "nearest" });
  }

  byId("status").textContent = `planned ${plan.made}`;
  byId("verdict").textContent = plan.verdict;
  byId("verdict").className = pairs.some((pair) => pair.fit !== "does not fit") ? "good" : "bad";
  const typed = byId("typed");
  typed.querySelector("pre").textContent = plan.typed;
  const copy = typed.querySelector("button");
  copy.addEventListener("click", () => window.vgpipeCopy.copy(plan.typed, copy));
  if (pairs.length > 1) window.vgpipeMatrix.show(byId("matrix"), pairs, pressed);
  if (pairs.length > 0) choose(first());
  window.vgpipeTheme.followTheme(byId("theme"), () => {});
  window.addEventListener("resize", () => {
    if (document.documentElement.clientWidth === width || shown === null) return;
    width = document.documentElement.clientWidth;
    choose(shown);
  });
  document.documentElement.dataset.ready = "yes";
})();
