// Draws each chart when it comes near the screen.
(() => {
  "use strict";

  const charts = JSON.parse(document.getElementById("chart-data").textContent);
  const nodes = document.querySelectorAll("[data-figure]");
  const drawn = new Map();
  const draw = (node) => {
    if (!drawn.has(node)) drawn.set(node, pumpwatchCharts.draw(node, charts[node.dataset.figure]));
  };
  const observer = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "400px 0px" },
  );
  nodes.forEach((node) => observer.observe(node));
  // Paper is white: everything is drawn, and in the light colours.
  const print = (isPaper) => {
    document.documentElement.classList.toggle("print", isPaper);
    if (isPaper) nodes.forEach(draw);
    drawn.forEach((chart) => chart.paint());
  };
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
})();
