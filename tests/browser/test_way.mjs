// way.js alone: decoding, following and cutting the line, and when to ask for another. No browser, no daemons.
import assert from 'node:assert/strict';

const {Asker, ahead, along, decode, follow} = await import(new URL('../../services/notifier/web/way.js', import.meta.url));

let failed = 0;
function test(name, run) {
    try {
        run();
        console.log(`ok    ${name}`);
    } catch (error) {
        failed++;
        console.log(`FAIL  ${name}\n${error.stack}`);
    }
}

const M = 1 / 111195; // a metre of latitude in degrees

test('a polyline is read, and one that is cut off as far as it goes', () => {
    assert.deepEqual(decode('_p~iF~ps|U_ulLnnqC_mqNvxq`@'), [[38.5, -120.2], [40.7, -120.95], [43.252, -126.453]]);
    assert.deepEqual(decode('_p~iF~ps|U_ulL'), [[38.5, -120.2]]);
    assert.deepEqual(decode(''), []);
});

test('the line is cut where the courier is', () => {
    const line = [[0, 0], [0, 300 * M], [200 * M, 300 * M]];
    const here = along(line, [20 * M, 100 * M]);
    assert.ok(Math.abs(here.off - 20) < 0.5 && Math.abs(here.behind - 100) < 0.5);
    assert.equal(here.rest.length, 3);
    assert.ok(Math.abs(here.rest[0][1] - 100 * M) < 1e-7);
    assert.ok(Math.abs(along(line, [250 * M, 300 * M]).off - 50) < 0.5);
    assert.equal(along([[1, 1]], [1, 1]).off, 0);
});

test('streets that lie behind are not told again', () => {
    const streets = [{name: 'A', metres: 100}, {name: 'B', metres: 50}, {name: 'C', metres: 70}];
    assert.deepEqual(ahead(streets, 0), streets);
    assert.deepEqual(ahead(streets, 120), [{name: 'B', metres: 30}, {name: 'C', metres: 70}]);
    assert.deepEqual(ahead(streets, 500), []);
});

// from 0,0 along a corner to the store 600 m north, and on to the door
const store = {order_id: 'o', kind: 'pickup', store: {lat: 600 * M, lng: 0}};
const door = {order_id: 'o', kind: 'dropoff', lat: 900 * M, lng: 0};
function encode(line) {
    let [last, out] = [[0, 0], ''];
    for (const at of line) {
        for (const k of [0, 1]) {
            const d = Math.round(at[k] * 1e5) - last[k];
            let v = d < 0 ? ~(d << 1) : d << 1;
            for (; v >= 0x20; v >>= 5) out += String.fromCharCode((0x20 | (v & 0x1f)) + 63);
            out += String.fromCharCode(v + 63);
            last[k] += d;
        }
    }
    return out;
}
const leg = (stop, line, more) => ({order_id: stop.order_id, kind: stop.kind, line: encode(line), metres: 700, seconds: 100,
    straight: false, streets: [{name: 'High Street', metres: 700}], ...more});
const way = {version: 3, legs: [
    leg(store, [[0, 0], [0, 50 * M], [600 * M, 50 * M], [600 * M, 0]]),
    leg(door, [[600 * M, 0], [900 * M, 20 * M]])]};

test('a way is followed from where the courier is', () => {
    const legs = follow(way, [300 * M, 55 * M], [store, door]);
    assert.equal(legs.length, 2);
    assert.ok(legs.every((l) => !l.straight));
    assert.ok(legs[0].off < 6 && legs[0].metres < 400 && legs[0].streets[0].metres < 400);
    assert.deepEqual(legs[0].line[0], [300 * M, 55 * M]);
    assert.deepEqual(legs[1].line.at(-1), [900 * M, 0]);
});

test('what was done meanwhile leaves the rest of the way', () => {
    const [only, ...none] = follow(way, [600 * M, 0], [door]);
    assert.deepEqual(none, []);
    assert.equal(only.straight, false);
    assert.ok(only.off < 1);
});

test('what is not known is straight, and only what the server does not know is blind', () => {
    const [first] = follow(null, [0, 0], [store]);
    assert.deepEqual([first.straight, first.blind, first.line.length, first.metres], [true, false, 2, 600]);
    assert.deepEqual(follow(null, null, [store]), []);
    const [blind] = follow({legs: [leg(store, [[0, 0], [600 * M, 0]], {straight: true, streets: []})]}, [0, 0], [store]);
    assert.deepEqual([blind.straight, blind.blind], [true, true]);
    const [far] = follow(way, [0, 5000 * M], [store]);
    assert.ok(far.straight && far.off > 4000); // it was made for elsewhere
    const legs = follow(way, [0, 0], [door]); // the pickup was dropped: the leg begins 600 m away
    assert.equal(legs[0].straight, true);
    assert.deepEqual(follow(way, [0, 0], [{order_id: 'x', kind: 'pickup', store: {}}]), []); // a stop without a place
});

test('it is asked for when it is of another route or left behind, one question at a time', () => {
    let [now, said] = [100000, 0];
    const asker = new Asker(() => { said++; return true; }, () => now);
    asker.want(2, 1, []);
    asker.want(2, 1, []);
    assert.equal(said, 1);
    asker.answered();
    asker.want(2, 2, [{off: 10}]);
    assert.equal(said, 1);
    asker.want(2, 2, [{off: 100}]);
    assert.equal(said, 1); // not again at once
    now += 10000;
    asker.want(2, 2, [{off: 100}]);
    assert.equal(said, 2);
    now += 12000; // no answer came
    asker.want(3, 2, []);
    assert.equal(said, 3);
    const mute = new Asker(() => false, () => now);
    mute.want(2, 1, []);
    assert.equal(mute.since, 0);
});

process.exitCode = failed ? 1 : 0;
