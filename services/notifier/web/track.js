// track: one order, for the customer who waits for it. The address holds the secret; the server shows the courier only
// while they are on the way to this customer.
import {$, fill, h, stored} from './dom.js';
import {t, time, translate} from './i18n.js';
import {followMap} from './map.js';

const home = location.pathname.replace(/\/$/, '');
const steps = {
    created: 0, held: 0, placed: 1, confirmed: 1, enroute_to_pickup: 1, arrived_at_pickup: 1, ready_for_collection: 2,
    picked_up: 2, enroute_to_dropoff: 3, arrived_at_dropoff: 3, delivered: 4, collected: 4,
};
const over = ['cancelled', 'rejected', 'returned', 'returning'];
let order = null;
let map = null;
let busy = '';
let rated = false;
let stars = 0;
let filed = false; // it has ended, and the city has put it away: nothing can be done with it any more

// What is known of orders that have ended stays in this browser: the city files them away after some days.
const KEPT = 20;
const ended = stored('lc.orders', {orders: []});
const remembered = () => ended.get().orders.find((o) => o.home === home);

function remember(change) {
    const before = remembered();
    ended.set({orders: [...ended.get().orders.filter((o) => o.home !== home), {...before, home, ...change}].slice(-KEPT)});
}

function headline() {
    const isOver = over.includes(order.status);
    const done = steps[order.status] ?? 4;
    return h('div', {class: 'card stack'},
        h('p', {class: 'soft'}, t('track.order', {id: order.external_order_id}),
            order.store ? ` · ${t('track.from', {store: order.store.name})}` : '',
            order.simulated ? ` · ${t('simulated')}` : ''),
        h('h2', {class: 'headline', id: 'status'}, t(`state.${order.status}`)),
        order.reason ? h('p', {class: 'note'}, t(`reason.${order.reason}`)) : null,
        h('ol', {class: `steps ${isOver ? 'over' : ''}`, 'aria-hidden': 'true'},
            [1, 2, 3, 4].map((n) => h('li', {class: n <= done ? 'done' : ''}))),
        filed ? h('p', {class: 'note', id: 'filed'}, t('track.filed')) : arrival());
}

// arrival: a window that gets narrower the nearer the order is.
function arrival() {
    if (!order.eta || order.collection_code) {
        if (!order.collection_code || order.status === 'collected' || over.includes(order.status)) return null;
        return h('div', {}, h('p', {class: 'soft'}, t('track.collect_by')), h('p', {class: 'big'}, time(order.window.end)));
    }
    if (order.status === 'delivered' || over.includes(order.status)) return null;
    if (order.status === 'arrived_at_dropoff')
        return h('p', {class: 'big', id: 'eta'}, t('track.here'));
    const eta = Date.parse(order.eta);
    const near = steps[order.status] >= 3 ? 3 : steps[order.status] >= 2 ? 5 : 10;
    const from = new Date(Math.max(eta - near * 30000, Date.now()));
    const until = new Date(Math.max(eta + near * 60000, Date.now() + 60000));
    return h('div', {}, h('p', {class: 'soft'}, t('track.arrives')),
        h('p', {class: 'big', id: 'eta'}, `${time(from)} – ${time(until)}`),
        h('p', {class: 'soft'}, t('track.by', {time: time(order.window.end)})));
}

function secret() {
    if (over.includes(order.status) || order.status === 'delivered' || order.status === 'collected') return null;
    if (order.collection_code)
        return h('div', {class: 'card stack'}, h('h2', {}, t('track.code')),
            h('img', {class: 'qr', src: `${home}/code.svg`, alt: t('track.qr'), width: 200, height: 200}),
            h('p', {class: 'pincode', id: 'code'}, order.collection_code), h('p', {class: 'soft'}, t('track.code_why')));
    return h('div', {class: 'card'}, h('h2', {}, t('track.pin')),
        h('p', {class: 'pincode', id: 'pin'}, order.pin), h('p', {class: 'soft'}, t('track.pin_why')));
}

function timeline() {
    const shown = [...order.timeline].reverse();
    // role: browsers take lists without marks for none
    return h('div', {class: 'card'}, h('h2', {id: 'happened'}, t('track.timeline')),
        h('ol', {class: 'timeline', role: 'list', 'aria-labelledby': 'happened'}, shown.map((s) =>
            h('li', {'aria-label': `${t(`state.${s.status}`)}, ${time(s.at)}`},
                h('span', {}, t(`state.${s.status}`)), h('time', {class: 'soft', datetime: s.at}, time(s.at))))));
}

