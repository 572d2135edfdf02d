// The cards: what each shows of the tickets that pass. A card returns the rows of its data table, or a reason for having none.
const BINS = [[1, '< 1 h'], [4, '1–4 h'], [8, '4–8 h'], [24, '8–24 h'], [72, '1–3 d'], [168, '3–7 d'], [336, '7–14 d'], [720, '14–30 d'], [2160, '30–90 d'], [8760, '90–365 d'], [Infinity, '> 365 d']];
const choice = { forecast: 'weekly', load: 'team', part: 'product' };

const legend = (items) => el('div', { class: 'legend' }, items.map(([name, c, kind]) => el('span', {}, el('i', { class: kind || null, css: { background: c } }), name)));
const zoom = (from, to) => update(() => { state.from = from; state.to = Math.min(to, DATA.range.to); });
const maxBuckets = (host) => Math.max(8, Math.floor((Math.max(host.clientWidth, 240) - 50) / 3.2));
function toggle(dim, index) {
  update(() => { if (!state.sets[dim].delete(index)) state.sets[dim].add(index); });
}
function tally(list, dim) {
  const counts = new Map();
  for (const i of list) counts.set(T[dim][i], (counts.get(T[dim][i]) || 0) + 1);
  return [...counts].sort((a, b) => (dim === 'priority' ? a[0] - b[0] : b[1] - a[1] || a[0] - b[0]));
}
const openAt = (i, second) => createdAt[i] !== null && createdAt[i] < second && (T.state[i] === 0 || (T.state[i] === 1 && T.resolved[i] >= second));
const nothing = 'No ticket passes the filters.';
const noDates = () => (DATA.reasons.dates ? DATA.reasons.dates : 'No ticket that passes the filters has a creation date.');

function volumeCard(host) {
  if (!view.tickets.some((i) => createdDay[i] !== null)) return noDates();
  const b = buckets(view.from, view.to, maxBuckets(host), view.to - view.from > 45 ? 'week' : 'day');
  const created = b.starts.map(() => 0);
  const resolved = b.starts.map(() => 0);
  for (const i of view.tickets) if (createdDay[i] !== null && createdDay[i] >= view.from && createdDay[i] <= view.to) created[b.of(createdDay[i])]++;
  // The last bucket may not be over: the line stops before it, and the tooltip says so.
  const unfinished = b.unit !== 'day' && b.end * DAY > DATA.as_of;
  const hasResolved = T.resolved.some((r) => r !== null);
  for (const i of view.matching) if (resolvedDay[i] !== null && resolvedDay[i] >= view.from && resolvedDay[i] <= view.to) resolved[b.of(resolvedDay[i])]++;
  const marks = {};
  if (b.unit === 'week' && !view.filtered) DATA.outlier_weeks.forEach((d) => { marks[d] = 'unusually many (robust z > 3)'; });
  if (unfinished) {
    resolved[resolved.length - 1] = null;
    marks[b.starts.at(-1)] = marks[b.starts.at(-1)] || '';
  }
  const series = [{ name: 'Created', color: 'var(--c0)', values: created, kind: 'bar' }];
  if (hasResolved) series.push({ name: 'Resolved', color: 'var(--c2)', values: resolved, kind: 'line' });
  timeChart(host, b, series, { height: 300, label: `Tickets created and resolved by ${b.unit}`, marks, onZoom: zoom, extra: (k) => (unfinished && k === b.starts.length - 1 ? [[`This ${b.unit} is not over`, '']] : []) });
  host.append(legend([['Created', 'var(--c0)'], ...(hasResolved ? [['Resolved', 'var(--c2)', 'line']] : []), ...(Object.values(marks).some(Boolean) ? [['Unusual week', 'var(--c5)']] : [])]));
  return { note: `By ${b.unit}. Drag across the chart to choose a period.`, head: [b.unit, 'created', 'resolved'], rows: b.starts.map((d, k) => [iso(d), created[k], resolved[k] === null ? 'not over' : resolved[k]]) };
}

