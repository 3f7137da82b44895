// The live page: draws what the server's stream says. Text enters the page only as text.
import {
  NONE, SECOND, amount, clock, iso, known, left, money, percent, price, signed, span, times, whole,
} from "./words.js";

const SILENCE = 40 * SECOND, RETRY = 3 * SECOND, SOON = 30 * SECOND, SAID = 8 * SECOND;
const LEAST_REASON = 3, PHONE = 704;
const $ = (id) => document.getElementById(id);
const state = { about: {}, safety: {}, market: {}, events: [], positions: [], account: {}, health: {} };
const link = { stream: null, heard: Date.now(), lost: null, awaited: true };
const market = { time: 0, at: Date.now() };
const charts = {}; // By the id of their place.
const candles = { asked: null, shown: null }; // Ids of events.
let chosen = null; // The event to look at; null: the newest.
let doing = null; // What the dialog asks about: an action and its trades.

// It stands still while nothing is heard.
const marketNow = () => market.time + (link.lost ?? Date.now()) - market.at;

// Parts of the page
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
/** Write texts by the ids of their places, or by the names of a row's parts. */
function put(texts, parts) {
  for (const [name, text] of Object.entries(texts)) say(parts ? parts[name] : $(name), text);
}
function ago(node, time) {
  say(node, iso(time) ? `${span(marketNow() - time)} ago` : NONE);
  if (node.dateTime !== iso(time)) node.dateTime = node.title = iso(time);
}
/** Show a figure with its sign for the colour. */
function figure(node, value, text) {
  node.dataset.sign = Math.sign(value ?? 0);
  say(node, text);
}
function rowOf(id) {
  const row = $(`${id}-row`).content.firstElementChild.cloneNode(true);
  const named = [...row.querySelectorAll("[class]")].map((node) => [node.classList[0], node]);
  return Object.assign(row, { parts: Object.fromEntries(named) });
}
/** Bring a list's rows in line with the items: rows stay, move, come and go; none is built anew. */
function rows(id, items, key, fill) {
  const list = $(id), focused = document.activeElement;
  const old = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const wanted = new Map(items.map((item) => [String(key(item)), item]));
  old.forEach((row, name) => wanted.has(name) || row.remove());
  [...wanted].forEach(([name, item], place) => {
    const row = old.get(name) ?? rowOf(id);
    Object.assign(row, { item }).dataset.key = name;
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
    fill(row.parts, item, row);
  });
  if (focused !== document.activeElement && list.contains(focused)) focused.focus({ preventScroll: true });
}
const addressOf = (template, symbol) => template.replace("{symbol}", encodeURIComponent(symbol));
function draw(place, data) {
  if (charts[place]?.data === data) return;
  if (charts[place]) charts[place].update(data);
  else charts[place] = pumpwatchCharts.draw($(place), data);
}
function erase(place) {
  charts[place]?.remove();
  delete charts[place];
}

