// The live page: draws what the server's stream says. Text enters the page only as text.

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE;
const SILENCE = 25 * SECOND, RETRY = 3 * SECOND, SOON = 30 * SECOND;
const SHOWN_MOVERS = 20, DIGITS = 5, LEAST_REASON = 3, LAST_TIME = 8.64e15, NONE = "–";

const $ = (id) => document.getElementById(id);
const state = { about: {}, safety: {}, market: {}, events: [], positions: [], account: {}, health: {} };
const link = { stream: null, heard: Date.now(), lost: null, refused: false, awaited: true };
const market = { time: 0, at: Date.now() };
const charts = {}; // By the id of their place.
let chosen = null; // The event whose candles are shown; null: the newest.
let shown = null; // The event whose candles came.
let asking = null; // The event whose candles are asked for.
let asked = null; // What the dialog asks: an action, and a trade's id to close it.

/* Words and figures */

const formats = {};
const known = (value) => value !== null && value !== undefined && Number.isFinite(Number(value));
function fixed(value, least, most = least) {
  const bounds = { minimumFractionDigits: least, maximumFractionDigits: most };
  formats[[least, most]] ??= new Intl.NumberFormat("en-US", bounds);
  return formats[[least, most]].format(value).replace("-", "−");
}
const money = (value) => (known(value) ? fixed(value, 2) : NONE);
const whole = (value) => (known(value) ? fixed(value, 0, 8) : NONE);
function signed(value, places = 2) {
  if (!known(value)) return NONE;
  const text = fixed(Math.abs(value), places);
  return (/[1-9]/.test(text) ? (value < 0 ? "−" : "+") : "") + text; // A rounded zero has no sign.
}
const percent = (value) => (known(value) ? `${signed(100 * value, 1)} %` : NONE);
function price(value) {
  if (!known(value)) return NONE;
  const size = Math.abs(value) || 1;
  return fixed(value, Math.min(20, Math.max(0, DIGITS - 1 - Math.floor(Math.log10(size)))));
}
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const amount = (value) => (known(value) ? compact.format(value) : NONE);
const many = (count, noun) => `${whole(count)} ${noun}${Number(count) === 1 ? "" : "s"}`;
const iso = (time) => (known(time) && Math.abs(time) <= LAST_TIME ? new Date(Number(time)).toISOString() : "");
const clock = (time) => iso(time).slice(11, 19) || NONE;
const marketNow = () => market.time + Date.now() - market.at;

function span(time) {
  if (time < 100 * SECOND) return `${Math.max(0, Math.floor(time / SECOND))} s`;
  if (time < 100 * MINUTE) return `${Math.floor(time / MINUTE)} min`;
  return time < 48 * HOUR ? `${Math.floor(time / HOUR)} h` : `${Math.floor(time / HOUR / 24)} days`;
}
function left(time) {
  if (time <= 0) return "due now";
  const [hours, minutes, seconds] = [time / HOUR, (time / MINUTE) % 60, (time / SECOND) % 60].map(Math.floor);
  return hours ? `${hours} h ${minutes} min` : `${minutes}:${String(seconds).padStart(2, "0")}`;
}

