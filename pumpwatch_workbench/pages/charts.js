// Draws candles and lines over time with lightweight-charts, in the colours of base.css.
// `pumpwatchCharts.draw(element, data)` fills an element that has a height and
// in it an element of role "img" with a label; see candle_charts.py.
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
  const BUTTON = "flex: none; align-self: start; padding: 0.125rem 0.5rem; font-size: 0.8125rem";
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");

  const number = (value, digits) => value
    .toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace("-", "\u2212");

  // Missing minutes are gaps: without these places the time axis would leave them out.
  const withGaps = (candles) => candles.flatMap((candle, place) => {
    const gap = place ? (candle[0] - candles[place - 1][0]) / MINUTE - 1 : 0;
    const missing = gap < MOST_MINUTES ? gap : 0;
    return [...Array.from({ length: missing }, (_, n) => [candle[0] - (missing - n) * MINUTE]), candle];
  });

  // Points stand at equal distances on the time axis: lines, all stepped, get equal steps of time.
  const gridOf = ([first, until]) => {
    const step = Math.max(1, Math.ceil((until - first) / STEPS / 1000)) * 1000;
    return Array.from({ length: Math.ceil((until - first) / step) + 1 }, (_, n) => [first + n * step]);
  };
  const onGrid = (points, grid) => {
    let next = 0;
    return grid.map(([at]) => {
      while (next < points.length && points[next][0] <= at) next += 1;
      return next ? { time: at / 1000, value: points[next - 1][1] } : { time: at / 1000 };
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
    // The axis' own figures make room for the names of levels and the last values of lines.
    priceAxisPaneViews() {
      const ends = this.chart.data.lines.flatMap(({ points }) => points.slice(-1));
      const prices = [...this.levels().map(({ price }) => price), ...ends.map(([, value]) => value)];
      return this.view("normal", (context, { width }) => {
        context.fillStyle = this.chart.colour("surface");
        for (const price of prices) {
          context.fillRect(2, this.series.priceToCoordinate(price) - ROW, width, 2 * ROW);
        }
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
      const heights = [-1, 1].flatMap((side) =>
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
      const candle = this.chart.rows[Math.round(this.chart.place(mark.time))];
      if (!candle || candle.length < 2) return null;
      return this.series.priceToCoordinate(candle[away < 0 ? 2 : away ? 3 : 4]) + 10 * away;
    }
  }

  class Chart {
    constructor(element, data) {
      Object.assign(this, { element, data, isCandles: data.kind === "candles", isWhole: false });
      const add = (parent, tag, style) => {
        const node = parent.appendChild(document.createElement(tag));
        node.style.cssText = style;
        return node;
      };
      this.head = add(element, "div", this.isCandles ? HEAD : "display: none");
      this.legend = add(this.head, "span", LEGEND);
      this.legend.setAttribute("aria-hidden", "true");
      this.button = add(this.head, "button", BUTTON);
      this.button.addEventListener("click", () => this.show(!this.isWhole));
      this.probe = add(this.head, "i", "display: none");
      element.prepend(this.head);
      const pane = element.querySelector("[role=img]"); // in it a button would be out of reach
      pane.style.cssText = "flex: 1; min-height: 0";
      pane.addEventListener("pointerdown", () => { this.isMoved = true; });
      element.style.cssText += "display: flex; flex-direction: column";
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
      const addLine = ({ name, style: lineStyle }) =>
        this.library.addLineSeries({ ...bare, lineStyle, lineType: 1, title: data.lines[1] ? name : "" });
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
        series.setData(this.isCandles ? this.rows.map(named) : onGrid(data.lines[place].points, this.rows)));
      this.button.hidden = !data.whole;
      this.paint();
      if (!this.isMoved) this.show(this.isWhole);
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
    show(isWhole) {
      const [from, until] = (isWhole && this.data.whole) || this.data.window;
      Object.assign(this, { isWhole, isMoved: false });
      this.button.textContent = isWhole ? "Closer" : "Whole event";
      const room = this.isCandles ? 0 : this.rows.length / 10; // for the times at the edges
      const range = { from: this.place(from) - room, to: this.place(until) + room };
      if (this.rows.length) this.library.timeScale().setVisibleLogicalRange(range);
    }
    // The values under the pointer; while new ones come in, some are missing.
    read({ time, seriesData }) {
      const [candle, flow] = time ? this.series.map((series) => seriesData.get(series)) : [];
      this.legend.textContent = time ? new Date(time * 1000).toISOString().slice(11, 16) : "";
      if (!this.isCandles || !candle) return;
      const { open, high, low, close } = candle;
      const prices = Object.entries({ O: open, H: high, L: low, C: close })
        .map(([name, price]) => `  ${name} ${number(price, this.data.decimals)}`);
      const change = number(100 * (close / open - 1), 1);
      this.legend.textContent += `${prices.join("")}  ${change} %  ${number(flow?.value ?? 0, 0)} USDT`;
    }
    remove() {
      darkScheme.removeEventListener("change", this.paint);
      this.library.remove();
      this.head.remove();
    }
  }

  return { draw: (element, data) => new Chart(element, data) };
})();
