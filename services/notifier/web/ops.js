// ops: the city as it is now. The server tells whole orders, couriers and stores; this page keeps them, draws them, and
// says plainly when what it shows is old.
import {$, fill, h, secretFromAddress, stored} from './dom.js';
import {t, timeExact, translate} from './i18n.js';
import {live} from './live.js';
import {newId} from './queue.js';
import {cityMap} from './ops_map.js';
import {colour, isShort} from './ops_words.js';
import {Zones} from './ops_zones.js';
import {Asker, follow} from './way.js';
import {signIn} from './signin.js';
import * as view from './ops_view.js';

const QUIET_MS = 5000; // positions come every second: silence for longer is stale
const ENDED_KEPT = 200; // orders that ended, for who looks at one

const kept = stored('lc.ops', {token: ''});
const city = {
    orders: new Map(), couriers: new Map(), stores: new Map(), shelves: new Map(), places: new Map(), minutes: [], speedup: 1, skew: 0,
    now: () => Date.now() + city.skew,
};
let link = null;
let connected = 'connecting';
let heard = 0;
let round = 0; // rises with every connection: what was not told again by its end is gone
let looked = {kind: 'city'}; // what the panel shows
let detail = {};
let notice = null;
let wanted = ''; // what is searched
let answers = []; // orders that the server found
let waiting = new Map(); // actions without an answer
let drawDue = 0;
let pressed = false;
let map = null;
const zones = new Zones({city, ask: (store) => link?.say({type: 'zone', store}), map: () => map});
let placed = ''; // the order whose place the pin on the map shows
let way = null; // of the courier who is looked at: the server's last word, and what it was of

// ---- what the server says ----

const told = {
    welcome(m) {
        city.skew = m.time - Date.now();
        round++;
    },
    synced() {
        for (const o of city.orders.values()) if (o.round !== round) dropOrder(o.id);
        fitOnce();
    },
    stores(m) {
        for (const s of m.stores) {
            city.stores.set(s.store, s);
            zones.known.delete(s.store); // it may deliver elsewhere now
            putStore(s);
        }
    },
    orders(m) {
        for (const o of m.orders) putOrder(o);
        trimEnded();
    },
    couriers(m) {
        for (const c of m.couriers) {
            city.couriers.set(c.courier, c);
            if (!c.on) map?.drop('courier', c.courier);
            else putCourier(c.courier);
        }
        showRoute();
    },
    positions(m) {
        for (const [courier, lat, lng] of m.positions) {
            city.places.set(courier, [lat, lng]);
            putCourier(courier);
        }
        if (m.positions.some(([courier]) => courier === looking())) showRoute();
    },
    way(m) {
        asker.answered();
        way = {...m, of: asked};
        showRoute();
    },
    error() {
        asker.answered();
    },
    stats(m) {
        city.minutes = m.minutes;
        city.speedup = m.speedup;
    },
    order(m) {
        if (looked.kind === 'order' && m.order_id === looked.id) detail = {...detail, ...m};
    },
    proof(m) {
        if (looked.kind === 'order' && m.order_id === looked.id)
            detail = {...detail, pictures: {...detail.pictures, [m.kind]: `data:${m.media};base64,${m.image}`}};
    },
    courier(m) {
        if (looked.kind === 'courier' && looked.id === m.courier) detail = {...detail, ...m};
    },
    found(m) {
        answers = m.orders;
    },
    shelves(m) {
        for (const [store, out, of] of m.shelves) {
            city.shelves.set(store, {out, of});
            if (city.stores.has(store)) putStore(city.stores.get(store));
        }
    },
    shelf(m) {
        if (looked.kind === 'store' && looked.id === m.store) detail = {...detail, sold_out: m.sold_out};
    },
    zone(m) {
        zones.got(m.store, m.polygons);
        if (looked.kind === 'store' && looked.id === m.store) map?.zone(m.polygons);
    },
    done(m) {
        const what = waiting.get(m.id);
        waiting.delete(m.id);
        if (!what) return;
        const good = m.outcome === 'done' || m.outcome === 'already';
        notice = {kind: good ? 'good' : 'bad',
            text: good ? t('ops.done') : t('ops.refused', {outcome: t(`ops.outcome.${m.outcome}`)})};
        if (looked.kind === 'order') link.say({type: 'order', order_id: looked.id});
        if (looked.kind === 'courier') link.say({type: 'courier', courier: looked.id});
    },
};

function putStore(s) {
    const look = s.busy === 'busy' ? 'warn' : s.busy === 'paused' ? 'bad' : isShort(city.shelves.get(s.store)) ? 'short' : 'store';
    map?.put('store', s.store, s.lat, s.lng, look);
}

function putOrder(o) {
    const before = city.orders.get(o.id);
    city.orders.set(o.id, {...o, round});
    if (o.end || o.lat === undefined) map?.drop('order', o.id);
    else map?.put('order', o.id, o.lat, o.lng, colour(o));
    if (looked.kind === 'order' && looked.id === o.id && before?.updated !== o.updated)
        link?.say({type: 'order', order_id: o.id});
}

