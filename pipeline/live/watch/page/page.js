// The status page of a desk: hears its events, draws what they tell, and asks it to halt or to resume.

import { Chart, add } from "./chart.js";

const KEPT = 4096, SILENT = 5000, AGAIN = 1000;
const REGIMES = ["#4a90d9", "#8bb8e0", "#d8b13c", "#e08a3a", "#d05a4a", "#a3323f"];
const $ = (id) => document.getElementById(id);
const state = { decisions: [], fills: [], orders: [], turns: [], lines: [], status: null, desk: null };
let token = "", person = "", last = "", heard = 0, charts = null, lost = "", due = false;

// --- what is heard ---------------------------------------------------------------------------------------

async function listen() {
  for (;;) {
    try {
      const answer = await fetch("events", { headers: { ...(last && { "Last-Event-ID": last }), ...bearer() } });
      if (answer.status === 401) { await forToken(); continue; }
      if (!answer.ok) throw new Error(`the desk answers ${answer.status}`);
      await read(answer.body.getReader());
      lost = "the desk has ended, or its page is served no more";
    } catch (error) {
      lost = error instanceof TypeError ? "the desk does not answer" : error.message;
    }
    show();
    await new Promise((done) => setTimeout(done, AGAIN));
  }
}

async function read(reader) {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const events = text.split("\n\n");
    text = events.pop();
    for (const event of events) {
      const fields = Object.fromEntries(event.split("\n").map((row) => [row.slice(0, row.indexOf(":")), row.slice(row.indexOf(":") + 2)]));
      if (fields.event === "fault") throw new Error(JSON.parse(fields.data));
      take(JSON.parse(fields.data));
      last = fields.id;
    }
  }
}

function take(news) {
  if (news.first) Object.assign(state, { decisions: [], fills: [], orders: [], turns: [], lines: [], desk: news.desk });
  for (const name of ["decisions", "fills"]) if (news[name]) state[name] = state[name].concat(news[name]).slice(-KEPT);
  for (const name of ["orders", "turns", "lines", "status"]) if (news[name]) state[name] = news[name];
  heard = Date.now();
  lost = "";
  if (!due) { due = true; requestAnimationFrame(() => { due = false; show(); }); }
}

const bearer = () => token ? { Authorization: `Bearer ${token}` } : {};

// --- numbers and times -----------------------------------------------------------------------------------