// Sections, most important first
const isHalted = () => Boolean(state.safety.halted || state.safety.halting?.length);
const entries = () => (isHalted() ? "resume" : "halt");
function idle(wait = "The first scan is awaited.") {
  return state.safety.running === false ? `Nothing runs. Start it: pumpwatch ${state.about.mode}` : wait;
}
function safetyLevel() {
  const { level = "none", without_stop: bare, running } = state.safety;
  const words = { good: "Safe", warning: "Warning", bad: "Danger" };
  if (link.lost) return ["lost", "Connection lost"];
  if (bare) return [level, `${bare} without stop`];
  if (running === false) return [level, "Not running"];
  return [level, isHalted() ? "Halted" : words[level] ?? "Connecting"];
}
function safetyFacts() {
  const { ages = {}, halted, locks = [], heard, sentence = "" } = state.safety;
  const since = (age) => (known(age) ? `${span(age * SECOND + Date.now() - heard)} ago` : "never");
  const facts = [`Scan ${since(ages.detect)}`, `trades checked ${since(ages.trade)}`];
  if (halted) facts.push(`halted since ${clock(halted.since)}`);
  if (halted && !sentence.includes(halted.reason)) facts.push(`by ${halted.by}: ${halted.reason}`);
  for (const { symbol, until, reason } of locks) {
    facts.push(`${symbol || "entries"} paused until ${until ? clock(until) : "resumed"}: ${reason}`);
  }
  const { can_act: can, option } = state.about;
  if (!can && option) facts.push(`read-only; to act: pumpwatch ${entries()} ${option} --reason "…"`);
  return facts.join(" · ");
}
function drawSafety() {
  const { safety, about } = state, [level, word] = safetyLevel();
  const wait = `Since ${clock(link.lost)}; all below is old. Started anew? Open the address it printed.`;
  const sentence = (safety.sentence ?? "Waiting for the first answer.").replace(`${word} `, "");
  $("band").dataset.level = document.body.dataset.level = level;
  put({ level: word, sentence: link.lost ? wait : sentence, halt: isHalted() ? "Resume…" : "Halt…" });
  put({ details: link.lost || link.awaited ? "" : safetyFacts() });
  put({ clock: market.time ? clock(marketNow()) : "" });
  put({ mode: about.kind === "run" ? "simulated" : about.mode ?? "" });
  $("mode").classList.toggle("money", Boolean(about.money_moved));
  Object.assign($("halt"), { hidden: !about.can_act, disabled: Boolean(link.lost) });
  // A tab that nobody looks at tells its state by its title.
  const open = total("open_result"), calm = known(open) ? `${signed(open)} · ` : "";
  document.title = `${level === "good" ? calm : `${word} · `}${$("mode").textContent} Pumpwatch`;
}
/** Add up a figure of all positions; null where it is unknown of any. */
function total(name) {
  const values = state.positions.map((position) => position[name]);
  const isKnown = values.length && values.every(known);
  return isKnown ? values.reduce((sum, value) => sum + Number(value), 0) : null;
}
function drawAccount() {
  const { equity, profit_today: today, profit, points = [] } = state.account;
  put({ equity: money(equity) });
  const results = { today, open: total("open_result"), profit };
  for (const [id, value] of Object.entries(results)) figure($(id), value, signed(value));
  if (points.length < 2) return erase("curve");
  const window = [points[0][0], points.at(-1)[0]];
  const lines = [{ name: "Equity", points, style: 0 }];
  points.chart ??= { kind: "lines", lines, marks: [], levels: [], window, whole: null, decimals: 2 };
  return draw("curve", points.chart);
}
function drawPositions() {
  const { positions } = state;
  const wait = idle(`Entries are ${isHalted() ? "halted" : "allowed"}.`);
  rows("positions", positions, (position) => position.id, fillPosition);
  const risk = `${money(total("risk"))} of ${money(total("notional"))} USDT at risk`;
  put({ risk: positions.length ? risk : "" });
  put({ "no-positions": positions.length ? "" : `No open position. ${wait}` });
}
/** The bar goes from the stop (left) to the target (right), whichever of them is dearer. */
function fillPosition(parts, position, row) {
  const { stop, target, entry, symbol, open_result: result, asked_to_close: closing } = position;
  const far = known(target) ? target : 2 * entry - stop;
  const rest = position.closes_at ? position.closes_at - marketNow() : NaN;
  const share = (value) => `${Math.min(100, Math.max(0, (100 * (value - stop)) / (far - stop || 1)))}%`;
  const side = position.side === "buy" ? "long" : "short";
  put({ symbol, side, size: `${whole(position.quantity)} at ${price(entry)}` }, parts);
  put({ stop: known(stop) ? `stop ${price(stop)}` : "no stop", now: price(position.price) }, parts);
  put({ target: known(target) ? `target ${price(target)}` : "", left: left(rest) }, parts);
  put({ close: closing ? "Closing" : "Close…" }, parts);
  figure(parts.result, result, signed(result));
  parts.left.classList.toggle("soon", rest < SOON);
  const isPlaced = [stop, entry, position.price].every(known);
  parts.bar.classList.toggle("plain", !isPlaced);
  parts.bar.style.setProperty("--from", share(entry));
  parts.bar.style.setProperty("--now", isPlaced ? share(position.price) : "50%");
  row.classList.toggle("bare", !known(stop));
  const isOff = Boolean(closing || link.lost);
  Object.assign(parts.close, { disabled: isOff, hidden: !state.about.can_act, ariaLabel: `Close ${symbol}` });
}
function drawEvents() {
  const { events } = state, { symbols, counts = {} } = state.market;
  const traded = events.filter((event) => event.trade).length;
  const warming = counts.warming_up ? `, ${whole(counts.warming_up)} of them still warming up` : "";
  const watched = symbols && `${whole(symbols)} symbols are watched${warming}.`;
  rows("events", events, (event) => event.id, fillEvent);
  put({ traded: events.length ? `${traded} traded, ${events.length - traded} not` : "" });
  put({ "no-events": events.length ? "" : `No pump yet. ${watched || idle()}` });
}
function fillEvent(parts, event, row) {
  const { symbol, phase, turnover, rise, trade } = event;
  const flow = known(turnover) ? `${amount(turnover)} USDT` : "";
  put({ symbol, phase, turnover: flow, done: outcome(event) }, parts);
  figure(parts.rise, rise, percent(rise));
  ago(parts.time, event.time);
  row.dataset.phase = phase;
  row.classList.toggle("traded", Boolean(trade));
  parts.choose.setAttribute("aria-current", String(event === chosenEvent()));
}
function outcome({ trade, result, why_not: why, open }) {
  const position = trade && state.positions.find(({ id }) => id === trade);
  if (position) return `in a trade, ${signed(position.open_result)} USDT`;
  if (trade) return known(result) ? `traded, ${signed(result)} USDT` : "traded";
  if (why) return `not traded: ${why}`;
  return open ? "no trade so far" : "not traded";
}
const chosenEvent = () => state.events.find((event) => event.id === chosen) ?? state.events[0];
function choose(event) {
  chosen = event.id;
  redraw();
  if (innerWidth < PHONE) $("event").scrollIntoView();
}
function drawEvent() {
  const event = chosenEvent();
  $("event").classList.toggle("none", !event);
  if (!event) {
    candles.shown = null;
    return erase("candles");
  }
  const { id, symbol, rise, turnover, phases = [] } = event;
  const flow = known(turnover) ? `, ${amount(turnover)} USDT turned over` : "";
  const told = `Peak ${percent(rise)} from its pre-pump price${flow}; ${outcome(event)}`;
  put({ "event-title": symbol, outcome: told });
  rows("phases", phases, ({ phase }) => phase, (parts, { phase, time, price: at }, row) => {
    row.dataset.phase = phase;
    put({ phase, when: clock(time), price: price(at) }, parts);
  });
  $("exchange").href = addressOf(state.about.exchange_url, symbol);
  $("chart").href = addressOf(state.about.chart_url, symbol);
  return candles.shown === id || link.lost || loadCandles(id);
}
async function loadCandles(id) {
  if (candles.asked === id) return;
  candles.asked = id; // Once at a time.
  const answer = await fetch(`/candles/${encodeURIComponent(id)}`).catch(() => null);
  const data = answer?.ok ? await answer.json().catch(() => null) : null;
  candles.asked = null;
  if (chosenEvent()?.id !== id) return;
  const isThere = Boolean(data?.candles?.length);
  if (candles.shown !== id || !isThere) erase("candles");
  candles.shown = answer ? id : null; // What is not there is asked for again when it changes.
  if (isThere) draw("candles", data);
  put({ "no-candles": isThere ? "" : "There are no candles of this pump here yet." });
}
function drawMarket() {
  const { movers = [], judged = [], counts = {}, symbols } = state.market;
  const told = Object.entries(counts).filter(([name, count]) => count && name !== "symbols");
  rows("movers", movers, (mover) => mover.symbol, fillMover);
  rows("judged", judged, ({ symbol, time, what }) => `${symbol} ${time} ${what}`, fillJudged);
  put({ symbols: symbols ? `${whole(symbols)} symbols` : "" });
  put({ counts: told.map(([name, count]) => `${whole(count)} ${name.replaceAll("_", " ")}`).join(", ") });
  const wait = symbols ? "Only the rule boosted keeps prices between minutes." : undefined;
  put({ "no-movers": movers.length ? "" : idle(wait) });
  put({ "no-judged": judged.length ? "" : "No symbol was unusual enough to be judged." });
}
function fillMover(parts, mover, row) {
  const { symbol, change_1m: change, usual_ratio: usual } = mover;
  const isBursting = Boolean(state.market.bursts?.includes(symbol));
  put({ symbol: symbol.replace(/USDT$/, ""), price: price(mover.price) }, parts);
  put({ five: percent(mover.change_5m), usual: known(usual) ? `${times(usual)}×` : NONE }, parts);
  parts.symbol.href = addressOf(state.about.chart_url, symbol);
  figure(parts.change, change, percent(change));
  row.classList.toggle("burst", isBursting);
  row.title = isBursting ? `${symbol} bursts` : symbol;
}
function fillJudged(parts, { symbol, what, verdict, alarmed, time }, row) {
  put({ symbol, what: alarmed ? "alarm" : what, verdict }, parts);
  ago(parts.time, time);
  row.classList.toggle("alarmed", Boolean(alarmed));
}
function drawHealth() {
  const { health, about } = state, { problems = [], version } = health;
  const texts = { source: about.name, version };
  for (const name of ["requests", "errors"]) texts[name] = whole(health[name]);
  for (const name of ["lag", "tick", "scan"]) texts[name] = `${money(health[`${name}_seconds`])} s`;
  const shown = Object.entries(texts).filter(([, text]) => text && !text.startsWith(NONE));
  rows("health", shown, ([name]) => name, (parts, [name, value]) => put({ name, value }, parts));
  rows("problems", problems, (problem) => problem, (parts, problem, row) => say(row, problem));
}
function redraw() {
  drawSafety();
  if (link.awaited) return;
  for (const part of [drawAccount, drawPositions, drawEvents, drawEvent, drawMarket, drawHealth]) part();
}