function putCourier(number) {
    const c = city.couriers.get(number);
    const at = city.places.get(number);
    if (c?.on && at) map?.put('courier', number, at[0], at[1], c.stops.length > 0 ? 'courier' : 'idle');
}

function dropOrder(id) {
    city.orders.delete(id);
    map?.drop('order', id);
}

function trimEnded() {
    const ended = [...city.orders.values()].filter((o) => o.end).sort((a, b) => b.updated - a.updated);
    for (const o of ended.slice(ENDED_KEPT)) dropOrder(o.id);
}

let fitted = false;
function fitOnce() {
    if (fitted) return;
    fitted = true;
    map?.fit([...[...city.stores.values()].map((s) => [s.lat, s.lng]), ...city.places.values()]);
}

function connect() {
    link?.close();
    if (!kept.get().token) return;
    link = live({
        path: '/v1/ops',
        token: kept.get().token,
        ping: () => ({type: 'ping'}),
        onopen() {
            link.say({type: 'hello'});
            if (looked.kind === 'order') link.say({type: 'order', order_id: looked.id});
        },
        onmessage(message) {
            heard = Date.now();
            told[message.type]?.(message);
            soon();
        },
        onstate(name) {
            if (connected === name) return;
            connected = name;
            if (name === 'refused') kept.set({token: ''});
            if (name === 'away') waiting.clear();
            if (name !== 'open') asker.answered();
            soon();
        },
    });
}

// ---- what the operator does ----

function look(kind, id) {
    looked = {kind, id};
    detail = {};
    notice = null;
    map?.select(kind === 'city' || kind === 'found' ? null : {kind, id});
    if (kind === 'order') {
        link?.say({type: 'order', order_id: id});
        const o = city.orders.get(id);
        if (o?.lat !== undefined) map?.see([o.lat, o.lng]);
    } else if (kind === 'store') {
        link?.say({type: 'zone', store: id});
        link?.say({type: 'shelf', store: id});
        const s = city.stores.get(id);
        map?.see([s.lat, s.lng]);
    } else if (kind === 'courier') {
        link?.say({type: 'courier', courier: id});
        map?.see(city.places.get(id));
    }
    showRoute();
    draw();
    $('#panel').focus({preventScroll: true});
}

// looking: the number of the courier who is looked at, or has the order that is; 0: nobody.
function looking() {
    return (looked.kind === 'courier' ? looked.id : looked.kind === 'order' ? city.orders.get(looked.id)?.courier : 0) || 0;
}

let asked = ''; // what the question under way is of
let needed = '';
const asker = new Asker(() => {
    asked = needed;
    return link?.say({type: 'way', courier: looking()}) ?? false;
});

// showRoute: where that courier still goes, along streets; the line is asked for again when the stops change or the
// courier leaves it.
function showRoute() {
    if (looked.kind === 'store') return;
    const number = looking();
    const stops = (city.couriers.get(number)?.stops ?? []).map((s) => ({...s, order_id: s.order}));
    needed = `${number} ${stops.map((s) => s.order + s.kind).join()}`;
    const legs = follow(way?.courier === number ? way : null, city.places.get(number), stops);
    map?.way(legs);
    if (stops.length > 0 && connected === 'open') asker.want(needed, way?.of, legs);
}

function say(action) {
    const id = newId();
    waiting.set(id, action);
    if (!link?.say({id, ...action})) {
        waiting.delete(id);
        notice = {kind: 'bad', text: t('ops.refused', {outcome: t('link.away')})};
        draw();
    }
}

const act = {
    order: (id) => look('order', id),
    store: (id) => look('store', id),
    courier: (id) => look('courier', id),
    back() {
        $('#query').value = '';
        look('city');
    },
    ready: (o) => say({type: 'ready', order_id: o.id}),
    busy: (s, busy, n) => say({type: 'busy', store: s.store, busy, busy_delay_seconds: n * 60}),
    zones() {
        zones.toggle();
        draw();
    },
    proof: (o, kind) => link?.say({type: 'proof', order_id: o.id, kind}),
    // confirm: where an order goes whose address nobody could find; true when the text is a place
    confirm(o, text) {
        const at = view.placeOf(text);
        if (!at) {
            notice = {kind: 'bad', text: t('ops.where.not')};
            draw();
            return;
        }
        say({type: 'confirm', order_id: o.id, lat: at[0], lng: at[1]});
    },
    // typed: the pin follows what is typed
    typed(text) {
        const at = view.placeOf(text);
        if (at) map?.pick(at, put);
    },
    rule(kind, o, courier) {
        const field = $('#ruling-why');
        const words = shorter(field?.value ?? '', WORDS_BYTES);
        if (field) field.value = '';
        say({type: 'rule', kind, ...(o ? {order_id: o.id} : {}), ...(courier ? {courier} : {}), ...(words ? {words} : {})});
    },
    cancel(o) {
        ask(t('ops.cancel_sure', {id: `${o.chain}/${o.external}`}), 'cancel-yes', t('ops.cancel'), () => say({type: 'cancel', order_id: o.id}));
    },
    settle(o, end) {
        const why = h('input', {id: 'settle-why', class: 'wide', autocomplete: 'off', maxLength: WORDS_BYTES});
        ask(t(`ops.settle.${end}.sure`, {id: `${o.chain}/${o.external}`}), 'settle-yes', t(`ops.settle.${end}`), () => {
            const words = shorter(why.value, WORDS_BYTES);
            say({type: 'settle', order_id: o.id, kind: end, ...(words ? {words} : {})});
        }, h('label', {class: 'stack'}, t('ops.settle.why'), why));
    },
};

