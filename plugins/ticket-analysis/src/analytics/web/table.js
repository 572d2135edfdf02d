// The ticket table: sort, pages, and the pages' address.
const PAGE = 25;
const hoursCell = (h) => (h === null ? '' : hours(h));
const SLA_NAMES = ['met', 'breached', 'pending'];
const SLA_COLORS = ['var(--c2)', 'var(--c5)', 'var(--c7)'];
const dimOrder = (dim) => (i) => (T[dim][i] < 0 ? null : dim === 'priority' ? DATA.dims.priority[T.priority[i]] : dimLabel(dim, T[dim][i]).toLowerCase());
const tagged = (dim) => (i) => (T[dim][i] < 0 ? null : el('span', { class: 'tag', title: dimLabel(dim, T[dim][i]) }, el('i', { css: { background: dimColor(dim, T[dim][i]) } }), dimLabel(dim, T[dim][i])));
const plain = (dim) => (i) => (T[dim][i] < 0 ? null : dimLabel(dim, T[dim][i]));
const COLUMNS = [
  { key: 'id', name: 'ID', width: '6.4rem', value: (i) => T.id[i], cell: (i) => T.id[i] },
  { key: 'subject', name: 'Subject', value: (i) => T.subject[i].toLowerCase(), cell: (i) => T.subject[i], css: 'subject' },
  { key: 'created', name: 'Created', width: '6.9rem', value: (i) => T.created[i], cell: (i) => (T.created[i] === null ? null : nice(Math.floor(T.created[i] / DAY))), css: 'nowrap' },
  { key: 'status', name: 'Status', width: '6rem', value: dimOrder('status'), cell: plain('status') },
  { key: 'category', name: 'Category', width: '7.8rem', value: dimOrder('category'), cell: tagged('category') },
  { key: 'priority', name: 'Priority', width: '4.8rem', value: dimOrder('priority'), cell: tagged('priority') },
  { key: 'product', name: 'Product', width: '7rem', value: dimOrder('product'), cell: plain('product'), css: 'minor' },
  { key: 'tier', name: 'Tier', width: '6.6rem', value: dimOrder('tier'), cell: plain('tier'), css: 'minor' },
  { key: 'team', name: 'Team', width: '7rem', value: dimOrder('team'), cell: plain('team'), css: 'minor' },
  { key: 'hours', name: 'Resolved in', width: '6rem', value: (i) => resolutionHours[i], cell: (i) => hoursCell(resolutionHours[i]), css: 'num' },
  { key: 'sla', name: 'SLA', width: '7rem', value: (i) => (T.sla[i] < 0 ? null : T.sla[i]), cell: (i) => (T.sla[i] < 0 ? null : el('span', { class: 'tag' }, el('i', { css: { background: SLA_COLORS[T.sla[i]] } }), SLA_NAMES[T.sla[i]])) },
];
// A column that is empty for every ticket of the file is left out.
const SHOWN = COLUMNS.filter((c) => ['id', 'subject', 'created'].includes(c.key) || T.id.some((_, i) => c.value(i) !== null));

function sortBy(key) { update(() => { state.sort = state.sort === key ? `-${key}` : key; }); }

function drawTable() {
  const down = state.sort.startsWith('-');
  const column = SHOWN.find((c) => c.key === state.sort.replace(/^-/, '')) || SHOWN[0];
  const keyed = view.tickets.map((i) => [column.value(i), i]);
  const sign = down ? -1 : 1;
  // Absent values come last whichever way it is sorted; equal ones keep the file's order.
  keyed.sort(([a, i], [b, k]) => (a === b ? i - k : a === null ? 1 : b === null ? -1 : (a < b ? -1 : 1) * sign));
  const pages = Math.max(1, Math.ceil(keyed.length / PAGE));
  state.page = Math.min(state.page, pages);
  const start = (state.page - 1) * PAGE;
  const table = $('ticket-table');
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.sort : null;
  table.querySelector('thead').replaceChildren(el('tr', {}, SHOWN.map((c) => el('th', {
    scope: 'col', class: ['num', 'minor'].includes(c.css) ? c.css : null, css: c.width ? { width: c.width } : null,
    'aria-sort': c === column ? (down ? 'descending' : 'ascending') : null,
  }, el('button', { type: 'button', 'data-sort': c.key, onclick: () => sortBy(c.key) }, c.name, c === column ? (down ? ' ↓' : ' ↑') : '')))));
  if (focused) table.querySelector(`[data-sort="${focused}"]`).focus({ preventScroll: true });
  table.querySelector('tbody').replaceChildren(...keyed.slice(start, start + PAGE).map(([, i]) => el('tr', { 'data-id': T.id[i] }, SHOWN.map((c) => {
    const content = c.cell(i);
    const void_ = content === null || content === '';
    return el('td', { class: [c.css, void_ ? 'void' : null].filter(Boolean).join(' ') || null, 'data-label': c.name }, void_ ? null : content);
  }))));
  $('table-note').textContent = keyed.length ? `${int(start + 1)}–${int(Math.min(start + PAGE, keyed.length))} of ${plural(keyed.length, 'ticket')}` : 'No ticket passes the filters.';
  const go = (page) => () => { state.page = page; update(); };
  $('pager').replaceChildren(
    el('button', { type: 'button', class: 'quiet', onclick: exportCsv, title: 'The tickets that pass the filters, as CSV' }, 'Export CSV'),
    el('button', { type: 'button', class: 'quiet', disabled: state.page <= 1, onclick: go(state.page - 1) }, 'Previous'),
    el('span', {}, `Page ${int(state.page)} of ${int(pages)}`),
    el('button', { type: 'button', class: 'quiet', disabled: state.page >= pages, onclick: go(state.page + 1) }, 'Next'),
  );
}

function exportCsv() {
  // A cell that a spreadsheet would take for a formula is prefixed with an apostrophe.
  const quote = (v) => { const s = v === null || v === undefined ? '' : String(v); return `"${(/^[=+\-@\t\r]/.test(s) ? `'${s}` : s).replaceAll('"', '""')}"`; };
  const stamp = (s) => (s === null ? '' : new Date(s * 1000).toISOString());
  const head = ['id', 'subject', 'created_at', 'resolved_at', ...DIMS, 'resolution_hours', 'sla'];
  const lines = view.tickets.map((i) => [T.id[i], T.subject[i], stamp(T.created[i]), stamp(T.resolved[i]), ...DIMS.map((d) => (T[d][i] < 0 ? '' : dimLabel(d, T[d][i]))), resolutionHours[i], T.sla[i] < 0 ? '' : SLA_NAMES[T.sla[i]]].map(quote).join(','));
  const link = el('a', { download: 'tickets.csv', href: URL.createObjectURL(new Blob([`${[head.join(','), ...lines].join('\r\n')}\r\n`], { type: 'text/csv' })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
