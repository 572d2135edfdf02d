// Key figures, filters, findings; then everything is drawn once, and again on each change.
// The card below gives the reason in full.
const missing = (reason) => el('span', { title: reason || null }, reason ? 'not computable' : 'none');
function kpis() {
  // Two windows of 28 times 24 hours, the later one ending with the period: equally long whatever the time of day.
  const end = periodEnd();
  const lastDay = lastDayOf(end);
  const windows = [[end - 28 * DAY, end], [end - 56 * DAY, end - 28 * DAY]];
  const within = (list, times) => windows.map(([a, z]) => list.filter((i) => times[i] !== null && times[i] >= a && times[i] < z));
  const created = within(view.tickets, createdAt);
  const resolved = within(view.matching.filter((i) => T.state[i] === 1), T.resolved);
  const known = (list, values) => list.map((i) => values[i]).filter((v) => v !== null);
  const rate = (list) => { const met = list.filter((i) => T.sla[i] === 0).length; const late = list.filter((i) => T.sla[i] === 1).length; return met + late ? { pct: (met / (met + late)) * 100, n: met + late, met } : null; };
  const delta = (now, before, format) => {
    if (now === null || before === null) return [];
    const word = now === before ? 'unchanged' : `${now > before ? '▲' : '▼'} ${format(Math.abs(now - before))}`;
    return [el('span', { class: 'change' }, '(', el('b', {}, word), ')')];
  };
  const tile = (key, label, value, small, deltaParts) => el('div', { class: 'kpi', 'data-kpi': key, title: 'Below: the 28 days (of 24 hours) up to the end of the period, and how that differs from the 28 days before. The difference is not tested: a small one may be chance' },
    el('div', { class: 'label' }, label), el('div', { class: `value${value === null ? ' none' : ''}` }, value === null ? '–' : value, small ? el('small', {}, ` ${small}`) : null), el('div', { class: 'delta' }, deltaParts));
  const tiles = [];
  const dated = view.tickets.some((i) => createdDay[i] !== null);
  tiles.push(tile('tickets', 'Tickets', int(view.tickets.length), view.tickets.length === N ? '' : `of ${int(N)}`,
    dated ? [`Last 28 d: ${int(created[0].length)} `, ...delta(created[0].length, created[1].length, int)] : [missing(noDates())]));
  const openList = (second) => view.matching.filter((i) => openAt(i, second)).length;
  const undatedOpen = view.matching.filter((i) => T.created[i] === null && T.state[i] === 0).length;
  const stateless = view.matching.filter((i) => T.state[i] === 3).length;
  const stated = view.matching.filter((i) => T.state[i] < 3).length;
  // Where the state of some is unknown, the count is of those that state it; of the past it is then not told.
  tiles.push(DATA.reasons.open || (stateless && !stated) ? tile('open', 'Open', null, '', [missing(DATA.reasons.open || 'No ticket that passes the filters states whether it is open.')])
    : tile('open', dated ? `Open, ${shortDay(lastDay)}` : 'Open', int(openList(end) + undatedOpen), stateless ? `of ${int(stated)} known` : '', dated && !stateless ? ['in 28 days ', ...delta(openList(end), openList(end - 28 * DAY), int)] : []));
  const all = known(view.tickets, resolutionHours);
  // A median of few is seen to be one.
  const medians = (lists, values) => lists.map((l) => known(l, values)).map((v) => ({ median: quantile(v, 0.5), n: v.length }));
  const lately = (now, text) => (now === null ? 'none in 28 d' : text);
  const [nowHours, beforeHours] = medians(resolved, resolutionHours);
  tiles.push(tile('median', 'Resolution time', all.length ? hours(quantile(all, 0.5)) : null, all.length ? 'median' : '',
    all.length ? [lately(nowHours.median, `Last 28 d: ${hours(nowHours.median)}, n = ${int(nowHours.n)} `), ...delta(nowHours.median, beforeHours.median, hours)] : [missing(DATA.reasons.resolution)]));
  const sla = rate(view.tickets);
  const [nowSla, beforeSla] = created.map(rate);
  tiles.push(tile('sla', 'SLA compliance', sla ? percent(sla.pct) : null, '',
    DATA.reasons.sla ? [missing(DATA.reasons.sla)] : [nowSla ? `Last 28 d: ${int(nowSla.met)}/${int(nowSla.n)} ` : 'none decided in 28 d', ...delta(nowSla && nowSla.pct, beforeSla && beforeSla.pct, (v) => `${one(v)} pts`)]));
  const answers = known(view.tickets, responseHours);
  const [nowAnswer, beforeAnswer] = medians(created, responseHours);
  tiles.push(tile('response', 'First answer', answers.length ? hours(quantile(answers, 0.5)) : null, answers.length ? 'median' : '',
    answers.length ? [lately(nowAnswer.median, `Last 28 d: ${hours(nowAnswer.median)}, n = ${int(nowAnswer.n)} `), ...delta(nowAnswer.median, beforeAnswer.median, hours)] : [missing(DATA.reasons.first_response)]));
  const scores = known(view.tickets, T.satisfaction);
  if (!DATA.reasons.satisfaction) {
    const mean = (v) => (v.length ? sum(v) / v.length : null);
    const [nowScore, beforeScore] = created.map((l) => mean(known(l, T.satisfaction)));
    tiles.push(tile('satisfaction', 'Satisfaction', scores.length ? mean(scores).toFixed(2) : null, scores.length ? `n = ${int(scores.length)}` : '',
      [nowScore === null ? 'none in 28 d' : `Last 28 d: ${nowScore.toFixed(2)} `, ...delta(nowScore, beforeScore, (v) => v.toFixed(2))]));
  }
  const urgent = (list) => list.filter((i) => T.priority[i] >= 0 && ['P0', 'P1'].includes(DATA.dims.priority[T.priority[i]])).length;
  if (!DATA.reasons.priority) {
    tiles.push(tile('urgent', 'P0 and P1', int(urgent(view.tickets)), view.tickets.length ? percent((urgent(view.tickets) / view.tickets.length) * 100) : '',
      dated ? [`Last 28 d: ${int(urgent(created[0]))} `, ...delta(urgent(created[0]), urgent(created[1]), int)] : []));
  }
  const next = DATA.forecast.weekly.points && DATA.forecast.weekly.points[0];
  if (next) {
    tiles.push(tile('next', `Week of ${shortDay(DATA.forecast.weekly.start)}`, one(next.mean), 'forecast', [next.lower_80 === null ? 'all tickets' : `80 %: ${one(next.lower_80)} – ${one(next.upper_80)}`]));
  }
  $('kpis').replaceChildren(...tiles);
  $('kpis').style.setProperty('--tiles', String(tiles.length > 7 ? Math.ceil(tiles.length / 2) : tiles.length));
}

