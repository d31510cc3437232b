// courier_view: what the courier sees, made from the state. `act` are the things that can be done.
import {h} from './dom.js';
import {language, t, time} from './i18n.js';
import {address, label, place} from './route.js';

const reasons = {
    pickup: ['merchant_closed', 'merchant_item_missing', 'courier_unassigned_self'],
    dropoff: ['customer_absent', 'customer_refused', 'unable_to_find_address', 'unable_to_deliver'],
};

// mapsAddress: a link that the phone's own maps app opens.
function mapsAddress(stop) {
    const at = place(stop);
    if (!at) return null;
    const name = encodeURIComponent(address(stop) || label(stop));
    return /iPhone|iPad/.test(navigator.userAgent)
        ? `maps://?daddr=${at[0]},${at[1]}&q=${name}`
        : `geo:${at[0]},${at[1]}?q=${at[0]},${at[1]}(${name})`;
}

function promise(stop, now) {
    const at = stop.kind === 'dropoff' ? stop.window_end : stop.ready_at;
    if (!at) return null;
    const late = stop.kind === 'dropoff' && Date.parse(at) < now;
    return h('span', {class: `badge ${late ? 'bad' : ''}`},
        t(stop.kind === 'dropoff' ? 'courier.promised' : 'courier.ready', {time: time(at)}));
}

function facts(stop, now) {
    return h('div', {class: 'facts'},
        promise(stop, now),
        stop.arrived ? null : h('span', {class: 'badge'}, t('courier.eta', {time: time(stop.eta)})),
        stop.items ? h('span', {class: 'badge'}, t('items', {n: stop.items})) : null,
        stop.age_check ? h('span', {class: 'badge warn'}, t('courier.age')) : null);
}

export function signOn(state, act) {
    const option = (v) => h('option', {value: v, selected: v === state.vehicle}, t(`vehicle.${v}`));
    return h('form', {class: 'card stack', onsubmit: (e) => { e.preventDefault(); act.signOn(e.target); }},
        h('h2', {tabIndex: -1}, t('courier.begin')),
        h('div', {}, h('label', {for: 'vehicle'}, t('courier.vehicle')),
            h('select', {id: 'vehicle', name: 'vehicle'},
                ['bicycle', 'e-bike', 'scooter', 'foot', 'car', 'van'].map(option))),
        h('div', {class: 'two'},
            h('div', {}, h('label', {for: 'items'}, t('courier.capacity')),
                h('input', {id: 'items', name: 'items', type: 'number', min: 1, max: 200, value: state.items, required: true})),
            h('div', {}, h('label', {for: 'hours'}, t('courier.hours')),
                h('input', {id: 'hours', name: 'hours', type: 'number', min: 1, max: 12, value: state.hours, required: true}))),
        h('button', {class: 'primary thumb', id: 'sign-on'}, t('courier.sign_on')));
}

// offer: what is asked, how far it leads in all, and how long it stands. legs: the way through all stops.
export function offer(state, stops, act, legs) {
    const left = state.route.offer_expires_at ? Date.parse(state.route.offer_expires_at) - act.now() : 0;
    return h('section', {class: 'card stack next offer', 'aria-label': t('courier.offer')},
        h('div', {class: 'row spread'},
            h('h2', {tabIndex: -1}, t('courier.offer')),
            h('span', {class: 'big', id: 'left', 'aria-hidden': 'true'}, seconds(left))),
        h('progress', {id: 'left-bar', max: Math.max(left, 1), value: Math.max(left, 0),
            'aria-label': t('courier.time_left')}),
        earns(state.route.currency, stops),
        h('ul', {class: 'later'}, stops.map(line)),
        legs.length > 0 ? h('p', {class: 'soft', id: 'in-all'}, t('courier.in_all', {far: far(legs.reduce((sum, l) => sum + l.metres, 0))})) : null,
        h('button', {class: 'primary thumb', id: 'accept', onclick: act.accept}, t('courier.accept')),
        h('button', {class: 'thumb', id: 'decline', onclick: act.decline}, t('courier.decline')));
}

