// Charts: SVG drawn here, one tooltip for all of them, the arrow keys doing what the mouse does.
const tip = $('tip');
function showTip(x, y, title, rows) {
  tip.replaceChildren(
    el('strong', {}, title),
    ...rows.map(([label, value, c]) => el('div', {}, el('span', {}, c ? el('i', { css: { background: c } }) : null, label), el('span', {}, value))),
  );
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = x + 14 + box.width > innerWidth ? x - 14 - box.width : x + 14;
  tip.style.left = `${Math.max(6, Math.min(left, innerWidth - box.width - 6))}px`;
  tip.style.top = `${Math.max(6, Math.min(y - box.height / 2, innerHeight - box.height - 6))}px`;
}
const hideTip = () => { tip.hidden = true; };
addEventListener('scroll', hideTip, { passive: true });
addEventListener('keydown', (e) => { if (e.key === 'Escape') hideTip(); });

function niceScale(max, steps) {
  if (!(max > 0)) return { top: 1, ticks: [0, 1] };
  const rough = max / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const whole = Math.max(step, 1);
  const ticks = [];
  for (let k = 0; k * whole < max + whole * 0.999; k++) ticks.push(Math.round(k * whole * 1e6) / 1e6);
  return { top: ticks.at(-1), ticks };
}