// ---- filters
const PRESETS = [['All', null], ['28 d', 28], ['90 d', 90], ['1 yr', 365]];
function preset(days) { update(() => { state.from = days === null ? null : Math.max(DATA.range.to - days + 1, DATA.range.from); state.to = null; }); }
function buildFilters() {
  const search = el('input', { type: 'search', id: 'search', placeholder: 'Search tickets', title: 'Searches subject, ID and component', 'aria-label': 'Search', value: state.q, oninput: (e) => update(() => { state.q = e.target.value; }) });
  const day = (key, name) => el('input', { type: 'date', id: key, 'aria-label': name, min: iso(DATA.range.from), max: iso(DATA.range.to), onchange: (e) => update(() => { state[key] = dayOf(e.target.value); }) });
  const menus = DIMS.filter((d) => DATA.dims[d].length > 1 || (DATA.dims[d].length === 1 && T[d].includes(-1))).map((dim) => el('details', { class: 'menu', 'data-dim': dim },
    el('summary', {}, DIM_NAMES[dim], el('span', { class: 'count' })), el('div', { class: 'panel' })));
  $('filter-bar').replaceChildren(search,
    ...(DATA.reasons.dates ? [] : [el('span', { class: 'presets', role: 'group', 'aria-label': 'Period' }, PRESETS.map(([name, days]) => el('button', { type: 'button', 'data-days': String(days), onclick: () => preset(days) }, name))),
      el('span', { class: 'dates' }, day('from', 'From'), '–', day('to', 'To'))]), ...menus);
  document.addEventListener('click', (e) => document.querySelectorAll('.menu[open]').forEach((m) => { if (!m.contains(e.target)) m.open = false; }));
  document.addEventListener('keydown', (e) => {
    const open = document.querySelector('.menu[open]');
    if (e.key === 'Escape' && open) { open.open = false; open.querySelector('summary').focus(); }
  });
}