// The stream
function listen() {
  link.stream?.close();
  const stream = new EventSource("/stream");
  Object.assign(link, { stream, heard: Date.now() });
  stream.addEventListener("state", (message) => hear(JSON.parse(message.data)));
  stream.addEventListener("candles", (message) => {
    const id = chosenEvent()?.id;
    if (JSON.parse(message.data).ids.includes(id)) loadCandles(id);
  });
  stream.onerror = () => lose(stream);
}
function lose(stream) {
  link.lost ??= Date.now();
  redraw();
  if (stream.readyState !== EventSource.CLOSED) return; // The browser tries again by itself.
  setTimeout(() => stream === link.stream && listen(), RETRY);
}
function hear(sections) {
  const before = new Set(state.events.map(({ id }) => id));
  const pumps = link.awaited ? [] : sections.events?.filter(({ id }) => !before.has(id)) ?? [];
  Object.assign(link, { heard: Date.now(), lost: null, awaited: link.awaited && !sections.about });
  if (known(sections.now)) Object.assign(market, { time: Number(sections.now), at: Date.now() });
  for (const name of Object.keys(state)) state[name] = sections[name] ?? state[name];
  if (sections.safety) state.safety.heard = Date.now();
  redraw();
  const news = pumps.slice(0, 3).map(({ symbol, rise }) => `Pump: ${symbol}, ${percent(rise)}`);
  if (news.length) put({ news: news.join(". ") });
}
function tick() {
  if (Date.now() - link.heard > SILENCE) {
    link.lost ??= link.heard;
    listen(); // A network that went away says nothing.
  }
  redraw();
}

