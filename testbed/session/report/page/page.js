"use strict";
// Draws the report of a run.

const signed = (value, unit) => (value === null || value === undefined ? "-" : `${value > 0 ? "+" : ""}${number(value, 4)}${unit ? ` ${unit}` : ""}`);
const percent = (share) => `${number(share * 100, 3)} %`;
const word = (verdict) => make("td", verdict, verdict.replace(" ", "-"));
const right = (value) => make("td", value, "number");
const head = (text) => make("th", text, "number");

function link(text, target) {
  const made = make("a", text);
  made.href = `#${target}`;
  return made;
}

function cell(...parts) {
  const made = make("td");
  made.append(...parts);
  return made;
}

function list(pairs) {
  const made = make("dl");
  for (const [name, value] of pairs) if (value !== null && value !== undefined && value !== "") made.append(make("dt", name), make("dd", value));
  return made;
}

// The whole run -----------------------------------------------------------------------------------

function heading() {
  document.title = `${data.title}: ${data.verdict}`;
  document.getElementById("title").textContent = data.title;
  const verdict = document.getElementById("verdict");
  verdict.textContent = data.verdict;
  verdict.className = data.verdict;
  const counts = Object.entries(data.counts).filter(([, count]) => count).map(([outcome, count]) => `${count} ${outcome}`);
  document.getElementById("counts").textContent = `${data.tests.length} ${data.tests.length === 1 ? "test" : "tests"}: ${counts.join(", ")}`;
}

function failures() {
  const section = document.getElementById("failures"), items = section.querySelector("ul");
  data.tests.forEach((test, index) => {
    if (test.outcome !== "failed" && test.outcome !== "blocked") return;
    const item = make("li");
    item.append(link(test.name, `t${index}`));
    test.expectations.forEach((expected, place) => {
      if (expected.verdict === "passed") return;
      const line = make("p");
      line.append(make("span", expected.verdict, expected.verdict), " ", link(expected.text, `t${index}-e${place}`), ` ${expected.detail}`);
      item.append(line);
    });
    for (const each of test.measurements) if (!each.passed) item.append(make("p", `${each.name}: ${value(each)}, allowed ${limits(each)}`));
    if (test.message) item.append(make("p", test.message.trim().split("\n")[0]));
    items.append(item);
  });
  section.hidden = !items.children.length;
}

function tests() {
  const rows = data.tests.map((test, index) => ({
    cells: [
      cell(link(test.name, `t${index}`)), word(test.outcome), right(test.seconds.toFixed(2)),
      right(test.margin ? signed(test.margin.value, test.margin.unit) : "-"), test.margin ? test.margin.what : "",
    ],
  }));
  document.getElementById("tests").append(table(["test", "outcome", head("s"), head("nearest margin"), "of"], rows));
}

function rates() {
  if (!data.rates.length) return;
  const rows = data.rates.map((rate) => ({
    cells: [
      rate.name, rate.flaky ? make("td", "flaky", "warning") : word(rate.passed ? "passed" : "failed"), right(`${rate.passed} of ${rate.runs}`),
      right(percent(rate.rate)), right(`${percent(rate.low)} to ${percent(rate.high)}`), cell(...rate.entries.flatMap((index, n) => [link(n + 1, `t${index}`), " "])),
    ],
  }));
  const note = make("p", `Intervals of the pass probability at ${percent(data.rates[0].confidence)} confidence (Clopper and Pearson).`, "quiet");
  show("rates", table(["test", "", head("passed"), head("rate"), head("interval"), "runs"], rows), note);
}

