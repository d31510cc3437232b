// ops_view: the side panel. `act` are the things that can be done and looked at.
import {h, svg} from './dom.js';
import {minutes, t, time, timeExact} from './i18n.js';
import {attention, candidateWords, colour, courierWords, decisionHead, dispatchWords, marginWords, stateWords, stepWords, unassigned} from './ops_words.js';

const SHOWN = 60; // of a list
const TEN_MINUTES_MS = 600000;
const badge = {good: 'good', warn: 'warn', bad: 'bad', wait: ''};

// ---- the city ----

const figure = (id, name, value) =>
    h('div', {}, h('p', {class: 'soft'}, name), h('p', {class: 'big', id}, value));

function figures(city) {
    const sum = {delivered: 0, on_time: 0, door_ms: 0};
    for (const m of city.minutes) for (const key of Object.keys(sum)) sum[key] += m[key];
    const open = [...city.orders.values()].filter((o) => !o.end).length;
    const on = [...city.couriers.values()].filter((c) => c.on).length;
    return h('div', {class: 'figures'},
        figure('open-orders', t('ops.orders'), String(open)),
        figure('on-shift', t('ops.couriers'), String(on)),
        figure('waiting', t('ops.waiting'), String([...city.orders.values()].filter((o) => !o.end && (o.status === 'held' || unassigned(o))).length)),
        figure('delivered', t('ops.delivered'), String(sum.delivered)),
        figure('on-time', t('ops.on_time'), sum.delivered ? `${Math.round((100 * sum.on_time) / sum.delivered)} %` : '–'),
        figure('door', city.speedup > 1 ? t('ops.door.city', {n: city.speedup}) : t('ops.door'), sum.delivered ? minutes(sum.door_ms / sum.delivered) : '–'));
}

const HOUR_MS = 3600000;

// axis: the hours below a chart, the newest at the right.
function axis(city) {
    const last = Math.floor(city.now() / TEN_MINUTES_MS);
    const picture = svg('svg', {viewBox: '0 0 240 10', class: 'axis', 'aria-hidden': 'true'});
    for (let back = 0; back < 24; back++) {
        const at = (last - back) * TEN_MINUTES_MS;
        if (at % HOUR_MS === 0 && back < 23) picture.append(svg('text', {x: 234 - back * 10, y: 8, 'text-anchor': back < 1 ? 'end' : 'middle'}, time(at)));
    }
    return picture;
}

// course: how long it took from the click to the door, in each ten minutes; and what came to nothing.
function course(city) {
    const bins = new Map();
    for (const m of city.minutes) {
        const key = Math.floor(m.at / TEN_MINUTES_MS);
        const bin = bins.get(key) ?? {delivered: 0, door_ms: 0, lost: 0};
        bin.delivered += m.delivered;
        bin.door_ms += m.door_ms;
        bin.lost += m.cancelled + m.rejected;
        bins.set(key, bin);
    }
    const last = Math.floor(city.now() / TEN_MINUTES_MS);
    const points = [...bins].filter(([, b]) => b.delivered > 0).map(([key, b]) => [234 - (last - key) * 10, b.door_ms / b.delivered]).sort((a, b) => a[0] - b[0]);
    const lost = [...bins.values()].reduce((n, b) => n + b.lost, 0);
    if (points.length === 0 && lost === 0) return null;
    const most = Math.max(...points.map((p) => p[1]), 1);
    const picture = svg('svg', {viewBox: '0 0 240 60', class: 'chart', preserveAspectRatio: 'none', role: 'img', 'aria-label': t('ops.chart_door')});
    picture.append(svg('line', {x1: 0, x2: 240, y1: 59.5, y2: 59.5, class: 'line'}),
        svg('polyline', {class: 'course', points: points.map(([x, ms]) => `${x},${58 - (ms / most) * 52}`).join(' ')}));
    for (const [x, ms] of points) picture.append(svg('rect', {x: x - 1.5, y: 58 - (ms / most) * 52 - 2, width: 3, height: 4, class: 'point'}));
    return h('div', {class: 'card', id: 'chart-door'}, h('h2', {}, t('ops.chart_door')), picture, axis(city),
        h('p', {class: 'soft'}, points.length ? t('ops.chart_most', {minutes: minutes(most)}) : '', ' ', t('ops.chart_lost', {n: lost})));
}