// earns: what these stops come to; nothing where the city says nothing about pay.
function earns(currency, stops) {
    if (!currency) return null;
    const sum = money(stops.reduce((n, s) => n + (s.pay ?? 0), 0), currency);
    return h('p', {class: 'row spread', id: 'earns'}, t('courier.earns'), ' ', h('strong', {class: 'big'}, sum));
}

export const seconds = (ms) => {
    const s = Math.max(0, Math.ceil(ms / 1000));
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
};

function line(stop) {
    return h('li', {},
        h('span', {class: 'badge'}, t(`courier.${stop.kind}`)),
        h('span', {}, label(stop), address(stop) ? h('span', {class: 'soft'}, ` · ${address(stop)}`) : null),
        h('span', {class: 'soft end'}, stop.kind === 'dropoff' ? t('courier.until', {time: time(stop.window_end)}) : time(stop.eta)));
}

function mainButton(stop, act) {
    if (!stop.arrived)
        return h('button', {class: 'primary thumb', id: 'arrived', onclick: () => act.arrived(stop)},
            t(stop.kind === 'dropoff' ? 'courier.at_customer' : 'courier.at_store'));
    if (stop.kind === 'pickup')
        return h('form', {class: 'stack', onsubmit: (e) => { e.preventDefault(); act.pickedUp(stop, e.target.code.value); }},
            h('div', {}, h('label', {for: 'code'}, t('courier.check_code')),
                h('div', {class: 'row'},
                    h('input', {id: 'code', name: 'code', autocomplete: 'off', spellcheck: false, autocapitalize: 'off'}),
                    canScan() ? h('button', {type: 'button', id: 'scan', onclick: (e) => {
                        const {form} = e.currentTarget;
                        act.scan((code) => { form.code.value = code; });
                    }}, t('courier.scan')) : null)),
            h('button', {class: 'primary thumb', id: 'picked-up'}, t('courier.picked_up')));
    if (stop.kind === 'return')
        return h('button', {class: 'primary thumb', id: 'brought-back', onclick: () => act.broughtBack(stop)},
            t('courier.brought_back'));
    const there = act.proofs(stop);
    const mark = (kind) => (there.includes(kind) ? ' ✓' : '');
    return h('form', {class: 'stack', onsubmit: (e) => { e.preventDefault(); act.delivered(stop, e.target.pin.value); }},
        h('div', {class: 'two'},
            h('label', {class: 'button', for: 'photo'}, t('courier.photo') + mark('photo'),
                h('input', {id: 'photo', class: 'unseen', type: 'file', accept: 'image/*', capture: 'environment',
                    onchange: (e) => e.target.files[0] && act.photo(stop, e.target.files[0])})),
            h('button', {type: 'button', id: 'sign', onclick: () => act.sign(stop)}, t('courier.signature') + mark('signature'))),
        h('div', {}, h('label', {for: 'pin'}, t('courier.pin')),
            h('input', {id: 'pin', name: 'pin', class: 'pin', inputMode: 'numeric', pattern: '[0-9]{4}', maxLength: 4,
                autocomplete: 'off', required: true})),
        h('button', {class: 'primary thumb', id: 'delivered'}, t('courier.delivered')));
}

const STREETS_SHOWN = 6;
const round = (n) => (n < 100 ? Math.max(10, Math.round(n / 10) * 10) : Math.round(n / 50) * 50);
const far = (n) => (n >= 1000 ? kilometres(n) : t('courier.m', {n: round(n)}));

// wayWords: the streets to the next stop, and how far it is: [[street, how far], …]; without streets one line.
export function wayWords(leg) {
    if (!leg) return null;
    if (leg.straight) return leg.blind ? {blind: t('courier.straight', {far: far(leg.metres)})} : null;
    const streets = leg.streets.filter((s) => s.metres >= 15 || leg.streets.length === 1);
    const shown = streets.slice(0, STREETS_SHOWN).map((s) => [s.name || t('courier.unnamed'), far(s.metres)]);
    return {far: far(leg.metres), streets: shown, more: streets.length > STREETS_SHOWN};
}