// ask: what cannot be undone is asked for once more.
function ask(question, id, yes, then, more = null) {
    const dialog = $('#dialog');
    fill(dialog); // else what was typed for another order would stay, in a field that nobody reads
    fill(dialog, h('h2', {id: 'dialog-title'}, question), h('p', {}, more ?? ''),
        h('div', {class: 'row'},
            h('button', {class: 'danger', id, onclick: () => {
                dialog.close();
                then();
            }}, yes),
            h('button', {onclick: () => dialog.close()}, t('back'))));
    dialog.showModal();
}

const WORDS_BYTES = 120; // of a reason, as the server keeps it

// shorter: as much of a text as fits into so many bytes.
function shorter(text, bytes) {
    const letters = [...text.trim()];
    while (new TextEncoder().encode(letters.join('')).length > bytes) letters.pop();
    return letters.join('');
}

function put(at) {
    const field = $('#place');
    if (field) field.value = at.map((v) => v.toFixed(6)).join(', ');
}

// showPlace: a pin to move while an order is looked at that waits for its place.
function showPlace() {
    const o = looked.kind === 'order' ? detail.order : null;
    const wants = o && view.unplaced(o) ? o.id : '';
    if (wants === placed) return;
    placed = wants;
    map?.pick(null);
    if (wants) map?.pick([o.lat, o.lng], put);
}

function search(text) {
    wanted = text.trim().toLowerCase();
    answers = [];
    if (wanted === '') {
        if (looked.kind === 'found') look('city');
        return;
    }
    link?.say({type: 'find', text: text.trim()});
    looked = {kind: 'found'};
    draw();
}

// matches: what is here and what the server found, anew each time: the city moves on.
function matches() {
    const has = (...fields) => fields.some((f) => f.toLowerCase().includes(wanted));
    const here = [...city.orders.values()].filter((o) => has(`${o.chain}/${o.external}`, o.id));
    return {
        orders: [...here, ...answers.filter((o) => !here.some((x) => x.id === o.id))],
        stores: [...city.stores.values()].filter((s) => has(s.name, s.store_id, s.chain)),
        couriers: [...city.couriers.values()].filter((c) => has(c.name, c.courier_id)),
    };
}

// ---- what is shown ----

// soon: gathers what comes within a moment: the panel need not be made anew for every message.
function soon() {
    if (drawDue) return;
    drawDue = setTimeout(() => {
        drawDue = 0;
        draw();
    }, 250);
}

function panel() {
    if (!kept.get().token) return [signIn({kind: 'operator', refused: connected === 'refused', submit: letIn})];
    if (looked.kind === 'order') return view.order(city, detail, act, notice);
    if (looked.kind === 'store') return view.store(city, city.stores.get(looked.id), act, detail, notice);
    if (looked.kind === 'courier') return view.courier(city, city.couriers.get(looked.id), act, detail, notice);
    if (looked.kind === 'found') return view.found(city, matches(), act);
    return view.city(city, act, zones.on());
}

function letIn(token) {
    kept.set({token});
    connect();
    draw();
}

function draw() {
    const stale = connected !== 'open' || Date.now() - heard > QUIET_MS;
    $('#link').className = `badge ${stale ? 'warn' : 'good'}`;
    $('#link').textContent = t(`link.${!kept.get().token ? 'signed_out' : stale && connected === 'open' ? 'away' : connected}`);
    $('#stale').hidden = !stale || heard === 0;
    if (stale && heard) $('#stale').textContent = t('ops.stale', {time: timeExact(heard)});
    $('#main').classList.toggle('stale', stale && heard > 0);
    if (!pressed) fill($('#panel'), ...panel()); // a list does not move under a finger
    showPlace();
}

translate();
const words = secretFromAddress();
if (words.get('token')) kept.set({token: words.get('token')});
await new Promise((resolve) => (document.readyState === 'complete' ? resolve() : addEventListener('load', resolve)));
map = cityMap($('#map'), {chosen: look});
map?.onMoved(() => zones.show());
for (const [type, is] of [['pointerdown', true], ['pointerup', false], ['pointercancel', false]])
    addEventListener(type, () => { pressed = is; });
$('#query').addEventListener('input', (event) => search(event.target.value));
$('#search').addEventListener('submit', (event) => {
    event.preventDefault();
    const first = $('#found button');
    if (first) first.click();
});
connect();
draw();
setInterval(() => {
    draw();
    if (looking()) showRoute();
}, 1000);
