"use strict";
// What all pages draw with. Whatever a device said is set as text, never as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const charts = []; // all that are drawn

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
const seconds = (value, digits = 9) => (value === null || value === undefined ? "" : `${value >= 0 ? "+" : ""}${value.toFixed(digits)} s`);

// Curves ------------------------------------------------------------------------------------------

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

// Charts that show the same time: what one is zoomed to, the others are.
class TimeAxis {
  constructor(min, max, key) {
    this.whole = { min, max };
    this.shown = { min, max };
    this.key = key;
    this.charts = [];
    this.following = false;
  }

  add(...drawn) {
    this.following = true; // what is drawn now must not zoom the others out
    for (const chart of drawn) chart.setScale("x", this.shown);
    this.charts.push(...drawn);
    charts.push(...drawn);
    this.following = false;
    document.body.dataset.drawn = String(charts.length);
  }

  zoom(min, max) {
    this.following = true;
    this.shown = { min, max };
    for (const chart of this.charts) chart.setScale("x", this.shown);
    this.following = false;
  }

  follow(chart) {
    if (this.following) return;
    this.following = true;
    this.shown = { min: chart.scales.x.min, max: chart.scales.x.max };
    for (const other of this.charts) if (other !== chart) other.setScale("x", this.shown);
    this.following = false;
  }
}

function options(width, height, lines, time, hooks, range) {
  const axis = { stroke: colour("text"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
  return {
    width, height, series: [{ label: "s", value: (_, value) => (value === null ? "-" : value.toFixed(4)) }, ...lines],
    scales: {
      x: { time: false, range: (_, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
      y: { range: range || ((_, low, high) => (low === high ? [low - 1, high + 1] : uPlot.rangeNum(low, high, 0.1, true))) },
    },
    axes: [axis, { ...axis, size: 70, space: 24 }],
    cursor: { sync: { key: time.key, setSeries: false }, drag: { x: true, y: false }, points: { size: 5 } },
    hooks: { setScale: [(chart, key) => key === "x" && time.follow(chart)], ...hooks },
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

function triangle(chart, at, top, size, fill) {
  const x = chart.valToPos(at, "x", true);
  if (!(x >= chart.bbox.left && x <= chart.bbox.left + chart.bbox.width)) return;
  chart.ctx.fillStyle = fill;
  chart.ctx.beginPath();
  chart.ctx.moveTo(x - size / 2, top);
  chart.ctx.lineTo(x + size / 2, top);
  chart.ctx.lineTo(x, top + size);
  chart.ctx.fill();
}

// Fills what lies between two values and two times; null: as far as the chart goes.
function area(chart, low, high, since, until, fill) {
  const { left, top, width, height } = chart.bbox;
  const within = (value, scale, least, most, open) => (value === null || value === undefined ? open : Math.min(Math.max(chart.valToPos(value, scale, true), least), most));
  const x0 = within(since, "x", left, left + width, left), x1 = within(until, "x", left, left + width, left + width);
  const y0 = within(high, "y", top, top + height, top), y1 = within(low, "y", top, top + height, top + height);
  chart.ctx.fillStyle = fill;
  chart.ctx.fillRect(x0, y0, x1 - x0, y1 - y0);
}

// Calls draw(place) once a place comes near what the reader sees: a long page opens at once.
function onSight(draw) {
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "600px" });
  return seen;
}