function chart(city) {
    const bins = new Map();
    for (const m of city.minutes) {
        const key = Math.floor(m.at / TEN_MINUTES_MS);
        const bin = bins.get(key) ?? {good: 0, bad: 0};
        bin.good += m.on_time;
        bin.bad += m.delivered - m.on_time;
        bins.set(key, bin);
    }
    if (bins.size === 0) return null;
    const most = Math.max(...[...bins.values()].map((b) => b.good + b.bad), 1);
    const last = Math.floor(city.now() / TEN_MINUTES_MS);
    const picture = svg('svg', {viewBox: '0 0 240 60', class: 'chart', preserveAspectRatio: 'none', role: 'img', 'aria-label': t('ops.chart')});
    picture.append(svg('line', {x1: 0, x2: 240, y1: 59.5, y2: 59.5, class: 'line'}));
    for (const [key, bin] of bins) {
        const x = 230 - (last - key) * 10;
        const good = (bin.good / most) * 56;
        const bad = (bin.bad / most) * 56;
        picture.append(svg('rect', {x, width: 8, y: 59 - good, height: good, class: 'good'}),
            svg('rect', {x, width: 8, y: 59 - good - bad, height: bad, class: 'bad'}));
    }
    return h('div', {class: 'card'}, h('h2', {}, t('ops.chart')), picture, axis(city), h('p', {class: 'soft'}, t('ops.since')));
}

function orderLine(order, act) {
    const words = unassigned(order) ? t('ops.unassigned') : marginWords(order);
    const state = stateWords(order.status);
    const said = order.status === 'held' || words === state; // by the badge
    return h('li', {}, h('button', {onclick: () => act.order(order.id), 'data-order': order.external},
        h('span', {class: 'name'}, `${order.chain}/${order.external} `, said ? null : h('span', {class: 'soft'}, state)),
        h('span', {class: `badge ${badge[colour(order)]}`}, words)));
}

export function city(state, act, zones) {
    const open = [...state.orders.values()].filter((o) => !o.end);
    const now = state.now();
    const look = open.filter((o) => attention(o, now) > 0).sort((a, b) => attention(b, now) - attention(a, now) || a.window_end - b.window_end);
    const rest = open.filter((o) => attention(o, now) === 0).sort((a, b) => (a.window_end - a.eta) - (b.window_end - b.eta));
    const list = (id, name, orders, none) => h('section', {class: 'card'},
        h('h2', {}, `${name} (${orders.length})`),
        orders.length === 0 ? h('p', {class: 'soft'}, none) : null,
        h('ul', {class: 'list', id}, orders.slice(0, SHOWN).map((o) => orderLine(o, act))));
    return [
        figures(state),
        list('attention', t('ops.attention'), look, t('ops.nothing')),
        list('open', t('ops.orders'), rest, '–'),
        chart(state),
        course(state),
        legend(act, zones),
    ];
}

// legend: what the dots are; and the zones, which are shown when somebody wants them.
function legend(act, zones) {
    const mark = (look, words) => h('li', {}, h('span', {class: `mark ${look}`, 'aria-hidden': 'true'}), words);
    return h('section', {class: 'card stack', id: 'legend'}, h('h2', {}, t('ops.legend')),
        h('ul', {class: 'legend'},
            mark('order good', t('ops.legend.good')), mark('order warn', t('ops.legend.warn')), mark('order bad', t('ops.legend.bad')),
            mark('order wait', t('ops.legend.wait')), mark('order busy', t('ops.legend.courier')), mark('order wait small', t('ops.legend.free')),
            mark('shop', t('ops.legend.store')), mark('shop warn', t('ops.legend.busy')), mark('shop bad', t('ops.legend.paused')),
            mark('shop short', t('ops.legend.short'))),
        h('button', {id: 'zones', 'aria-pressed': String(zones), onclick: act.zones}, t(zones ? 'ops.zones.hide' : 'ops.zones.show')));
}

