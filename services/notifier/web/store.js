// store: a store's screen. Tickets come whole after every connection, then change by change; what the store does is
// answered one by one, and a tap that got no answer is sent again under the same name.
import {$, fill, h, secretFromAddress, stored} from './dom.js';
import {t, time, translate} from './i18n.js';
import {live} from './live.js';
import {Queue} from './queue.js';
import {signIn} from './signin.js';

const SOON_MS = 5 * 60000;
const atWork = ['placed', 'confirmed', 'enroute_to_pickup', 'arrived_at_pickup', 'ready_for_collection', 'returning'];

const kept = stored('lc.store', {token: '', actions: []});
let link = null;
let connected = 'connecting';
let shop = null;
let notices = [];
const tickets = new Map();

const queue = new Queue({
    actions: kept.get().actions,
    send: ({at, ...action}) => link?.say(action) ?? false,
    keep: (actions) => kept.set({actions}),
    settled(action, reply) {
        if (!['done', 'already'].includes(reply.outcome)) notice(t(`store.outcome.${reply.outcome}`), 'bad');
        else if (action.type === 'out_of_stock') notice(t('store.sold_out_done', {sku: action.sku}), 'good');
        draw();
    },
});

function notice(text, kind) {
    notices = [...notices.slice(-2), {text, kind, until: Date.now() + 10000}];
    draw();
}

function onmessage(message) {
    if (message.type === 'tickets') {
        tickets.clear();
        for (const ticket of message.tickets) tickets.set(ticket.order_id, ticket);
        queue.connected();
    } else if (message.type === 'ticket') {
        tickets.set(message.order_id, message);
        if (!atWork.includes(message.status)) tickets.delete(message.order_id);
    } else if (message.type === 'store') {
        shop = message;
    } else if (message.type === 'done') {
        queue.answered(message);
    } else if (message.type === 'error' && message.id) {
        queue.answered({id: message.id, outcome: 'unknown'});
    }
    draw();
}

function connect() {
    link?.close();
    if (!kept.get().token) return;
    link = live({
        path: '/v1/store-feed',
        token: kept.get().token,
        ping: () => ({type: 'ping'}),
        onopen: () => link.say({type: 'hello'}),
        onmessage,
        onstate(name) {
            connected = name;
            if (name !== 'open') queue.away();
            if (name === 'refused') kept.set({token: ''});
            draw();
        },
    });
}

// ---- what is shown ----

function letIn(token) {
    kept.set({token});
    connect();
    draw();
}

function busy(mode, minutes) {
    queue.add({type: 'busy', busy: mode, busy_delay_seconds: minutes * 60});
    draw();
}

function shopBar() {
    if (!shop) return null;
    const text = shop.busy === 'busy' ? t('store.busy', {n: Math.round(shop.busy_delay_seconds / 60)}) : t(`store.${shop.busy}`);
    const kind = {open: 'good', busy: 'warn', paused: 'bad'}[shop.busy];
    return h('div', {class: 'card shop'},
        h('div', {class: 'grow'}, h('span', {class: `badge ${kind}`, id: 'mode'}, text), ' ',
            h('span', {class: 'soft'}, shop.address)),
        h('div', {class: 'modes'}, shop.busy === 'open' ? null
            : h('button', {class: 'primary', id: 'open', onclick: () => busy('open', 0)}, t('store.do_open')),
        [10, 20, 30].map((n) => h('button', {id: `delay-${n}`, onclick: () => busy('busy', n)}, t('store.delay', {n}))),
        shop.busy === 'paused' ? null
            : h('button', {class: 'danger', id: 'pause', onclick: () => busy('paused', 0)}, t('store.do_pause'))));
}

function soldOut(sku) {
    const dialog = $('#dialog');
    fill(dialog, h('h2', {id: 'dialog-title'}, t('store.sold_out_sure', {sku})),
        h('p', {class: 'soft'}, t('store.sold_out_more')),
        h('div', {class: 'row'},
            h('button', {class: 'primary', id: 'sold-out-yes', onclick: () => {
                dialog.close();
                queue.add({type: 'out_of_stock', sku});
            }}, t('store.sold_out')),
            h('button', {onclick: () => dialog.close()}, t('back'))));
    dialog.showModal();
}

