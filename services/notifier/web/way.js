// way: the line along streets to the next stops: what the server said last, cut to what is still ahead. Pure: tested
// without a browser.
import {metres, place} from './route.js';

const JOINS_M = 250; // so far from the end of the one before a leg may begin, and still follow it
const OFF_M = 60; // further from the line than this, it is no longer the way
const ANSWER_MS = 12000; // as long as an answer may take
const AGAIN_MS = 1000; // pauses: for another way, for the same from elsewhere
const OFF_MS = 10000;

// decode(line): Google's encoded polyline, five decimals → [[lat, lng], …]; what is cut off ends it.
export function decode(line) {
    const out = [];
    let at = 0;
    const next = () => {
        let value = 0;
        let shift = 0;
        let c = 0;
        do {
            c = line.charCodeAt(at++) - 63;
            value |= (c & 0x1f) << shift;
            shift += 5;
        } while (c >= 0x20);
        return value & 1 ? ~(value >> 1) : value >> 1;
    };
    let lat = 0;
    let lng = 0;
    while (at < line.length) {
        lat += next();
        lng += next();
        if (Number.isNaN(lat + lng) || at > line.length) break;
        out.push([lat / 1e5, lng / 1e5]);
    }
    return out;
}

// along(line, at): the place on the line nearest to `at`: how far off it is, how far along it, in metres, and the line
// from there on.
export function along(line, at) {
    let best = null;
    let behind = 0;
    line.forEach((a, i) => {
        const b = line[i + 1] ?? a;
        const k = Math.cos((a[0] * Math.PI) / 180);
        const [dx, dy] = [(b[1] - a[1]) * k, b[0] - a[0]];
        const square = dx * dx + dy * dy;
        const part = square === 0 ? 0
            : Math.min(1, Math.max(0, ((at[1] - a[1]) * k * dx + (at[0] - a[0]) * dy) / square));
        const foot = [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
        const off = metres(at, foot);
        if (!best || off < best.off) best = {off, behind: behind + metres(a, foot), rest: [foot, ...line.slice(i + 1)]};
        behind += metres(a, b);
    });
    return best;
}

// ahead(streets, behind): the streets still to come when so many metres lie behind.
export function ahead(streets, behind) {
    const out = [];
    let end = 0;
    for (const s of streets) {
        end += s.metres;
        const left = Math.min(s.metres, end - behind);
        if (left >= 1) out.push({name: s.name, metres: Math.round(left)});
    }
    return out;
}

const straight = (from, to) => ({line: [from, to], straight: true, streets: [], metres: Math.round(metres(from, to))});

// follow(way, at, stops): the legs to these stops as they are to be drawn: [{stop, line, straight, streets, metres}], the
// first with `off`, how far from the line `at` is. A leg that the server has not said, or that begins elsewhere by now,
// is a straight line; where the server itself has no streets it is `blind`.
export function follow(way, at, stops) {
    let before = at;
    const legs = [];
    for (const stop of stops) {
        const to = place(stop);
        if (!to) continue;
        const said = way?.legs.find((l) => l.order_id === stop.order_id && l.kind === stop.kind);
        const line = said && !said.straight ? decode(said.line) : [];
        if (line.length === 0) {
            if (before) legs.push({stop, ...straight(before, to), blind: said?.straight ?? false});
        } else if (legs.length === 0 && at) {
            const now = along(line, at);
            legs.push(now.off > JOINS_M ? {stop, ...straight(at, to), off: now.off} : {
                stop, line: [at, ...now.rest, to], straight: false, streets: ahead(said.streets, now.behind),
                metres: Math.max(0, Math.round(said.metres - now.behind)), off: now.off,
            });
        } else if (before && metres(before, line[0]) > JOINS_M) {
            legs.push({stop, ...straight(before, to)});
        } else {
            legs.push({stop, line: [...(before ? [before] : []), ...line, to], straight: false, streets: said.streets, metres: said.metres});
        }
        before = to;
    }
    return legs;
}

// Asker(ask): decides when to ask for the way: one question at a time, and not again at once. ask(): false when it
// could not be sent.
export class Asker {
    constructor(ask, now = Date.now) {
        this.ask = ask;
        this.now = now;
        this.since = 0; // when the question under way was asked; 0: there is none
        this.last = -Infinity; // when the last one was
    }

    // want(needed, known, legs): what the way should be of and what it is of, and as it is drawn now.
    want(needed, known, legs) {
        const now = this.now();
        const other = needed !== known;
        if (this.since && now - this.since < ANSWER_MS) return;
        if (now - this.last < (other ? AGAIN_MS : OFF_MS)) return;
        if ((!other && !(legs[0]?.off > OFF_M)) || !this.ask()) return;
        this.since = this.last = now;
    }

    answered() {
        this.since = 0;
    }
}
