// Draws each chart when it comes near the screen, in the colours of the current scheme.
(() => {
  "use strict";

  const { template, figures } = JSON.parse(document.getElementById("chart-data").textContent);
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const options = { displayModeBar: false, responsive: true };
  const drawn = new Set();

  const coloured = (value, styles) => {
    if (typeof value === "string") {
      return value.replace(/var\((--[a-z]+)\)/g, (_, name) => styles.getPropertyValue(name).trim());
    }
    if (Array.isArray(value)) {
      return value.map((item) => coloured(item, styles));
    }
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, coloured(item, styles)]),
      );
    }
    return value;
  };

  const draw = (node) => {
    const styles = getComputedStyle(document.documentElement);
    const figure = coloured(figures[node.dataset.figure], styles);
    figure.layout.template = coloured(template, styles);
    if (touch) {
      // A finger on a chart scrolls the page.
      figure.layout.dragmode = false;
      for (const [name, axis] of Object.entries(figure.layout)) {
        if (/^[xy]axis/.test(name)) axis.fixedrange = true;
      }
    }
    drawn.add(node);
    return Plotly.react(node, figure.data, figure.layout, options);
  };

  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          observer.unobserve(entry.target);
          draw(entry.target);
        }
      }
    },
    { rootMargin: "400px 0px" },
  );
  const nodes = document.querySelectorAll("[data-figure]");
  nodes.forEach((node) => observer.observe(node));
  darkScheme.addEventListener("change", () => drawn.forEach(draw));
  // Paper is white: everything is drawn, and in the light colours.
  addEventListener("beforeprint", () => {
    document.documentElement.classList.add("print");
    nodes.forEach(draw);
  });
  addEventListener("afterprint", () => {
    document.documentElement.classList.remove("print");
    drawn.forEach(draw);
  });
})();