/* Parts of the page */

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function put(part, texts) {
  for (const [name, text] of Object.entries(texts)) say(part[name], text);
}
function ago(node, time) {
  say(node, iso(time) ? `${span(marketNow() - time)} ago` : NONE);
  if (node.dateTime !== iso(time)) node.dateTime = node.title = iso(time);
}
/** Show a figure with its sign for the colour; let a change flash softly. */
function figure(node, value, text) {
  const before = node.value;
  node.value = value;
  node.dataset.sign = Math.sign(value ?? 0);
  say(node, text);
  if (!known(before) || !known(value) || Number(before) === Number(value)) return;
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const backgroundColor = Number(value) > Number(before) ? "var(--up-soft)" : "var(--down-soft)";
  node.animate([{ backgroundColor }, { backgroundColor: "transparent" }], 900);
}
function rowOf(list) {
  const row = $(`${list.id}-row`).content.firstElementChild.cloneNode(true);
  row.parts = Object.fromEntries([...row.querySelectorAll("[class]")].map((node) => [node.classList[0], node]));
  return row;
}
/** Bring a list's rows in line with the items: rows stay, move, come and go; none is built anew. */
function rows(id, items, key, fill) {
  const list = $(id), focused = document.activeElement;
  const old = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const wanted = new Map(items.map((item) => [String(key(item)), item]));
  old.forEach((row, name) => wanted.has(name) || row.remove());
  [...wanted].forEach(([name, item], place) => {
    const row = old.get(name) ?? rowOf(list);
    Object.assign(row, { item }).dataset.key = name;
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
    fill(row.parts, item, row);
  });
  if (focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
}
/** Lead to the symbol's page at another site; an address that is none leads nowhere. */
function outward(anchor, template, symbol) {
  const address = /^https:\/\//.test(template) ? template.replace("{symbol}", encodeURIComponent(symbol)) : "";
  if (anchor.getAttribute("href") !== address) anchor.setAttribute("href", address);
  anchor.hidden = !address;
}
function draw(place, data, label) {
  if (charts[place]?.data === data) return;
  if (charts[place]?.label !== label) erase(place);
  for (const [name, value] of [["role", "img"], ["aria-label", label]]) if (!charts[place]) $(place).setAttribute(name, value);
  charts[place] ??= { label, chart: pumpwatchCharts.draw($(place), data) };
  if (charts[place].data) charts[place].chart.update(data);
  charts[place].data = data;
}
function erase(place) {
  charts[place]?.chart.remove();
  delete charts[place];
}

/* Sections, most important first */

function safetyLevel() {
  const { level, without_stop: bare, running } = state.safety, word = { good: "Safe", bad: "Danger" }[level] ?? "Warning";
  if (link.lost) return ["lost", "Connection lost"];
  if (link.awaited) return ["none", "Connecting"];
  if (bare) return ["bad", `${bare} without stop`];
  if (running === false || isHalted()) return [level === "bad" ? level : "warning", running === false ? "Not running" : "Halted"];
  return [level === "good" || level === "bad" ? level : "warning", word];
}
const isHalted = () => Boolean(state.safety.halted || state.safety.halting?.length);
const entries = () => (isHalted() ? "resume" : "halt");
function safetyFacts() {
  const { ages = {}, halted, halting = [], locks = [], unreadable = [], heard } = state.safety, { about } = state;
  const age = (name) => (known(ages[name]) ? `${span(ages[name] * SECOND + Date.now() - heard)} ago` : "never");
  const facts = [`Scan ${age("detect")}`, `trades checked ${age("trade")}`];
  if (halted) facts.push(`halted at ${clock(halted.since)} by ${halted.by}: ${halted.reason}`);
  facts.push(...halting.map(({ symbol, reason }) => `${symbol} halts entries: ${reason}`));
  facts.push(...locks.map(({ symbol, until, reason }) => `${symbol || "entries"} paused until ${until ? clock(until) : "resumed"}: ${reason}`));
  if (!about.can_act) facts.push(`read-only; to act: pumpwatch ${entries()} ${about.option ?? ""} --reason "…"`);
  return [...facts, ...unreadable].join(" · ");
}
function drawSafety() {
  const { safety, about } = state, [level, word] = safetyLevel(), halt = $("halt");
  const wait = link.refused
    ? "The server refuses this page: open the address that the dashboard printed at its start."
    : `For ${span(Date.now() - link.lost)}, trying again. Everything below is old.`;
  $("band").dataset.level = level;
  document.body.dataset.link = link.lost ? "lost" : "live";
  say($("level"), word);
  say($("sentence"), link.lost ? wait : safety.sentence ?? "Waiting for the first answer.");
  say($("details"), link.lost || link.awaited ? "" : safetyFacts());
  say($("mode"), about.mode ?? "");
  say($("clock"), market.time ? clock(link.lost ? market.time : marketNow()) : "");
  say(halt, isHalted() ? "Resume…" : "Halt…");
  Object.assign(halt, { hidden: !about.can_act, disabled: Boolean(link.lost) });
  drawTitle(level, word);
}
/** Let a tab that nobody looks at tell its state: title and icon. */
function drawTitle(level, word) {
  const open = openResult(), calm = open === null ? "" : `${signed(open)} · `;
  document.title = `${level === "good" ? calm : `${word} · `}${state.about.mode ?? ""} Pumpwatch`;
  const shape = {
    good: "<circle cx='8' cy='8' r='7' fill='%23238a55'/>",
    warning: "<path d='M8 1 16 15H0z' fill='%23e0a100'/>",
    bad: "<path d='M5 0h6l5 5v6l-5 5H5l-5-5V5z' fill='%23d42f26'/>",
  }[level] ?? "<circle cx='8' cy='8' r='5.5' fill='none' stroke='%23888888' stroke-width='3'/>";
  const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>${shape}</svg>`;
  if ($("icon").getAttribute("href") !== icon) $("icon").setAttribute("href", icon);
}
function openResult() {
  const results = state.positions.map((position) => position.open_result);
  return results.length && results.every(known) ? results.reduce((sum, result) => sum + Number(result), 0) : null;
}
function drawAccount() {
  const { equity, profit_today: today, profit, points = [] } = state.account, open = openResult();
  figure($("equity"), equity, money(equity));
  figure($("today"), today, signed(today));
  figure($("open"), open, signed(open));
  figure($("profit"), profit, signed(profit));
  if (points.length < 2) erase("curve");
  else draw("curve", curveOf(points), "Equity over time");
}
function curveOf(points) {
  const lines = [{ name: "Equity", points, style: 0, steps: true }], window = [points[0][0], points.at(-1)[0]];
  return (points.chart ??= { kind: "lines", candles: [], lines, marks: [], levels: [], window, whole: null, decimals: 2 });
}
function drawPositions() {
  const { positions } = state, sum = (name) => positions.reduce((total, one) => total + Number(one[name] ?? 0), 0);
  say($("positions-count"), positions.length ? String(positions.length) : "");
  say($("risk"), positions.length ? `${money(sum("risk"))} USDT at risk of ${money(sum("notional"))}` : "");
  rows("positions", positions, (position) => position.id, fillPosition);
  const wait = state.safety.running === false ? "Nothing runs" : `Entries are ${isHalted() ? "halted" : "allowed"}`;
  say($("no-positions"), positions.length || link.awaited ? "" : `No open position. ${wait}.`);
}
/** The bar goes from the stop (left) to the target (right), whichever of them is dearer. */
function fillPosition(part, position, row) {
  const { stop, target, entry, symbol, open_result: result } = position, rest = position.closes_at - marketNow();
  const far = known(target) ? target : 2 * entry - stop;
  const share = (value) => Math.min(100, Math.max(0, (100 * (value - stop)) / (far - stop || 1)));
  const size = `${whole(position.quantity)} at ${price(entry)}`;
  put(part, { symbol, side: position.side, size, left: position.closes_at ? left(rest) : "", now: price(position.price) });
  put(part, { stop: known(stop) ? `stop ${price(stop)}` : "no stop", target: known(target) ? `target ${price(target)}` : "no target" });
  figure(part.result, result, signed(result));
  part.left.classList.toggle("soon", rest < SOON);
  part.bar.hidden = !known(position.price) || !known(stop) || !known(entry);
  part.bar.style.setProperty("--entry", `${share(entry)}%`);
  part.bar.style.setProperty("--now", `${share(position.price)}%`);
  part.bar.classList.toggle("losing", share(position.price) < share(entry));
  row.classList.toggle("bare", !known(stop));
  say(part.close, position.asked_to_close ? "Closing" : "Close…");
  part.close.ariaLabel = `${position.asked_to_close ? "Closing" : "Close"} ${symbol}`;
  part.close.disabled = Boolean(position.asked_to_close || link.lost);
  part.close.hidden = !state.about.can_act;
}
function drawEvents() {
  const { events } = state, { symbols, counts = {} } = state.market, traded = events.filter((event) => event.trade).length;
  say($("events-count"), events.length ? String(events.length) : "");
  say($("traded"), events.length ? `${traded} traded, last 24 h` : "");
  rows("events", events, (event) => event.id, fillEvent);
  const warming = counts.warming_up ? `, ${whole(counts.warming_up)} of them still warming up` : "";
  const wait = symbols ? `No pump yet: ${many(symbols, "symbol")} watched${warming}.` : "No pump yet: the first scan is awaited.";
  say($("no-events"), events.length || link.awaited ? "" : wait);
}
function fillEvent(part, event, row) {
  const turnover = known(event.turnover) ? `${amount(event.turnover)} USDT` : "";
  put(part, { symbol: event.symbol, phase: event.phase, turnover, done: outcome(event) });
  figure(part.rise, event.rise, percent(event.rise));
  ago(part.time, event.time);
  row.dataset.phase = event.phase;
  row.classList.toggle("traded", Boolean(event.trade));
  part.choose.setAttribute("aria-current", String(event === chosenEvent()));
}
function outcome(event) {
  const position = event.trade && state.positions.find((one) => one.id === event.trade);
  if (position) return `in a trade, ${signed(position.open_result)} USDT`;
  if (event.trade) return known(event.result) ? `traded, ${signed(event.result)} USDT` : "traded";
  return event.why_not ?? (event.open ? "no trade so far" : "no trade");
}
const chosenEvent = () => state.events.find((event) => event.id === chosen) ?? state.events[0];
function choose(event) {
  chosen = event.id;
  redraw();
  const { top } = $("event").getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) $("event").scrollIntoView();
}
function drawEvent() {
  const event = chosenEvent();
  $("event").classList.toggle("none", !event);
  if (!event) return;
  const { id, symbol, rise, turnover, phases = [] } = event;
  const flow = known(turnover) ? `, ${amount(turnover)} USDT turned over` : "";
  say($("event-title"), symbol);
  say($("outcome"), `Peak ${percent(rise)} from its pre-pump price${flow}; ${outcome(event)}`);
  rows("phases", phases, (phase) => phase.phase, (part, phase, row) => {
    row.dataset.phase = phase.phase;
    put(part, { phase: phase.phase, when: clock(phase.time), price: price(phase.price) });
  });
  outward($("exchange"), state.about.exchange_url, symbol);
  outward($("chart"), state.about.chart_url, symbol);
  return shown === id || loadCandles(id);
}
async function loadCandles(id) {
  if (asking === id) return;
  asking = id; // Once at a time; what is not there is asked for again when it changes.
  const answer = await fetch(`/candles/${encodeURIComponent(id)}`).catch(() => null);
  const data = answer?.ok ? await answer.json().catch(() => null) : null;
  asking = null;
  if (chosenEvent()?.id !== id) return;
  if (shown !== id) erase("candles");
  shown = answer ? id : null;
  if (data?.candles?.length) draw("candles", data, `Candles of ${chosenEvent().symbol} with its pump`);
  say($("no-candles"), data?.candles?.length ? "" : "There are no candles of this pump here yet.");
}
function drawMarket() {
  const { movers = [], bursts = [], counts = {}, symbols, judged = [] } = state.market, shown = movers.slice(0, SHOWN_MOVERS);
  const most = Math.max(0.001, ...shown.map((mover) => Math.abs(mover.change_1m ?? 0)));
  const words = { candidates: "candidates", deferred: "deferred", unjudged: "unjudged", warming_up: "warming up" };
  const told = Object.keys(words).filter((name) => counts[name]).map((name) => `${whole(counts[name])} ${words[name]}`);
  say($("symbols"), symbols ? many(symbols, "symbol") : "");
  say($("counts"), told.join(", "));
  rows("movers", shown, (mover) => mover.symbol, (part, mover, row) => {
    const { symbol, change_1m: change, change_5m: longer, usual_ratio: ratio } = mover;
    const usual = known(ratio) ? `${fixed(ratio, ratio < 10 ? 1 : 0)}×` : NONE;
    put(part, { symbol: symbol.replace(/USDT$/, ""), five: percent(longer), turnover: amount(mover.turnover_1m), usual });
    outward(part.symbol, state.about.chart_url, symbol);
    figure(part.price, mover.price, price(mover.price));
    figure(part.change, change, percent(change));
    part.amount.style.width = `${(100 * Math.abs(change ?? 0)) / most}%`;
    row.classList.toggle("burst", bursts.includes(symbol));
    row.title = bursts.includes(symbol) ? `${symbol} bursts` : symbol;
  });
  rows("judged", judged, (item) => `${item.symbol} ${item.time} ${item.what}`, (part, item, row) => {
    put(part, { symbol: item.symbol, what: item.alarmed ? "alarm" : item.what, verdict: item.verdict });
    ago(part.time, item.time);
    row.classList.toggle("alarmed", Boolean(item.alarmed));
  });
  const idle = state.safety.running === false ? "Nothing runs: nothing is scanned." : "The first scan is awaited.";
  say($("no-movers"), shown.length || link.awaited ? "" : idle);
  say($("no-judged"), judged.length || link.awaited ? "" : "No symbol has been unusual enough to be judged.");
}
function drawHealth() {
  const { health } = state, seconds = (name) => (known(health[name]) ? `${fixed(health[name], 2)} s` : null);
  const figures = [
    ["requests", known(health.requests) && whole(health.requests)], ["errors", known(health.errors) && whole(health.errors)],
    ["lag", seconds("lag_seconds")], ["tick", seconds("tick_seconds")], ["scan", seconds("scan_seconds")],
    ["version", health.version],
  ].filter(([, value]) => value);
  rows("health", figures, ([name]) => name, (part, [name, value]) => put(part, { name, value }));
  rows("problems", health.problems ?? [], (problem) => problem, (part, problem, row) => say(row, problem));
}
function redraw() {
  drawSafety();
  if (document.hidden || link.awaited) return; // Nobody sees more than the title.
  [drawAccount, drawPositions, drawEvents, drawEvent, drawMarket, drawHealth].forEach((drawing) => drawing());
}

/* The stream */

function listen() {
  link.stream?.close();
  const stream = new EventSource("/stream");
  Object.assign(link, { stream, heard: Date.now() });
  stream.addEventListener("state", (message) => hear(JSON.parse(message.data)));
  stream.addEventListener("candles", (message) => {
    const id = chosenEvent()?.id;
    if (!document.hidden && JSON.parse(message.data).includes(id)) loadCandles(id);
  });
  stream.onerror = () => lose(stream);
}
async function lose(stream) {
  link.lost ??= Date.now();
  redraw();
  if (stream.readyState !== EventSource.CLOSED) return; // The browser tries again by itself.
  const answer = await fetch("/", { method: "HEAD" }).catch(() => null);
  link.refused = answer?.status === 403;
  setTimeout(listen, RETRY);
}
function hear(sections) {
  const news = newsIn(sections);
  Object.assign(link, { heard: Date.now(), lost: null, refused: false, awaited: false });
  if (known(sections.now)) Object.assign(market, { time: Number(sections.now), at: Date.now() });
  for (const name of Object.keys(state)) state[name] = sections[name] ?? state[name];
  if (sections.safety) state.safety.heard = Date.now();
  redraw();
  if (news) say($("news"), news);
}
/** What a screen reader is told: safety that changes, and pumps; no tick. */
function newsIn({ safety, events = [] }) {
  const told = safety && safety.sentence !== state.safety.sentence ? [safety.sentence] : [];
  const before = new Set(state.events.map((event) => event.id));
  const fresh = link.awaited ? [] : events.filter((event) => !before.has(event.id));
  return [...told, ...fresh.slice(0, 3).map((event) => `Pump: ${event.symbol}, ${percent(event.rise)}`)].join(". ");
}
function tick() {
  if (Date.now() - link.heard > SILENCE) {
    link.lost ??= link.heard;
    listen(); // A network that went away says nothing.
  }
  redraw();
}

/* What a person does */

const ASKED = {
  halt: () => ["Halt entries?", "From the next scan on nothing is opened, until somebody resumes. Open trades keep their stops and end as planned.", "Halt entries"],
  resume: () => ["Resume entries?", "From the next scan on trades may be opened again. Protections look back no further than this moment.", "Resume entries"],
  close: ({ symbol, quantity, open_result: result }) => [
    `Close ${symbol}?`, `The next run closes ${whole(quantity)} ${symbol} at market. The trade stands at ${signed(result)} USDT before costs.`, "Close the trade"],
};
function ask(action, position) {
  if (document.querySelector("dialog[open]")) return;
  asked = { action, id: position?.id };
  const [title, what, yes] = ASKED[action](position);
  const texts = { "ask-title": title, "ask-what": what, "ask-yes": yes, "ask-problem": "" };
  for (const [id, text] of Object.entries(texts)) say($(id), text);
  $("ask-reason").value = "";
  allow();
  $("ask").dataset.action = action;
  $("ask").showModal();
}
const reason = () => $("ask-reason").value.trim();
const allow = () => ($("ask-yes").disabled = reason().length < LEAST_REASON);
async function act(event) {
  event.preventDefault();
  if (allow()) return;
  $("ask-yes").disabled = true;
  const headers = { "Content-Type": "application/json", "X-Pumpwatch": "1" };
  const body = JSON.stringify({ reason: reason(), id: asked.id });
  const answer = await fetch(`/actions/${asked.action}`, { method: "POST", headers, body }).catch(() => null);
  const told = answer ? await answer.json().catch(() => ({})) : { problem: "No answer came: look whether it was done before you try again." };
  allow();
  if (!answer?.ok) return say($("ask-problem"), told.problem ?? `The server answered ${answer.status}; nothing was done.`);
  $("ask").close();
  say($("said"), told.said ?? "Done.");
  clearTimeout(act.timer);
  act.timer = setTimeout(() => say($("said"), ""), 8 * SECOND);
}
function step(by) {
  const { events } = state, next = events[events.indexOf(chosenEvent()) + by];
  if (!next) return;
  choose(next);
  document.querySelector("#events [aria-current=true]").focus();
}
const KEYS = {
  j: () => step(1), k: () => step(-1), h: () => $("halt").click(), t: () => $("theme").click(), "?": () => $("help").showModal(),
};
function press(event) {
  const busy = event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]");
  if (busy || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
}

/* Colours: as the system, until a person chooses */

const dark = matchMedia("(prefers-color-scheme: dark)");
function paint(scheme) {
  document.documentElement.dataset.scheme = scheme ?? (dark.matches ? "dark" : "light");
  Object.values(charts).forEach(({ chart, data }) => chart.update(data)); // They read the colours anew.
}
function turn() {
  localStorage.setItem("scheme", document.documentElement.dataset.scheme === "dark" ? "light" : "dark");
  paint(localStorage.getItem("scheme"));
}

$("halt").onclick = () => ask(entries());
$("theme").onclick = turn;
$("keys").onclick = KEYS["?"];
$("ask-no").onclick = () => $("ask").close();
$("ask-reason").oninput = allow;
$("ask").querySelector("form").onsubmit = act;
$("positions").onclick = ({ target }) => target.matches(".close") && ask("close", target.closest("li").item);
$("events").onclick = ({ target }) => target.closest("button") && choose(target.closest("li").item);
document.addEventListener("keydown", press);
document.addEventListener("visibilitychange", redraw);
dark.addEventListener("change", () => paint(localStorage.getItem("scheme")));
paint(localStorage.getItem("scheme"));
listen();
setInterval(tick, SECOND);