function sweeps() {
  const groups = new Map();
  data.tests.forEach((test, index) => {
    if (!Object.keys(test.parameters).length) return;
    const name = test.name.replace(/\[.*\]$/, "");
    groups.set(name, [...(groups.get(name) || []), { test, index }]);
  });
  for (const [name, runs] of groups) {
    const parameters = [...new Set(runs.flatMap(({ test }) => Object.keys(test.parameters)))];
    const measured = [...new Set(runs.flatMap(({ test }) => test.measurements.map((each) => each.name)))];
    const rows = runs.map(({ test, index }) => ({
      cells: [
        cell(link(index + 1, `t${index}`)), ...parameters.map((key) => right(parameter(test.parameters[key]))), word(test.outcome),
        right(test.margin ? signed(test.margin.value, test.margin.unit) : "-"),
        ...measured.map((key) => right(value(test.measurements.find((each) => each.name === key)))),
      ],
    }));
    show("sweeps", make("h3", name), table(["", ...parameters.map(head), "outcome", head("nearest margin"), ...measured.map(head)], rows));
  }
}

const parameter = (given) => (typeof given === "number" ? number(given) : (given ?? ""));

function requirements() {
  if (!data.requirements.length) return;
  const rows = data.requirements.flatMap((trace) => {
    const about = [trace.id, trace.listed ? trace.text : make("td", "is in no list", "warning"), word(trace.verdict)];
    if (!trace.tests.length) return [{ cells: [...about, "", "", ""] }];
    return trace.tests.map((index, n) => {
      const test = data.tests[index];
      return { cells: [...(n ? ["", "", ""] : about), cell(link(test.name, `t${index}`)), right(test.margin ? signed(test.margin.value, test.margin.unit) : "-"), test.session || ""] };
    });
  });
  show("requirements", table(["requirement", "", "verdict", "test", head("nearest margin"), "session"], rows));
}

function show(id, ...parts) {
  const section = document.getElementById(id);
  section.hidden = false;
  section.append(...parts);
}

// One test ----------------------------------------------------------------------------------------

const value = (each) => (each ? `${number(each.value)}${each.unit ? ` ${each.unit}` : ""}` : "");
const limits = (each) => `${each.low === null ? "" : number(each.low)} .. ${each.high === null ? "" : number(each.high)}${each.unit ? ` ${each.unit}` : ""}`;
const times = []; // the time axis of each test

function runs() {
  const drawn = onSight(({ dataset }) => draw(Number(dataset.test), Number(dataset.chart)));
  data.tests.forEach((test, index) => {
    const article = make("article", undefined, "run"), details = make("details"), summary = make("summary");
    article.id = `t${index}`;
    summary.append(make("span", test.outcome, test.outcome), ` ${test.name} `, make("span", `${test.seconds.toFixed(2)} s`, "quiet"));
    details.open = test.outcome === "failed" || data.tests.length === 1;
    details.append(summary);
    if (test.message) details.append(make("pre", test.message));
    expectations(details, test, index);
    measurements(details, test);
    if (test.run) run(details, test, index, drawn);
    article.append(details);
    document.getElementById("runs").append(article);
  });
}

function expectations(place, test, index) {
  if (!test.expectations.length) return;
  const rows = test.expectations.map((each, n) => {
    const where = test.run ? test.run.places[n] : {};
    const at = where.at === null || where.at === undefined ? "" : link(seconds(where.at, 3), `t${index}-e${n}`);
    return { cells: [each.text, word(each.verdict), right(signed(each.margin, each.unit)), each.detail, cell(at), cell(make("code", where.why))] };
  });
  const made = table(["expectation", "verdict", head("margin"), "", "at", "the bytes there"], rows);
  [...made.tBodies[0].rows].forEach((row, n) => { row.id = `t${index}-e${n}`; });
  place.append(make("h3", "Expectations"), made);
}

function measurements(place, test) {
  if (!test.measurements.length) return;
  const rows = test.measurements.map((each) => ({
    cells: [each.name, right(value(each)), right(limits(each)), right(signed(each.margin, each.unit)), word(each.passed ? "passed" : "failed")],
  }));
  place.append(make("h3", "Measurements"), table(["measurement", head("value"), head("allowed"), head("margin"), ""], rows));
}

