"use strict";
// Draws the page from the data in it. Whatever a device said is set as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const result = data.result;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const charts = [];

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined && text !== null) element.textContent = String(text);
  if (className) element.className = className;
  return element;
}

function table(headings, rows) {
  const made = make("table");
  const head = made.createTHead().insertRow();
  headings.forEach((heading) => head.append(heading instanceof Node ? heading : make("th", heading)));
  const body = made.createTBody();
  rows.forEach(({ cells, className }) => {
    const row = body.insertRow();
    row.className = className || "";
    cells.forEach((cell) => row.append(cell instanceof Node ? cell : make("td", cell)));
  });
  return made;
}

const number = (value, digits = 6) => (value === null || value === undefined ? "-" : Number(value.toPrecision(digits)));
const seconds = (value) => (value === null || value === undefined ? "" : `${value >= 0 ? "+" : ""}${value.toFixed(9)} s`);

// What was compared -------------------------------------------------------------------------------

function header() {
  document.getElementById("verdict").replaceWith(make("span", result.verdict, result.verdict));
  const runs = document.getElementById("runs");
  for (const letter of ["a", "b"]) {
    const run = result[letter];
    runs.append(make("dt", letter), make("dd", `${run.session}, ${run.started}, ${run.duration_s.toFixed(1)} s`));
  }
  const how = result.strict ? "strictly, every record with its time" : `records within ${result.within_s * 1000} ms of each other`;
  document.getElementById("scope").textContent =
    `Compared: ${result.compared.join(", ")}; ${how}. Not compared: ${result.not_compared.join(", ")}.`;
}

function findings() {
  const rows = [];
  const groups = { samples: result.signals, frames: result.frames, commands: result.commands, events: { events: result.events } };
  for (const [kind, found] of Object.entries(groups)) {
    for (const [name, each] of Object.entries(found)) {
      if (!each) continue;
      const cells = [kind, name];
      for (const key of ["a", "b", "missing", "extra", "differing"]) cells.push(make("td", each[key], "number"));
      cells.push(make("td", (each.max_shift_s * 1000).toFixed(3), "number"));
      for (const key of ["max_error", "max_error_at_s", "rms_error"]) cells.push(make("td", number(each[key]), "number"));
      cells.push(make("td", each.same ? "same" : "differs", each.same ? "same" : "differs"));
      rows.push({ cells });
    }
  }
  const numbers = ["a", "b", "missing", "extra", "differing", "max shift ms", "max error", "at s", "rms"];
  const headings = ["", "", ...numbers.map((heading) => make("th", heading, "number")), ""];
  document.getElementById("findings").append(table(headings, rows));
}

// The first difference ------------------------------------------------------------------------------

function told(record) {
  if (!record) return "";
  if (record.meaning !== undefined) return `${record.direction} ${record.meaning}`;
  if (record.text !== undefined) return `${record.source} ${record.kind}: ${record.text}`;
  return [record.value, record.quality, record.requester, record.outcome, record.reason].filter((word) => word || word === 0).join(" ");
}

function first() {
  const found = result.first;
  if (!found) return;
  const section = document.getElementById("first");
  section.hidden = false;
  const of = found.signal || found.device;
  section.append(make("h2", `First difference at ${seconds(found.time_s)}`));
  section.append(make("p", `${found.kind} ${found.record}${of ? ` of ${of}` : ""}: ${found.differs.map((key) => key.replace(/_s$/, "")).join(", ")}`));
  const places = around(found);
  section.append(table(["", "a", "", "b", ""], places));
  if (found.bytes.a || found.bytes.b) section.append(make("h3", "The bytes behind it"), bytes(found.bytes));
}

function around(found) {
  const { a, b } = found.around;
  const shift = (b[0]?.record ?? 0) - (a[0]?.record ?? 0);
  const here = found.expected ? found.expected.record : found.came.record - shift;
  const left = new Map(a.map((record) => [record.record, record]));
  const right = new Map(b.map((record) => [record.record - shift, record]));
  return [...new Set([...left.keys(), ...right.keys()])].sort((x, y) => x - y).map((place) => ({
    cells: [place, seconds(left.get(place)?.time_s), told(left.get(place)), seconds(right.get(place)?.time_s), told(right.get(place))],
    className: place === here ? "here" : "",
  }));
}

function bytes(found) {
  const frame = (side, key) => make("td", found[side]?.[key] ?? "", key === "bytes" ? "bytes" : "");
  const rows = ["direction", "bytes", "meaning"].map((key) => ({ cells: [key, frame("a", key), frame("b", key)] }));
  for (const field of found.fields) rows.push({ cells: [field.field, field.a, field.b], className: field.same ? "" : "differs" });
  return table(["", "a", "b"], rows);
}

// Charts --------------------------------------------------------------------------------------------