function backlogCard(host) {
  if (DATA.reasons.backlog) return DATA.reasons.backlog;
  const list = view.matching.filter((i) => createdAt[i] !== null && T.state[i] <= 1);
  if (!list.length) return 'No ticket that passes the filters has both a creation date and a known state.';
  const b = buckets(view.from, view.to, maxBuckets(host), view.to - view.from > 45 ? 'week' : 'day');
  const change = b.starts.map(() => 0);
  const clamp = (d) => (d < b.starts[0] ? 0 : b.of(d));
  for (const i of list) {
    if (createdDay[i] < b.end) change[clamp(createdDay[i])]++;
    if (resolvedDay[i] !== null && resolvedDay[i] < b.end) change[clamp(resolvedDay[i])]--;
  }
  let level = 0;
  const open = change.map((c) => (level += c));
  timeChart(host, b, [{ name: 'Open at the end', color: 'var(--c0)', values: open, kind: 'area' }], { height: 210, label: `Open tickets at the end of each ${b.unit}`, onZoom: zoom });
  return { note: `Open at the end of each ${b.unit}.`, head: [b.unit, 'open at the end'], rows: b.starts.map((d, k) => [iso(d), open[k]]) };
}

function barsOf(host, dim, list, label, limit = 9) {
  const all = tally(list, dim);
  const rows = all.slice(0, limit);
  const rest = sum(all.slice(limit).map((r) => r[1]));
  const set = DIMS.includes(dim) ? state.sets[dim] : new Set();
  const total = list.length;
  hbars(host, [...rows.map(([k, n]) => ({ label: dimLabel(dim, k), parts: [['Tickets', n, dimColor(dim, k)]], note: `${int(n)} · ${percent((n / total) * 100)}`, on: set.has(k) })),
    ...(rest ? [{ label: `${all.length - limit} others`, parts: [['Tickets', rest, 'var(--c7)']], note: `${int(rest)} · ${percent((rest / total) * 100)}` }] : [])],
  { label, onSelect: DIMS.includes(dim) ? (k) => { if (rows[k]) toggle(dim, rows[k][0]); } : null });
  return { head: [DIM_NAMES[dim].toLowerCase(), 'tickets', '%'], rows: all.map(([k, n]) => [dimLabel(dim, k), n, one((n / total) * 100)]) };
}

function categoryCard(host) {
  if (DATA.reasons.category) return DATA.reasons.category;
  if (!view.tickets.length) return nothing;
  return { note: 'Select a bar to filter by it.', ...barsOf(host, 'category', view.tickets, 'Tickets by category') };
}

function mixCard(host) {
  if (DATA.reasons.category) return DATA.reasons.category;
  const list = view.tickets.filter((i) => createdDay[i] !== null && createdDay[i] >= view.from && createdDay[i] <= view.to);
  if (!list.length) return noDates();
  const b = buckets(view.from, view.to, Math.min(40, maxBuckets(host) / 3), view.to - view.from > 100 ? 'month' : 'week');
  const kinds = tally(list, 'category').map(([k]) => k);
  const top = kinds.slice(0, 6);
  const series = top.map((k) => ({ name: dimLabel('category', k), color: dimColor('category', k), kind: 'bar', values: b.starts.map(() => 0) }));
  if (kinds.length > 6) series.push({ name: 'Others', color: 'var(--c7)', kind: 'bar', values: b.starts.map(() => 0) });
  for (const i of list) series[top.includes(T.category[i]) ? top.indexOf(T.category[i]) : 6].values[b.of(createdDay[i])]++;
  timeChart(host, b, series, { height: 210, label: `Share of each category by ${b.unit}`, share: true, onZoom: zoom });
  host.append(legend(series.map((s) => [s.name, s.color])));
  return { note: `Share of the tickets created in each ${b.unit}.`, head: [b.unit, ...series.map((s) => s.name)], rows: b.starts.map((d, k) => [iso(d), ...series.map((s) => s.values[k])]) };
}

function priorityCard(host) {
  if (DATA.reasons.priority) return DATA.reasons.priority;
  if (!view.tickets.length) return nothing;
  return { note: 'Select a bar to filter by it.', ...barsOf(host, 'priority', view.tickets, 'Tickets by priority') };
}

function histogram(host, values, label, c) {
  const counts = BINS.map(() => 0);
  for (const h of values) counts[BINS.findIndex(([limit]) => h < limit)]++;
  const f = frame(host, { height: 200, max: Math.max(...counts), label, bottom: 34 });
  const slot = (f.right - f.left) / BINS.length;
  const x = (k) => f.left + slot * (k + 0.5);
  counts.forEach((n, k) => {
    if (n) f.svg.append(sv('rect', { x: x(k) - slot * 0.4, width: slot * 0.8, y: f.y(n), height: f.base - f.y(n), fill: c, rx: 2 }));
    if (slot >= 54 || k % 2 === 0) f.svg.append(sv('text', { x: x(k), y: f.base + 15, 'text-anchor': 'middle' }, slot < 34 ? BINS[k][1].replaceAll(' ', '') : BINS[k][1]));
  });
  points(f, counts.map((n, k) => ({ at: x(k), tip: [BINS[k][1], [['Tickets', int(n), c], ['Share', percent((n / values.length) * 100)]]] })), { band: slot });
  return { head: ['time', 'tickets'], rows: counts.map((n, k) => [BINS[k][1], n]) };
}
const median3 = (values) => `median ${hours(quantile(values, 0.5))}, 9 in 10 within ${hours(quantile(values, 0.9))}`;