export function found(state, results, act) {
    const total = results.orders.length + results.stores.length + results.couriers.length;
    const line = (name, more, onclick) => h('li', {}, h('button', {onclick}, h('span', {}, name), h('span', {class: 'soft'}, more)));
    return [back(act), h('section', {class: 'card'}, h('h2', {}, t('ops.found')),
        total === 0 ? h('p', {class: 'soft', id: 'none'}, t('ops.none')) : null,
        h('ul', {class: 'list', id: 'found'},
            results.orders.slice(0, SHOWN).map((o) => orderLine(o, act)),
            results.stores.slice(0, SHOWN).map((s) => line(s.name, `${t('ops.store')} · ${s.chain}`, () => act.store(s.store))),
            results.couriers.slice(0, SHOWN).map((c) => line(c.name, t('ops.courier'), () => act.courier(c.courier)))))];
}

const back = (act) => h('button', {id: 'back', onclick: act.back}, `← ${t('ops.back')}`);

const pair = (name, ...value) => [h('dt', {}, name), h('dd', {}, ...value)];

// ---- one order ----

function timeline(order, state) {
    const steps = order.history?.length
        ? [...firstSteps(order), ...order.history]
        : (order.order?.stamps ?? []).toSorted((a, b) => a.at - b.at);
    return h('section', {class: 'card'}, h('h2', {}, t('ops.timeline')),
        h('ol', {class: 'timeline', id: 'timeline'}, steps.map((s, i) => [s, stepWords(s, steps[i - 1]?.status ?? s.status, (number) => courierName(state, number))]).map(([s, {what, words, note}]) => h('li', {},
            h('time', {datetime: new Date(s.at).toISOString()}, timeExact(s.at)), what,
            s.reason && !note ? ` · ${t(`reason.${s.reason}`)}` : '',
            s.courier && !note ? h('span', {class: 'soft'}, ` · ${s.courier}`) : '',
            s.store && s.status === 'placed' && !note ? h('span', {class: 'soft'}, ` · ${state.stores.get(s.store)?.name ?? ''}`) : '',
            words ? h('span', {class: 'soft'}, ` · ${words}`) : ''))));
}

// firstSteps: history begins with the second write; the first is in the stamps.
function firstSteps(order) {
    const first = order.history[0].at;
    return (order.order?.stamps ?? []).filter((s) => s.at < first).sort((a, b) => a.at - b.at);
}

function decision(order) {
    const d = order.decision;
    return h('section', {class: 'card'}, h('h2', {}, t('ops.decision')),
        !d ? h('p', {class: 'soft'}, t('ops.no_decision')) : [
            decisionHead(d).map((line) => h('p', {class: 'soft'}, line)),
            h('ol', {class: 'list why', id: 'why'}, d.candidates.slice(0, 12).map((c, i) =>
                h('li', {}, h('strong', {}, c.name || `#${c.store}`), h('p', {}, candidateWords(d, i, order.order?.store)))))]);
}

const COURIERS_SHOWN = 12;

// whyCourier: who was offered the order, and why not the others; or why nobody has it yet.
function whyCourier(state, detail) {
    const d = detail.dispatch;
    if (!detail.order || detail.order.collection) return null;
    return h('section', {class: 'card'}, h('h2', {}, t('ops.why_courier')),
        !d ? h('p', {class: 'soft'}, t('ops.no_dispatch')) : [
            dispatchWords(d, courierName(state, d.courier), courierName(state, d.planned)).map((line) => h('p', {class: 'soft'}, line)),
            h('ol', {class: 'list why', id: 'why-courier'}, d.candidates.slice(0, COURIERS_SHOWN).map((c) =>
                h('li', {}, h('strong', {}, c.name || `#${c.courier}`), c.courier === d.courier ? ' ✓' : '', h('p', {}, courierWords(c)))))]);
}

