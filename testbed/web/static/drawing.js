// What is drawn around the curves: limits and setpoints below them, labels and notes above.

export const css = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
export const colour = (index) => css(`--c${index % 8}`);

export function drawLimits(u, panel) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  if (panel.limits) {
    const [low, high] = panel.limits.map((value) => u.valToPos(value, "y", true));
    ctx.fillStyle = css("--limit");
    ctx.fillRect(bbox.left, bbox.top, bbox.width, Math.max(0, high - bbox.top));
    ctx.fillRect(bbox.left, low, bbox.width, Math.max(0, bbox.top + bbox.height - low));
  }
  ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.strokeStyle = css("--quiet");
  for (const line of panel.lines ?? []) {
    const y = u.valToPos(line.value, "y", true);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

// On a patch of paper, so that it can be read over any curve; inside even at the upper edge.
export function drawLabels(u, panel) {
  const { ctx, bbox } = u;
  const px = devicePixelRatio;
  ctx.save();
  ctx.font = `${10.5 * px}px sans-serif`;
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  for (const line of panel.lines ?? []) {
    const above = u.valToPos(line.value, "y", true) - 9 * px;
    const y = above > bbox.top + 8 * px ? above : above + 18 * px;
    const right = bbox.left + bbox.width - 6 * px;
    const width = ctx.measureText(line.label).width;
    ctx.fillStyle = css("--card");
    ctx.globalAlpha = 0.85;
    ctx.fillRect(right - width - 3 * px, y - 7 * px, width + 6 * px, 14 * px);
    ctx.globalAlpha = 1;
    ctx.fillStyle = css("--quiet");
    ctx.fillText(line.label, right, y);
  }
  ctx.restore();
}

// Notes, and the moment that was pointed at.
export function drawMarks(u, notes, moment) {
  const { ctx, bbox } = u;
  const place = (t, style, text) => {
    const x = u.valToPos(t, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) return;
    ctx.strokeStyle = ctx.fillStyle = css(style);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (text) ctx.fillText(text.slice(0, 40), x + 4, bbox.top + 12 * devicePixelRatio);
  };
  ctx.save();
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${11 * devicePixelRatio}px sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  for (const note of notes) place(note.t, "--note", note.text);
  if (moment) place(moment, "--accent", "");
  ctx.restore();
}