function resolutionCard(host) {
  if (DATA.reasons.resolution) return DATA.reasons.resolution;
  const values = view.tickets.map((i) => resolutionHours[i]).filter((h) => h !== null);
  if (!values.length) return 'No ticket that passes the filters has a resolution date.';
  const table = histogram(host, values, 'How long resolved tickets took', 'var(--c0)');
  return { note: `${plural(values.length, 'resolved ticket')}: ${median3(values)}. Open tickets are not in it.`, ...table };
}

function responseCard(host) {
  if (DATA.reasons.first_response) return DATA.reasons.first_response;
  const values = view.tickets.map((i) => responseHours[i]).filter((h) => h !== null);
  if (!values.length) return 'No ticket that passes the filters states when it was first answered.';
  const table = histogram(host, values, 'Time to the first answer', 'var(--c2)');
  return { note: `${plural(values.length, 'answered ticket')}: ${median3(values)}.`, ...table };
}

function slaCard(host) {
  if (DATA.reasons.sla) return DATA.reasons.sla;
  const rows = tally(view.tickets.filter((i) => T.sla[i] >= 0), 'tier').map(([k]) => {
    const n = [0, 0, 0];
    for (const i of view.tickets) if (T.tier[i] === k && T.sla[i] >= 0) n[T.sla[i]]++;
    return { k, n, rate: n[0] + n[1] ? (n[0] / (n[0] + n[1])) * 100 : null };
  });
  if (!rows.length) return 'The SLA policy covers none of the tickets that pass the filters.';
  hbars(host, rows.map(({ k, n, rate }) => ({
    label: dimLabel('tier', k), on: state.sets.tier.has(k), note: rate === null ? 'none decided' : `${percent(rate)} of ${int(n[0] + n[1])}`,
    parts: SLA_NAMES.map((name, s) => [name, (n[s] / sum(n)) * 100, SLA_COLORS[s]]),
    tip: [...SLA_NAMES.map((name, s) => [name, int(n[s]), SLA_COLORS[s]]), ['Target', DATA.sla_targets[dimLabel('tier', k)] || '–']],
  })), { label: 'SLA met, breached and pending by tier', onSelect: (k) => toggle('tier', rows[k].k), max: 100 });
  host.append(legend(SLA_NAMES.map((name, s) => [name, SLA_COLORS[s]])));
  return { note: 'Compliance is met ÷ (met + breached).', head: ['tier', ...SLA_NAMES, 'compliance %'], rows: rows.map(({ k, n, rate }) => [dimLabel('tier', k), ...n, rate === null ? '–' : one(rate)]) };
}

function segmented(host, name, options) {
  host.replaceChildren(el('div', { class: 'seg', role: 'group' }, Object.entries(options).map(([key, text]) => el('button', {
    type: 'button', 'aria-pressed': String(choice[name] === key), onclick: () => { choice[name] = key; update(); },
  }, text))));
}

function loadCard(host, side) {
  segmented(side, 'load', { team: 'Teams', assignee: 'Assignees' });
  const dim = choice.load;
  if (DATA.reasons[dim]) return DATA.reasons[dim];
  const end = periodEnd();
  const list = view.matching.filter((i) => (T.created[i] === null ? T.state[i] === 0 : openAt(i, end)));
  if (!list.length) return DATA.reasons.open || 'No open ticket passes the filters.';
  const levels = [...DATA.dims.priority.map((_, k) => k), -1].filter((p) => list.some((i) => T.priority[i] === p));
  const rows = tally(list, dim).slice(0, 10);
  hbars(host, rows.map(([k, n]) => ({
    label: dimLabel(dim, k), note: int(n), on: dim === 'team' && state.sets.team.has(k),
    parts: levels.map((p) => [dimLabel('priority', p), list.filter((i) => T[dim][i] === k && T.priority[i] === p).length, dimColor('priority', p)]),
  })), { label: `Open tickets by ${dim}`, onSelect: dim === 'team' ? (k) => toggle('team', rows[k][0]) : null });
  host.append(legend(levels.map((p) => [dimLabel('priority', p), dimColor('priority', p)])));
  return { note: `Open on ${nice(lastDayOf(end))}, by priority.`, head: [dim, 'open'], rows: tally(list, dim).map(([k, n]) => [dimLabel(dim, k), n]) };
}