// ---- what people decide over the plan's head ----

const NEAREST = 60;

// candidates: couriers on shift, the nearest to the store first.
function candidates(state, o) {
    const store = state.stores.get(o.store);
    const far = (c) => {
        const at = state.places.get(c.courier);
        return at && store ? Math.hypot(at[0] - store.lat, (at[1] - store.lng) * Math.cos(store.lat * Math.PI / 180)) : Infinity;
    };
    return [...state.couriers.values()].filter((c) => c.on).sort((a, b) => far(a) - far(b)).slice(0, NEAREST);
}

const courierName = (state, number) => state.couriers.get(number)?.name ?? `#${number}`;

function ruling(state, detail, o, act) {
    const r = detail.ruling ?? {hold: false, pinned: 0, banned: []};
    const all = candidates(state, o).filter((c) => !r.banned.includes(c.courier));
    const facts = [
        r.hold ? h('li', {}, t('ops.ruling.held')) : null,
        r.pinned ? h('li', {}, t('ops.ruling.pinned', {courier: courierName(state, r.pinned)}), ' ',
            h('button', {id: 'unpin', onclick: () => act.rule('unpin', o)}, t('ops.ruling.lift'))) : null,
        r.banned.map((number) => h('li', {}, t('ops.ruling.banned', {courier: courierName(state, number)}), ' ',
            h('button', {onclick: () => act.rule('unban', o, number)}, t('ops.ruling.lift')))),
    ].flat().filter(Boolean);
    return h('section', {class: 'card stack', id: 'ruling'}, h('h2', {}, t('ops.dispatch')),
        facts.length ? h('ul', {class: 'facts'}, facts) : h('p', {class: 'soft'}, t('ops.ruling.none')),
        h('div', {class: 'row'},
            r.hold ? h('button', {class: 'primary', id: 'release', onclick: () => act.rule('release', o)}, t('ops.release'))
                : h('button', {id: 'hold', onclick: () => act.rule('hold', o)}, t('ops.hold')),
            o.courier && !r.pinned ? h('button', {id: 'reassign', onclick: () => act.rule('ban', o, o.courier)},
                t('ops.reassign', {courier: courierName(state, o.courier)})) : null),
        h('div', {}, h('label', {for: 'ruling-why'}, t('ops.why')),
            h('input', {id: 'ruling-why', maxLength: 120, autocomplete: 'off'})),
        all.length === 0 ? null : h('form', {class: 'row', id: 'give', onsubmit: (e) => {
            e.preventDefault();
            act.rule(e.submitter?.value ?? 'pin', o, Number(e.target.courier.value));
        }},
        h('label', {for: 'who'}, t('ops.courier')),
        h('select', {id: 'who', name: 'courier'}, all.map((c) => h('option', {value: String(c.courier)},
            `${c.name} · ${t(`vehicle.${c.vehicle}`)} · ${c.stops.length ? t('ops.n_stops', {n: c.stops.length}) : t('ops.free')}`))),
        h('button', {id: 'pin', name: 'kind', value: 'pin'}, t('ops.pin')),
        h('button', {id: 'ban', name: 'kind', value: 'ban', class: 'danger'}, t('ops.ban'))));
}

// ---- where it goes, when the address alone does not say ----

export const unplaced = (o) => o.status === 'held' && o.reason === 'address_not_confirmed' && o.lat !== undefined;

// placeOf: "39.2852, -76.585" as [lat, lng]; null when it is no place on Earth.
export function placeOf(text) {
    const found = /^\s*(-?\d{1,2}(?:\.\d+)?)\s*[,; ]\s*(-?\d{1,3}(?:\.\d+)?)\s*$/.exec(text);
    const at = found && [Number(found[1]), Number(found[2])];
    return at && Math.abs(at[0]) <= 90 && Math.abs(at[1]) <= 180 ? at : null;
}

