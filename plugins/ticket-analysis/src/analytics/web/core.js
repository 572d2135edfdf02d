'use strict';
// Data, helpers and the filters' state. Text reaches the page by textContent alone: nothing in the data is markup.
const DATA = JSON.parse(document.getElementById('data').textContent);
const T = DATA.tickets;
const N = T.id.length;
const DAY = 86400;
// The parser gave the page's own <svg> its namespace; taking it from there keeps the file free of any address.
const NS = document.querySelector('svg').namespaceURI;
const NOT_STATED = '(not stated)';
const DIMS = ['category', 'priority', 'product', 'tier', 'team', 'status'];
const DIM_NAMES = { category: 'Category', priority: 'Priority', product: 'Product', tier: 'Tier', team: 'Team', status: 'Status', component: 'Component', assignee: 'Assignee' };
const $ = (id) => document.getElementById(id);

function fill(node, attrs, kids) {
  for (const [key, value] of Object.entries(attrs || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key === 'css') for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else node.setAttribute(key, value === true ? '' : value);
  }
  for (const kid of kids.flat()) if (kid !== null && kid !== undefined) node.append(kid);
  return node;
}
const el = (tag, attrs, ...kids) => fill(document.createElement(tag), attrs, kids);
const sv = (tag, attrs, ...kids) => fill(document.createElementNS(NS, tag), attrs, kids);

// ---- words and numbers
const numberFormat = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const oneFormat = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const int = (x) => numberFormat.format(x);
const one = (x) => oneFormat.format(x);
const short = (x) => (Number.isInteger(x) ? int(x) : one(x));
const percent = (x) => `${one(x)} %`;
const plural = (n, word) => `${int(n)} ${word}${n === 1 ? '' : 's'}`;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const WEEKDAYS = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];
const date = (day) => new Date(day * DAY * 1000);
const iso = (day) => date(day).toISOString().slice(0, 10);
function dayOf(text) {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return Number.isNaN(ms) ? null : ms / 1000 / DAY;
}
const nice = (day) => `${date(day).getUTCDate()} ${MONTHS[date(day).getUTCMonth()]} ${date(day).getUTCFullYear()}`;
const shortDay = (day) => `${date(day).getUTCDate()} ${MONTHS[date(day).getUTCMonth()]}`;
function hours(h) {
  if (h < 1) return `${int(Math.max(h * 60, 0))} min`;
  if (h < 48) return `${short(Math.round(h * 10) / 10)} h`;
  return `${short(Math.round(h / 2.4) / 10)} d`;
}
function quantile(values, p) {
  if (!values.length) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * p;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}
const sum = (values) => values.reduce((a, b) => a + b, 0);
const color = (k) => `var(--c${Math.min(k, 7)})`;
const PRIORITY_COLORS = { P0: 'var(--c5)', P1: 'var(--c1)', P2: 'var(--c0)', P3: 'var(--c7)' };
function dimColor(dim, index) {
  if (index < 0) return 'var(--c7)';
  if (dim === 'priority') return PRIORITY_COLORS[DATA.dims.priority[index]] || 'var(--c7)';
  return color(index);
}
const dimLabel = (dim, index) => (index < 0 ? NOT_STATED : DATA.dims[dim][index]);

// ---- what every ticket comes down to
// A ticket dated after as_of was not there yet: the table lists it, and no figure by time counts it.
const createdAt = T.created.map((s) => (s !== null && s <= DATA.as_of ? s : null));
const createdDay = createdAt.map((s) => (s === null ? null : Math.floor(s / DAY)));
const resolvedDay = T.resolved.map((s) => (s === null ? null : Math.floor(s / DAY)));
const resolutionHours = createdAt.map((c, i) => (c !== null && T.resolved[i] !== null && T.resolved[i] >= c ? (T.resolved[i] - c) / 3600 : null));
const responseHours = createdAt.map((c, i) => (c !== null && T.response[i] !== null && T.response[i] >= c ? (T.response[i] - c) / 3600 : null));
const haystack = T.id.map((id, i) => `${id}\n${T.subject[i]}\n${T.component[i] < 0 ? '' : DATA.dims.component[T.component[i]]}`.toLowerCase());

