// Curves by uPlot. Each chart keeps what it shows and a little more; the server thins the rest, so that
// neither an hour nor a year of samples ever comes to the browser.

import { Curve, clock, lasted } from "/public/curve.js";
import { colour, css, drawLabels, drawLimits, drawMarks } from "/public/drawing.js";

const WINDOWS = [[10, "10 s"], [60, "1 min"], [300, "5 min"]];
const GRIDS = { axis: "--quiet", grid: "--line" };

export default {
  template: `
    <div class="charts" :data-live="following" :data-from="view[0]" :data-to="view[1]" :data-points="points">
      <div class="chart-bar" role="toolbar" aria-label="Time shown">
        <span v-if="live" class="group">
          <button v-for="w in windows" :key="w[0]" type="button" :aria-pressed="following && span === w[0]"
            @click="follow(w[0])">{{ w[1] }}</button>
        </span>
        <button type="button" :aria-pressed="whole" @click="all">All</button>
        <span class="group">
          <button type="button" aria-label="Earlier" @click="shift(-0.5)">&#9664;</button>
          <button type="button" aria-label="Zoom in" @click="scale(0.5)">+</button>
          <button type="button" aria-label="Zoom out" @click="scale(2)">&minus;</button>
          <button type="button" aria-label="Later" @click="shift(0.5)">&#9654;</button>
        </span>
        <button v-if="live && !following" type="button" class="live" @click="follow(span)">Back to live</button>
        <span class="quiet hint">{{ hint }}</span>
      </div>
      <div ref="panels"></div>
    </div>`,
  props: {
    session: String, panels: Array, starts: Object, end: Number, live: Boolean, elapsed: Boolean,
    height: Number, notes: Array,
  },
  data() {
    return { windows: WINDOWS, span: 60, following: false, whole: false, view: [0, 1], points: 0, hint: "" };
  },
  mounted() {
    this.marks = [...this.notes];
    this.plots = this.panels.map((panel) => this.build(panel));
    this.draw();
    this.watch = new ResizeObserver(() => this.fit());
    this.watch.observe(this.$refs.panels);
    this.theme = new MutationObserver(() => this.rebuild());
    this.theme.observe(document.body, { attributeFilter: ["class"] });
    this.hint = this.elapsed ? "drag to zoom" : "drag to zoom, click to mark a moment";
    if (this.live) {
      this.off = window.testbed.on((message) => this.hear(message));
      this.follow(this.span);
    } else {
      this.all();
    }
  },
  unmounted() {
    this.off?.();
    this.watch.disconnect();
    this.theme.disconnect();
    cancelAnimationFrame(this.frame);
    this.abort?.abort();
    this.plots.forEach((plot) => plot.u.destroy());
  },
  methods: {
    // Building ------------------------------------------------------------------------------------
    build(panel, curves) {
      const root = document.createElement("section");
      root.className = "panel";
      root.setAttribute("aria-label", panel.title);
      const plot = { panel, root, legend: document.createElement("div") };
      plot.legend.className = "legend";
      root.append(plot.legend);
      plot.curves = curves ?? panel.series.map(
        (spec) => new Curve(spec, this.elapsed ? this.starts[spec.session ?? this.session] : 0),
      );
      plot.chips = panel.series.map((spec, index) => this.chip(plot, spec, index));
      const box = document.createElement("div");
      box.tabIndex = 0;
      box.setAttribute("role", "img");
      box.setAttribute("aria-label", `Curves: ${panel.series.map((s) => s.label).join(", ")}`);
      box.addEventListener("keydown", (event) => this.key(event));
      box.addEventListener("wheel", (event) => this.wheel(event, plot), { passive: false });
      root.append(box);
      this.$refs.panels.append(root);
      plot.u = new uPlot(this.options(plot), plot.curves.length ? this.data(plot) : [[]], box);
      return plot;
    },
    chip(plot, spec, index) {
      const chip = document.createElement("button");
      chip.type = "button";
      chip.setAttribute("aria-pressed", "true");
      chip.title = spec.title || spec.path;
      const line = document.createElement("i");
      line.style.borderTop = `2px ${spec.dash ? "dashed" : "solid"} ${colour(spec.colour ?? index)}`;
      const name = document.createElement("span");
      name.textContent = spec.label;
      const value = document.createElement("b");
      chip.append(line, name, value);
      chip.addEventListener("click", () => {
        const shown = !plot.u.series[index + 1].show;
        plot.u.setSeries(index + 1, { show: shown });
        chip.setAttribute("aria-pressed", String(shown));
      });
      plot.legend.append(chip);
      if (index === plot.panel.series.length - 1) {
        const unit = document.createElement("span");
        unit.className = "quiet unit";
        unit.textContent = plot.panel.unit;
        plot.legend.append(unit);
      }
      return value;
    },
    options(plot) {
      const { panel } = plot;
      const stepped = uPlot.paths.stepped({ align: 1 });
      const axis = { stroke: css(GRIDS.axis), grid: { stroke: css(GRIDS.grid), width: 1 }, ticks: { show: false } };
      const short = (u, splits) => {
        const span = u.scales.x.max - u.scales.x.min;
        return splits.map((t) => (this.elapsed ? lasted(t, span) : clock(t, span)));
      };
      return {
        width: Math.max(300, this.$refs.panels.clientWidth), height: this.height, ms: 1, legend: { show: false },
        padding: [10, 12, 0, 0],
        cursor: { sync: { key: "charts" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
        scales: { x: { time: false }, y: { range: (u, low, high) => this.range(panel, low, high) } },
        axes: [{ ...axis, size: 28, space: 90, values: short, font: "11px sans-serif" },
          { ...axis, size: 56, space: 32, font: "11px sans-serif" }],
        series: [{}, ...panel.series.map((spec, index) => ({
          stroke: colour(spec.colour ?? index), width: 1.6, dash: spec.dash ? [6, 4] : undefined, spanGaps: false,
          paths: spec.step ? stepped : undefined, points: { show: (u, i, from, to) => to - from < 40, size: 5 },
        }))],
        hooks: {
          drawClear: [(u) => drawLimits(u, panel)],
          draw: [(u) => drawLabels(u, panel), (u) => drawMarks(u, this.marks, this.moment)],
          setSelect: [(u) => u.select.width > 4 && this.zoom(u.posToVal(u.select.left, "x"),
            u.posToVal(u.select.left + u.select.width, "x"), u)],
          setCursor: [(u) => this.values(this.cursor = u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") : null)],
          ready: [(u) => this.clicks(u)],
        },
      };
    },
    // A click is what moves less than a drag does.
    clicks(u) {
      let down = 0;
      u.over.addEventListener("pointerdown", (event) => { down = event.clientX; });
      u.over.addEventListener("pointerup", (event) => {
        if (Math.abs(event.clientX - down) < 4 && !this.elapsed) {
          this.moment = u.posToVal(event.clientX - u.over.getBoundingClientRect().left, "x");
          this.$emit("moment", { t: this.moment });
          this.draw();
        }
      });
      u.over.addEventListener("dblclick", () => this.all());
    },
    range(panel, low, high) {
      if (low === null) return [0, 1];
      for (const line of panel.lines ?? []) {
        low = Math.min(low, line.value);
        high = Math.max(high, line.value);
      }
      const pad = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
      return [low - pad, high + pad];
    },
    // What is shown -------------------------------------------------------------------------------
    data(plot) {
      const until = this.following ? this.view[1] : Math.min(this.view[1], this.last());
      return uPlot.join(plot.curves.map((curve) => curve.columns(until)));
    },
    last() {
      if (this.elapsed) return this.end;
      return this.live ? Math.max(this.end, window.testbed.now()) : this.end;
    },
    draw() {
      this.frame ??= requestAnimationFrame(() => {
        this.frame = null;
        let points = 0;
        for (const plot of this.plots) {
          const data = this.data(plot);
          points += data[0].length;
          plot.u.batch(() => {
            plot.u.setData(data, false);
            plot.u.setScale("x", { min: this.view[0], max: this.view[1] });
          });
        }
        this.points = points;
        this.values(this.cursor ?? null);
      });
    },
    values(t) {
      for (const plot of this.plots ?? []) {
        plot.curves.forEach((curve, index) => {
          const value = curve.at(t ?? Infinity);
          plot.chips[index].textContent = window.testbed.number(value, curve.spec.digits);
        });
      }
    },
    hear(message) {
      for (const plot of this.plots) {
        for (const curve of plot.curves) {
          const found = message.samples?.[curve.spec.path];
          if (found && this.following) curve.add(found);
        }
      }
      if (this.following && message.type === "update") {
        this.view = this.recent();
        for (const plot of this.plots) plot.curves.forEach((curve) => curve.forget(this.view[0]));
        this.draw();
      } else if (message.type === "hello" && this.following) {
        this.follow(this.span); // after a loss of the connection there is a hole to be filled
      }
    },
    // The last while, as far as there was a session.
    recent() {
      const now = window.testbed.now();
      const from = Math.max(now - this.span * 1000, this.starts[this.session]);
      return [from, Math.max(now, from + 2000)];
    },
    follow(span) {
      this.span = span;
      this.whole = false;
      this.following = true;
      this.view = this.recent();
      this.fetch();
    },
    all() {
      const start = this.elapsed ? 0 : Math.min(...Object.values(this.starts));
      this.look(start, this.last());
      this.whole = true;
    },
    zoom(from, to, u) {
      u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
      this.look(from, to);
    },
    look(from, to) {
      this.following = this.whole = false;
      const least = 0.01; // ms
      this.view = to - from < least ? [from - least, from + least] : [from, to];
      this.draw();
      this.fetch();
    },
    scale(by, at = 0.5) {
      const [from, to] = this.view;
      const middle = from + (to - from) * at;
      this.look(middle - (middle - from) * by, middle + (to - middle) * by);
    },
    shift(by) {
      const width = this.view[1] - this.view[0];
      this.look(this.view[0] + width * by, this.view[1] + width * by);
    },
    key(event) {
      const act = { ArrowLeft: () => this.shift(-0.25), ArrowRight: () => this.shift(0.25), "+": () => this.scale(0.5),
        "-": () => this.scale(2), Home: () => this.all() }[event.key];
      if (act) {
        act();
        event.preventDefault();
      }
    },
    wheel(event, plot) {
      if (!event.ctrlKey) return; // the page scrolls
      event.preventDefault();
      const box = plot.u.over.getBoundingClientRect();
      this.scale(event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
    },
    // From the server -----------------------------------------------------------------------------
    async fetch() {
      this.abort?.abort();
      const abort = (this.abort = new AbortController());
      const sessions = Object.keys(this.starts);
      try {
        await Promise.all(sessions.map((session) => this.fetchFrom(session, abort.signal)));
      } catch (error) {
        if (error.name !== "AbortError") this.hint = "the server does not answer";
        return;
      }
      if (!abort.signal.aborted) this.draw();
    },
    async fetchFrom(session, signal) {
      const curves = this.plots.flatMap((plot) => plot.curves).filter((c) => (c.spec.session ?? this.session) === session);
      if (!curves.length) return;
      const offset = this.elapsed ? this.starts[session] : 0;
      const ns = (ms) => BigInt(Math.max(0, Math.round((ms + offset) * 1000))) * 1000n;
      const points = Math.round(Math.max(400, this.$refs.panels.clientWidth) * 1.5);
      const query = new URLSearchParams({ from_ns: ns(this.view[0]), to_ns: ns(this.view[1]), points, around: true });
      for (const path of new Set(curves.map((curve) => curve.spec.path))) query.append("signal", path);
      const answer = await fetch(`/api/sessions/${encodeURIComponent(session)}/curves?${query}`, { signal });
      if (answer.status === 401) location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      const found = await answer.json();
      for (const curve of curves) curve.set(found[curve.spec.path]);
    },
    // Around --------------------------------------------------------------------------------------
    fit() {
      const width = this.$refs.panels.clientWidth;
      if (width > 100) this.plots.forEach((plot) => plot.u.setSize({ width, height: this.height }));
    },
    rebuild() {
      const before = this.plots;
      this.$refs.panels.replaceChildren();
      this.plots = before.map((plot) => {
        plot.u.destroy();
        return this.build(plot.panel, plot.curves);
      });
      this.draw();
    },
    note(note) {
      this.marks.push(note);
      this.moment = null;
      this.draw();
    },
  },
};
