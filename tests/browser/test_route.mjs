// route.js alone: whose phone it is. No browser, no daemons.
import assert from 'node:assert/strict';

const {entered, isCode, isTooShort, whose} = await import(new URL('../../services/notifier/web/route.js', import.meta.url));

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

const used = {token: 'lc_courier_7_abc', of: '', route: {version: 90, stops: [{order_id: 'a'}]}, actions: [{id: 'x'}], gone: [{order_id: 'b'}]};

test('a token says whose it is', () => {
    assert.equal(whose('lc_courier_12_a-_b'), '12');
    assert.equal(whose('lc_store_12_ab'), '');
    assert.equal(whose(''), '');
});

test('the same courier goes on with a new link, also when the old one was refused first', () => {
    for (const before of [used, {...used, token: '', of: '7'}]) {
        const now = {...before, ...entered(before, 'lc_courier_7_new')};
        assert.equal(now.token, 'lc_courier_7_new');
        assert.deepEqual([now.route, now.actions, now.gone], [used.route, used.actions, used.gone]);
    }
});

test('another courier sees and sends nothing of the one before', () => {
    for (const before of [used, {...used, token: '', of: '7'}, {...used, token: '', of: ''}]) {
        const now = {...before, ...entered(before, 'lc_courier_70_abc')};
        assert.deepEqual([now.route, now.actions, now.gone, now.of], [null, [], [], '70']);
    }
});

test('a code is told by four characters of its end, and less of it is too short to tell', () => {
    const stop = {order_id: '0193', external_order_id: 'Web-4711'};
    for (const [typed, is, short] of [['web-4711', true, false], ['4711', true, false], ['B-4711', true, false], ['711', false, true],
        ['47', false, true], ['99', false, false], ['9711', false, false]])
        assert.deepEqual([isCode(stop, typed), isTooShort(stop, typed)], [is, short], typed);
});

process.exitCode = failed ? 1 : 0;