function unpack(text, type) {
  return new type(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}

function points(curve) {
  return [Array.from(unpack(curve.t, Float64Array)), Array.from(unpack(curve.v, Float32Array), (value) => (Number.isNaN(value) ? null : value))];
}

function series(label, name, steps, width = 1.3) {
  const paths = steps ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
  return { label, stroke: colour(name), width, points: { show: false }, value: (_, value) => number(value), ...paths };
}

// All charts show the same time: what one is zoomed to, the others are.
let shown = { min: data.span[0], max: data.span[1] };
let following = false;
function follow(chart) {
  if (following) return;
  following = true;
  shown = { min: chart.scales.x.min, max: chart.scales.x.max };
  for (const other of charts) if (other !== chart) other.setScale("x", shown);
  following = false;
}

function options(width, height, lines, hooks) {
  const axis = { stroke: colour("text"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
  return {
    width, height, series: [{ label: "s", value: (_, value) => (value === null ? "-" : value.toFixed(4)) }, ...lines],
    scales: {
      x: { time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
      y: { range: (_, low, high) => (low === high ? [low - 1, high + 1] : uPlot.rangeNum(low, high, 0.1, true)) },
    },
    axes: [axis, { ...axis, size: 70, space: 24 }],
    cursor: { sync: { key: "time", setSeries: false }, drag: { x: true, y: false }, points: { size: 5 } },
    hooks: { setScale: [(chart, key) => key === "x" && follow(chart)], ...hooks },
  };
}

function vertical(chart, at, top, bottom, stroke, width = 1) {
  const x = chart.valToPos(at, "x", true);
  if (!(x >= chart.bbox.left && x <= chart.bbox.left + chart.bbox.width)) return;
  chart.ctx.strokeStyle = stroke;
  chart.ctx.lineWidth = width * devicePixelRatio;
  chart.ctx.beginPath();
  chart.ctx.moveTo(x, top);
  chart.ctx.lineTo(x, bottom);
  chart.ctx.stroke();
}

function marks(signal) {
  return (chart) => {
    const { top, height } = chart.bbox, bottom = top + height, tick = 7 * devicePixelRatio;
    for (const letter of ["a", "b"]) {
      const base = letter === "a" ? bottom : bottom - tick;
      for (const [at, failed] of signal.commands[letter]) vertical(chart, at, base - tick, base, failed ? colour("bad") : colour("quiet"));
    }
    for (const event of data.events) triangle(chart, event, top, tick);
    if (result.first) vertical(chart, result.first.time_s, top, bottom, colour("bad"), 1.5);
  };
}

function triangle(chart, event, top, size) {
  const x = chart.valToPos(event.t, "x", true);
  if (!(x >= chart.bbox.left && x <= chart.bbox.left + chart.bbox.width)) return;
  chart.ctx.fillStyle = { info: colour(event.run), warning: colour("b"), error: colour("bad") }[event.level];
  chart.ctx.beginPath();
  chart.ctx.moveTo(x - size / 2, top);
  chart.ctx.lineTo(x + size / 2, top);
  chart.ctx.lineTo(x, top + size);
  chart.ctx.fill();
}

function band(tolerance) {
  return (chart) => {
    if (!tolerance) return;
    const { left, top, width, height } = chart.bbox;
    const high = Math.max(chart.valToPos(tolerance, "y", true), top);
    const low = Math.min(chart.valToPos(-tolerance, "y", true), top + height);
    chart.ctx.fillStyle = colour("band");
    chart.ctx.fillRect(left, high, width, low - high);
  };
}

function draw(signal, place) {
  const a = points(signal.curves.a), b = points(signal.curves.b), difference = points(signal.curves.difference);
  const width = place.clientWidth;
  const lines = [series("a", "a", signal.steps, 2.8), series("b", "b", signal.steps)];
  const both = new uPlot(options(width, 190, lines, { draw: [marks(signal)] }), uPlot.join([a, b]), place);
  const apart = new uPlot(options(width, 110, [series("b less a", "difference", signal.steps)], { drawClear: [band(signal.tolerance)] }), difference, place);
  following = true; // what is drawn now must not zoom the others out
  for (const chart of [both, apart]) chart.setScale("x", shown);
  charts.push(both, apart);
  following = false;
  document.body.dataset.drawn = String(charts.length);
}

function signals() {
  const list = document.getElementById("signals");
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      draw(data.signals[Number(entry.target.dataset.index)], entry.target);
    }
  }, { rootMargin: "600px" });
  data.signals.forEach((signal, index) => {
    const found = result.signals[signal.name];
    const box = make("article", undefined, "signal");
    const head = make("header");
    head.append(make("h3", `${signal.name}${signal.unit ? ` in ${signal.unit}` : ""}`), make("span", signal.title, "quiet"));
    if (found) {
      const error = `max error ${number(found.max_error)}, rms ${number(found.rms_error)}, max shift ${(found.max_shift_s * 1000).toFixed(3)} ms`;
      head.append(make("span", found.same ? "same" : "differs", found.same ? "same" : "differs"), make("span", error, "quiet"));
    }
    const place = make("div", undefined, "chart");
    place.dataset.index = String(index);
    box.dataset.same = String(!found || found.same);
    box.append(head, place);
    list.append(box);
    seen.observe(place);
  });
  document.getElementById("differing").addEventListener("change", (event) => {
    for (const box of list.children) box.hidden = event.target.checked && box.dataset.same === "true";
  });
}

function events() {
  const rows = [...data.events].sort((x, y) => x.t - y.t).map((event) => ({
    cells: [seconds(event.t), event.run, make("td", event.level, event.level), event.source, event.kind, event.text],
  }));
  document.getElementById("events").append(table(["time", "", "level", "source", "event", ""], rows));
}

header();
first();
signals();
findings();
events();