function collect(ticket) {
    const submit = (e) => {
        e.preventDefault();
        queue.add({type: 'collected', order_id: ticket.order_id, code: e.target.code.value.trim().toUpperCase()});
        draw();
    };
    const id = `code-${ticket.order_id}`;
    return h('form', {class: 'hand-over', onsubmit: submit},
        h('label', {for: id}, t('store.code')),
        h('input', {id, name: 'code', maxLength: 6, required: true, autocomplete: 'off', autocapitalize: 'characters', spellcheck: false}),
        h('button', {class: 'primary'}, t('store.hand_over')));
}

function card(ticket) {
    const left = Date.parse(ticket.ready_at) - Date.now();
    const waits = queue.actions.some((a) => a.order_id === ticket.order_id);
    const state = ticket.ready ? 'done' : left < 0 ? 'late' : left < SOON_MS ? 'soon' : '';
    const collection = ticket.fulfilment === 'collection';
    return h('article', {class: `card stack ticket ${state}`, 'data-order': ticket.external_order_id},
        h('div', {class: 'row spread'},
            h('h3', {}, ticket.external_order_id),
            h('span', {class: 'due'}, time(ticket.ready_at))),
        h('div', {class: 'row'},
            h('span', {class: 'badge'}, t(collection ? 'store.collection' : `store.state.${ticket.status === 'placed' && ticket.courier ? 'asked' : ticket.status}`)),
            ticket.courier ? h('span', {class: 'badge'}, ticket.courier) : null,
            ticket.simulated ? h('span', {class: 'badge'}, t('simulated')) : null),
        h('ul', {}, ticket.lines.map((line) => h('li', {},
            h('span', {class: 'times'}, `${line.quantity} ×`), h('span', {class: 'grow'}, line.sku ?? '?'),
            h('button', {class: 'plain', 'aria-label': t('store.sold_out_of', {sku: line.sku}),
                onclick: () => soldOut(line.sku)}, t('store.sold_out'))))),
        ticket.ready || ticket.accepted || ticket.status === 'returning' ? null
            : h('button', {class: 'primary accept', disabled: waits, onclick: () => {
                queue.add({type: 'accept', order_id: ticket.order_id});
                draw();
            }}, t('store.accept')),
        ticket.ready || ticket.status === 'returning' ? null
            : h('button', {class: `${ticket.accepted ? 'primary ' : ''}ready`, disabled: waits, onclick: () => {
                queue.add({type: 'ready', order_id: ticket.order_id});
                draw();
            }}, t('store.ready')),
        collection && ticket.ready ? collect(ticket) : null);
}

function board() {
    const all = [...tickets.values()].sort((a, b) => a.ready_at.localeCompare(b.ready_at));
    const groups = [
        ['store.new', all.filter((x) => !x.ready && !x.accepted && x.status !== 'returning')],
        ['store.to_do', all.filter((x) => !x.ready && x.accepted && x.status !== 'returning')],
        ['store.waiting', all.filter((x) => x.ready && x.status !== 'returning')],
        ['store.coming_back', all.filter((x) => x.status === 'returning')],
    ];
    if (all.length === 0) return h('p', {class: 'card soft'}, t('store.nothing'));
    return groups.filter(([, list]) => list.length > 0).map(([name, list]) => h('div', {},
        h('h2', {class: 'group'}, `${t(name)} (${list.length})`),
        h('div', {class: 'columns'}, list.map(card))));
}

function draw() {
    notices = notices.filter((n) => n.until > Date.now());
    const waiting = queue.actions.length;
    $('#link').className = `badge ${connected === 'open' ? 'good' : 'warn'}`;
    $('#link').textContent = [t(`link.${kept.get().token ? connected : 'signed_out'}`), waiting ? t('courier.queued', {n: waiting}) : ''].filter(Boolean).join(' · ');
    fill($('#notices'), notices.map((n) => h('p', {class: `note ${n.kind}`}, n.text)));
    if (!kept.get().token) {
        fill($('#shop'), signIn({kind: 'store', refused: connected === 'refused', submit: letIn}));
        fill($('#tickets'));
        return;
    }
    if (shop) $('#name').textContent = shop.name;
    fill($('#shop'), shopBar());
    if (document.activeElement?.name === 'code' && document.activeElement.value) return; // somebody types
    fill($('#tickets'), shop ? board() : null);
}

translate();
const words = secretFromAddress();
if (words.get('token')) {
    kept.set({token: words.get('token'), actions: []});
    queue.actions = [];
}
connect();
draw();
setInterval(draw, 5000);
