// Draws candles and lines over time with lightweight-charts, in the colours of the page's style
// properties (--surface, --ink, --muted, --line, --bar, --good, --bad and those named in the data).
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
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");

  // Missing minutes are gaps: without these places the time axis would leave them out.
  const withGaps = (candles) => candles.flatMap((candle, place) => {
    const gap = place ? (candle[0] - candles[place - 1][0]) / MINUTE - 1 : 0;
    const missing = gap < MOST_MINUTES ? gap : 0;
    return [...Array.from({ length: missing }, (_, n) => [candle[0] - (missing - n) * MINUTE]), candle];
  });

  // Points stand at equal distances on the time axis, so lines are laid over equal steps of time.
  const gridOf = (lines) => {
    const ends = lines.filter(({ points }) => points.length).flatMap(({ points }) => [points[0][0], points.at(-1)[0]]);
    if (!ends.length) return [];
    const first = Math.min(...ends), span = Math.max(...ends) - first;
    const step = Math.max(1, Math.ceil(span / STEPS / 1000)) * 1000;
    return Array.from({ length: Math.ceil(span / step) + 1 }, (_, place) => [first + place * step]);
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
    paneViews() {
      const draw = (target) => target.useMediaCoordinateSpace((space) => this.paint(space.context, space.mediaSize));
      return [{ zOrder: () => "top", renderer: () => ({ draw }) }];
    }
    priceAxisViews() {
      return this.levels().map(({ price, name, colour }) => ({
        coordinate: () => this.series.priceToCoordinate(price) ?? -99,
        text: () => name,
        textColor: () => this.chart.colour("surface"),
        backColor: () => this.chart.colour(colour),
        tickVisible: () => false,
      }));
    }
    autoscaleInfo() {
      const prices = this.levels().map(({ price }) => price);
      return prices.length ? { priceRange: { minValue: Math.min(...prices), maxValue: Math.max(...prices) } } : null;
    }
    // The levels in sight, with where they begin and end; the shortest trade shows a dash.
    levels() {
      const { chart } = this, width = chart.chart.timeScale().width();
      return chart.data.levels.map((level) => {
        const start = chart.x(level.from);
        return { ...level, start, end: level.until === null ? width : Math.max(chart.x(level.until), start + 12) };
      }).filter(({ start, end }) => start <= width && end >= 0);
    }
    paint(context, { width, height }) {
      Object.assign(this, { context, width, height, taken: [] });
      Object.assign(context, { font: "12px system-ui, sans-serif", textAlign: "center", textBaseline: "middle", lineJoin: "round" });
      for (const { price, start, end, colour } of this.levels()) {
        const y = this.series.priceToCoordinate(price);
        this.line([start, y], [end, y], colour, 2);
        this.line([end, y], [width, y], colour, 0.75);
      }
      const marks = this.chart.data.marks.map((mark) => ({ ...mark, x: this.chart.x(mark.time), y: this.heightOf(mark, 0) }))
        .filter(({ x, y }) => x > -20 && x < width + 20 && y !== null);
      const exact = marks.filter(({ place }) => place === "in");
      // Shapes at a price stand where they belong; whatever else is marked finds room around them.
      for (const { x, y, ...mark } of exact) {
        this.shape(mark, x, y);
        this.taken.push([x - 8, y - 8, x + 8, y + 8]);
      }
      for (const mark of marks.filter(({ place }) => place !== "in")) this.beside(mark);
      for (const mark of exact) this.words(mark, [-1, 1, -2, 2, -3, 3].map((rows) => [mark.y + rows * ROW, 0]));
    }
    // A mark outside of the candles: its shape, and its words beyond it.
    beside(mark) {
      if (mark.shape === "line") {
        this.line([mark.x, 0], [mark.x, this.height], mark.colour, 1.5);
        this.words(mark, [0.5, 1.5, 2.5].map((rows) => [this.height - rows * ROW, 0]));
        return;
      }
      const first = mark.place === "below" ? 1 : -1;
      const [y, away] = this.words(mark, [first, -first].flatMap((side) =>
        [2, 3, 4, 5, 6, 7, 8, 9].map((halves) => [this.heightOf(mark, side) + side * halves * ROW / 2, side])));
      this.shape(mark, mark.x, y - away * ROW);
    }
    // Write at the first height where nothing else is, and return it. With each height goes on which
    // side of its shape it is (-1 above, 0 has none), for the shape needs room too.
    words(mark, heights) {
      const { context, taken } = this, half = context.measureText(mark.text).width / 2 + 3;
      const middle = Math.min(Math.max(mark.x, half), this.width - half);
      const box = ([y, away]) => [middle - half, Math.min(y, y - away * ROW) - ROW / 2, middle + half, Math.max(y, y - away * ROW) + ROW / 2];
      const isFree = ([left, top, right, bottom]) => top >= 0 && bottom <= this.height
        && !taken.some((other) => left < other[2] && right > other[0] && top < other[3] && bottom > other[1]);
      const chosen = heights.find((height) => isFree(box(height))) ?? heights[0];
      taken.push(box(chosen));
      Object.assign(context, { lineWidth: 4, strokeStyle: this.chart.colour("surface"), fillStyle: this.chart.colour(mark.colour) });
      context.strokeText(mark.text, middle, chosen[0]);
      context.fillText(mark.text, middle, chosen[0]);
      return chosen;
    }
    shape({ shape, colour }, x, y) {
      const path = new Path2D(`M${SHAPES[shape].map(([right, down]) => [x + right, y + down]).join("L")}Z`);
      Object.assign(this.context, { lineWidth: 3, strokeStyle: this.chart.colour("surface"), fillStyle: this.chart.colour(colour) });
      this.context.stroke(path);
      this.context.fill(path);
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
      if (mark.shape === "line") return 0;
      if (!candle || candle.length < 2) return null;
      return this.series.priceToCoordinate(candle[away < 0 ? 2 : away ? 3 : 4]) + 10 * away;
    }
  }

  class Chart {
    constructor(element, data) {
      Object.assign(this, { element, data });
      const add = (parent, tag, style) => {
        const node = parent.appendChild(document.createElement(tag));
        node.style.cssText = style;
        return node;
      };
      const head = add(element, "div", "display: flex; gap: 0.5rem; min-height: 1.75rem; justify-content: space-between");
      this.legend = add(head, "span", "color: var(--muted); font-size: 0.75rem; white-space: pre-wrap");
      this.legend.setAttribute("aria-hidden", "true");
      this.button = add(head, "button", "flex: none; align-self: start; padding: 0.125rem 0.5rem; font: inherit; font-size: 0.8125rem;"
        + " color: var(--ink); background: var(--surface); border: 1px solid var(--line); cursor: pointer");
      this.button.type = "button";
      this.button.addEventListener("click", () => (this.isWhole ? this.window() : this.whole()));
      const pane = add(element, "div", "flex: 1; min-height: 0");
      element.style.cssText += "display: flex; flex-direction: column";
      // The words are the drawing's: a button inside of an image would be out of reach.
      for (const name of ["role", "aria-label"]) {
        if (element.hasAttribute(name)) pane.setAttribute(name, element.getAttribute(name));
        element.removeAttribute(name);
      }
      this.chart = LightweightCharts.createChart(pane, {
        autoSize: true,
        handleScroll: { mouseWheel: false, vertTouchDrag: false },
        handleScale: { mouseWheel: false },
        timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.05, lockVisibleTimeRangeOnResize: true },
        localization: { locale: "en-GB", priceFormatter: (value) => this.number(value) },
        layout: { fontSize: 12, fontFamily: "system-ui, sans-serif" },
        grid: { vertLines: { visible: false } },
        crosshair: { mode: 0 },
      });
      this.isCandles = data.kind === "candles";
      const bare = { priceLineVisible: false, lastValueVisible: !this.isCandles };
      this.series = this.isCandles
        ? [this.chart.addCandlestickSeries(bare), this.chart.addHistogramSeries({ ...bare, priceScaleId: "" })]
        : data.lines.map(({ name, style, steps }) => this.chart.addLineSeries({
          ...bare, lineStyle: style, lineType: steps ? 1 : 0, lineWidth: 2, title: data.lines.length > 1 ? name : "" }));
      const margins = this.isCandles ? [[0.22, 0.2], [0.85, 0]] : [[0.08, 0.08]];
      margins.forEach(([top, bottom], place) => this.series[place].priceScale().applyOptions({ scaleMargins: { top, bottom } }));
      this.drawings = new Drawings(this);
      this.series[0].attachPrimitive(this.drawings);
      this.colour = (name) => getComputedStyle(element).getPropertyValue(`--${name}`).trim() || "#888888";
      this.paint = this.paint.bind(this);
      this.chart.subscribeCrosshairMove((at) => this.read(at));
      pane.addEventListener("pointerdown", () => { this.isMoved = true; });
      darkScheme.addEventListener("change", this.paint);
      this.update(data);
    }
    number(value, digits = this.data.decimals) {
      return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "\u2212");
    }
    update(data) {
      this.data = data;
      this.rows = this.isCandles ? withGaps(data.candles) : gridOf(data.lines);
      this.series[0].applyOptions({ priceFormat: { type: "price", precision: data.decimals, minMove: 10 ** -data.decimals } });
      if (this.isCandles) {
        const named = this.rows.map(([time, open, high, low, close, value]) => ({ time: time / 1000, open, high, low, close, value }));
        this.series[0].setData(named.map(({ value, ...candle }) => (value === undefined ? { time: candle.time } : candle)));
        this.series[1].setData(named.map(({ time, value }) => (value === undefined ? { time } : { time, value })));
      } else {
        data.lines.forEach((line, place) => this.series[place].setData(onGrid(line, this.rows)));
      }
      this.button.hidden = !data.whole;
      this.paint();
      if (!this.isMoved) this.isWhole ? this.whole() : this.window();
      this.read({});
    }
    // Take the colours of now: after a change of the scheme too.
    paint() {
      const of = this.colour, label = { color: of("muted"), labelBackgroundColor: of("muted") };
      this.chart.applyOptions({
        layout: { background: { color: of("surface") }, textColor: of("muted") },
        grid: { horzLines: { color: of("line") } },
        rightPriceScale: { borderColor: of("line") },
        timeScale: { borderColor: of("line") },
        crosshair: { vertLine: label, horzLine: label },
      });
      if (this.isCandles) {
        const [up, down] = [of("good"), of("bad")];
        // A fall is filled, a rise is hollow: not told by colour alone.
        this.series[0].applyOptions({ upColor: of("surface"), borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down });
        this.series[1].applyOptions({ color: of("bar") });
      } else {
        this.series.forEach((series, place) => series.applyOptions({ color: of(SERIES[place % SERIES.length]) }));
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
      const place = this.place(time), low = Math.floor(place);
      const [left, right] = [low, low + 1].map((row) => this.chart.timeScale().logicalToCoordinate(row) ?? -999);
      return left + (place - low) * (right - left);
    }
    show(isWhole, [from, until]) {
      Object.assign(this, { isWhole, isMoved: false });
      this.button.textContent = isWhole ? "Closer" : "Whole event";
      if (this.rows.length) this.chart.timeScale().setVisibleLogicalRange({ from: this.place(from), to: this.place(until) });
    }
    window() { this.show(false, this.data.window); }
    whole() { this.show(true, this.data.whole ?? this.data.window); }
    // The values under the pointer.
    read({ time, seriesData }) {
      const values = time === undefined ? [] : this.series.map((series) => seriesData.get(series));
      const when = time === undefined ? "" : new Date(time * 1000).toISOString();
      if (!this.isCandles) {
        const known = this.data.lines.map(({ name }, place) => `  ${name} ${values[place] ? this.number(values[place].value) : ""}`);
        this.legend.textContent = when && when.slice(0, 16).replace("T", " ") + known.join("");
      } else if (values[0]) {
        const { open, high, low, close } = values[0], change = 100 * (close / open - 1);
        const prices = Object.entries({ O: open, H: high, L: low, C: close }).map(([name, price]) => `${name} ${this.number(price)}`);
        this.legend.textContent = [when.slice(11, 16), ...prices, `${change < 0 ? "" : "+"}${this.number(change, 1)} %`,
          `${this.number(values[1]?.value ?? 0, 0)} USDT`].join("  ");
      } else {
        this.legend.textContent = when.slice(11, 16);
      }
    }
    remove() {
      darkScheme.removeEventListener("change", this.paint);
      this.chart.remove();
      this.element.replaceChildren();
    }
  }

  return { draw: (element, data) => new Chart(element, data) };
})();
