// Follows the session of this page through its WebSocket and writes what is new where the page asks for it:
//   data-value="device.signal"    the newest value          data-health="device.signal"  its quality as a class
//   data-device="device"          worst quality of a device  data-mode="loop"             automatic, manual, safe
//   data-held="device.signal"     who has it in hand         data-events                  the events
//   data-histogram="loop:lateness|latency", data-timing="loop:cycles|..."                timing of loops
//   data-verdict, data-elapsed, data-link                    the run, its time, our connection
window.testbed = (() => {
  const listeners = new Set();
  const known = { newest: {}, loops: {}, events: [], standing: undefined, verdict: null };
  const words = { good: 0, waiting: 1, uncertain: 2, bad: 3 };
  const retry = { ms: 250, timer: null };
  let session, started, ended, socket, skew = 0, dirty = false;

  const number = (value, digits) => {
    if (value === null || value === undefined) return "\u2013";
    if (digits !== undefined && digits !== null) return value.toFixed(digits);
    const size = Math.abs(value);
    if (size && (size < 0.001 || size >= 1e7)) return value.toExponential(2);
    const text = value.toFixed(size >= 1000 ? 1 : size >= 100 ? 1 : 2);
    return text.replace(/^-(0(\.0*)?)$/, "$1");
  };
  const now = () => Date.now() + skew;

  function follow(name, startMs, endMs) {
    [session, started, ended] = [name, startMs, endMs];
    connect();
    setInterval(clock, 500);
    clock();
  }

  function connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}/api/live/${encodeURIComponent(session)}`);
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onopen = () => { retry.ms = 250; link("live"); };
    socket.onclose = (event) => {
      if (event.code === 4401) return location.reload();
      if (event.code === 1000 || event.code === 4404) return link("ended");
      link("lost");
      retry.timer = setTimeout(connect, retry.ms);
      retry.ms = Math.min(5000, retry.ms * 2);
    };
  }

  function hear(message) {
    if (message.type === "hello") known.events = [];
    Object.assign(known.newest, message.newest);
    Object.assign(known.loops, message.loops);
    if (message.events?.length) known.events = [...known.events, ...message.events].slice(-500);
    if ("standing" in message) known.standing = message.standing;
    known.verdict = message.verdict;
    learnSkew(message);
    for (const listener of listeners) listener(message);
    if (!dirty) {
      dirty = true;
      requestAnimationFrame(() => { dirty = false; write(message); });
    }
  }

  // The clock of the bench: the newest sample is never from the future, and seldom older than a commit.
  function learnSkew(message) {
    if (message.verdict !== "unfinished") return;
    const times = Object.values(message.newest ?? {}).map((newest) => newest[0]);
    if (times.length) {
      const ahead = Math.max(...times) - Date.now();
      if (ahead > skew || message.type === "hello") skew = ahead;
      else skew += (ahead - skew) * 0.02;
    }
  }

  const each = (name, act) => document.querySelectorAll(`[data-${name}]`).forEach((el) => act(el, el.dataset[name]));
  const text = (el, value) => { if (el.textContent !== value) el.textContent = value; };

  function write() {
    each("value", (el, path) => text(el, number(known.newest[path]?.[1], el.dataset.digits && Number(el.dataset.digits))));
    each("health", (el, path) => health(el, known.newest[path]?.[2] ?? "waiting", known.newest[path]?.[3] ?? ""));
    each("device", (el, device) => {
      const all = (el.dataset.signals ?? "").split(" ").filter(Boolean).map((path) => known.newest[path] ?? [0, null, "waiting", ""]);
      const worst = all.sort((a, b) => words[b[2]] - words[a[2]])[0];
      if (worst) health(el, worst[2], worst[3]);
    });
    each("mode", (el, loop) => {
      const mode = known.standing?.loops[loop] ?? "";
      text(el, mode);
      el.dataset.is = mode;
    });
    each("held", (el, path) => {
      const held = known.standing?.held.find((each) => each.signal === path);
      text(el, held ? `in the hands of ${held.who}` : "");
    });
    each("verdict", (el) => { text(el, known.verdict === "unfinished" ? (ended ? "unfinished" : "running") : known.verdict); el.dataset.is = el.textContent; });
    each("events", events);
    each("histogram", histogram);
    each("timing", timing);
  }

  function health(el, quality, reason) {
    if (el.dataset.is !== quality) el.dataset.is = quality;
    const title = reason ? `${quality}: ${reason}` : quality;
    if (el.title !== title) { el.title = title; el.setAttribute("aria-label", title); }
    if (el.dataset.says !== undefined) text(el, title);
  }

  function clock() {
    each("elapsed", (el) => {
      const until = known.verdict === "unfinished" && !ended ? now() : ended || now();
      const s = Math.max(0, Math.floor((until - started) / 1000));
      text(el, `${String(Math.floor(s / 60)).padStart(2, "0")}:${String(s % 60).padStart(2, "0")}`);
    });
  }

  function link(state) {
    each("link", (el) => { el.dataset.is = state; text(el, { live: "", lost: "connection lost, trying again", ended: "" }[state]); });
  }

  const stamp = (ms) => {
    const d = new Date(ms);
    return `${d.toLocaleTimeString("en-GB")}.${String(d.getMilliseconds()).padStart(3, "0")}`;
  };

  function events(el) {
    const most = Number(el.dataset.events) || 200;
    const shown = known.events.filter((event) => !el.dataset.level || event.level !== "info").slice(-most).reverse();
    const key = shown.length ? `${shown[0].t}/${shown.length}` : "none";
    if (el.dataset.key === key) return;
    el.dataset.key = key;
    el.replaceChildren(...shown.map((event) => {
      const row = document.createElement("tr");
      row.dataset.is = event.level;
      for (const [kind, value] of [["time", stamp(event.t)], ["level", event.level], ["source", event.source], ["text", event.text]]) {
        const cell = document.createElement("td");
        cell.className = kind;
        cell.textContent = value;
        row.append(cell);
      }
      return row;
    }));
  }

  const duration = (us) => us === null || us === undefined ? "\u2013"
    : us < 1000 ? `${us.toPrecision(3)} \u00b5s` : us < 1e6 ? `${(us / 1000).toPrecision(3)} ms` : `${(us / 1e6).toPrecision(3)} s`;

  function timing(el, key) {
    const [loop, what, share] = key.split(":");
    const found = known.loops[loop];
    if (found) text(el, share ? duration(found[what][share]) : String(found[what]));
  }

  // Bars over a logarithmic axis from 1 us to 10 s; height is the square root, so that single late cycles show.
  const SVG = "http://www.w3.org/2000/svg";
  function histogram(el, key) {
    const [loop, what] = key.split(":");
    const found = known.loops[loop]?.[what];
    if (!found) return;
    const most = Math.max(1, ...found.bins.map((bin) => bin[1]));
    const place = (us) => (Math.log10(Math.max(1, us)) / 7) * 560;
    const bars = found.bins.map(([end, count]) => {
      const bar = document.createElementNS(SVG, "rect");
      const height = Math.max(1.5, 90 * Math.sqrt(count / most));
      for (const [name, value] of Object.entries({ x: place(end) - 7, y: 96 - height, width: 7, height })) bar.setAttribute(name, value);
      const title = document.createElementNS(SVG, "title");
      title.textContent = `up to ${duration(end)}: ${count}`;
      bar.append(title);
      return bar;
    });
    for (const share of ["p50", "p99"]) {
      if (found[share] === null) continue;
      const mark = document.createElementNS(SVG, "line");
      for (const [name, value] of Object.entries({ x1: place(found[share]), x2: place(found[share]), y1: 0, y2: 96, class: share })) mark.setAttribute(name, value);
      bars.push(mark);
    }
    el.replaceChildren(...bars);
  }

  return { follow, number, now, on: (listener) => { listeners.add(listener); return () => listeners.delete(listener); }, known };
})();