function run(place, test, index, drawn) {
  const told = test.run;
  times[index] = new TimeAxis(0, Math.max(told.duration_s, 1e-9), `t${index}`);
  place.append(make("h3", "Signals"), key());
  told.charts.forEach((chart, n) => {
    const box = make("section", undefined, "signal"), top = make("header"), where = make("div", undefined, "chart");
    top.append(make("h3", `${chart.name}${chart.unit ? ` in ${chart.unit}` : ""}`), make("span", chart.title, "quiet"));
    box.id = `t${index}-c${n}`;
    Object.assign(where.dataset, { test: index, chart: n });
    box.append(top, where);
    place.append(box);
    drawn.observe(where);
  });
  loops(place, told);
  events(place, told);
  identity(place, told);
}

function key() {
  const made = make("p", "drag to zoom, double-click to zoom out; all charts of a test follow ", "controls quiet"), keys = make("span", undefined, "key");
  const words = { a: "signal", twin: "twin", setpoint: "setpoint", limit: "limit", expected: "expected", notgood: "not good", decided: "expectation failed", fault: "fault", command: "command", failed: "command that failed", event: "event" };
  for (const [name, text] of Object.entries(words)) keys.append(make("i", undefined, name), ` ${text} `);
  made.append(keys);
  return made;
}

function loops(place, told) {
  const names = Object.keys(told.loops);
  if (!names.length) return;
  const shown = (micros) => right(micros === null ? "-" : number(micros, 4));
  const rows = names.map((name) => {
    const loop = told.loops[name];
    return { cells: [name, right(loop.cycles), right(loop.overruns), shown(loop.lateness_us.p50), shown(loop.lateness_us.p99), shown(loop.latency_us.p50), shown(loop.latency_us.p99)] };
  });
  const headings = ["cycles", "overruns", "late p50 µs", "late p99 µs", "sample to actuation p50 µs", "p99 µs"].map(head);
  place.append(make("h3", "Loop timing"), table(["loop", ...headings], rows));
}

function events(place, told) {
  if (!told.events.length) return;
  const details = make("details"), more = told.events_in_all - told.events.length;
  details.append(make("summary", `Events (${told.events_in_all})`));
  const rows = told.events.map((event) => ({ cells: [right(seconds(event.t, 3)), make("td", event.level, event.level), event.source, event.kind, event.text] }));
  details.append(table([head("time"), "level", "source", "event", ""], rows));
  if (more > 0) details.append(make("p", `and ${more} more in the session`, "quiet"));
  details.open = told.events.some((event) => event.level !== "info");
  place.append(details);
}

function identity(place, told) {
  const commit = told.git_commit && `${told.git_commit}${told.git_dirty ? ", with changes" : ""}`;
  place.append(make("h3", "What ran"), list([
    ["session", told.session], ["bench", told.bench], ["started", told.started], ["lasted", `${told.duration_s.toFixed(3)} s of ${told.mode} time`],
    ["seed", told.seed], ["testbed", told.testbed], ["commit", commit], ["host", [told.host.name, told.host.system, told.host.python && `Python ${told.host.python}`].filter(Boolean).join(", ")],
  ]));
  const rows = told.devices.map((each) => ({
    cells: [each.name, each.profile, each.wire, each.absent ? make("td", `absent: ${each.absent}`, "warning") : each.emulated ? "emulated" : "real", each.identity || "", right(each.frames)],
  }));
  if (rows.length) place.append(make("h3", "Devices"), table(["device", "profile", "wire", "", "identity", head("frames")], rows));
  const versions = Object.entries(told.versions).map(([name, version]) => `${name} ${version}`).join(", ");
  if (versions) place.append(folded("Versions", make("p", versions, "quiet")));
  if (told.bench_file) place.append(folded("Bench file", make("pre", told.bench_file)));
}

function folded(title, content) {
  const made = make("details");
  made.append(make("summary", title), content);
  return made;
}

// Charts ------------------------------------------------------------------------------------------