async function post(what, body) {
    const answer = await fetch(`${home}/${what}`, {
        method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
    });
    if (answer.status === 410) putAway();
    return answer.ok ? 'ok' : answer.status === 410 ? 'filed' : answer.status === 409 ? 'too_late' : 'failed';
}

async function cancel() {
    if (!confirm(t('track.cancel_sure'))) return;
    busy = '';
    const result = await post('cancel', {}).catch(() => 'failed');
    if (result !== 'ok' && !filed) busy = t(`track.${result}`);
    draw();
}

function actions() {
    if (!order.can_cancel || filed) return busy ? h('p', {class: 'note bad'}, busy) : null;
    return h('div', {class: 'stack'}, busy ? h('p', {class: 'note bad', role: 'alert'}, busy) : null,
        h('button', {class: 'danger', id: 'cancel', onclick: cancel}, t('track.cancel')));
}

async function rate(event) {
    event.preventDefault();
    const result = await post('rating', {stars, comment: event.target.comment.value}).catch(() => 'failed');
    rated = result === 'ok';
    if (rated) remember({stars});
    busy = rated || filed ? '' : t('track.failed');
    draw();
}

function star(n) {
    return h('label', {class: n <= stars ? 'on' : ''},
        h('input', {type: 'radio', name: 'stars', id: `star-${n}`, value: n, checked: n === stars, required: true,
            'aria-label': t('track.stars', {n}), onchange: () => { stars = n; drawRating(); }}),
        h('span', {'aria-hidden': 'true'}, '★'));
}

function drawRating() {
    const done = order.status === 'delivered' || order.status === 'collected';
    if (rated) return fill($('#rate'), h('p', {class: 'note good', role: 'status'}, `${'★'.repeat(stars)} ${t('track.thanks')}`));
    if (filed && remembered()?.stars) return fill($('#rate'), h('p', {class: 'note good'}, '★'.repeat(remembered().stars)));
    if (!done || filed) return fill($('#rate'));
    const comment = $('#comment')?.value ?? '';
    return fill($('#rate'), h('form', {class: 'card stack', onsubmit: rate},
        h('fieldset', {class: 'stars'}, h('legend', {}, h('h2', {}, t('track.rate'))), [1, 2, 3, 4, 5].map(star)),
        h('div', {}, h('label', {for: 'comment'}, t('track.comment')),
            h('textarea', {id: 'comment', name: 'comment', maxLength: 250, rows: 2, value: comment})),
        h('button', {class: 'primary', id: 'send-rating'}, t('track.send'))));
}

function draw() {
    fill($('#state'), headline());
    fill($('#secret'), secret());
    fill($('#timeline'), timeline());
    fill($('#actions'), actions());
    drawRating();
    $('#where').hidden = !order.courier;
    if (order.courier) {
        map ??= followMap($('#map'));
        map?.show({
            courier: [order.courier.lat, order.courier.lng],
            home: order.dropoff ? [order.dropoff.lat, order.dropoff.lng] : null,
        });
    }
}

function link(name) {
    $('#link').className = `badge ${name === 'open' ? 'good' : 'warn'}`;
    $('#link').textContent = t(`link.${name}`);
}

// keep: no PIN, no place: this may be somebody else's browser tomorrow.
function keep() {
    const {status, reason, external_order_id, store, simulated, timeline} = order;
    remember({order: {status, reason, external_order_id, store, simulated, timeline, window: order.window}});
    stars ||= remembered().stars ?? 0;
}

// putAway: the order is filed; what this browser has seen of it is shown on.
function putAway() {
    filed = true;
    $('#link').hidden = true;
    order ??= remembered()?.order ?? null;
    if (order) draw();
    else fill($('#state'), h('p', {class: 'note', id: 'filed'}, t('track.filed')));
}

async function unknown() {
    const answer = await fetch(home, {headers: {Accept: 'application/json'}}).catch(() => null);
    if (answer?.status === 410) {
        putAway();
        return true;
    }
    if (answer?.status !== 404) return false;
    fill($('#state'), h('p', {class: 'note bad'}, t('track.unknown')));
    $('#link').hidden = true;
    return true;
}

function follow() {
    const events = new EventSource(`${home}/events`);
    events.addEventListener('order', (event) => {
        order = JSON.parse(event.data);
        link('open');
        if (steps[order.status] === 4 || over.includes(order.status)) keep();
        draw();
    });
    events.addEventListener('archived', () => {
        events.close();
        putAway();
    });
    events.onerror = async () => {
        link('away');
        if (events.readyState !== EventSource.CLOSED) return; // it comes back by itself
        if (!filed && !(await unknown())) setTimeout(follow, 3000);
    };
}

translate();
link('connecting');
follow();
setInterval(() => order && draw(), 30000);