function partCard(host, side) {
  segmented(side, 'part', { product: 'Products', component: 'Components' });
  const dim = choice.part;
  if (DATA.reasons[dim]) return DATA.reasons[dim];
  if (!view.tickets.length) return nothing;
  return { note: dim === 'product' ? 'Select a bar to filter by it.' : 'The first component found in each ticket.', ...barsOf(host, dim, view.tickets, `Tickets by ${dim}`, 8) };
}

function satisfactionCard(host) {
  if (DATA.reasons.satisfaction) return DATA.reasons.satisfaction;
  const list = view.tickets.filter((i) => T.satisfaction[i] !== null);
  if (!list.length) return 'No ticket that passes the filters has a satisfaction score.';
  const counts = new Map();
  for (const i of list) counts.set(T.satisfaction[i], (counts.get(T.satisfaction[i]) || 0) + 1);
  const rows = [...counts].sort((a, b) => b[0] - a[0]).slice(0, 8);
  hbars(host, rows.map(([s, n]) => ({ label: `Score ${short(s)}`, parts: [['Tickets', n, 'var(--c0)']], note: `${int(n)} · ${percent((n / list.length) * 100)}` })), { label: 'Satisfaction scores' });
  const mean = sum(list.map((i) => T.satisfaction[i])) / list.length;
  return { note: `${plural(list.length, 'answer')} of ${plural(view.tickets.length, 'ticket')}; mean ${mean.toFixed(2)}. Who answers a survey is not a random choice.`, head: ['score', 'tickets'], rows };
}

function rhythmCard(host) {
  const list = view.tickets.filter((i) => createdAt[i] !== null);
  if (!list.length) return noDates();
  const counts = Array.from({ length: 7 }, () => new Array(24).fill(0));
  for (const i of list) counts[(((createdDay[i] + 3) % 7) + 7) % 7][Math.floor((createdAt[i] % DAY + DAY) % DAY / 3600)]++;
  const top = Math.max(...counts.flat());
  const width = Math.max(host.clientWidth, 240);
  const [left, row, height] = [34, 22, 7 * 22 + 22];
  const slot = (width - left - 4) / 24;
  const svg = sv('svg', { viewBox: `0 0 ${width} ${height}`, height, role: 'img', 'aria-label': 'Tickets created by weekday and hour, UTC', tabindex: 0 });
  counts.forEach((hoursOf, d) => {
    svg.append(sv('text', { x: left - 6, y: d * row + 15, 'text-anchor': 'end' }, WEEKDAYS[d].slice(0, 3)));
    hoursOf.forEach((n, h) => svg.append(sv('rect', { x: left + h * slot, y: d * row + 1, width: Math.max(slot - 2, 2), height: row - 3, rx: 3, fill: n ? `rgb(var(--heat) / ${(0.1 + 0.9 * (n / top)).toFixed(3)})` : 'var(--sunken)' })));
  });
  for (let h = 0; h < 24; h += slot < 18 ? 6 : 3) svg.append(sv('text', { x: left + h * slot, y: 7 * row + 15 }, `${String(h).padStart(2, '0')}:00`));
  host.append(svg);
  const overlay = sv('rect', { class: 'overlay', x: left, y: 0, width: slot * 24, height: row * 7 });
  let [d, h] = [0, -1];
  const tell = (x, y) => showTip(x, y, `${WEEKDAYS[d]}, ${String(h).padStart(2, '0')}:00–${String(h + 1).padStart(2, '0')}:00 UTC`, [['Tickets', int(counts[d][h]), 'var(--c0)'], ['Share', percent((counts[d][h] / list.length) * 100)]]);
  overlay.addEventListener('pointermove', (e) => {
    const box = svg.getBoundingClientRect();
    h = Math.min(23, Math.max(0, Math.floor(((e.clientX - box.left) * (width / box.width) - left) / slot)));
    d = Math.min(6, Math.max(0, Math.floor((e.clientY - box.top) / row)));
    tell(e.clientX, e.clientY);
  });
  overlay.addEventListener('pointerleave', hideTip);
  svg.addEventListener('keydown', (e) => {
    const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[e.key];
    if (!move) return;
    e.preventDefault();
    d = Math.min(6, Math.max(0, d + move[0]));
    h = Math.min(23, Math.max(0, h + move[1]));
    const box = svg.getBoundingClientRect();
    tell(box.left + left + h * slot, box.top + d * row + 10);
  });
  svg.addEventListener('blur', hideTip);
  svg.append(overlay);
  return { note: 'When tickets arrive, in UTC.', head: ['weekday', ...counts[0].map((_, k) => k)], rows: counts.map((c, k) => [WEEKDAYS[k], ...c]) };
}

