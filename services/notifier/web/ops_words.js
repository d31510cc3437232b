// ops_words: decisions and states in words. Pure.
import {minutes, t, time, timeExact} from './i18n.js';

const SECOND_MS = 1000;

export const stateWords = (status) => t(`ops.state.${status}`);

// margin: how much time there is left between what is expected and what was promised, in ms; null = nobody knows.
export function margin(order) {
    if (order.status === 'held' || order.status === 'created' || order.collection || !order.eta) return null;
    return order.window_end - order.eta;
}

export function colour(order) {
    if (order.end) return ['delivered', 'collected'].includes(order.status) ? 'good' : 'wait';
    const left = margin(order);
    if (left === null) return 'wait';
    return left < 0 ? 'bad' : left < 5 * 60000 ? 'warn' : 'good';
}

export function marginWords(order) {
    const left = order.end ? null : margin(order); // of what has ended there is nothing to spare
    if (order.status === 'held') return t('ops.held', {reason: t(`reason.${order.reason ?? 'not_yet'}`)});
    if (left === null) return stateWords(order.status);
    const n = Math.round(Math.abs(left) / 60000);
    return left < 0 ? t('ops.late', {n}) : t('ops.margin', {n});
}

// attention: is there something for a person to look at?
export const unassigned = (order) => order.status === 'placed' && !order.collection && !order.courier;
export function attention(order, now) {
    if (order.end) return 0;
    if (order.status === 'held') return 3;
    const left = margin(order);
    if (left !== null && left < 0) return 2;
    return unassigned(order) && now - order.created > 3 * 60000 ? 1 : 0;
}

// stepWords: what one entry of the history says: {what: what happened, words: who and why, note: whether it is one}. What
// the store and operators said are notes that leave the state as it is (that `before` was): else somebody's words only begin
// or end like one. Why a courier was chosen stands in the record as numbers; `name` gives a courier's name.
const NOTES = {
    ready: /^(?<who>.*): goods ready(?:: (?<why>.*))?$/s,
    accepted: /^(?<who>.*): accepted by the store(?:: (?<why>.*))?$/s,
    hold: /^(?<who>.*?): on hold(?:: (?<why>.*))?$/s,
    release: /^(?<who>.*?): released(?:: (?<why>.*))?$/s,
    pin: /^(?<who>.*?): pinned to courier (?<courier>\d+)(?:: (?<why>.*))?$/s,
    unpin: /^(?<who>.*?): no longer pinned(?:: (?<why>.*))?$/s,
    ban: /^(?<who>.*?): not for courier (?<courier>\d+)(?:: (?<why>.*))?$/s,
    unban: /^(?<who>.*?): courier (?<courier>\d+) may have it again(?:: (?<why>.*))?$/s,
};
const TAKEN = /^router: taken from courier (\d+): (.*)$/;
const CHOSEN = /^chosen of (\d+) on shift, (\d+)( or more)? could/;
export function stepWords(step, before, name) {
    const words = step.words ?? '';
    const [, from, ruled] = (step.reason === 'operator' && TAKEN.exec(words)) || [];
    if (from) return {what: t('ops.note.taken', {courier: name(Number(from))}), words: verdictWords(ruled), note: true};
    for (const [note, pattern] of before === step.status ? Object.entries(NOTES) : []) {
        const {who, why, courier} = pattern.exec(words)?.groups ?? {};
        if (who !== undefined)
            return {what: t(`ops.note.${note}`, {courier: name(Number(courier))}), words: [who, why].filter(Boolean).join(': '), note: true};
    }
    const [, n, fit, more] = CHOSEN.exec(words) ?? [];
    return {what: stateWords(step.status), words: n ? t(more ? 'ops.chosen_of.more' : 'ops.chosen_of', {n, fit}) : words, note: false};
}

function by(candidate) {
    const n = candidate.missed_by;
    if (!n) return '';
    if (candidate.verdict === 'out_of_zone' || candidate.verdict === 'no_store_in_range') return t('ops.by.m', {n});
    if (candidate.verdict === 'store_at_capacity') return t('ops.by.orders', {n});
    if (candidate.verdict === 'too_late' || candidate.verdict === 'store_closed')
        return t('ops.by.min', {n: Math.ceil(n / 60000)});
    return '';
}

// isShort: has a store sold out half of what it sells, or more?
export const isShort = (shelf) => Boolean(shelf?.of) && 2 * shelf.out >= shelf.of;

// dispatchWords: why this courier and why then, for whom it is planned, or why nobody yet: sentences.
export function dispatchWords(d, name, planned) {
    if (d.courier === 0 && d.planned) {
        const asked = d.start - d.leg_s * SECOND_MS - d.lead_ms;
        return [
            d.why ? t('ops.why.planned.busy', {courier: planned, time: timeExact(d.at)})
                : t('ops.why.planned', {courier: planned, time: timeExact(d.at), asked: timeExact(asked)}),
            t('ops.why.fit', {n: d.considered, fit: d.fit}),
        ];
    }
    if (d.courier === 0)
        return [t('ops.why.waits', {why: verdictWords(d.why), time: timeExact(d.at)}), t('ops.why.fit', {n: d.considered, fit: d.fit})];
    return [
        t('ops.why.offered', {courier: name, time: timeExact(d.at)}),
        t('ops.why.fit', {n: d.considered, fit: d.fit}),
        d.far > 0 ? t('ops.why.far', {n: d.far}) : '',
        t('ops.why.now', {ready: time(d.ready), start: time(d.start), leg: minutes(Math.max(d.leg_s * SECOND_MS, 30000))}),
        d.bundled ? t('ops.why.bundled') : '',
    ].filter(Boolean);
}

const verdictWords = (verdict) => t(`ops.verdict.${verdict.replaceAll(' ', '_')}`);

// courierWords: what the decision says about one courier.
export function courierWords(c) {
    if (!c.dropoff) return verdictWords(c.verdict);
    const there = t('ops.why.there', {time: time(c.dropoff)});
    return c.late_ms > 0 ? `${there}, ${t('ops.late', {n: Math.ceil(c.late_ms / 60000)})}` : there;
}

const travel = (candidate) => minutes(Math.max(candidate.travel_s * SECOND_MS, 30000));

// candidateWords: what the decision says about one store.
export function candidateWords(decision, index, store) {
    const c = decision.candidates[index];
    const stock = decision.stock.find((s) => s.candidate === index);
    const values = {travel: travel(c), time: time(c.arrival), margin: minutes(c.margin_ms)};
    if (c.verdict) return t('ops.not', {reason: t(`reason.${c.verdict}`), by: by(c)});
    if (stock && !stock.all) return t('ops.no_stock', {...values, available: Math.max(0, stock.available), wanted: stock.wanted});
    return t(c.store === store ? 'ops.chosen' : 'ops.passed', values);
}

export function decisionHead(decision) {
    return [
        t('ops.decided', {time: time(decision.decided), attempt: decision.attempt, n: decision.considered,
            how: t(decision.estimate ? 'ops.estimate' : 'ops.roads')}),
        t(decision.soonest ? 'ops.rule.soonest' : 'ops.rule.nearest'),
    ];
}