const MINUS = "−";
const inWords = (value, how) => value === null || value === undefined ? "–" : value.toLocaleString("en", { signDisplay: "negative", ...how }).replace("-", MINUS);
const number = (value, digits = 6) => inWords(value, { maximumSignificantDigits: digits });
const short = (value) => inWords(value, { maximumSignificantDigits: 4, notation: Math.abs(value) >= 1e6 ? "compact" : "standard" });
const fixed = (value, digits = 2, more = {}) => inWords(value, { minimumFractionDigits: digits, maximumFractionDigits: digits, ...more });
const signed = (value, digits = 2) => fixed(value, digits, { signDisplay: "exceptZero" });
const percent = (value, digits = 1) => value === null || value === undefined ? "–" : `${fixed(100 * value, digits)} %`;
const bps = (value) => value === null || value === undefined ? "–" : `${fixed(1e4 * value, 2)} bps`;
function axis(value, step) {
  if (step === undefined) return number(value);
  const digits = [0, 1, 2, 3, 4, 5, 6, 7].find((each) => Math.abs(step * 10 ** each - Math.round(step * 10 ** each)) < 1e-6);
  return fixed(value, digits ?? 8);
}
const zone = () => state.desk?.zone || "UTC";
function clock(time, span) {
  const day = span > 2 * 86400000 ? { month: "short", day: "numeric" } : {};
  const rest = { hour: "2-digit", minute: "2-digit", ...(span < 1800000 && { second: "2-digit" }) };
  return new Date(time).toLocaleString("en-GB", { timeZone: zone(), ...day, ...rest });
}
const sameDay = (a, b) => new Date(a).toLocaleDateString("en-GB", { timeZone: zone() }) === new Date(b).toLocaleDateString("en-GB", { timeZone: zone() });
const recent = (time) => state.status.newest && sameDay(time, state.status.newest) ? clock(time, 0) : moment(time);
const moment = (time) => new Date(time).toLocaleString("en-GB", {
  timeZone: zone(), year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

// --- what is drawn ---------------------------------------------------------------------------------------

const first = (name) => (point) => point[name]?.[0], low = (name) => (point) => point[name]?.[1], high = (name) => (point) => point[name]?.[2];
function specs() {
  const pnl = (name) => (point) => point[name] === undefined ? null : point[name] - base[name];
  const both = (point) => point.hedge === undefined ? null : point.hedge + point.options - base.hedge - base.options;
  return {
    position: { zero: true, format: axis, series: [
      { name: "band", kind: "area", step: true, color: "--band", lower: (p) => p.lower, upper: (p) => p.upper },
      { name: "delta", kind: "line", step: true, color: "--alt", width: 1, dash: [4, 3], y: (p) => p.delta },
      { name: "position", kind: "line", step: true, color: "--main", y: (p) => p.position },
    ] },
    pnl: { zero: true, format: axis, series: [
      { name: "options", kind: "line", color: "--alt", width: 1, y: pnl("options") },
      { name: "hedge", kind: "line", color: "--dim", width: 1, y: pnl("hedge") },
      { name: "both", kind: "line", color: "--main", y: both },
    ] },
    mid: { format: axis, series: [
      { name: "mid", kind: "line", step: true, color: "--main", width: 1.2, y: (p) => p.mid },
      { name: "▲ bought  ▼ sold", kind: "dots" },
    ] },
    vol: { zero: true, format: (value, step) => percent(value, step && step < 0.01 ? 1 : step ? 0 : 1), series: [
      { name: "interval", kind: "area", color: "--band", lower: low("vol"), upper: high("vol") },
      { name: "mark", kind: "line", color: "--alt", width: 1, dash: [4, 3], y: (p) => p.implied },
      { name: "forecast", kind: "line", color: "--main", y: first("vol") },
    ] },
    cost: { zero: true, format: (value, step) => step ? axis(1e4 * value, 1e4 * step) + " bp" : bps(value), series: [
      { name: "interval", kind: "area", color: "--band", lower: low("cost"), upper: high("cost") },
      { name: "forecast", kind: "line", color: "--main", y: first("cost") },
    ] },
  };
}
let base = { hedge: 0, options: 0 };

function regimes() {
  const names = Object.keys(state.decisions.findLast((each) => each.regimes)?.regimes || {});
  const upto = (count) => (point) => point.regimes ? names.slice(0, count).reduce((sum, name) => sum + point.regimes[name], 0) : null;
  return { share: true, format: (value) => percent(value, 0), series: names.map((name, k) => ({
    name, kind: "area", step: true, color: REGIMES[Math.round(k * (REGIMES.length - 1) / Math.max(1, names.length - 1))],
    lower: upto(k), upper: upto(k + 1), tell: (point) => percent(point.regimes?.[name], 0),
  })) };
}

function show() {
  const { status } = state;
  showLink();
  if (!status) return;
  if (!charts) charts = Object.fromEntries(Object.entries({ ...specs(), regimes: regimes() }).map(
    ([name, spec]) => [name, new Chart(document.querySelector(`[data-chart=${name}]`), spec, clock)]));
  charts.regimes.spec = regimes();
  const opened = state.decisions.find((each) => each.hedge !== undefined);
  base = opened ? { hedge: opened.hedge, options: opened.options } : base;
  const none = status.running ? "No decision yet." : "The journal keeps no decision of this desk yet.";
  const unkept = !status.running && state.decisions.length ? "Known while the desk runs: its journal does not keep it." : none;
  const [from, to] = [state.decisions[0]?.at, state.decisions.at(-1)?.at];
  for (const [name, each] of Object.entries(charts))
    each.show(state.decisions, state.fills.filter((mark) => mark.at >= from && mark.at <= to + 60000), ["position", "mid"].includes(name) ? none : unkept);
  showHead(status);
  showHeld(status);
  showFigures(status);
  showAttribution(status);
  showLimits(status);
  showHealth(status);
  showDrift(status);
  showOrders();
  showLog();
}

function showLink() {
  const place = $("link"), running = state.status?.running;
  const silent = heard && Date.now() - heard > SILENT;
  const [name, text] = lost || silent ? ["lost", lost ? "not connected" : "silent"]
    : !heard ? ["", "connecting"] : running ? ["live", "live"] : ["rest", "does not run"];
  place.className = `link ${name}`;
  place.lastElementChild.textContent = text;
  place.title = lost;
}

function showHead(status) {
  const { risk } = status;
  document.title = `${status.name}: ${risk.state}`;
  $("name").textContent = status.name;
  $("risk").textContent = `${lost ? "was " : ""}${risk.state}`.toUpperCase();
  $("risk").className = lost ? "pill" : `pill ${risk.state}`;
  $("clock").textContent = status.newest ? `last decision ${moment(status.newest)} ${zone()}` : "no decision yet";
  $("resume").hidden = risk.state === "active";
  $("halt").textContent = risk.state === "halted" ? "Cancel again…" : "Halt…";
  const banner = $("banner"), said = [];
  if (risk.state !== "active") said.push(`${risk.state === "halted" ? "Halted" : "Only reducing"} by ${risk.who}: ${risk.why} (${moment(risk.at)})`);
  if (lost) said.push(`What is shown may be old: ${lost}. Trying again.`);
  const faults = status.feed.filter((each) => each.fault).map((each) => `${each.name} ${each.value}`);
  if (faults.length && !lost) said.push(`Feed: ${faults.join(", ")}`);
  if (!said.length && !status.running) said.push("This desk does not run. What is shown is what its journal knows; a halt is written there and holds when it starts.");
  banner.textContent = said.join(" · ");
  banner.hidden = !said.length;
  banner.className = `banner ${lost || risk.state === "halted" ? "" : risk.state === "reducing" || faults.length ? "reducing" : "note"}`;
  $("foot").textContent = [state.desk.description, status.model && `Models: ${status.model}`, `Times are ${zone()}.`].filter(Boolean).join(" · ");
}

function showHeld({ held, name, newest, running }) {
  $("held").hidden = !held;
  if (!held) return;
  const place = $("held-told");
  if (place.request !== held.request) place.replaceChildren();  // what is selected to be copied stays otherwise
  place.request = held.request;
  const [order, until, stands, how] = ["p", "p", "p", "p"].map((kind, k) => place.children[k] || add(place, kind));
  order.className = "order";
  order.textContent = `${held.order}: ${held.why}`;
  const left = Math.max(0, Math.round((held.deadline - (newest ?? held.at)) / 1000));
  until.textContent = !running ? "The desk does not run: it asks again when it starts."
    : `Answer until ${recent(held.deadline)}, ${left < 120 ? `${left} s` : `${Math.round(left / 60)} min`} from the last decision on; silence means no.`;
  if (stands.told !== `${held.stands} ${held.fault} ${held.page}`) {
    stands.told = `${held.stands} ${held.fault} ${held.page}`;
    stands.replaceChildren([held.stands && `The question is ${held.stands}.`, held.fault && `Nobody can be asked: ${held.fault}.`].filter(Boolean).join(" "), " ");
    stands.className = held.fault ? "bad" : "";
    if (/^https?:/.test(held.page || "")) {
      const link = add(stands, "a");
      link.href = held.page;
      link.target = "_blank";
      link.rel = "noopener";
      link.textContent = "Answer it in Prefect: Resume shows the form";
    }
  }
  if (!how.childNodes.length) {
    how.append("Or in a terminal: ");
    add(how, "code").textContent = `hedge approve ${name} --approve --reason "…"`;
    how.append(", or with ");
    add(how, "code").textContent = "--reduce UNITS";
    how.append(" or ");
    add(how, "code").textContent = "--reject";
  }
}

function showFigures(status) {
  const point = state.decisions.at(-1) || {};
  const band = point.lower === undefined ? "–" : point.lower === null ? "open" : `${number(point.lower, 4)} … ${number(point.upper, 4)}`;
  const total = status.explained && sum(status.explained.options) + sum(status.explained.hedge);
  const found = [
    [number(status.position), `${status.instrument} held`, status.working.length ? `${status.working.length} working` : "nothing working"],
    [band, "band", point.left ? `option ends in ${point.left} decisions` : "no option open"],
    [total === undefined || total === null ? "–" : signed(total), "P&L since this start", status.explained ? "options at their marks" : "known while it runs"],
    [number(status.orders), "orders", `${number(status.fills)} fills`],
    [fixed(status.traded, 0), "traded", `fees ${fixed(status.fees)}`],
    [number(status.decisions), "decisions", status.running ? "since this start" : "in the journal"],
  ];
  $("figures").replaceChildren(...found.map(([value, name, more]) => {
    const item = document.createElement("div");
    item.className = "figure";
    add(item, "span").textContent = name;
    add(item, "b").textContent = value;
    add(item, "small").textContent = more;
    return item;
  }));
}

const sum = (found) => Object.values(found).reduce((total, each) => total + each, 0);
const NAMES = {
  delta: "delta", gamma: "gamma", theta: "theta", vega: "vega, vanna, volga", rest: "not explained, option ends",
  price: "price", slippage: "spread, impact, delay", fees: "fees", funding: "funding",
};

function showAttribution({ explained, running }) {
  if (!explained) return nothing("attribution", running ? "No decision yet." : "Known while the desk runs.");
  const rows = [], most = Math.max(...Object.values({ ...explained.options, ...explained.hedge }).map(Math.abs));
  const money = (value) => ({ text: signed(value, most < 10 ? 4 : 2), name: "number" });
  for (const [side, title] of [["options", "Options"], ["hedge", "Hedge"]]) {
    rows.push({ group: [title] });
    for (const [name, value] of Object.entries(explained[side])) rows.push({ cells: [NAMES[name], money(value)] });
  }
  const total = sum(explained.options) + sum(explained.hedge);
  rows.push({ sum: true, cells: ["Total", money(total)] });
  table("attribution", ["", "!money"], rows);
}

function showLimits({ limits, running }) {
  if (!limits) return nothing("limits", running ? "No decision yet." : "Known while the desk runs.");
  if (!limits.length) return nothing("limits", "No limits are set: the desk file has no [overlay].");
  table("limits", ["rule", "!now", "!limit", "used", "then"], limits.map((each) => {
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = Math.min(each.share ?? 1, 1);
    const asks = each.soft !== null && each.value > each.soft;
    bar.className = each.share === null || each.share > 1 ? "over" : asks || each.share > 0.8 ? "near" : "";
    const used = document.createElement("div");
    used.className = "used";
    used.append(bar);
    add(used, "span").textContent = percent(each.share, 0);
    return { cells: [each.rule.replaceAll("_", " "), { text: short(each.value), name: "number" }, { text: short(each.limit), name: "number" }, used, each.soft === null ? each.action : `${each.action}, asks from ${short(each.soft)}`] };
  }));
}

function showHealth(status) {
  const rows = [];
  if (status.age !== undefined) rows.push(["newest quote at the last decision", `${number(status.age, 3)} s old`]);
  if (status.outside !== undefined) rows.push(["inputs outside their training range", percent(status.outside)]);
  if (status.took) rows.push(["a decision took, median and 99 %", `${micro(status.took.median)}, ${micro(status.took.p99)}`]);
  for (const each of status.feed) rows.push([each.name, { text: each.value, name: each.fault ? "bad" : "" }]);
  if (status.running) rows.push(["heard from the desk", Date.now() - heard < 1500 ? "now" : `${number((Date.now() - heard) / 1000, 2)} s ago`]);
  rows.push(["reports that nothing explains", { text: number(status.unexplained), name: status.unexplained ? "bad" : "" }]);
  if (!status.running) rows.push(["feed and latency", "known while the desk runs"]);
  table("health", [], rows.map((cells) => ({ cells })));
}

const micro = (seconds) => seconds < 0.01 ? `${number(1e6 * seconds, 3)} µs` : `${number(1e3 * seconds, 3)} ms`;

function showDrift({ drift, running }) {
  if (!drift.length) return nothing("drift", running ? "No monitor watches this desk." : "Known while the desk runs.");
  const loud = (each) => ["critical", "warning"].indexOf(each.severity) >>> 0;  // what says nothing comes last
  table("drift", ["monitor", "!value", "says"], [...drift].sort((a, b) => loud(a) - loud(b)).map((each) => ({ cells: [
    { text: each.name, name: "text" }, { text: number(each.value, 3), name: "number" },
    { text: each.said || "quiet", name: { warning: "text warn", critical: "text bad" }[each.severity] || "text" },
  ] })));
}

function showOrders() {
  if (!state.orders.length) return nothing("orders", "No order was sent yet.");
  table("orders", ["decided", "side", "!filled", "!of", "!price", "standing"], state.orders.map((each) => ({ cells: [
    { text: recent(each.at), name: "time", title: moment(each.at) },
    { text: each.quantity > 0 ? "buy" : "sell", name: each.quantity > 0 ? "buy" : "sell" },
    { text: number(Math.abs(each.filled)), name: "number" }, { text: number(Math.abs(each.quantity)), name: "number" },
    { text: number(each.price, 8), name: "number" }, { text: [each.standing, each.text].filter(Boolean).join(": "), name: "text", title: each.id },
  ] })));
}

function showLog() {
  // A person's halt is a turn of the risk state and a line of the audit: it is shown once.
  const rows = [
    ...state.turns.filter((each) => !state.lines.some((line) => line.who === each.who && line.why === each.why)).map((each) => ({ at: each.at, who: each.who, what: `→ ${each.state}`, why: each.why, name: { halted: "bad", reducing: "warn", active: "good" }[each.state] })),
    ...state.lines.map((each) => ({ ...each, name: "" })),
  ].sort((a, b) => b.at - a.at);
  const list = document.createElement("ul");
  for (const each of rows) {
    const item = add(list, "li"), head = add(item, "div");
    add(head, "b").textContent = each.who;
    add(head, "span", each.name).textContent = ` ${each.what} `;
    const when = add(head, "time");
    when.textContent = recent(each.at);
    when.title = moment(each.at);
    add(item, "p").textContent = each.why;
  }
  $("log").replaceChildren(list);
}

function nothing(id, why) {
  const told = document.createElement("p");
  told.className = "empty";
  told.textContent = why;
  $(id).replaceChildren(told);
}

function table(id, heads, rows) {
  const place = $(id), made = document.createElement("table");
  if (heads.length) {
    const head = add(add(made, "thead"), "tr");
    for (const each of heads) add(head, "th", each.startsWith("!") ? "number" : "").textContent = each.replace("!", "");
  }
  const body = add(made, "tbody");
  for (const row of rows) {
    const line = add(body, "tr", row.group ? "group" : row.sum ? "sum" : "");
    for (const cell of row.group || row.cells) {
      const item = add(line, "td", cell?.name || "");
      if (cell instanceof Node) item.append(cell); else item.textContent = cell?.text ?? cell ?? "";
      if (cell?.title) item.title = cell.title;
      if (row.group) item.colSpan = heads.length;
    }
  }
  const [x, y] = [place.scrollLeft, place.scrollTop];
  place.replaceChildren(made);
  place.scrollTo(x, y);
}

// --- what is asked ---------------------------------------------------------------------------------------

function ask(wish) {
  const dialog = $("ask"), halted = state.status?.risk.state === "halted";
  dialog.wish = wish;
  $("ask-title").textContent = wish === "halt" ? `Halt ${state.status?.name ?? ""}` : `Resume ${state.status?.name ?? ""}`;
  $("ask-said").textContent = wish === "resume" ? "The desk trades again at its next decision."
    : halted ? "The desk has halted. Orders that still work are cancelled once more."
    : "Nothing is sent any more, and working orders are cancelled. The position stays. It holds through a restart, until a person resumes.";
  $("ask-go").textContent = wish === "halt" ? (halted ? "Cancel again" : "Halt") : "Resume";
  $("ask-go").className = wish === "halt" ? "halt" : "plain";
  $("ask-token-label").hidden = Boolean(token);
  $("ask-token").required = !token;
  $("ask-person").value ||= person;
  $("ask-reason").value = "";
  fault("");
  dialog.showModal();
  $("ask-reason").focus();
}

function fault(said) {
  $("ask-fault").textContent = said;
  $("ask-fault").hidden = !said;
}

async function send(event) {
  event.preventDefault();
  const told = token || $("ask-token").value.trim();
  person = $("ask-person").value.trim();
  $("ask-go").disabled = true;
  try {
    const answer = await fetch($("ask").wish, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${told}` },
      body: JSON.stringify({ person, reason: $("ask-reason").value.trim().replace(/\s+/g, " ") }),
    });
    if (answer.status === 401) {
      token = "";
      $("ask-token-label").hidden = false;
      $("ask-token").required = true;
      return fault("That is not the desk's token.");
    }
    token = told;
    $("ask-token").value = "";
    if (!answer.ok) return fault((await answer.json().catch(() => ({}))).error || `The desk answers ${answer.status}.`);
    state.status.risk = (await answer.json()).risk;
    $("ask").close();
    show();
  } catch {
    fault("The desk does not answer. Halt it in a terminal: hedge halt.");
  } finally {
    $("ask-go").disabled = false;
  }
}

function forToken() {
  const dialog = $("ask");
  $("ask-title").textContent = "Token";
  $("ask-said").textContent = "This desk shows itself to those who know its token.";
  dialog.wish = "";
  for (const id of ["ask-reason", "ask-person"]) { $(id).required = false; $(id).parentElement.hidden = true; }
  $("ask-go").textContent = "Show";
  $("ask-go").className = "plain";
  $("ask-token-label").hidden = false;
  fault(token ? "That is not the desk's token." : "");
  dialog.showModal();
  return new Promise((done) => {
    dialog.onclose = () => {
      token = $("ask-token").value.trim();
      $("ask-token").value = "";
      for (const id of ["ask-reason", "ask-person"]) { $(id).required = true; $(id).parentElement.hidden = false; }
      dialog.onclose = null;
      done();
    };
  });
}

$("halt").addEventListener("click", () => ask("halt"));
$("resume").addEventListener("click", () => ask("resume"));
$("ask-cancel").addEventListener("click", () => $("ask").close());
$("ask-form").addEventListener("submit", (event) => {
  if ($("ask").wish) send(event); else { event.preventDefault(); $("ask").close(); }
});
setInterval(() => { showLink(); if (state.status) showHealth(state.status); }, 1000);
listen();