// The moment after the last one that counts: what happened in the second of as_of belongs to it.
const periodEnd = () => ((view.to + 1) * DAY >= DATA.as_of ? DATA.as_of + 1 : (view.to + 1) * DAY);
const lastDayOf = (end) => Math.ceil((end - 1) / DAY) - 1;

// ---- state, kept in the address so that a view can be shared
const state = { from: null, to: null, q: '', sort: '-created', page: 1, theme: 'auto', sets: Object.fromEntries(DIMS.map((d) => [d, new Set()])) };

function readHash() {
  const params = new URLSearchParams(location.hash.slice(1));
  for (const dim of DIMS) {
    state.sets[dim] = new Set();
    for (const label of params.getAll(dim).flatMap((v) => (DATA.dims[dim].includes(v) ? [v] : v.split(',')))) {
      const index = label === NOT_STATED ? -1 : DATA.dims[dim].indexOf(label);
      if (index >= 0 || label === NOT_STATED) state.sets[dim].add(index);
    }
  }
  state.from = dayOf(params.get('from') || '');
  state.to = dayOf(params.get('to') || '');
  state.q = params.get('q') || '';
  state.sort = params.get('sort') || '-created';
  state.page = Math.max(1, parseInt(params.get('page'), 10) || 1);
  state.theme = ['light', 'dark'].includes(params.get('theme')) ? params.get('theme') : 'auto';
}

function writeHash() {
  const params = new URLSearchParams();
  for (const dim of DIMS) {
    const labels = [...state.sets[dim]].map((k) => dimLabel(dim, k));
    if (labels.length && labels.every((l) => !l.includes(','))) params.set(dim, labels.join(','));
    else labels.forEach((l) => params.append(dim, l));
  }
  if (state.from !== null) params.set('from', iso(state.from));
  if (state.to !== null) params.set('to', iso(state.to));
  if (state.q) params.set('q', state.q);
  if (state.sort !== '-created') params.set('sort', state.sort);
  if (state.page > 1) params.set('page', state.page);
  if (state.theme !== 'auto') params.set('theme', state.theme);
  const text = params.toString().replaceAll('%2C', ',');
  // replaceState is refused for file: pages by some browsers; the filters work all the same.
  try { history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search); } catch { /* not shareable here */ }
}

// ---- the tickets that pass
// view.matching: by everything but the dates (for backlog and resolutions, which look at another date than creation);
// view.tickets: also created within the range; view.counts: for each option of a menu, how many it would leave.
let view;
function computeView() {
  const needle = state.q.trim().toLowerCase();
  const from = state.from ?? DATA.range.from;
  const to = state.to ?? DATA.range.to;
  const dated = state.from !== null || state.to !== null;
  const counts = Object.fromEntries(DIMS.map((d) => [d, new Map()]));
  const bump = (dim, i) => counts[dim].set(T[dim][i], (counts[dim].get(T[dim][i]) || 0) + 1);
  const matching = [];
  const tickets = [];
  for (let i = 0; i < N; i++) {
    if (needle && !haystack[i].includes(needle)) continue;
    let failed = null;
    let fails = 0;
    for (const dim of DIMS) {
      if (state.sets[dim].size && !state.sets[dim].has(T[dim][i])) { fails++; failed = dim; }
    }
    const inRange = createdDay[i] === null ? !dated : createdDay[i] >= from && createdDay[i] <= to;
    if (inRange && fails === 0) DIMS.forEach((d) => bump(d, i));
    if (inRange && fails === 1) bump(failed, i);
    if (fails) continue;
    matching.push(i);
    // Without a date filter every ticket is shown, whatever its date.
    if (inRange || !dated) tickets.push(i);
  }
  const filtered = matching.length !== N;
  view = { from, to, dated, matching, tickets, counts, filtered };
}

let queued = false;
function update(change) {
  if (change) { state.page = 1; change(); }
  if (queued) return;
  queued = true;
  requestAnimationFrame(() => { queued = false; writeHash(); render(); });
}