function forecastCard(host, side) {
  segmented(side, 'forecast', { weekly: 'Weekly', daily: 'Daily' });
  const fc = DATA.forecast[choice.forecast];
  if (fc.not_computable) return fc.not_computable;
  const weekly = choice.forecast === 'weekly';
  const step = weekly ? 7 : 1;
  const points_ = [...fc.history.map((v, k) => ({ day: fc.history_start + k * step, v })), ...fc.points.map((p, k) => ({ day: fc.start + k * step, p }))];
  const f = frame(host, { height: 236, max: Math.max(1, ...points_.map((q) => (q.p ? q.p.upper_95 : q.v))), label: 'Tickets expected, with 80 and 95 per cent intervals' });
  const slot = (f.right - f.left) / points_.length;
  const x = (k) => f.left + slot * (k + 0.5);
  const ahead = points_.map((q, k) => [q, k]).filter(([q]) => q.p);
  const banded = ahead.every(([q]) => q.p.lower_80 !== null && q.p.lower_95 !== null);
  for (const [low, high, opacity] of banded ? [['lower_95', 'upper_95', 0.14], ['lower_80', 'upper_80', 0.24]] : []) {
    const over = ahead.map(([q, k]) => [x(k), f.y(q.p[high])]);
    const under = ahead.map(([q, k]) => [x(k), f.y(Math.max(q.p[low], 0))]).reverse();
    f.svg.append(sv('path', { d: `${path([...over, ...under])}Z`, fill: 'var(--band)', opacity }));
  }
  const past = points_.map((q, k) => [q, k]).filter(([q]) => !q.p).map(([q, k]) => [x(k), f.y(q.v)]);
  f.svg.append(sv('path', { d: path(past), fill: 'none', stroke: 'var(--muted)', 'stroke-width': 1.6 }));
  f.svg.append(sv('path', { d: path(ahead.map(([q, k]) => [x(k), f.y(q.p.mean)])), fill: 'none', stroke: 'var(--band)', 'stroke-width': 2.4 }));
  timeAxis(f, { unit: weekly ? 'week' : 'day', starts: points_.map((q) => q.day) }, x);
  points(f, points_.map((q, k) => ({
    at: x(k),
    tip: [(weekly ? bucketName.week : bucketName.day)(q.day), q.p
      ? [['Expected', one(q.p.mean), 'var(--band)'], ...(banded ? [['80 %', `${one(q.p.lower_80)} – ${one(q.p.upper_80)}`], ['95 %', `${one(q.p.lower_95)} – ${one(q.p.upper_95)}`]] : [])]
      : [['Created', int(q.v), 'var(--muted)']]],
  })), { band: slot });
  host.append(legend([['Created', 'var(--muted)', 'line'], ['Expected', 'var(--band)', 'line'], ...(banded ? [['80 % and 95 % interval', 'color-mix(in srgb, var(--band) 30%, transparent)']] : [])]));
  host.append(el('p', { class: 'after' }, fc.summary));
  return { note: 'All tickets; the filters do not change it.', head: [weekly ? 'week' : 'day', 'expected', 'lower 80', 'upper 80', 'lower 95', 'upper 95'], rows: ahead.map(([q]) => [iso(q.day), ...[q.p.mean, q.p.lower_80, q.p.upper_80, q.p.lower_95, q.p.upper_95].map((v) => (v === null ? '–' : one(v)))]) };
}

const CARDS = [
  ['volume', 'Tickets created and resolved', 'w8', volumeCard], ['forecast', 'Forecast', 'w4', forecastCard],
  ['backlog', 'Backlog', 'w6', backlogCard], ['mix', 'Category mix over time', 'w6', mixCard],
  ['category', 'Categories', 'w4', categoryCard], ['priority', 'Priorities', 'w4', priorityCard], ['sla', 'SLA by tier', 'w4', slaCard],
  ['resolution', 'Time to resolution', 'w6', resolutionCard], ['response', 'Time to first answer', 'w6', responseCard],
  ['load', 'Open work', 'w4', loadCard], ['part', 'Affected parts', 'w4', partCard], ['satisfaction', 'Satisfaction', 'w4', satisfactionCard],
  ['rhythm', 'Weekday and hour', 'w12', rhythmCard],
];