function draw(index, n) {
  const test = data.tests[index], chart = test.run.charts[n], time = times[index];
  const place = document.querySelector(`#t${index}-c${n} .chart`);
  if (place.dataset.done) return;
  place.dataset.done = "yes";
  const expected = test.expectations.map((each, at) => ({ ...each, ...test.run.places[at] })).filter((each) => each.signal === chart.name);
  const lines = chart.lines.map((line) => series(line.label, line.colour, line.steps));
  const hooks = { drawClear: [(made) => behind(made, chart, expected)], draw: [(made) => before(made, chart, expected, test.run.events)] };
  const columns = uPlot.join(chart.lines.map((line) => points(line.curve)));
  time.add(new uPlot(options(place.clientWidth, 190, lines, time, hooks, range(expected)), columns, place));
}

// What is expected must be seen, though the signal stay far from it.
function range(expected) {
  const bounds = expected.flatMap((each) => [each.low, each.high]).filter((bound) => bound !== null && bound !== undefined);
  return (_, low, high) => {
    const least = Math.min(low ?? Infinity, ...bounds), most = Math.max(high ?? -Infinity, ...bounds);
    if (!Number.isFinite(least)) return [0, 1];
    return least === most ? [least - 1, most + 1] : uPlot.rangeNum(least, most, 0.1, true);
  };
}

function behind(made, chart, expected) {
  for (const [from, to] of chart.bad) area(made, null, null, from, to, colour("hatch"));
  for (const each of expected) {
    if (each.low === null && each.high === null) continue;
    area(made, each.low, each.high, each.since, each.until, colour(each.verdict === "failed" ? "failed-band" : "band"));
  }
}

function before(made, chart, expected, happened) {
  const { top, height } = made.bbox, bottom = top + height, tick = 7 * devicePixelRatio;
  for (const limit of chart.limits || []) level(made, limit);
  for (const [at, failed] of chart.commands) vertical(made, at, bottom - tick, bottom, colour(failed ? "bad" : "quiet"));
  for (const event of happened) {
    if (event.fault) vertical(made, event.t, top, bottom, colour("difference"), 1.5);
    else triangle(made, event.t, top, tick, colour({ info: "quiet", warning: "b", error: "bad" }[event.level]));
  }
  for (const each of expected) if (each.verdict === "failed" && each.at !== null) vertical(made, each.at, top, bottom, colour("bad"), 1.5);
}

function level(made, at) {
  const { left, top, width, height } = made.bbox, y = made.valToPos(at, "y", true);
  if (!(y >= top && y <= top + height)) return;
  made.ctx.save();
  made.ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  made.ctx.strokeStyle = colour("quiet");
  made.ctx.lineWidth = devicePixelRatio;
  made.ctx.beginPath();
  made.ctx.moveTo(left, y);
  made.ctx.lineTo(left + width, y);
  made.ctx.stroke();
  made.ctx.restore();
}

// Links to a place in time ------------------------------------------------------------------------

function goTo(target) {
  const match = /^t(\d+)(?:-e(\d+))?$/.exec(target);
  const test = match && data.tests[Number(match[1])];
  if (!test) return;
  const index = Number(match[1]), article = document.getElementById(`t${index}`);
  article.querySelector("details").open = true;
  const expected = match[2] === undefined ? null : test.expectations[Number(match[2])];
  const where = expected && test.run && test.run.places[Number(match[2])];
  if (!where || where.at === null) {
    (document.getElementById(target) || article).scrollIntoView();
    return;
  }
  document.querySelectorAll("tr.chosen").forEach((row) => row.classList.remove("chosen"));
  document.getElementById(target).classList.add("chosen");
  const n = test.run.charts.findIndex((chart) => chart.name === expected.signal);
  if (n < 0) return;
  draw(index, n);
  const reach = Math.max(test.run.duration_s * 0.08, 0.05);
  times[index].zoom(where.at - reach, where.at + reach);
  document.getElementById(`t${index}-c${n}`).scrollIntoView({ block: "center" });
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest("a[href^='#']");
  if (!anchor) return;
  event.preventDefault();
  history.replaceState(null, "", anchor.getAttribute("href"));
  goTo(anchor.getAttribute("href").slice(1));
});

heading();
failures();
tests();
rates();
sweeps();
requirements();
runs();
goTo(location.hash.slice(1));
