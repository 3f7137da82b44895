// Draws candles and lines over time with lightweight-charts, in the colours of base.css.
// `pumpwatchCharts.draw(element, data)` fills an element that has a height; see candle_charts.py.
globalThis.pumpwatchCharts = (() => {
  "use strict";

  const MINUTE = 60_000;
  const MOST_MINUTES = 3_000; // a longer gap is not filled
  const STEPS = 800; // of a line: as many as a screen tells apart
  const SERIES = ["trade", "signal", "onset", "target", "stop"];
  const ROW = 16; // pixels of a line of text
  const SHAPES = {
    arrowUp: [[0, -6], [6, 5], [-6, 5]],
    arrowDown: [[0, 6], [6, -5], [-6, -5]],
    square: [[-5, -5], [5, -5], [5, 5], [-5, 5]],
    circle: [[-5, -2], [-2, -5], [2, -5], [5, -2], [5, 2], [2, 5], [-2, 5], [-5, 2]],
  };
  const HEAD = "display: flex; gap: 0.5rem; min-height: 1.75rem; justify-content: space-between";
  const LEGEND = "color: var(--muted); font-size: 0.75rem; white-space: pre-wrap";
  const BUTTON = `flex: none; align-self: start; padding: 0.125rem 0.5rem; border: 1px solid var(--line);
    background: var(--surface); color: var(--ink); font: inherit; font-size: 0.8125rem; cursor: pointer`;
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");

  const number = (value, least, most = least) => {
    const digits = { minimumFractionDigits: least, maximumFractionDigits: most };
    return Number(value).toLocaleString("en", digits).replace("-", "\u2212");
  };

  // Missing minutes are gaps: without these places the time axis would leave them out.
  const withGaps = (candles) => candles.flatMap((candle, place) => {
    const gap = place ? (candle[0] - candles[place - 1][0]) / MINUTE - 1 : 0;
    const missing = gap < MOST_MINUTES ? gap : 0;
    return [...Array.from({ length: missing }, (_, n) => [candle[0] - (missing - n) * MINUTE]), candle];
  });

  // Points stand at equal distances on the time axis, so lines are laid over equal steps of time.
  const gridOf = ([first, until]) => {
    const step = Math.max(1, Math.ceil((until - first) / STEPS / 1000)) * 1000;
    return Array.from({ length: Math.ceil((until - first) / step) + 1 }, (_, n) => [first + n * step]);
  };
  const onGrid = ({ points, steps }, grid) => {
    let next = 0;
    return grid.map(([time]) => {
      const before = next;
      while (next < points.length && points[next][0] <= time) next += 1;
      const isKnown = next > before || (steps && next);
      return isKnown ? { time: time / 1000, value: points[next - 1][1] } : { time: time / 1000 };
    });
  };

  // What the library has no series for: marks at any time and price, and levels that begin and end.
  class Drawings {
    constructor(chart) { this.chart = chart; }
    attached({ series, requestUpdate }) { Object.assign(this, { series, refresh: requestUpdate }); }
    view(zOrder, paint) {
      const draw = (target) =>
        target.useMediaCoordinateSpace(({ context, mediaSize }) => paint(context, mediaSize));
      return [{ zOrder: () => zOrder, renderer: () => ({ draw }) }];
    }
    paneViews() {
      return this.view("top", (context, size) => this.paint(context, size));
    }
    // The axis' own figures make room for the names of levels.
    priceAxisPaneViews() {
      return this.view("normal", (context, { width }) => {
        context.fillStyle = this.chart.colour("surface");
        for (const { y } of this.levels()) context.fillRect(2, y - ROW, width, 2 * ROW);
      });
    }
    priceAxisViews() {
      return this.levels().map(({ y, name, colour }) => ({
        coordinate: () => y,
        text: () => name,
        textColor: () => this.chart.colour("surface"),
        backColor: () => this.chart.colour(colour),
        tickVisible: () => false,
      }));
    }
    autoscaleInfo() {
      const prices = this.levels().map(({ price }) => price);
      const priceRange = { minValue: Math.min(...prices), maxValue: Math.max(...prices) };
      return prices.length ? { priceRange } : null;
    }
    // The levels in sight, with where they are; the shortest trade shows a dash.
    levels() {
      const { chart } = this, width = chart.library.timeScale().width();
      const placed = chart.data.levels.map((level) => {
        const start = chart.x(level.from), y = this.series.priceToCoordinate(level.price) ?? -99;
        const end = level.until === null ? width : Math.max(chart.x(level.until), start + 12);
        return { ...level, start, end, y };
      });
      return placed.filter(({ start, end }) => start <= width && end >= 0);
    }
    paint(context, { width, height }) {
      Object.assign(this, { context, width, height, taken: [] });
      const font = "12px system-ui, sans-serif";
      Object.assign(context, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round" });
      for (const { start, end, y, colour } of this.levels()) {
        this.line([start, y], [end, y], colour, 2);
        this.line([end, y], [width, y], colour, 0.75);
      }
      const marks = this.chart.data.marks
        .map((mark) => ({ ...mark, x: this.chart.x(mark.time), y: this.heightOf(mark, 0) }))
        .filter(({ x, y }) => x > -20 && x < width + 20 && y !== null);
      const exact = marks.filter(({ place }) => place === "in");
      // Shapes at a price stand where they belong; whatever else is marked finds room around them.
      for (const { x, y, ...mark } of exact) {
        this.shape(mark, x, y);
        this.taken.push([x - 8, y - 8, x + 8, y + 8]);
      }
      for (const mark of marks.filter(({ place }) => place !== "in")) this.beside(mark);
      for (const mark of exact) this.words(mark, [-1, 1, -2, 2, -3, 3].map((n) => [mark.y + n * ROW, 0]));
    }
    // A mark outside of the candles: its shape, and its words beyond it.
    beside(mark) {
      if (mark.shape === "line") {
        this.line([mark.x, 0], [mark.x, this.height], mark.colour, 1.5);
        this.words(mark, [0.5, 1.5, 2.5].map((rows) => [this.height - rows * ROW, 0]));
        return;
      }
      const first = mark.place === "below" ? 1 : -1;
      const heights = [first, -first].flatMap((side) =>
        [1, 1.5, 2, 2.5, 3, 3.5, 4].map((n) => [this.heightOf(mark, side) + side * n * ROW, side]));
      const [y, away] = this.words(mark, heights);
      this.shape(mark, mark.x, y - away * ROW);
    }
    // Write at the first height where nothing else is, and return it. With each height goes on which
    // side of its shape it is (-1 above, 0 has none), for the shape needs room too.
    words(mark, heights) {
      const { context, taken } = this, half = context.measureText(mark.text).width / 2 + 6;
      const middle = Math.min(Math.max(mark.x, half), this.width - half);
      const box = ([y, away]) => {
        const [upper, lower] = [y, y - away * ROW].sort((a, b) => a - b);
        return [middle - half, upper - ROW / 2, middle + half, lower + ROW / 2];
      };
      const isFree = ([left, top, right, bottom]) => top >= 0 && bottom <= this.height
        && !taken.some((other) => left < other[2] && right > other[0] && top < other[3] && bottom > other[1]);
      const chosen = heights.find((height) => isFree(box(height))) ?? heights[0];
      taken.push(box(chosen));
      this.pen(mark.colour, 4);
      context.strokeText(mark.text, middle, chosen[0]);
      context.fillText(mark.text, middle, chosen[0]);
      return chosen;
    }
    shape({ shape, colour }, x, y) {
      const path = new Path2D(`M${SHAPES[shape].map(([right, down]) => [x + right, y + down]).join("L")}Z`);
      this.pen(colour, 3);
      this.context.stroke(path);
      this.context.fill(path);
    }
    // A colour with an edge in that of the ground.
    pen(colour, lineWidth) {
      const [strokeStyle, fillStyle] = ["surface", colour].map((name) => this.chart.colour(name));
      Object.assign(this.context, { lineWidth, strokeStyle, fillStyle });
    }
    line(from, to, colour, lineWidth) {
      Object.assign(this.context, { lineWidth, strokeStyle: this.chart.colour(colour) });
      this.context.setLineDash([5, 4]);
      this.context.stroke(new Path2D(`M${from}L${to}`));
      this.context.setLineDash([]);
    }
    // Where a mark stands: at its price, or `away` from its candle (-1 is above it).
    heightOf(mark, away) {
      if (mark.price !== undefined) return this.series.priceToCoordinate(mark.price);
      if (mark.shape === "line") return 0;
      const candle = this.chart.rows[Math.round(this.chart.place(mark.time))];
      if (!candle || candle.length < 2) return null;
      return this.series.priceToCoordinate(candle[away < 0 ? 2 : away ? 3 : 4]) + 10 * away;
    }
  }

  class Chart {
    constructor(element, data) {
      Object.assign(this, { element, data, isCandles: data.kind === "candles" });
      const add = (parent, tag, style) => {
        const node = parent.appendChild(document.createElement(tag));
        node.style.cssText = style;
        return node;
      };
      const head = add(element, "div", HEAD);
      this.legend = add(head, "span", LEGEND);
      this.legend.setAttribute("aria-hidden", "true");
      this.button = add(head, "button", BUTTON);
      this.button.type = "button";
      this.button.addEventListener("click", () => (this.isWhole ? this.window() : this.whole()));
      this.probe = add(head, "i", "display: none");
      const pane = add(element, "div", "flex: 1; min-height: 0");
      pane.addEventListener("pointerdown", () => { this.isMoved = true; });
      element.style.cssText += "display: flex; flex-direction: column";
      // The words are the drawing's: a button inside of an image would be out of reach.
      for (const name of ["role", "aria-label"]) {
        if (element.hasAttribute(name)) pane.setAttribute(name, element.getAttribute(name));
        element.removeAttribute(name);
      }
      this.library = LightweightCharts.createChart(pane, {
        autoSize: true,
        handleScroll: { mouseWheel: false, vertTouchDrag: false },
        handleScale: { mouseWheel: false },
        timeScale: { timeVisible: true, minBarSpacing: 0.05, lockVisibleTimeRangeOnResize: true },
        localization: { locale: "en-GB", priceFormatter: (value) => number(value, this.data.decimals) },
        layout: { fontSize: 12, fontFamily: "system-ui, sans-serif" },
        grid: { vertLines: { visible: false } },
        crosshair: { mode: 0 },
      });
      const bare = { priceLineVisible: false, lastValueVisible: !this.isCandles, lineWidth: 2 };
      const addLine = ({ name, style, steps }) => this.library.addLineSeries({
        ...bare, title: data.lines.length > 1 ? name : "", lineStyle: style, lineType: steps ? 1 : 0 });
      const addBars = () => this.library.addHistogramSeries({ ...bare, priceScaleId: "" });
      this.series = this.isCandles
        ? [this.library.addCandlestickSeries(bare), addBars()]
        : data.lines.map(addLine);
      const margins = this.isCandles ? [[0.22, 0.2], [0.85, 0]] : [[0.08, 0.08]];
      margins.forEach(([top, bottom], place) =>
        this.series[place].priceScale().applyOptions({ scaleMargins: { top, bottom } }));
      this.drawings = new Drawings(this);
      this.series[0].attachPrimitive(this.drawings);
      this.library.subscribeCrosshairMove((at) => this.read(at));
      this.paint = this.paint.bind(this);
      darkScheme.addEventListener("change", this.paint);
      this.update(data);
    }
    update(data) {
      const minMove = 10 ** -data.decimals;
      this.data = data;
      this.rows = this.isCandles ? withGaps(data.candles) : gridOf(data.window);
      this.series[0].applyOptions({ priceFormat: { type: "price", precision: data.decimals, minMove } });
      const named = ([at, open, high, low, close, value]) => (
        open === undefined ? { time: at / 1000 } : { time: at / 1000, open, high, low, close, value });
      this.series.forEach((series, place) =>
        series.setData(this.isCandles ? this.rows.map(named) : onGrid(data.lines[place], this.rows)));
      this.button.hidden = !data.whole;
      this.paint();
      if (!this.isMoved) this.isWhole ? this.whole() : this.window();
      this.read({});
    }
    // The page's colour of that name, as the library wants it.
    colour(name) {
      this.probe.style.color = `var(--${name})`;
      return getComputedStyle(this.probe).color;
    }
    // Take the colours of now: after a change of the scheme too.
    paint() {
      const names = ["surface", "muted", "line", "good", "bad", "bar"];
      const [surface, muted, line, good, bad, bar] = names.map((name) => this.colour(name));
      const label = { color: muted, labelBackgroundColor: muted }, edge = { borderColor: line };
      this.library.applyOptions({
        layout: { background: { color: surface }, textColor: muted },
        grid: { horzLines: { color: line } },
        rightPriceScale: edge, timeScale: edge,
        crosshair: { vertLine: label, horzLine: label },
      });
      if (this.isCandles) {
        // A fall is filled, a rise hollow: they are not told by colour alone.
        const rise = { upColor: surface, borderUpColor: good, wickUpColor: good };
        this.series[0].applyOptions({ ...rise, downColor: bad, borderDownColor: bad, wickDownColor: bad });
        this.series[1].applyOptions({ color: bar });
      } else {
        this.series.forEach((series, place) =>
          series.applyOptions({ color: this.colour(SERIES[place % SERIES.length]) }));
      }
      this.drawings.refresh();
    }
    // Where a time lies among the rows; a candle's middle is its own number.
    place(time) {
      const { rows } = this, length = this.isCandles ? MINUTE : (rows[1]?.[0] ?? 1) - (rows[0]?.[0] ?? 0);
      if (!rows.length) return 0;
      const at = Math.max(0, rows.findLastIndex(([start]) => start <= time));
      const part = (time - rows[at][0]) / length;
      return at + (at < rows.length - 1 ? Math.min(part, 1) : part) - (this.isCandles ? 0.5 : 0);
    }
    // The library knows the middles of rows only.
    x(time) {
      const place = this.place(time), low = Math.floor(place), scale = this.library.timeScale();
      const [left, right] = [low, low + 1].map((row) => scale.logicalToCoordinate(row) ?? -999);
      return left + (place - low) * (right - left);
    }
    show(isWhole, [from, until]) {
      Object.assign(this, { isWhole, isMoved: false });
      this.button.textContent = isWhole ? "Closer" : "Whole event";
      const room = this.isCandles ? 0 : this.rows.length / 12; // for the times at the edges
      const range = { from: this.place(from) - room, to: this.place(until) + room };
      if (this.rows.length) this.library.timeScale().setVisibleLogicalRange(range);
    }
    window() { this.show(false, this.data.window); }
    whole() { this.show(true, this.data.whole ?? this.data.window); }
    // The values under the pointer; while new ones come in, some are missing.
    read({ time, seriesData }) {
      const when = time ? new Date(time * 1000).toISOString().slice(0, 16).replace("T", " ") : "";
      const values = this.series.map((series) => (when && seriesData.get(series)) || {});
      const [{ open, high, low, close }, turnover] = values;
      const figures = this.isCandles
        ? [["O", open], ["H", high], ["L", low], ["C", close], ["USDT", turnover.value]]
        : this.data.lines.map(({ name }, place) => [name, values[place].value]);
      const words = figures.filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name} ${number(value, name === "USDT" ? 0 : this.data.decimals)}`);
      this.legend.textContent = [when, ...words].join("  ");
    }
    remove() {
      darkScheme.removeEventListener("change", this.paint);
      this.library.remove();
      this.element.replaceChildren();
    }
  }

  return { draw: (element, data) => new Chart(element, data), number };
})();