function wayOf(leg) {
    const words = wayWords(leg);
    if (!words) return null;
    if (words.blind) return h('p', {class: 'soft', id: 'straight'}, words.blind);
    return h('section', {class: 'along', 'aria-label': t('courier.along'), 'aria-live': 'off'},
        h('p', {class: 'soft'}, `${t('courier.along')} · ${words.far}`),
        h('ol', {id: 'streets'}, words.streets.map(([name, n]) => h('li', {}, h('strong', {}, name), h('span', {class: 'soft'}, ` ${n}`))),
            words.more ? h('li', {class: 'soft'}, '…') : null));
}

export function next(stop, act, leg) {
    const maps = mapsAddress(stop);
    const phone = stop.customer?.phone;
    return h('section', {class: 'card stack next', 'aria-label': t('courier.next')},
        h('p', {class: 'what'}, t(`courier.${stop.kind}`)),
        h('div', {}, h('h2', {class: 'who', tabIndex: -1}, label(stop) || '–'), address(stop) ? h('p', {class: 'where'}, address(stop)) : null),
        stop.instructions ? h('p', {class: 'note'}, stop.instructions) : null,
        facts(stop, act.now()),
        stop.arrived ? null : wayOf(leg),
        h('div', {}, h('p', {class: 'soft'}, t('courier.order')), h('p', {class: 'code'}, stop.external_order_id)),
        mainButton(stop, act),
        h('div', {class: 'two'},
            maps ? h('a', {class: 'button', href: maps, id: 'maps'}, t('courier.maps')) : null,
            phone ? h('a', {class: 'button', href: `tel:${phone}`}, t('courier.call')) : null,
            stop.kind === 'return' ? null
                : h('button', {class: 'danger', id: 'problem', onclick: () => act.problem(stop)}, t('courier.problem'))));
}

export function later(stops) {
    if (stops.length === 0) return null;
    return h('section', {class: 'card stack'}, h('h2', {}, t('courier.then')), h('ul', {class: 'later'}, stops.map(line)));
}

export function idle() {
    return h('section', {class: 'card stack'}, h('h2', {tabIndex: -1}, t('courier.waiting')),
        h('p', {class: 'soft'}, t('courier.waiting_more')));
}

const money = (minor, currency) => {
    const format = new Intl.NumberFormat(language, {style: 'currency', currency});
    return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
};
const kilometres = (metres) => t('courier.km', {n: (metres / 1000).toLocaleString(language, {maximumFractionDigits: 1})});

// shift: what it has come to. The server's word counts; what this phone has counted itself bridges a tunnel.
export function shift(state, act, busy, done) {
    const delivered = Math.max(done?.delivered ?? 0, state.delivered);
    return h('section', {class: 'card stack shift'},
        h('div', {class: 'came-to'},
            h('div', {}, h('p', {class: 'soft'}, t('courier.done_today')), h('p', {class: 'big', id: 'count'}, String(delivered))),
            done?.metres ? h('div', {}, h('p', {class: 'soft'}, t('courier.carried')), h('p', {class: 'big', id: 'km'}, kilometres(done.metres))) : null,
            done?.currency ? h('div', {}, h('p', {class: 'soft'}, t('courier.earned')), h('p', {class: 'big', id: 'earned'}, money(done.pay, done.currency))) : null),
        h('div', {class: 'row wrap'},
            done?.done.length ? h('button', {id: 'stops', onclick: act.stops}, t('courier.stops')) : null,
            h('button', {id: 'show-map', onclick: act.map}, t('courier.map')),
            h('button', {id: 'sign-off', disabled: busy, onclick: act.signOff}, t('courier.sign_off'))));
}

// stops: what was done in this shift, the newest first.
export function stops(dialog, shift) {
    dialog.replaceChildren(
        h('h2', {id: 'dialog-title'}, t('courier.stops')),
        h('ul', {class: 'later', id: 'done'}, shift.done.toReversed().map((d) => h('li', {},
            h('span', {class: 'badge'}, t(`courier.was.${d.kind}`)),
            h('span', {}, d.external_order_id, h('span', {class: 'soft'}, ` · ${d.store}`)),
            h('span', {class: 'soft end'}, h('span', {}, time(d.at)), d.pay && shift.currency ? h('span', {}, money(d.pay, shift.currency)) : null)))),
        h('button', {onclick: () => dialog.close()}, t('close')));
    dialog.showModal();
}