// A frame with a vertical scale. Coordinates are CSS pixels: the chart is drawn for the width it has.
function frame(host, { height, max, label, format = short, left = 38, bottom = 22, top = 10, right = 10, steps = 4 }) {
  const width = Math.max(host.clientWidth, 240);
  const scale = niceScale(max, steps);
  const svg = sv('svg', { viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': label, tabindex: 0 });
  const y = (v) => height - bottom - (v / scale.top) * (height - bottom - top);
  for (const t of scale.ticks) {
    svg.append(
      sv('line', { class: t ? 'gridline' : 'axis', x1: left, x2: width - right, y1: y(t), y2: y(t) }),
      sv('text', { x: left - 6, y: y(t) + 4, 'text-anchor': 'end' }, format(t)),
    );
  }
  host.append(svg);
  return { svg, width, height, left, right: width - right, top, base: height - bottom, y };
}

// What can be pointed at: items are { at, tip: [title, rows], select? } where `at` is a centre on the axis.
function points(f, items, { axis = 'x', band = 0, onZoom, onSelect, dots } = {}) {
  const svg = f.svg;
  const mark = sv('rect', { class: 'hover', visibility: 'hidden' });
  const brush = sv('rect', { class: 'brush', visibility: 'hidden', y: f.top, height: f.base - f.top });
  const overlay = sv('rect', {
    class: `overlay${onSelect ? ' pick' : ''}${onZoom ? ' zoom' : ''}`, x: axis === 'x' ? f.left : 0, y: f.top,
    width: axis === 'x' ? f.right - f.left : f.width, height: Math.max(f.base - f.top, 1),
  });
  svg.append(mark, brush, overlay);
  let current = -1;
  let dragFrom = null;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    return axis === 'x' ? (event.clientX - box.left) * (f.width / box.width) : (event.clientY - box.top) * (f.height / box.height);
  };
  const nearest = (p) => {
    let best = 0;
    for (let k = 1; k < items.length; k++) if (Math.abs(items[k].at - p) < Math.abs(items[best].at - p)) best = k;
    return best;
  };
  const show = (k, x, y) => {
    current = k;
    const item = items[k];
    const size = Math.max(band, 3);
    if (axis === 'x') fill(mark, { x: item.at - size / 2, width: size, y: f.top, height: f.base - f.top, visibility: 'visible' }, []);
    else fill(mark, { y: item.at - size / 2, height: size, x: 0, width: f.width, visibility: 'visible' }, []);
    if (dots) dots(k);
    if (x === undefined) {
      const box = svg.getBoundingClientRect();
      x = box.left + (axis === 'x' ? item.at * (box.width / f.width) : box.width / 2);
      y = box.top + (axis === 'x' ? box.height / 2 : item.at * (box.height / f.height));
    }
    showTip(x, y, item.tip[0], item.tip[1]);
  };
  const hide = () => { current = -1; mark.setAttribute('visibility', 'hidden'); if (dots) dots(-1); hideTip(); };
  if (!items.length) return;
  overlay.addEventListener('pointermove', (e) => {
    const p = place(e);
    if (dragFrom !== null) {
      fill(brush, { x: Math.min(p, dragFrom), width: Math.abs(p - dragFrom), visibility: 'visible' }, []);
    }
    show(nearest(p), e.clientX, e.clientY);
  });
  overlay.addEventListener('pointerleave', () => { if (dragFrom === null) hide(); });
  if (onZoom) {
    overlay.addEventListener('pointerdown', (e) => {
      if (e.pointerType === 'touch') return;
      dragFrom = place(e);
      overlay.setPointerCapture(e.pointerId);
    });
    overlay.addEventListener('pointerup', (e) => {
      if (dragFrom === null) return;
      const [a, b] = [dragFrom, place(e)].sort((p, q) => p - q);
      dragFrom = null;
      brush.setAttribute('visibility', 'hidden');
      if (b - a > 8) { hide(); onZoom(nearest(a), nearest(b)); }
    });
  }
  if (onSelect) overlay.addEventListener('click', (e) => { const k = nearest(place(e)); hide(); onSelect(k); });
  const [next, previous] = axis === 'x' ? ['ArrowRight', 'ArrowLeft'] : ['ArrowDown', 'ArrowUp'];
  svg.addEventListener('keydown', (e) => {
    let k = null;
    if (e.key === next) k = Math.min(current + 1, items.length - 1);
    else if (e.key === previous) k = Math.max(current - 1, 0);
    else if (e.key === 'Home') k = 0;
    else if (e.key === 'End') k = items.length - 1;
    else if (e.key === 'Escape') { hide(); return; } else if (e.key === 'Enter' && onSelect && current >= 0) { onSelect(current); e.preventDefault(); return; }
    if (k !== null) { e.preventDefault(); show(k); }
  });
  svg.addEventListener('blur', hide);
}

// ---- time
const startOf = {
  day: (d) => d,
  week: (d) => d - ((((d + 3) % 7) + 7) % 7),
  month: (d) => Date.UTC(date(d).getUTCFullYear(), date(d).getUTCMonth(), 1) / 1000 / DAY,
  quarter: (d) => Date.UTC(date(d).getUTCFullYear(), Math.floor(date(d).getUTCMonth() / 3) * 3, 1) / 1000 / DAY,
  year: (d) => Date.UTC(date(d).getUTCFullYear(), 0, 1) / 1000 / DAY,
};
const nextAfter = {
  day: (d) => d + 1, week: (d) => d + 7, month: (d) => startOf.month(d + 32), quarter: (d) => startOf.quarter(d + 95), year: (d) => startOf.year(d + 367),
};
const bucketName = {
  day: (d) => `${WEEKDAYS[(((d + 3) % 7) + 7) % 7].slice(0, 3)} ${nice(d)}`,
  week: (d) => `Week of ${nice(d)}`,
  month: (d) => `${MONTHS[date(d).getUTCMonth()]} ${date(d).getUTCFullYear()}`,
  quarter: (d) => `Q${Math.floor(date(d).getUTCMonth() / 3) + 1} ${date(d).getUTCFullYear()}`,
  year: (d) => `${date(d).getUTCFullYear()}`,
};
// The finest unit, from `finest` on, that gives no more buckets than fit.
function buckets(from, to, limit, finest = 'day') {
  const units = ['day', 'week', 'month', 'quarter', 'year'];
  for (const unit of units.slice(units.indexOf(finest))) {
    const days = { day: 1, week: 7, month: 30.4, quarter: 91.3, year: 365.2 }[unit];
    if ((to - from + 1) / days > limit && unit !== 'year') continue;
    const starts = [];
    for (let d = startOf[unit](from); d <= to; d = nextAfter[unit](d)) starts.push(d);
    return { unit, starts, end: nextAfter[unit](starts.at(-1)), of: (d) => starts.length && lowerBucket(starts, d) };
  }
  return null;
}
function lowerBucket(starts, d) {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= d) low = middle; else high = middle - 1;
  }
  return low;
}
function timeAxis(f, b, x) {
  const many = Math.max(2, Math.floor((f.right - f.left) / 74));
  const step = Math.max(1, Math.ceil(b.starts.length / many));
  let lastYear = null;
  let edge = -Infinity;
  for (let k = 0; k < b.starts.length; k += step) {
    const day = b.starts[k];
    const year = date(day).getUTCFullYear();
    const text = { day: `${date(day).getUTCDate()} ${MONTHS[date(day).getUTCMonth()]}`, week: `${date(day).getUTCDate()} ${MONTHS[date(day).getUTCMonth()]}`, month: MONTHS[date(day).getUTCMonth()], quarter: `Q${Math.floor(date(day).getUTCMonth() / 3) + 1}`, year: '' }[b.unit];
    const shown = b.unit === 'year' ? `${year}` : year === lastYear ? text : `${text} ’${String(year).slice(2)}`;
    const half = shown.length * 3.3;
    const centre = Math.min(Math.max(x(k), f.left - 24 + half), f.right + 8 - half);
    if (centre - half < edge + 6) continue;
    edge = centre + half;
    lastYear = year;
    f.svg.append(sv('text', { x: centre, y: f.base + 16, 'text-anchor': 'middle' }, shown));
  }
}
const path = (list) => list.map(([x, y], k) => `${k ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

// Stacked bars over time, with lines over them. series: { name, color, values, kind: 'bar' | 'line' | 'area' }.
function timeChart(host, b, series, { height = 210, label, marks = {}, onZoom, share = false, format = short, extra }) {
  const bars = series.filter((s) => s.kind === 'bar');
  const others = series.filter((s) => s.kind !== 'bar');
  const stack = b.starts.map((_, k) => sum(bars.map((s) => s.values[k])));
  const max = share ? 100 : Math.max(1, ...stack, ...others.flatMap((s) => s.values.filter((v) => v !== null)));
  const f = frame(host, { height, max, label, format: share ? (v) => `${v} %` : format, left: share ? 44 : 38 });
  const slot = (f.right - f.left) / b.starts.length;
  const x = (k) => f.left + slot * (k + 0.5);
  const width = Math.max(1, Math.min(slot * 0.78, 34));
  for (let k = 0; k < b.starts.length; k++) {
    let under = 0;
    for (const s of bars) {
      const v = share ? (stack[k] ? (s.values[k] / stack[k]) * 100 : 0) : s.values[k];
      if (!v) continue;
      f.svg.append(sv('rect', { x: x(k) - width / 2, width, y: f.y(under + v), height: Math.max(f.y(under) - f.y(under + v), 0.5), fill: s.color, rx: bars.length === 1 && width > 5 ? 2 : 0 }));
      under += v;
    }
    if (marks[b.starts[k]]) f.svg.append(sv('circle', { cx: x(k), cy: f.y(stack[k]) - 6, r: 3, fill: 'var(--c5)' }));
  }
  for (const s of others) {
    const line = s.values.map((v, k) => [x(k), v]).filter(([, v]) => v !== null).map(([px, v]) => [px, f.y(v)]);
    if (!line.length) continue;
    if (s.kind === 'area') f.svg.append(sv('path', { d: `${path(line)}L${line.at(-1)[0].toFixed(1)} ${f.base}L${line[0][0].toFixed(1)} ${f.base}Z`, fill: s.color, opacity: 0.16 }));
    f.svg.append(sv('path', { d: path(line), fill: 'none', stroke: s.color, 'stroke-width': 2, 'stroke-linejoin': 'round' }));
    if (line.length === 1) f.svg.append(sv('circle', { cx: line[0][0], cy: line[0][1], r: 3, fill: s.color }));
  }
  timeAxis(f, b, x);
  points(f, b.starts.map((day, k) => ({
    at: x(k),
    tip: [bucketName[b.unit](day), [
      ...series.filter((s) => s.values[k] !== null && (s.values[k] || bars.length < 3)).map((s) => [s.name, share && stack[k] ? `${int(s.values[k])} (${percent((s.values[k] / stack[k]) * 100)})` : format(s.values[k]), s.color]),
      ...(extra ? extra(k) : []), ...(marks[day] ? [[marks[day], '', 'var(--c5)']] : []),
    ]],
  })), { band: slot, onZoom: onZoom && ((a, z) => onZoom(b.starts[a], nextAfter[b.unit](b.starts[z]) - 1)) });
}

// Horizontal bars. items: { label, parts: [[name, value, color]], note, on, off }.
function hbars(host, items, { label, onSelect, format = short, max, unit = '' }) {
  const row = 27;
  const width = Math.max(host.clientWidth, 240);
  const height = items.length * row + 4;
  const notes = Math.max(...items.map((i) => (i.note || '').length)) * 6.6 + 10;
  const longest = Math.max(...items.map((i) => i.label.length)) * 6.7 + 12;
  const left = Math.min(longest, width * 0.38);
  const letters = Math.floor((left - 10) / 6.5);
  const top = max || Math.max(1e-9, ...items.map((i) => sum(i.parts.map((p) => p[1]))));
  const svg = sv('svg', { viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': label, tabindex: 0 });
  host.append(svg);
  const scale = Math.max(width - left - notes - 4, 20) / top;
  items.forEach((item, k) => {
    const y = k * row + 4;
    const name = item.label.length > letters ? `${item.label.slice(0, Math.max(letters - 1, 3))}…` : item.label;
    const group = sv('g', { class: item.off ? 'dim' : null });
    group.append(sv('text', { x: left - 8, y: y + 15, 'text-anchor': 'end', class: item.on ? 'strong' : null, 'font-weight': item.on ? 650 : null }, name));
    let x = left;
    for (const [, value, c] of item.parts) {
      if (!(value > 0)) continue;
      group.append(sv('rect', { x, y: y + 2, width: Math.max(value * scale, 1), height: row - 10, fill: c, rx: 3 }));
      x += value * scale;
    }
    group.append(sv('text', { x: x + 7, y: y + 15, class: 'strong' }, item.note || ''));
    svg.append(group);
  });
  points({ svg, width, height, left, right: width, top: 0, base: height }, items.map((item, k) => ({
    at: k * row + 4 + (row - 6) / 2,
    tip: [item.label, item.tip || item.parts.map(([n, v, c]) => [n, `${format(v)}${unit}`, c])],
  })), { axis: 'y', band: row - 2, onSelect });
}