// What a person does
const ASKED = {
  halt: "From the next scan on nothing is opened. Open trades keep their stops and end as planned.",
  resume: "From the next scan on trades may be opened again.",
};
function ask(action, position) {
  const halting = action === "resume" ? state.safety.halting ?? [] : [];
  doing = { action, trades: (position ? [position] : halting).map(({ id }) => id) };
  const looked = halting.map(({ symbol, reason }) => ` You have looked at ${symbol}: ${reason}.`).join("");
  let [what, title] = [ASKED[action] + looked, action === "halt" ? "Halt entries" : "Resume entries"];
  if (position) {
    const { symbol, quantity, open_result: result } = position;
    title = `Close ${symbol}`;
    what = `The next run closes ${whole(quantity)} at market, now at ${signed(result)} USDT before costs.`;
  }
  put({ "ask-title": `${title}?`, "ask-what": what, "ask-yes": title, "ask-problem": "" });
  $("ask-reason").value = "";
  allow();
  $("ask").showModal();
}
const reason = () => $("ask-reason").value.trim();
const allow = () => ($("ask-yes").disabled = reason().length < LEAST_REASON);
async function act(event) {
  event.preventDefault();
  if (allow()) return;
  $("ask-yes").disabled = true; // Once.
  const headers = { "Content-Type": "application/json", "X-Pumpwatch": "1" };
  const body = JSON.stringify({ reason: reason(), trades: doing.trades });
  const answer = await fetch(`/actions/${doing.action}`, { method: "POST", headers, body }).catch(() => null);
  const told = await answer?.json().catch(() => null);
  const unknown = `The server answered ${answer ? answer.status : "nothing"}: look whether it was done.`;
  allow();
  if (!answer?.ok) return put({ "ask-problem": told?.problem ?? unknown });
  $("ask").close();
  put({ said: told?.said ?? "Done." });
  setTimeout(put, SAID, { said: "" });
}
/** Go through the list with the arrow keys. */
function step(event) {
  const row = event.target.closest("li");
  const next = { ArrowDown: row?.nextElementSibling, ArrowUp: row?.previousElementSibling }[event.key];
  if (!next) return;
  event.preventDefault();
  choose(next.item);
  next.querySelector("button").focus();
}

$("halt").onclick = () => ask(entries());
$("ask-no").onclick = () => $("ask").close();
$("ask-reason").oninput = allow;
$("ask-form").onsubmit = act;
$("positions").onclick = ({ target }) => target.matches(".close") && ask("close", target.closest("li").item);
$("events").onclick = ({ target }) => target.closest("button") && choose(target.closest("li").item);
$("events").onkeydown = step;
listen();
setInterval(tick, SECOND);
