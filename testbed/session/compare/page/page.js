"use strict";
// Draws the page that compares two sessions.

const result = data.result;
const time = new TimeAxis(data.span[0], data.span[1], "time");

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

function marks(signal) {
  return (chart) => {
    const { top, height } = chart.bbox, bottom = top + height, tick = 7 * devicePixelRatio;
    for (const letter of ["a", "b"]) {
      const base = letter === "a" ? bottom : bottom - tick;
      for (const [at, failed] of signal.commands[letter]) vertical(chart, at, base - tick, base, failed ? colour("bad") : colour("quiet"));
    }
    const fill = (event) => ({ info: colour(event.run), warning: colour("b"), error: colour("bad") })[event.level];
    for (const event of data.events) triangle(chart, event.t, top, tick, fill(event));
    if (result.first) vertical(chart, result.first.time_s, top, bottom, colour("bad"), 1.5);
  };
}

function band(tolerance) {
  return (chart) => tolerance && area(chart, -tolerance, tolerance, null, null, colour("band"));
}

function draw(signal, place) {
  const a = points(signal.curves.a), b = points(signal.curves.b), difference = points(signal.curves.difference);
  const width = place.clientWidth;
  const lines = [series("a", "a", signal.steps, 2.8), series("b", "b", signal.steps)];
  const both = new uPlot(options(width, 190, lines, time, { draw: [marks(signal)] }), uPlot.join([a, b]), place);
  const apart = new uPlot(options(width, 110, [series("b less a", "difference", signal.steps)], time, { drawClear: [band(signal.tolerance)] }), difference, place);
  time.add(both, apart);
}

function signals() {
  const list = document.getElementById("signals");
  const seen = onSight((place) => draw(data.signals[Number(place.dataset.index)], place));
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
