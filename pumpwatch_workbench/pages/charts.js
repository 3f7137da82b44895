// Draws candles and lines over time with lightweight-charts, in the colours of the page's style
// properties (--surface, --ink, --muted, --line, --bar, --good, --bad and those named in the data).
// `pumpwatchCharts.draw(element, data)` fills an element that has a height; see candle_charts.py.
globalThis.pumpwatchCharts = (() => {
  "use strict";

  const MINUTE = 60_000;
  const MOST_MINUTES = 3_000; // a longer gap is not filled
  const STEPS = 800; // of a line: as many as a screen tells apart
  const SERIES = ["trade", "signal", "onset", "target", "stop"];
  const FONT = "12px system-ui, sans-serif";
  const ROW = 16; // pixels of a line of text
  const darkScheme = matchMedia("(prefers-color-scheme: dark)");

  // Missing minutes are gaps: without these places the time axis would leave them out.
  const withGaps = (candles) => {
    const rows = [];
    for (const candle of candles) {
      let at = rows.length ? rows.at(-1)[0] + MINUTE : candle[0];
      if (candle[0] - at < MOST_MINUTES * MINUTE) {
        for (; at < candle[0]; at += MINUTE) rows.push([at]);
      }
      rows.push(candle);
    }
    return rows;
  };

  // Points stand at equal distances on the time axis, so lines are laid over equal steps of time.
  const gridOf = (lines) => {
    const times = lines.flatMap((line) => line.points.map(([time]) => time));
    if (!times.length) return [];
    const first = times.reduce((a, b) => Math.min(a, b));
    const last = times.reduce((a, b) => Math.max(a, b));
    const step = Math.max(1000, Math.ceil((last - first) / STEPS / 1000) * 1000);
    const count = Math.ceil((last - first) / step) + 1;
    return Array.from({ length: count }, (_, place) => first + place * step);
  };
  const onGrid = (line, grid) => {
    let next = 0;
    return grid.map((time) => {
      let value;
      while (next < line.points.length && line.points[next][0] <= time) value = line.points[next++][1];
      if (value === undefined && line.steps && next) value = line.points[next - 1][1];
      return value === undefined ? { time: time / 1000 } : { time: time / 1000, value };
    });
  };

  const outline = {
    arrowUp: [[0, -6], [6, 5], [-6, 5]],
    arrowDown: [[0, 6], [6, -5], [-6, -5]],
    square: [[-5, -5], [5, -5], [5, 5], [-5, 5]],
    circle: Array.from({ length: 16 }, (_, n) => [5 * Math.cos(n * Math.PI / 8), 5 * Math.sin(n * Math.PI / 8)]),
  };

  // What the library has no series for: marks at any time and price, and levels that begin and end.
  class Drawings {
    constructor(chart) { this.chart = chart; }
    attached({ series, requestUpdate }) { this.series = series; this.refresh = requestUpdate; }
    updateAllViews() {}
    paneViews() {
      const draw = (target) => target.useMediaCoordinateSpace(({ context, mediaSize }) => this.paint(context, mediaSize));
      return [{ zOrder: () => "top", renderer: () => ({ draw }) }];
    }
    priceAxisViews() {
      const { data, colour } = this.chart;
      return data.levels.filter((level) => this.isSeen(level)).map((level) => ({
        coordinate: () => this.series.priceToCoordinate(level.price) ?? -99,
        text: () => level.name,
        textColor: () => colour("surface"),
        backColor: () => colour(level.colour),
        tickVisible: () => false,
      }));
    }
    autoscaleInfo() {
      const prices = this.chart.data.levels.filter((level) => this.isSeen(level)).map((level) => level.price);
      return prices.length ? { priceRange: { minValue: Math.min(...prices), maxValue: Math.max(...prices) } } : null;
    }
    span(level, width) {
      const end = level.until === null ? width : this.chart.x(level.until);
      return [this.chart.x(level.from), Math.max(end, this.chart.x(level.from) + 12)];
    }
    isSeen(level) {
      const width = this.chart.width();
      const [from, until] = this.span(level, width);
      return until >= 0 && from <= width;
    }
    paint(context, { width, height }) {
      const { data, colour } = this.chart;
      context.font = FONT;
      context.textAlign = "center";
      context.textBaseline = "middle";
      for (const level of data.levels) {
        const y = this.series.priceToCoordinate(level.price);
        if (y === null || !this.isSeen(level)) continue;
        const [from, until] = this.span(level, width);
        this.line(context, [from, y], [until, y], colour(level.colour), 2);
        this.line(context, [until, y], [width, y], colour(level.colour), 0.75);
      }
      // Shapes at a price stand where they belong; whatever else is marked finds room around them.
      const seen = data.marks.map((mark) => ({ ...mark, x: this.chart.x(mark.time) })).filter(({ x }) => x > -20 && x < width + 20);
      const exact = seen.filter((mark) => mark.place === "in");
      const taken = [];
      for (const mark of exact) {
        mark.y = this.heightOf(mark, 0);
        if (mark.y === null) continue;
        this.shape(context, mark);
        taken.push([mark.x - 8, mark.y - 8, mark.x + 8, mark.y + 8]);
      }
      for (const mark of seen.filter((each) => each.place !== "in")) this.outside(context, mark, taken, width, height);
      for (const mark of exact) {
        if (mark.y === null) continue;
        const offsets = [-ROW, ROW, -2 * ROW, 2 * ROW, -3 * ROW, 3 * ROW];
        this.words(context, mark, taken, offsets.map((offset) => [mark.y + offset, 0]), width, height);
      }
    }
    // A mark beside the candles: its shape, and its words beyond it.
    outside(context, mark, taken, width, height) {
      if (mark.shape === "line") {
        this.line(context, [mark.x, 0], [mark.x, height], this.chart.colour(mark.colour), 1.5);
        this.words(context, mark, taken, [0.5, 1.5, 2.5].map((row) => [height - row * ROW, 0]), width, height);
        return;
      }
      const above = mark.place === "below" ? 1 : -1;
      const heights = [above, -above].flatMap((away) => {
        const start = this.heightOf(mark, away);
        return start === null ? [] : Array.from({ length: 8 }, (_, n) => [start + away * ROW * (1 + n / 2), away]);
      });
      if (heights.length) {
        const [y, away] = this.words(context, mark, taken, heights, width, height);
        this.shape(context, { ...mark, y: y - away * ROW });
      }
    }
    // Write at the first height where nothing else is, and return it. With each height goes on which
    // side of its shape it is (-1 above, 0 has none), for the shape needs room too.
    words(context, mark, taken, heights, width, height) {
      const half = context.measureText(mark.text).width / 2 + 3;
      const middle = Math.min(Math.max(mark.x, half), width - half);
      const box = ([y, away]) => [middle - half, Math.min(y, y - away * ROW) - ROW / 2, middle + half, Math.max(y, y - away * ROW) + ROW / 2];
      const isFree = ([left, top, right, bottom]) => top >= 0 && bottom <= height
        && !taken.some((other) => left < other[2] && right > other[0] && top < other[3] && bottom > other[1]);
      const place = heights.find((each) => isFree(box(each))) ?? heights[0], y = place[0];
      taken.push(box(place));
      context.lineWidth = 4;
      context.lineJoin = "round";
      context.strokeStyle = this.chart.colour("surface");
      context.strokeText(mark.text, middle, y);
      context.fillStyle = this.chart.colour(mark.colour);
      context.fillText(mark.text, middle, y);
      return place;
    }
    shape(context, { shape, x, y, colour }) {
      context.beginPath();
      outline[shape].forEach(([dx, dy]) => context.lineTo(x + dx, y + dy));
      context.closePath();
      context.lineWidth = 3;
      context.strokeStyle = this.chart.colour("surface");
      context.stroke();
      context.fillStyle = this.chart.colour(colour);
      context.fill();
    }
    // Where a mark stands: at its price, or `away` from its candle (-1 is above it).
    heightOf(mark, away) {
      if (mark.price !== undefined) return this.series.priceToCoordinate(mark.price);
      const candle = this.chart.rows[Math.round(this.chart.place(mark.time))];
      if (!candle || candle.length < 2) return null;
      const y = this.series.priceToCoordinate(candle[away < 0 ? 2 : away ? 3 : 4]);
      return y === null ? null : y + 10 * away;
    }
    line(context, from, to, stroke, thickness) {
      context.beginPath();
      context.setLineDash([5, 4]);
      context.moveTo(...from);
      context.lineTo(...to);
      context.strokeStyle = stroke;
      context.lineWidth = thickness;
      context.stroke();
      context.setLineDash([]);
    }
  }

  class Chart {
    constructor(element, data) {
      this.element = element;
      const head = this.add(element, "div", { display: "flex", minHeight: "1.75rem", gap: "0.5rem", alignItems: "center", justifyContent: "space-between" });
      this.legend = this.add(head, "span", { fontSize: "0.75rem", color: "var(--muted)", fontVariantNumeric: "tabular-nums" });
      this.legend.setAttribute("aria-hidden", "true");
      this.button = this.add(head, "button", { flex: "none", font: "inherit", fontSize: "0.8125rem", padding: "0.125rem 0.5rem", cursor: "pointer",
        color: "var(--ink)", background: "var(--surface)", border: "1px solid var(--line)", borderRadius: "3px" });
      this.button.type = "button";
      this.button.addEventListener("click", () => (this.isWhole ? this.window() : this.whole()));
      this.pane = this.add(element, "div", { flex: "1", minHeight: "0", position: "relative" });
      Object.assign(element.style, { display: "flex", flexDirection: "column" });
      // The words are the drawing's: a button inside of an image would be out of reach.
      for (const name of ["role", "aria-label"]) {
        if (element.hasAttribute(name)) this.pane.setAttribute(name, element.getAttribute(name));
        element.removeAttribute(name);
      }
      this.chart = LightweightCharts.createChart(this.pane, {
        autoSize: true,
        handleScroll: { mouseWheel: false, vertTouchDrag: false },
        handleScale: { mouseWheel: false },
        timeScale: { timeVisible: true, secondsVisible: false, minBarSpacing: 0.05, lockVisibleTimeRangeOnResize: true },
        localization: { locale: "en-GB", priceFormatter: (value) => this.number(value) },
      });
      this.series = [];
      this.colour = (name) => getComputedStyle(element).getPropertyValue(`--${name}`).trim() || "#888888";
      this.paint = this.paint.bind(this);
      this.chart.subscribeCrosshairMove((at) => this.read(at));
      this.pane.addEventListener("pointerdown", () => { this.isMoved = true; });
      darkScheme.addEventListener("change", this.paint);
      this.update(data);
    }
    add(parent, tag, style) {
      const node = parent.appendChild(document.createElement(tag));
      Object.assign(node.style, style);
      return node;
    }
    number(value) {
      const digits = { minimumFractionDigits: this.data.decimals, maximumFractionDigits: this.data.decimals };
      return value.toLocaleString("en", digits).replace("-", "\u2212");
    }
    update(data) {
      const { lines } = data, grid = gridOf(lines);
      this.data = data;
      this.rows = data.kind === "candles" ? withGaps(data.candles) : grid.map((time) => [time]);
      const wanted = data.kind === "candles" ? 2 : lines.length;
      if (this.series.length !== wanted) this.makeSeries(data.kind, lines);
      const format = { type: "price", precision: data.decimals, minMove: 10 ** -data.decimals };
      this.series.forEach((series, place) => series.applyOptions(place && data.kind === "candles" ? {} : { priceFormat: format }));
      if (data.kind === "candles") {
        const seconds = (row) => ({ time: row[0] / 1000 });
        this.series[0].setData(this.rows.map((row) => (row.length < 2 ? seconds(row)
          : { ...seconds(row), open: row[1], high: row[2], low: row[3], close: row[4] })));
        this.series[1].setData(this.rows.map((row) => (row.length < 2 ? seconds(row) : { ...seconds(row), value: row[5] })));
      } else {
        lines.forEach((line, place) => this.series[place].setData(onGrid(line, grid)));
      }
      this.button.hidden = !data.whole;
      this.paint();
      if (!this.isMoved) this.isWhole ? this.whole() : this.window();
      this.read({});
    }
    makeSeries(kind, lines) {
      this.series.forEach((series) => this.chart.removeSeries(series));
      if (kind === "candles") {
        const turnover = this.chart.addHistogramSeries({ priceScaleId: "", lastValueVisible: false, priceLineVisible: false });
        turnover.priceScale().applyOptions({ scaleMargins: { top: 0.85, bottom: 0 } });
        this.series = [this.chart.addCandlestickSeries({ priceLineVisible: false, lastValueVisible: false }), turnover];
      } else {
        this.series = lines.map((line) => this.chart.addLineSeries({
          lineStyle: line.style, lineType: line.steps ? 1 : 0, lineWidth: 2, priceLineVisible: false, title: lines.length > 1 ? line.name : "" }));
      }
      if (!this.series.length) return;
      const bottom = kind === "candles" ? 0.2 : 0.08;
      this.series[0].priceScale().applyOptions({ scaleMargins: { top: kind === "candles" ? 0.22 : 0.08, bottom } });
      this.drawings = new Drawings(this);
      this.series[0].attachPrimitive(this.drawings);
    }
    // The colours of now: after a change of the scheme too.
    paint() {
      const of = this.colour;
      this.chart.applyOptions({
        layout: { background: { color: of("surface") }, textColor: of("muted"), fontSize: 12, fontFamily: "system-ui, sans-serif" },
        grid: { vertLines: { visible: false }, horzLines: { color: of("line") } },
        rightPriceScale: { borderColor: of("line") },
        timeScale: { borderColor: of("line") },
        crosshair: { mode: 0, vertLine: { color: of("muted"), labelBackgroundColor: of("muted") }, horzLine: { color: of("muted"), labelBackgroundColor: of("muted") } },
      });
      if (this.data.kind === "candles") {
        const [up, down] = [of("good"), of("bad")];
        // A fall is filled, a rise is hollow: not told by colour alone.
        this.series[0].applyOptions({ upColor: of("surface"), borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down });
        this.series[1].applyOptions({ color: of("bar") });
      } else {
        this.series.forEach((series, place) => series.applyOptions({ color: of(SERIES[place % SERIES.length]) }));
      }
      this.drawings?.refresh?.();
    }
    // Where a time lies among the rows; a candle's middle is its own number.
    place(time) {
      const { rows } = this, last = rows.length - 1;
      const length = this.data.kind === "candles" ? MINUTE : Math.max(1, (rows[1]?.[0] ?? 0) - (rows[0]?.[0] ?? 0));
      if (last < 0 || time < rows[0][0]) return last < 0 ? 0 : (time - rows[0][0]) / length - (this.data.kind === "candles" ? 0.5 : 0);
      let low = 0, high = last;
      while (low < high) {
        const middle = Math.ceil((low + high) / 2);
        if (rows[middle][0] <= time) low = middle; else high = middle - 1;
      }
      const part = (time - rows[low][0]) / length;
      return low + (low < last ? Math.min(part, 1) : part) - (this.data.kind === "candles" ? 0.5 : 0);
    }
    // The library knows the middles of rows only.
    x(time) {
      const place = this.place(time), low = Math.floor(place), scale = this.chart.timeScale();
      const left = scale.logicalToCoordinate(low) ?? -999;
      return left + (place - low) * ((scale.logicalToCoordinate(low + 1) ?? left) - left);
    }
    width() { return this.chart.timeScale().width(); }
    show([from, until]) {
      if (this.rows.length) this.chart.timeScale().setVisibleLogicalRange({ from: this.place(from), to: this.place(until) });
    }
    window() {
      this.isWhole = this.isMoved = false;
      this.button.textContent = "Whole event";
      this.show(this.data.window);
    }
    whole() {
      this.isWhole = true;
      this.isMoved = false;
      this.button.textContent = "Closer";
      this.show(this.data.whole ?? this.data.window);
    }
    // The values under the pointer; without one, what each of several lines is called.
    read({ time, seriesData }) {
      if (time === undefined) {
        this.legend.textContent = "";
        if (this.data.lines.length > 1) {
          this.data.lines.forEach((line, place) => {
            this.add(this.legend, "span", { color: `var(--${SERIES[place % SERIES.length]})`, marginRight: "1em" }).textContent = line.name;
          });
        }
        return;
      }
      const iso = new Date(time * 1000).toISOString();
      if (this.data.kind === "candles") {
        const candle = seriesData.get(this.series[0]), bar = seriesData.get(this.series[1]);
        if (!candle || candle.open === undefined) { this.legend.textContent = iso.slice(11, 16); return; }
        const change = 100 * (candle.close / candle.open - 1);
        const sign = change < 0 ? "\u2212" : "+";
        this.legend.textContent = `${iso.slice(11, 16)}  O ${this.number(candle.open)}  H ${this.number(candle.high)}  L ${this.number(candle.low)}  `
          + `C ${this.number(candle.close)}  ${sign}${Math.abs(change).toFixed(1)} %  ${Math.round(bar?.value ?? 0).toLocaleString("en")} USDT`;
      } else {
        const values = this.data.lines.map((line, place) => {
          const at = seriesData.get(this.series[place]);
          return at?.value === undefined ? "" : `  ${line.name} ${this.number(at.value)}`;
        });
        this.legend.textContent = `${iso.slice(0, 16).replace("T", " ")}${values.join("")}`;
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