function drawFilters() {
  if (document.activeElement !== $('search')) $('search').value = state.q;
  for (const key of ['from', 'to']) if ($(key)) $(key).value = state[key] === null ? '' : iso(state[key]);
  document.querySelectorAll('.presets button').forEach((b) => {
    const days = b.dataset.days === 'null' ? null : Number(b.dataset.days);
    const on = state.to === null && (days === null ? state.from === null : state.from === Math.max(DATA.range.to - days + 1, DATA.range.from));
    b.setAttribute('aria-pressed', String(on));
  });
  document.querySelectorAll('.menu').forEach((menu) => {
    const dim = menu.dataset.dim;
    menu.classList.toggle('on', state.sets[dim].size > 0);
    menu.querySelector('.count').textContent = state.sets[dim].size ? String(state.sets[dim].size) : '';
    const focused = menu.contains(document.activeElement) ? document.activeElement.value : null;
    const options = DATA.dims[dim].map((_, k) => k);
    if (T[dim].includes(-1)) options.push(-1);
    menu.querySelector('.panel').replaceChildren(...options.map((k) => el('label', {},
      el('input', { type: 'checkbox', value: String(k), checked: state.sets[dim].has(k), onchange: () => toggle(dim, k) }), el('span', {}, dimLabel(dim, k)), el('span', {}, int(view.counts[dim].get(k) || 0)))));
    if (focused !== null) { const again = [...menu.querySelectorAll('input')].find((x) => x.value === focused); if (again) again.focus({ preventScroll: true }); }
  });
  const chips = [];
  const chip = (text, drop) => chips.push(el('button', { type: 'button', class: 'chip', 'aria-label': `Remove filter ${text}`, onclick: () => update(drop) }, el('b', {}, text), '×'));
  if (state.q) chip(`“${state.q}”`, () => { state.q = ''; $('search').value = ''; });
  if (state.from !== null || state.to !== null) chip(`${nice(view.from)} – ${nice(view.to)}`, () => { state.from = null; state.to = null; });
  for (const dim of DIMS) for (const k of state.sets[dim]) chip(`${DIM_NAMES[dim]}: ${dimLabel(dim, k)}`, () => state.sets[dim].delete(k));
  $('chips').replaceChildren(...(chips.length ? [`${plural(view.tickets.length, 'ticket')} of ${int(N)}`, ...chips, el('button', { type: 'button', class: 'link', onclick: () => update(() => { state.q = ''; $('search').value = ''; state.from = null; state.to = null; DIMS.forEach((d) => state.sets[d].clear()); }) }, 'Clear all')] : []));
}

