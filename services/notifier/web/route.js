// route: what is left to do, as the server's last route and the actions on top of it that it may not know of yet.
// Pure: tested without a browser.

// overlay(route, actions): the route as it looks once the actions are done.
export function overlay(route, actions) {
    let stops = (route?.stops ?? []).map((s) => ({...s}));
    for (const a of actions) {
        const is = (kind) => (s) => s.order_id === a.order_id && s.kind === kind;
        if (a.type === 'accept' && a.version === route.version) {
            for (const s of stops) s.accepted = true;
        } else if (a.type === 'decline' && a.version === route.version) {
            stops = stops.filter((s) => s.accepted);
        } else if (a.type === 'arrived') {
            const first = stops.find((s) => s.order_id === a.order_id);
            if (first) first.arrived = true;
        } else if (a.type === 'picked_up') {
            stops = stops.filter((s) => !is('pickup')(s));
        } else if (a.type === 'delivered') {
            stops = stops.filter((s) => s.order_id !== a.order_id);
        } else if (a.type === 'brought_back') {
            stops = stops.filter((s) => !is('return')(s));
        } else if (a.type === 'problem' && stops.some(is('pickup'))) {
            stops = stops.filter((s) => s.order_id !== a.order_id);
        } else if (a.type === 'undeliverable' || a.type === 'problem') {
            for (const s of stops.filter(is('dropoff'))) {
                s.kind = 'return';
                s.arrived = false;
            }
        }
    }
    return stops;
}

// lost(before, after): the accepted stops, one an order, that were there before and are not any more.
export function lost(before, after) {
    const there = new Set(after.map((s) => s.order_id));
    const gone = new Map(before.filter((s) => s.accepted && !there.has(s.order_id)).map((s) => [s.order_id, s]));
    return [...gone.values()];
}

// whose: the courier's number that is in a token.
export const whose = (token) => /^lc_courier_(\d+)_/.exec(token ?? '')?.[1] ?? '';

// entered(before, token): what changes on a phone with this token. The same courier's new link goes on with what was
// done and is not sent yet; another courier starts afresh, and sees nothing of the one before.
export function entered(before, token) {
    const of = whose(token);
    const same = of !== '' && of === (before.of || whose(before.token));
    const fresh = {route: null, way: null, actions: [], settled: [], underWay: [], gone: [], onShift: false, delivered: 0};
    return {token, of, ...(same ? {} : fresh)};
}

// split: the offer that waits for an answer, and what was accepted.
export function split(stops) {
    return {
        offered: stops.filter((s) => !s.accepted),
        accepted: stops.filter((s) => s.accepted),
    };
}

export const place = (stop) => {
    const at = stop.kind === 'dropoff' ? stop : (stop.store ?? stop);
    return at.lat === undefined ? null : [at.lat, at.lng];
};

export const label = (stop) =>
    stop.kind === 'dropoff' ? (stop.customer?.name ?? '') : (stop.store?.name ?? '');

export const address = (stop) =>
    stop.kind === 'dropoff' ? (stop.address ?? '') : (stop.store?.address ?? '');

const CODE_END = 4; // characters of a code's end that stand for it
// isTooShort: it may be this order's, but it is too little to tell.
export function isTooShort(stop, text) {
    const typed = text.trim().toLowerCase();
    return typed.length < CODE_END && stop.external_order_id.toLowerCase().includes(typed);
}

// isCode: is this what stands on the goods of this stop: the order's code, whole or its last four characters and more,
// or its id? A shop's label may have a prefix, an address in front, and other letters' cases.
export function isCode(stop, text) {
    const typed = text.trim().toLowerCase();
    const code = stop.external_order_id.toLowerCase();
    if (typed.length === 0) return false;
    return typed === code || (typed.length >= CODE_END && code.endsWith(typed)) ||
        (code.length >= 4 && new RegExp(`(^|[^a-z0-9])${code.replace(/[^a-z0-9]/g, '\\$&')}$`).test(typed)) || typed.endsWith(stop.order_id);
}

// metres between two [lat, lng] (equirectangular: streets, not oceans)
export function metres([a, b], [c, d]) {
    const k = Math.PI / 180;
    const x = (d - b) * k * Math.cos(((a + c) / 2) * k);
    const y = (c - a) * k;
    return Math.hypot(x, y) * 6371000;
}
