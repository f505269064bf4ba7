// What a chart knows of one signal, and how times are written.

const KEPT = 20000; // points of one curve in the browser

const two = (number, digits = 2) => String(number).padStart(digits, "0");

// The time of day, as fine as the span that is shown asks for.
export function clock(ms, span) {
  const d = new Date(ms);
  const seconds = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return span > 20000 ? seconds : `${seconds}.${two(d.getMilliseconds(), 3)}`;
}

// Time since the start.
export function lasted(ms, span) {
  const digits = span > 20000 ? 0 : span > 2000 ? 1 : 3;
  if (Math.abs(ms) < 60000) return `${(ms / 1000).toFixed(digits)} s`;
  const minutes = Math.floor(ms / 60000);
  return `${minutes}:${(ms / 1000 - minutes * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
}

// One curve: times (rising) and values, as they came.
export class Curve {
  constructor(spec, start) {
    this.spec = spec;
    this.start = start;
    this.t = [];
    this.v = [];
  }
  set(found) {
    this.t = this.start ? found.t.map((t) => t - this.start) : found.t;
    this.v = found.v;
  }
  add(found) {
    const last = this.t.length ? this.t[this.t.length - 1] : -Infinity;
    for (let i = 0; i < found.t.length; i++) {
      const t = found.t[i] - this.start;
      if (t > last) {
        this.t.push(t);
        this.v.push(found.v[i]);
      }
    }
    if (this.t.length > KEPT) {
      this.t.splice(0, this.t.length - KEPT);
      this.v.splice(0, this.v.length - KEPT);
    }
  }
  forget(before) {
    let keep = 0;
    while (keep + 1 < this.t.length && this.t[keep + 1] < before) keep++;
    if (keep > 200) {
      this.t.splice(0, keep);
      this.v.splice(0, keep);
    }
  }
  // What was commanded holds until the next command, so its line goes on to the edge.
  columns(until) {
    if (!this.spec.step || !this.t.length || this.t[this.t.length - 1] >= until) return [this.t, this.v];
    return [[...this.t, until], [...this.v, this.v[this.v.length - 1]]];
  }
  at(t) {
    let low = 0;
    let high = this.t.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t[middle] <= t) low = middle + 1;
      else high = middle;
    }
    return low ? this.v[low - 1] : null;
  }
}
