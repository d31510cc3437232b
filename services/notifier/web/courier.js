// courier: a whole shift in a phone's browser. What the courier does goes into a queue on the phone first, so a tunnel
// loses nothing; what is shown is the server's last route with the queue on top.
import {$, fill, h, secretFromAddress, stored} from './dom.js';
import {t, translate} from './i18n.js';
import {live} from './live.js';
import {Queue} from './queue.js';
import {entered, isCode, isTooShort, lost, metres, overlay, place, split, whose} from './route.js';
import {Asker, follow} from './way.js';
import {Proofs} from './proofs.js';
import {signIn} from './signin.js';
import * as view from './courier_view.js';

const POSITION_MS = 10000; // at most so often while moving
const REST_MS = 60000; // and so often while not
const MOVED_M = 20;

const store = stored('lc.courier', {
    token: '', of: '', vehicle: 'bicycle', items: 10, hours: 8, route: null, way: null, onShift: false,
    actions: [], settled: [], delivered: 0, underWay: [], skew: 0, gone: [],
});
const state = () => store.get();
let link = null;
let connected = 'connecting';
let notices = [];
let shift = null; // what this shift has come to, as the server says
let at = null; // newest position
let told = {at: null, ms: 0}; // newest the server has
let map = null;

const now = () => Date.now() + state().skew;
const stops = () => overlay(state().route, [...state().settled, ...state().actions]);

const queue = new Queue({
    actions: state().actions,
    send: ({type, id, ...rest}) => link?.say({type, id, ...rest}) ?? false,
    keep: (actions) => store.set({actions}),
    settled,
});

const proofs = new Proofs({token: () => state().token, changed: () => render(),
    refused: () => notice(t('courier.proof_refused'), 'bad')});

// ---- the way along streets ----

const asker = new Asker(() => link?.say({type: 'way', ...(at ? {lat: at[0], lng: at[1]} : {})}) ?? false);

const ahead = () => {
    const {offered, accepted} = split(stops());
    return [...accepted, ...offered];
};

// lookAhead: the line on the map, and a new one when it is of another route or left behind. In a tunnel the last stays.
function lookAhead() {
    const legs = follow(state().way, at, ahead());
    map?.route(at, legs, ahead().map(place).filter(Boolean));
    if (connected === 'open' && legs.length > 0) asker.want(state().route.version, state().way?.version, legs);
    return legs;
}

// ---- what the server says ----

// refusal: why not, in words; after a wrong PIN with how many tries are left, when the answer says it ("3 tries left").
function refusal({outcome, detail}) {
    const left = outcome === 'wrong_pin' && /^(\d+) (?:try|tries) left$/.exec(detail ?? '');
    if (!left) return t(`outcome.${outcome}`);
    const n = Number(left[1]);
    return t(n === 0 ? 'outcome.wrong_pin.last' : 'outcome.wrong_pin.left', {n});
}

function settled(action, reply) {
    const done = reply.outcome === 'done' || reply.outcome === 'already';
    if (done) {
        forgive();
        store.set({settled: [...state().settled, action]}); // until the next route says so itself
        if (action.type === 'delivered') store.set({delivered: state().delivered + 1});
        if (action.type === 'sign_on' || action.type === 'sign_off') store.set({onShift: action.type === 'sign_on'});
        if (action.type === 'sign_on') store.set({delivered: 0});
        if (action.type === 'picked_up') proofs.pump();
        if (['sign_on', 'delivered', 'brought_back'].includes(action.type)) link?.say({type: 'shift'});
    } else if (action.type !== 'enroute') { // said by the app itself
        notice(refusal(reply), 'bad');
    }
    render();
}

function onmessage(message) {
    if (message.type === 'welcome') {
        store.set({skew: Date.parse(message.time) - Date.now(), onShift: message.on_shift});
        if (message.version === 0) store.set({route: null, settled: []});
        queue.connected();
        proofs.pump();
        link.say({type: 'shift'});
        askWhy();
        tell();
    } else if (message.type === 'route') {
        if (state().route && message.version < state().route.version) return;
        miss(lost(stops(), message.stops));
        if (message.version !== state().route?.version) store.set({settled: []});
        buzz(message);
        store.set({route: message});
    } else if (message.type === 'way') {
        asker.answered();
        if (message.version >= (state().route?.version ?? 0)) store.set({way: message});
    } else if (message.type === 'gone') {
        store.set({gone: state().gone.map((g) => (g.order_id === message.order_id ? {...g, ...message} : g))});
    } else if (message.type === 'shift') {
        shift = message;
    } else if (message.type === 'done') {
        queue.answered(message);
    } else if (message.type === 'error' && !message.id) {
        asker.answered();
    } else if (message.type === 'error') {
        queue.answered({id: message.id, outcome: 'invalid'});
    }
    render();
}