function where(o, act) {
    if (!unplaced(o)) return null;
    return h('form', {class: 'card stack', id: 'where', onsubmit: (e) => {
        e.preventDefault();
        act.confirm(o, e.target.place.value);
    }},
    h('h2', {}, t('ops.where')),
    h('p', {}, h('strong', {}, o.address || '–')),
    h('p', {class: 'soft'}, t(`ops.where.${o.precision === 'ambiguous' ? 'ambiguous' : 'street'}`, {n: o.error_m})),
    h('div', {}, h('label', {for: 'place'}, t('ops.where.place')),
        h('input', {id: 'place', name: 'place', class: 'wide', autocomplete: 'off', spellcheck: false, required: true, 'aria-describedby': 'place-how',
            defaultValue: `${o.lat.toFixed(6)}, ${o.lng.toFixed(6)}`, onchange: (e) => act.typed(e.target.value)})),
    h('p', {class: 'soft', id: 'place-how'}, t('ops.where.how')),
    h('button', {class: 'primary', id: 'confirm'}, t('ops.where.confirm')));
}

// proofs: what was photographed or signed at the door; loaded when somebody wants to see it.
function proofs(detail, o, act) {
    if (!detail.proofs?.length) return null;
    return h('section', {class: 'card stack', id: 'proofs'}, h('h2', {}, t('ops.proofs')),
        detail.proofs.map((kind) => (detail.pictures?.[kind]
            ? h('img', {class: 'proof', src: detail.pictures[kind], alt: t(`ops.proof.${kind}`)})
            : h('button', {'data-proof': kind, onclick: () => act.proof(o, kind)}, t(`ops.proof.${kind}`)))));
}

// carried: what a courier has and cannot end any more, say because the phone is lost: somebody who heard of it does.
const CARRIED = ['picked_up', 'enroute_to_dropoff', 'arrived_at_dropoff', 'returning'];
function carried(o, act) {
    return h('section', {class: 'card stack', id: 'carried'}, h('h2', {}, t('ops.settle')),
        h('p', {class: 'soft'}, t('ops.settle.how')),
        h('div', {class: 'row'}, ['delivered', 'returned'].map((end) =>
            h('button', {id: `settle-${end}`, onclick: () => act.settle(o, end)}, t(`ops.settle.${end}`)))));
}

export function order(state, detail, act, notice) {
    const o = detail.order;
    if (!o) return [back(act), h('p', {class: 'card soft'}, '…')];
    const courier = state.couriers.get(o.courier);
    const store = state.stores.get(o.store);
    const early = ['created', 'held', 'placed', 'confirmed', 'enroute_to_pickup', 'arrived_at_pickup', 'ready_for_collection'].includes(o.status);
    return [
        back(act),
        notice ? h('p', {class: `note ${notice.kind}`, role: 'status', id: 'notice'}, notice.text) : null,
        h('section', {class: 'card'},
            h('div', {class: 'row spread'}, h('h2', {id: 'order'}, `${o.chain}/${o.external}`),
                h('span', {class: `badge ${badge[colour(o)]}`, id: 'order-state'}, stateWords(o.status))),
            h('dl', {class: 'pairs'},
                o.reason ? pair(t('ops.reason'), t(`reason.${o.reason}`)) : null,
                pair(t('ops.promise'), time(o.window_end)),
                o.end || o.status === 'held' ? null : pair(t('ops.eta'), `${time(o.eta)} · ${marginWords(o)}`),
                store ? pair(t('ops.store'), o.accepted ? '✓ ' : '', h('a', {href: '#', onclick: (e) => { e.preventDefault(); act.store(o.store); }}, store.name)) : null,
                courier ? pair(t('ops.courier'), h('a', {href: '#', onclick: (e) => { e.preventDefault(); act.courier(o.courier); }}, courier.name)) : null,
                o.address ? pair(t('courier.dropoff'), o.address) : null,
                pair(t('ops.lines'), o.lines.map((l) => `${l.taken}/${l.quantity} ${l.sku ?? '?'}`).join(', ')),
                detail.rating ? pair(t('ops.rating'), `${'★'.repeat(detail.rating.stars)} ${detail.rating.comment}`) : null),
            early ? h('div', {class: 'row'},
                h('button', {class: 'danger', id: 'cancel', onclick: () => act.cancel(o)}, t('ops.cancel')),
                h('button', {id: 'ready', onclick: () => act.ready(o)}, t('ops.ready'))) : null),
        where(o, act),
        early && !o.collection && !unplaced(o) ? ruling(state, detail, o, act) : null,
        CARRIED.includes(o.status) ? carried(o, act) : null,
        proofs(detail, o, act),
        timeline(detail, state),
        decision(detail),
        whyCourier(state, detail),
    ];
}