const canScan = () => 'BarcodeDetector' in window && Boolean(navigator.mediaDevices?.getUserMedia);

// scan: shows what the camera sees until there is a code in it; calls `found(text)`, or not.
export async function scan(dialog, found) {
    const video = h('video', {class: 'scan', muted: true, playsInline: true});
    let stream = null;
    const stop = () => {
        for (const track of stream?.getTracks() ?? []) track.stop();
        stream = null;
    };
    dialog.replaceChildren(h('h2', {id: 'dialog-title'}, t('courier.scan')), video,
        h('button', {onclick: () => dialog.close()}, t('back')));
    dialog.addEventListener('close', stop, {once: true});
    dialog.showModal();
    try {
        stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
        video.srcObject = stream;
        await video.play();
        const detector = new window.BarcodeDetector();
        while (stream && dialog.open) {
            const [code] = await detector.detect(video).catch(() => []);
            if (code) {
                found(code.rawValue);
                dialog.close();
                return;
            }
            await new Promise((resolve) => setTimeout(resolve, 200));
        }
    } catch {
        video.replaceWith(h('p', {class: 'note bad'}, t('courier.no_camera')));
    }
}

// sign: the customer signs with a finger; calls `done(PNG as base64)`, or not.
export function sign(dialog, done) {
    const canvas = h('canvas', {class: 'signature', id: 'signature', width: 600, height: 240, 'aria-label': t('courier.sign_here')});
    const pen = canvas.getContext('2d');
    let drawn = false;
    const at = (e) => {
        const box = canvas.getBoundingClientRect();
        return [(e.clientX - box.left) * (canvas.width / box.width), (e.clientY - box.top) * (canvas.height / box.height)];
    };
    pen.fillStyle = '#fff';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.lineWidth = 4;
    pen.lineCap = pen.lineJoin = 'round';
    canvas.addEventListener('pointerdown', (e) => {
        canvas.setPointerCapture(e.pointerId);
        pen.beginPath();
        pen.moveTo(...at(e));
    });
    canvas.addEventListener('pointermove', (e) => {
        if (e.buttons === 0) return;
        pen.lineTo(...at(e));
        pen.stroke();
        drawn = true;
    });
    dialog.replaceChildren(h('h2', {id: 'dialog-title'}, t('courier.sign_here')), canvas,
        h('div', {class: 'row'},
            h('button', {class: 'primary', id: 'signed', onclick: () => {
                if (!drawn) return;
                done(canvas.toDataURL('image/png').split(',')[1]);
                dialog.close();
            }}, t('courier.signed')),
            h('button', {onclick: () => dialog.close()}, t('back'))));
    dialog.showModal();
}

// askReason: which problem? Calls `chosen(reason)` or not.
export function askReason(dialog, stop, chosen) {
    const pick = (reason) => h('button', {onclick: () => { dialog.close(); chosen(reason); }}, t(`reason.${reason}`));
    dialog.replaceChildren(
        h('h2', {id: 'dialog-title'}, t('courier.what_problem')),
        h('div', {class: 'reasons'},
            (reasons[stop.kind] ?? []).map(pick),
            h('button', {class: 'plain', onclick: () => dialog.close()}, t('back'))));
    dialog.showModal();
}

// gone: an order that was taken off the route, and why, as far as that is known.
export function gone(g, act) {
    const why = g.ruling ? t(`courier.gone.${g.ruling}`)
        : g.reason ? t('courier.gone.reason', {reason: t(`reason.${g.reason}`)})
            : g.ended ? t(`courier.gone.${g.ended}`)
                : g.reason === null ? t('courier.gone.plan') : '';
    return h('div', {class: 'note bad stack gone', 'data-order': g.external_order_id},
        h('p', {}, h('strong', {}, t('courier.gone', {order: g.external_order_id})), why ? ` ${why}` : '', g.words ? ` “${g.words}”` : ''),
        h('button', {class: 'thumb', onclick: () => act.read(g)}, t('courier.gone.read')));
}

export const elsewhere = () =>
    h('div', {class: 'note bad row spread'}, t('link.elsewhere'),
        h('button', {onclick: () => location.reload()}, t('courier.here')));