// miss: stops that went without anybody here having done anything. The courier must hear of it, and why: it stays on
// the screen until it has been read.
function miss(stops) {
    if (stops.length === 0 || [...state().settled, ...state().actions].some((a) => a.type === 'sign_off')) return;
    const fresh = stops.map(({order_id, external_order_id}) => ({order_id, external_order_id}));
    store.set({gone: [...state().gone.slice(-4).filter((g) => !fresh.some((f) => f.order_id === g.order_id)), ...fresh]});
    askWhy();
    shake([400, 100, 400]);
}

function askWhy() {
    for (const g of state().gone) if (g.reason === undefined) link?.say({type: 'gone', order_id: g.order_id});
}

// shake: browsers let a page that nobody has touched yet do nothing, and complain
function shake(pattern) {
    if (navigator.userActivation?.hasBeenActive ?? true) navigator.vibrate?.(pattern);
}

// buzz: a phone in a pocket says that there is something new to answer.
function buzz(route) {
    const fresh = route.offer_expires_at && route.version !== state().route?.version;
    if (fresh && route.stops.some((s) => !s.accepted)) shake([200, 100, 200]);
}

function enter(token) {
    store.set(entered(state(), token));
    queue.actions = state().actions;
    shift = null;
}

const hello = () => ({type: 'hello', last_version: state().route?.version ?? 0});

function connect() {
    link?.close();
    if (!state().token) return;
    link = live({
        path: '/v1/courier',
        token: state().token,
        ping: hello,
        onopen: () => link.say(hello()),
        onmessage,
        onstate(name) {
            connected = name;
            if (name !== 'open') queue.away();
            if (name !== 'open') asker.answered();
            if (name === 'refused') store.set({of: whose(state().token), token: ''});
            render();
        },
    });
}

// ---- where we are ----

function tell() {
    if (!at || !state().onShift) return;
    const silent = Date.now() - told.ms;
    const moved = told.at ? metres(told.at, at) : Infinity;
    if (silent < POSITION_MS || (moved < MOVED_M && silent < REST_MS)) return;
    if (link?.say({type: 'position', lat: at[0], lng: at[1]})) told = {at, ms: Date.now()};
}

function watch() {
    navigator.geolocation?.watchPosition(
        (p) => {
            at = [p.coords.latitude, p.coords.longitude];
            tell();
            map?.self(at);
            render();
        },
        () => {}, {enableHighAccuracy: true, maximumAge: 5000});
    setInterval(tell, POSITION_MS);
}

const whereNow = () => new Promise((resolve, reject) => {
    if (at) resolve(at);
    else navigator.geolocation.getCurrentPosition(
        (p) => resolve([p.coords.latitude, p.coords.longitude]), reject, {timeout: 15000, maximumAge: 60000});
});

// ---- what the courier does ----

const act = {
    now,
    token(token) {
        enter(token);
        connect();
        render();
    },
    async signOn(form) {
        store.set({vehicle: form.vehicle.value, items: Number(form.items.value), hours: Number(form.hours.value)});
        try {
            at = await whereNow();
        } catch {
            notice(t('courier.no_position'), 'bad');
            return;
        }
        queue.add({
            type: 'sign_on', vehicle: state().vehicle, capacity_items: state().items, lat: at[0], lng: at[1],
            shift_end: new Date(now() + state().hours * 3600000).toISOString(),
        });
        told = {at, ms: Date.now()};
        render();
    },
    signOff() {
        queue.add({type: 'sign_off'});
        render();
    },
    accept: () => answer('accept'),
    decline: () => answer('decline'),
    arrived: (stop) => step('arrived', stop),
    pickedUp(stop, code) {
        if (code && !isCode(stop, code)) {
            notice(t(isTooShort(stop, code) ? 'courier.short_code' : 'courier.wrong_code', {code, order: stop.external_order_id}), 'bad');
            return;
        }
        forgive();
        step('picked_up', stop);
    },
    scan: (found) => view.scan($('#dialog'), found),
    stops: () => view.stops($('#dialog'), shift),
    broughtBack: (stop) => step('brought_back', stop),
    photo: (stop, file) => proofs.photo(stop, file),
    sign: (stop) => view.sign($('#dialog'), (picture) => proofs.add(stop, 'signature', picture)),
    proofs: (stop) => proofs.of(stop),
    delivered: (stop, pin) => step('delivered', stop, {pin}),
    problem(stop) {
        view.askReason($('#dialog'), stop, (reason) =>
            step(stop.kind === 'pickup' ? 'problem' : 'undeliverable', stop, {reason}));
    },
    read(gone) {
        store.set({gone: state().gone.filter((g) => g.order_id !== gone.order_id)});
        render();
    },
    async map() {
        const element = $('#map');
        element.hidden = !element.hidden;
        if (!map && !element.hidden) map = await (await import('./map.js')).routeMap(element);
        render();
    },
};