// ---- cards
function buildCards() {
  $('cards').replaceChildren(...CARDS.map(([id, title, width]) => el('section', { class: `card ${width}`, id: `card-${id}`, 'aria-labelledby': `title-${id}` },
    el('div', { class: 'card-head' }, el('h3', { id: `title-${id}` }, title), el('div', { class: 'side' })), el('p', { class: 'note' }), el('div', { class: 'body' }), el('details', { class: 'data' }, el('summary', {}, 'Show data'), el('div', {})))));
}
function drawCards() {
  const active = document.activeElement;
  const focus = active && active.closest && active.closest('#cards .card');
  const key = focus && (active.tagName === 'svg' ? 'svg' : active.textContent);
  for (const [id, , , draw] of CARDS) {
    const card = $(`card-${id}`);
    const body = card.querySelector('.body');
    body.replaceChildren();
    const result = draw(body, card.querySelector('.side'));
    const none = typeof result === 'string';
    if (none) body.replaceChildren(el('p', { class: 'empty' }, result));
    card.querySelector('.note').textContent = none ? '' : result.note;
    const details = card.querySelector('details.data');
    details.hidden = none;
    const fillTable = () => details.querySelector('div').replaceChildren(...(none || !details.open ? [] : [el('table', {}, el('thead', {}, el('tr', {}, result.head.map((h) => el('th', { scope: 'col' }, h)))), el('tbody', {}, result.rows.map((r) => el('tr', {}, r.map((c) => el('td', {}, typeof c === 'number' ? short(c) : c))))))]));
    details.ontoggle = fillTable;
    fillTable();
  }
  if (focus) {
    const again = key === 'svg' ? focus.querySelector('.body svg') : [...focus.querySelectorAll('.side button')].find((b) => b.textContent === key);
    if (again) again.focus({ preventScroll: true });
  }
}

function drawFindings() {
  const card = (id, title, note, items, none) => el('section', { class: 'card w6', id, 'aria-label': title }, el('div', { class: 'card-head' }, el('div', {}, el('h2', {}, title), el('p', { class: 'note' }, note))),
    items.length ? el('div', {}, items.map((f) => el('div', { class: 'finding' }, el('h3', {}, f.title), el('p', {}, f.text), f.arithmetic ? el('p', { class: 'sum' }, f.arithmetic) : null))) : el('p', { class: 'empty' }, none));
  $('findings').replaceChildren(
    card('recommendations', 'Resource planning', 'From all tickets; the filters do not change it.', DATA.recommendations, 'The tickets do not support a recommendation.'),
    card('emerging', 'Emerging issues', DATA.emerging.length ? `From all tickets. ${DATA.emerging_summary}` : 'From all tickets.', DATA.emerging, DATA.emerging_summary));
  $('footer').replaceChildren(el('p', {}, `Made by ${DATA.made_by}; texts by template. Weeks start on Monday, all times are UTC. Nothing on this page loads from or sends to a network.`),
    ...(DATA.notes.length ? [el('ul', {}, DATA.notes.map((n) => el('li', {}, n)))] : []));
}

// ---- theme, print, link
const dark = matchMedia('(prefers-color-scheme: dark)');
function paintTheme() {
  const shown = state.theme === 'auto' ? (dark.matches ? 'dark' : 'light') : state.theme;
  document.documentElement.dataset.theme = shown;
  $('theme').textContent = `Theme: ${state.theme}`;
}
function render() {
  computeView();
  paintTheme();
  drawFilters();
  kpis();
  drawCards();
  drawTable();
}

readHash();
$('heading').textContent = DATA.title;
$('subheading').textContent = `${DATA.source ? `${DATA.source} · ` : ''}${plural(N, 'ticket')} · as of ${nice(Math.floor(DATA.as_of / DAY))}`;
buildFilters();
buildCards();
drawFindings();
render();
document.documentElement.dataset.ready = 'true';
dark.addEventListener('change', paintTheme);
$('theme').addEventListener('click', () => { state.theme = { auto: dark.matches ? 'light' : 'dark', light: dark.matches ? 'dark' : 'auto', dark: dark.matches ? 'auto' : 'light' }[state.theme]; update(); });
$('print').addEventListener('click', () => print());
$('copy-link').addEventListener('click', async () => {
  let text = 'Copied';
  try { await navigator.clipboard.writeText(location.href); } catch { text = 'Copy it from the address bar'; }
  $('copy-link').textContent = text;
  setTimeout(() => { $('copy-link').textContent = 'Copy link'; }, 2000);
});
addEventListener('hashchange', () => { if (location.hash !== '#tickets') { readHash(); render(); } });
let lastWidth = innerWidth;
addEventListener('resize', () => { if (innerWidth !== lastWidth) { lastWidth = innerWidth; update(); } });
addEventListener('beforeprint', () => { hideTip(); });
