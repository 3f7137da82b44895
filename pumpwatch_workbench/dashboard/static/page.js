// The live page: draws what the server's stream says. Text enters the page only as text.
const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE;
const SILENCE = 40 * SECOND, RETRY = 3 * SECOND, SOON = 30 * SECOND;
const DIGITS = 5, LEAST_REASON = 3, PHONE = 704, LAST_TIME = 8.64e15, NONE = "–";
const $ = (id) => document.getElementById(id);
const state = { about: {}, safety: {}, market: {}, events: [], positions: [], account: {}, health: {} };
const link = { stream: null, heard: Date.now(), lost: null, refused: false, awaited: true };
const market = { time: 0, at: Date.now() };
const root = document.documentElement.dataset;
const dark = matchMedia("(prefers-color-scheme: dark)"), still = matchMedia("(prefers-reduced-motion: reduce)");
const charts = {}; // By the id of their place.
const candles = { asked: null, shown: null }; // Ids of events.
let chosen = null; // The event to look at; null: the newest.
let doing = null; // What the dialog asks about: an action and its trades.

// Words and figures
const formats = {};
const known = (value) => value !== null && value !== undefined && Number.isFinite(Number(value));
function fixed(value, least, most = least) {
  const bounds = { minimumFractionDigits: least, maximumFractionDigits: most };
  formats[[least, most]] ??= new Intl.NumberFormat("en-US", bounds);
  return formats[[least, most]].format(value).replace("-", "−");
}
const money = (value) => (known(value) ? fixed(value, 2) : NONE);
const whole = (value) => (known(value) ? fixed(value, 0, 8) : NONE);
const seconds = (value) => (known(value) ? `${fixed(value, 2)} s` : NONE);
function signed(value, places = 2) {
  if (!known(value)) return NONE;
  const text = fixed(Math.abs(value), places);
  return (/[1-9]/.test(text) ? (value < 0 ? "−" : "+") : "") + text; // A rounded zero has no sign.
}
const percent = (value) => (known(value) ? `${signed(100 * value, 1)} %` : NONE);
function price(value) {
  const places = DIGITS - 1 - Math.floor(Math.log10(Math.abs(value) || 1));
  return known(value) ? fixed(value, Math.min(20, Math.max(0, places))) : NONE;
}
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const amount = (value) => (known(value) ? compact.format(value) : NONE);
const iso = (time) => (known(time) && Math.abs(time) <= LAST_TIME ? new Date(Number(time)).toISOString() : "");
const clock = (time) => iso(time).slice(11, 19) || NONE;
const marketNow = () => market.time + (link.lost ?? Date.now()) - market.at; // It stands still while nothing is heard.
function span(time) {
  if (time < 100 * SECOND) return `${Math.max(0, Math.floor(time / SECOND))} s`;
  if (time < 100 * MINUTE) return `${Math.floor(time / MINUTE)} min`;
  return time < 48 * HOUR ? `${Math.floor(time / HOUR)} h` : `${Math.floor(time / HOUR / 24)} days`;
}
function left(time) {
  if (time <= 0) return "due now";
  const [hours, minutes, rest] = [time / HOUR, (time / MINUTE) % 60, (time / SECOND) % 60].map(Math.floor);
  return hours ? `${hours} h ${minutes} min` : `${minutes}:${String(rest).padStart(2, "0")}`;
}

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
/** Show a figure with its sign for the colour; let a change flash softly. */
function figure(node, value, text) {
  const change = known(node.value) && known(value) ? value - node.value : 0;
  node.value = value;
  node.dataset.sign = Math.sign(value ?? 0);
  say(node, text);
  if (!change || still.matches || node.closest("td")) return; // A market always moves.
  const backgroundColor = change > 0 ? "var(--up-soft)" : "var(--down-soft)";
  node.animate([{ backgroundColor }, { backgroundColor: "transparent" }], 900);
}
function rowOf(id) {
  const row = $(`${id}-row`).content.firstElementChild.cloneNode(true), named = [...row.querySelectorAll("[class]")];
  return Object.assign(row, { parts: Object.fromEntries(named.map((node) => [node.classList[0], node])) });
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
function outward(anchor, template, symbol) {
  if (template) anchor.href = template.replace("{symbol}", encodeURIComponent(symbol));
}
function draw(place, data, label) {
  if (charts[place]?.data === data) return;
  if (charts[place]?.label !== label) erase(place);
  if (charts[place]) charts[place].chart.update(data);
  else Object.assign($(place), { role: "img", ariaLabel: label });
  charts[place] ??= { label, chart: pumpwatchCharts.draw($(place), data) };
  charts[place].data = data;
}
function erase(place) {
  charts[place]?.chart.remove();
  delete charts[place];
}

// Sections, most important first
const isHalted = () => Boolean(state.safety.halted || state.safety.halting?.length);
const entries = () => (isHalted() ? "resume" : "halt");
const idle = (wait) => (state.safety.running === false ? `Nothing runs. Start it: pumpwatch ${state.about.mode}` : wait);
function safetyLevel() {
  const { level, without_stop: bare, running } = state.safety, worst = level === "bad" ? "bad" : "warning";
  if (link.lost) return ["lost", "Connection lost"];
  if (link.awaited) return ["none", "Connecting"];
  if (bare) return ["bad", `${bare} without stop`];
  if (running === false) return [worst, "Not running"];
  if (isHalted()) return [worst, "Halted"];
  return level === "good" ? ["good", "Safe"] : [worst, level === "bad" ? "Danger" : "Warning"];
}
function safetyFacts() {
  const { ages = {}, halted, halting = [], locks = [], unreadable = [], heard, sentence = "" } = state.safety;
  const age = (name) => (known(ages[name]) ? `${span(ages[name] * SECOND + Date.now() - heard)} ago` : "never");
  const facts = [`Scan ${age("detect")}`, `trades checked ${age("trade")}`];
  const why = halted && !sentence.includes(halted.reason) ? ` by ${halted.by}: ${halted.reason}` : "";
  if (halted) facts.push(`halted since ${clock(halted.since)}${why}`);
  for (const { symbol, reason } of halting) facts.push(`${symbol} halts entries: ${reason}`);
  for (const { symbol, until, reason } of locks) {
    facts.push(`${symbol || "entries"} paused until ${until ? clock(until) : "resumed"}: ${reason}`);
  }
  const { can_act: can, option } = state.about;
  if (!can && option) facts.push(`read-only; to act: pumpwatch ${entries()} ${option} --reason "…"`);
  return [...facts, ...unreadable].join(" · ");
}
function drawSafety() {
  const { safety, about } = state, [level, word] = safetyLevel();
  const wait = link.refused
    ? "The server refuses this page: open the address that it printed at its start."
    : `For ${span(Date.now() - link.lost)}, trying again. Everything below is old.`;
  $("band").dataset.level = document.body.dataset.level = level;
  const sentence = (safety.sentence ?? "Waiting for the first answer.").replace(`${word} `, "");
  put({ level: word, sentence: link.lost ? wait : sentence });
  put({ details: link.lost || link.awaited ? "" : safetyFacts(), halt: isHalted() ? "Resume…" : "Halt…" });
  put({ clock: market.time ? clock(marketNow()) : "", mode: about.kind === "run" ? "simulated" : about.mode ?? "" });
  $("mode").classList.toggle("money", Boolean(about.money_moved));
  Object.assign($("halt"), { hidden: !about.can_act, disabled: Boolean(link.lost) });
  // A tab that nobody looks at tells its state by title and icon.
  const open = openResult(), calm = open === null ? "" : `${signed(open)} · `;
  document.title = `${level === "good" ? calm : `${word} · `}${$("mode").textContent} Pumpwatch`;
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
  for (const [id, value] of Object.entries({ today, open, profit })) figure($(id), value, signed(value));
  if (points.length < 2) return erase("curve");
  const window = [points[0][0], points.at(-1)[0]], lines = [{ name: "Equity", points, style: 0, steps: true }];
  points.chart ??= { kind: "lines", candles: [], lines, marks: [], levels: [], window, whole: null, decimals: 2 };
  return draw("curve", points.chart, "Equity over time");
}
function drawPositions() {
  const { positions } = state, sum = (name) => positions.reduce((total, one) => total + Number(one[name] ?? 0), 0);
  put({ risk: positions.length ? `${money(sum("risk"))} of ${money(sum("notional"))} USDT at risk` : "" });
  rows("positions", positions, (position) => position.id, fillPosition);
  const wait = idle(`Entries are ${isHalted() ? "halted" : "allowed"}.`);
  put({ "no-positions": positions.length ? "" : `No open position. ${wait}` });
}
/** The bar goes from the stop (left) to the target (right), whichever of them is dearer. */
function fillPosition(parts, position, row) {
  const { stop, target, entry, symbol, closes_at: end, open_result: result, asked_to_close: closing } = position;
  const far = known(target) ? target : 2 * entry - stop, rest = end - marketNow();
  const share = (value) => Math.min(100, Math.max(0, (100 * (value - stop)) / (far - stop || 1)));
  put({ symbol, side: position.side === "buy" ? "long" : "short", size: `${whole(position.quantity)} at ${price(entry)}` }, parts);
  put({ left: end ? left(rest) : "", now: price(position.price), close: closing ? "Closing" : "Close…" }, parts);
  put({ stop: known(stop) ? `stop ${price(stop)}` : "no stop" }, parts);
  put({ target: known(target) ? `target ${price(target)}` : "" }, parts);
  figure(parts.result, result, signed(result));
  parts.left.classList.toggle("soon", rest < SOON);
  parts.bar.hidden = !known(position.price) || !known(stop);
  parts.bar.style.setProperty("--from", `${share(entry)}%`);
  parts.bar.style.setProperty("--now", `${share(position.price)}%`);
  parts.bar.classList.toggle("losing", share(position.price) < share(entry));
  row.classList.toggle("bare", !known(stop));
  const close = { ariaLabel: `Close ${symbol}`, disabled: Boolean(closing || link.lost), hidden: !state.about.can_act };
  Object.assign(parts.close, close);
}
function drawEvents() {
  const { events } = state, { symbols, counts = {} } = state.market, traded = events.filter((event) => event.trade).length;
  rows("events", events, (event) => event.id, fillEvent);
  const warming = counts.warming_up ? `, ${whole(counts.warming_up)} of them still warming up` : "";
  const wait = symbols ? `${whole(symbols)} symbols are watched${warming}.` : idle("The first scan is awaited.");
  const told = events.length ? `${events.length} in 24 h, ${traded} traded` : "";
  put({ traded: told, "no-events": events.length ? "" : `No pump yet. ${wait}` });
}
function fillEvent(parts, event, row) {
  const { symbol, phase, turnover, rise, trade } = event;
  put({ symbol, phase, turnover: known(turnover) ? `${amount(turnover)} USDT` : "", done: outcome(event) }, parts);
  figure(parts.rise, rise, percent(rise));
  ago(parts.time, event.time);
  row.dataset.phase = phase;
  row.classList.toggle("traded", Boolean(trade));
  parts.choose.setAttribute("aria-current", String(event === chosenEvent()));
}
function outcome({ trade, result, why_not: why, open }) {
  const position = trade && state.positions.find((one) => one.id === trade);
  if (position) return `in a trade, ${signed(position.open_result)} USDT`;
  if (trade) return known(result) ? `traded, ${signed(result)} USDT` : "traded";
  return why ?? (open ? "no trade so far" : "no trade");
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
  put({ "event-title": symbol, outcome: `Peak ${percent(rise)} from its pre-pump price${flow}; ${outcome(event)}` });
  rows("phases", phases, ({ phase }) => phase, (parts, { phase, time, price: at }, row) => {
    row.dataset.phase = phase;
    put({ phase, when: clock(time), price: price(at) }, parts);
  });
  outward($("exchange"), state.about.exchange_url, symbol);
  outward($("chart"), state.about.chart_url, symbol);
  return candles.shown === id || link.lost || loadCandles(id);
}
async function loadCandles(id) {
  if (candles.asked === id) return;
  candles.asked = id; // Once at a time.
  const answer = await fetch(`/candles/${encodeURIComponent(id)}`).catch(() => null);
  const data = answer?.ok ? await answer.json().catch(() => null) : null;
  candles.asked = null;
  if (chosenEvent()?.id !== id) return;
  if (candles.shown !== id || !data?.candles?.length) erase("candles");
  candles.shown = answer ? id : null; // What is not there is asked for again when it changes.
  if (data?.candles?.length) draw("candles", data, `Candles of ${chosenEvent().symbol} around its pump`);
  say($("no-candles"), data?.candles?.length ? "" : "There are no candles of this pump here yet.");
}
function drawMarket() {
  const { movers = [], bursts = [], counts = {}, symbols } = state.market;
  const told = Object.entries(counts).filter(([name, count]) => count && name !== "symbols");
  const most = Math.max(0.001, ...movers.map((mover) => Math.abs(mover.change_1m ?? 0)));
  put({ symbols: symbols ? `${whole(symbols)} symbols` : "" });
  put({ counts: told.map(([name, count]) => `${whole(count)} ${name.replaceAll("_", " ")}`).join(", ") });
  rows("movers", movers, (mover) => mover.symbol, (parts, mover, row) => {
    const { symbol, change_1m: change, usual_ratio: ratio } = mover, bursting = bursts.includes(symbol);
    const usual = known(ratio) ? `${fixed(ratio, ratio < 10 ? 1 : 0)}×` : NONE;
    const [turnover, five] = [amount(mover.turnover_1m), percent(mover.change_5m)];
    put({ symbol: symbol.replace(/USDT$/, ""), usual, turnover, five }, parts);
    outward(parts.symbol, state.about.chart_url, symbol);
    figure(parts.price, mover.price, price(mover.price));
    figure(parts.change, change, percent(change));
    parts.amount.style.width = `${(100 * Math.abs(change ?? 0)) / most}%`;
    row.classList.toggle("burst", bursting);
    row.title = bursting ? `${symbol} bursts` : symbol;
  });
  const wait = symbols ? "Only the rule boosted keeps prices between minutes." : "The first scan is awaited.";
  put({ "no-movers": movers.length ? "" : idle(wait) });
}
function drawJudged() {
  const { judged = [] } = state.market, key = ({ symbol, time, what }) => `${symbol} ${time} ${what}`;
  rows("judged", judged, key, (parts, { symbol, what, verdict, alarmed, time }, row) => {
    put({ symbol, what: alarmed ? "alarm" : what, verdict }, parts);
    ago(parts.time, time);
    row.classList.toggle("alarmed", Boolean(alarmed));
  });
  say($("no-judged"), judged.length ? "" : "No symbol was unusual enough to be judged.");
}
function drawHealth() {
  const { health, about } = state, { problems = [], version } = health;
  const figures = { source: about.name, version, requests: whole(health.requests), errors: whole(health.errors) };
  for (const name of ["lag", "tick", "scan"]) figures[name] = seconds(health[`${name}_seconds`]);
  const shown = Object.entries(figures).filter(([, value]) => value && value !== NONE);
  rows("health", shown, ([name]) => name, (parts, [name, value]) => put({ name, value }, parts));
  rows("problems", problems, (problem) => problem, (parts, problem, row) => say(row, problem));
}
function redraw() {
  drawSafety();
  if (document.hidden || link.awaited) return; // Nobody sees more than the title.
  for (const drawing of [drawAccount, drawPositions, drawEvents, drawEvent, drawMarket, drawJudged, drawHealth]) drawing();
}

// The stream
function listen() {
  link.stream?.close();
  const stream = new EventSource("/stream");
  Object.assign(link, { stream, heard: Date.now() });
  stream.addEventListener("state", (message) => hear(JSON.parse(message.data)));
  stream.addEventListener("candles", (message) => {
    const id = chosenEvent()?.id;
    if (!document.hidden && JSON.parse(message.data).ids.includes(id)) loadCandles(id);
  });
  stream.onerror = () => lose(stream);
}
async function lose(stream) {
  link.lost ??= Date.now();
  redraw();
  if (stream.readyState !== EventSource.CLOSED) return; // The browser tries again by itself.
  const answer = await fetch("/", { method: "HEAD" }).catch(() => null);
  link.refused = answer?.status === 403;
  setTimeout(() => stream === link.stream && listen(), RETRY);
}
function hear(sections) {
  const news = newsIn(sections);
  Object.assign(link, { heard: Date.now(), lost: null, refused: false, awaited: link.awaited && !sections.about });
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

// What a person does
const ASKED = {
  halt: () => ["Halt entries?", "From the next scan on nothing is opened. Open trades keep their stops and end as planned."],
  resume: (looked) => ["Resume entries?", `From the next scan on trades may be opened again. ${looked}`],
  close: (looked, { symbol, quantity, open_result: result }) =>
    [`Close ${symbol}?`, `The next run closes ${whole(quantity)} at market, now at ${signed(result)} USDT before costs.`],
};
function ask(action, position) {
  if (document.querySelector("dialog[open]")) return;
  const halting = action === "resume" ? state.safety.halting ?? [] : [];
  doing = { action, trades: position ? [position.id] : halting.map(({ id }) => id) };
  const looked = halting.map(({ symbol, reason }) => `You have looked at ${symbol}: ${reason}.`).join(" ");
  const [title, what] = ASKED[action](looked, position);
  put({ "ask-title": title, "ask-what": what, "ask-yes": title.replace("?", ""), "ask-problem": "" });
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
  if (!answer?.ok) return say($("ask-problem"), told?.problem ?? unknown);
  $("ask").close();
  say($("said"), told?.said ?? "Done.");
  $("said").animate([{ opacity: 1 }, { opacity: 1, offset: 0.9 }, { opacity: 0 }], { duration: 8 * SECOND, fill: "forwards" });
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

// Colours: as the system, until a person chooses
function paint() {
  root.scheme = localStorage.getItem("scheme") ?? (dark.matches ? "dark" : "light");
  Object.values(charts).forEach(({ chart, data }) => chart.update(data)); // They read the colours anew.
}
$("theme").onclick = () => {
  localStorage.setItem("scheme", root.scheme === "dark" ? "light" : "dark");
  paint();
};
$("halt").onclick = () => ask(entries());
$("keys").onclick = KEYS["?"];
$("ask-no").onclick = () => $("ask").close();
$("ask-reason").oninput = allow;
$("ask-form").onsubmit = act;
$("positions").onclick = ({ target }) => target.matches(".close") && ask("close", target.closest("li").item);
$("events").onclick = ({ target }) => target.closest("button") && choose(target.closest("li").item);
document.addEventListener("keydown", press);
document.addEventListener("visibilitychange", redraw);
dark.addEventListener("change", paint);
paint();
listen();
setInterval(tick, SECOND);