// ---- a store, a courier ----

// shelf: how much of what it sells is sold out, and what.
function shelf(count, names) {
    if (!count?.of) return null;
    const more = count.out - (names?.length ?? 0);
    return h('section', {class: 'card', id: 'shelf'}, h('h2', {}, t('ops.sold_out', {n: count.out, of: count.of})),
        names?.length ? h('p', {class: 'soft'}, names.join(', '), more > 0 ? ` … +${more}` : '') : null);
}

export function store(state, s, act, detail, notice) {
    const open = [...state.orders.values()].filter((o) => !o.end && o.store === s.store).sort((a, b) => a.window_end - b.window_end);
    const kind = {open: 'good', busy: 'warn', paused: 'bad'}[s.busy];
    return [back(act),
        notice ? h('p', {class: `note ${notice.kind}`, role: 'status', id: 'notice'}, notice.text) : null,
        h('section', {class: 'card stack'},
            h('div', {class: 'row spread'}, h('h2', {}, s.name),
                h('span', {class: `badge ${kind}`, id: 'store-state'}, t(`store.${s.busy}`, {n: Math.round(s.busy_delay_seconds / 60)}))),
            h('p', {class: 'soft'}, `${s.chain} · ${s.store_id} · ${s.address}`),
            h('div', {class: 'row'},
                s.busy === 'open' ? h('button', {class: 'danger', id: 'pause', onclick: () => act.busy(s, 'paused', 0)}, t('store.do_pause'))
                    : h('button', {class: 'primary', id: 'open', onclick: () => act.busy(s, 'open', 0)}, t('store.do_open')),
                h('button', {onclick: () => act.busy(s, 'busy', 10)}, t('store.delay', {n: 10})))),
        shelf(state.shelves.get(s.store), detail.sold_out),
        h('section', {class: 'card'}, h('h2', {}, t('ops.open_orders', {n: open.length})),
            h('ul', {class: 'list'}, open.slice(0, SHOWN).map((o) => orderLine(o, act))))];
}

export function courier(state, c, act, detail, notice) {
    return [back(act),
        notice ? h('p', {class: `note ${notice.kind}`, role: 'status', id: 'notice'}, notice.text) : null,
        h('section', {class: 'card stack'},
            h('div', {class: 'row spread'}, h('h2', {}, c.name),
                h('span', {class: `badge ${c.on ? 'good' : ''}`}, c.on ? t(`vehicle.${c.vehicle}`) : t('link.away'))),
            h('p', {class: 'soft'}, c.courier_id, detail.frozen ? ` · ${t('ops.frozen')}` : ''),
            h('div', {class: 'row'}, detail.frozen
                ? h('button', {class: 'primary', id: 'unfreeze', onclick: () => act.rule('unfreeze', null, c.courier)}, t('ops.unfreeze'))
                : h('button', {id: 'freeze', onclick: () => act.rule('freeze', null, c.courier)}, t('ops.freeze')))),
        h('section', {class: 'card'}, h('h2', {}, t('ops.stops')),
            c.stops.length === 0 ? h('p', {class: 'soft'}, t('ops.free')) : null,
            h('ul', {class: 'list'}, c.stops.map((s) => {
                const o = state.orders.get(s.order);
                return h('li', {}, h('button', {onclick: () => act.order(s.order)},
                    h('span', {}, `${t(`courier.${s.kind}`)} ${o ? `${o.chain}/${o.external}` : ''}`),
                    h('span', {class: 'badge'}, time(s.eta))));
            })))];
}