function answer(type) {
    queue.add({type, version: state().route.version});
    render();
}

function step(type, stop, more) {
    queue.add({type, order_id: stop.order_id, ...more});
    render();
    scrollTo({top: 0});
}

// setOut: the courier is on the way to the next stop as soon as the one before is done; the customer sees it.
function setOut(stop) {
    const name = `${stop.order_id} ${stop.kind}`;
    if (state().underWay.includes(name) || stop.kind === 'return') return;
    store.set({underWay: [...state().underWay.slice(-40), name]});
    queue.add({type: 'enroute', order_id: stop.order_id});
}

// ---- what is shown ----

function notice(text, kind) {
    notices = [...notices.slice(-2), {text, kind, until: Date.now() + 12000}];
    render();
}

// forgive: what was wrong is right now; nobody needs to read it any more.
function forgive() {
    notices = notices.filter((n) => n.kind !== 'bad');
}

function showLink() {
    const waiting = state().actions.length;
    const online = connected === 'open';
    const name = state().token ? connected : 'signed_out';
    $('#link').className = `badge ${online ? 'good' : 'warn'}`;
    $('header').classList.toggle('waiting', waiting > 0);
    $('#link').textContent = [t(`link.${name}`), waiting ? t('courier.queued', {n: waiting}) : '']
        .filter(Boolean).join(' · ');
}

function work(legs) {
    if (!state().token) return [signIn({kind: 'courier', refused: connected === 'refused', submit: act.token})];
    const pending = state().actions.map((a) => a.type);
    if ((!state().onShift && !pending.includes('sign_on')) || pending.includes('sign_off'))
        if (stops().length === 0) return [view.signOn(state(), act)];
    const {offered, accepted} = split(stops());
    const live = offered.length > 0 && (!state().route.offer_expires_at || Date.parse(state().route.offer_expires_at) > now());
    if (accepted[0] && !accepted[0].arrived) setOut(accepted[0]);
    return [
        live ? view.offer(state(), offered, act, legs) : null,
        accepted[0] ? view.next(accepted[0], act, 
            legs.find((l) => l.stop.order_id === accepted[0].order_id && l.stop.kind === accepted[0].kind)) : null,
        !live && !accepted[0] ? view.idle() : null,
    ];
}

let drawn = '';

function render() {
    const {offered, accepted} = split(stops());
    const legs = lookAhead();
    notices = notices.filter((n) => n.until > Date.now());
    showLink();
    const typing = $('#pin')?.value;
    const code = $('#code')?.value;
    // what is on the screen is only made anew when it changes: a finger may be on its way to it
    const what = JSON.stringify([state().token, connected === 'refused', state().onShift, stops(), notices, state().gone, connected === 'elsewhere',
        state().route?.version, state().actions.map((a) => a.type === 'sign_on' || a.type === 'sign_off'),
        offered.length > 0 && Date.parse(state().route.offer_expires_at) > now(), state().delivered, shift, proofs.names(), view.wayWords(legs[0]), legs.length > 0 && offered.length > 0 && legs.map((l) => Math.round(l.metres / 50))]);
    if (what === drawn) return;
    drawn = what;
    fill($('#notices'),
        connected === 'elsewhere' ? view.elsewhere() : null,
        state().gone.map((g) => view.gone(g, act)),
        notices.map((n) => h('p', {class: `note ${n.kind}`}, n.text)));
    const inside = $('#work').contains(document.activeElement);
    fill($('#work'), ...work(legs));
    // what had the focus has gone: whoever works by keys or ears goes on at what is next, not at the page's beginning
    if (inside && !$('#work').contains(document.activeElement)) $('#work h2')?.focus({preventScroll: true});
    fill($('#rest'), state().token && (state().onShift || accepted.length)
        ? [view.later(accepted.slice(1)), view.shift(state(), act, accepted.length > 0, shift)] : []);
    if (typing && $('#pin')) $('#pin').value = typing;
    if (code && $('#code')) $('#code').value = code;
}

function tick() {
    const bar = $('#left-bar');
    if (bar) {
        const left = Date.parse(state().route.offer_expires_at) - now();
        bar.value = Math.max(left, 0);
        $('#left').textContent = view.seconds(left);
    }
    render();
}

translate();
const words = secretFromAddress();
if (words.get('token') && words.get('token') !== state().token) enter(words.get('token'));
connect();
watch();
render();
setInterval(tick, 1000);
navigator.serviceWorker?.register('/sw.js', {scope: '/courier'}).catch(() => {});
