// The operator's map and the store's screen: an order placed over HTTP appears, moves and finishes.
import assert from 'node:assert/strict';
import * as kit from './kit.mjs';

const {test} = kit;

async function openOps(browser, town, options) {
    const token = kit.lcctl(town, 'operator', 'add', 'Olga').trim().split('\n').at(-1);
    const page = await kit.openPage(browser, town, `/ops#token=${token}`, options);
    await kit.shows(page, '#link', 'Live');
    assert.ok(!page.url().includes(token));
    return page;
}

function openStore(browser, town, store, options) {
    const token = kit.lcctl(town, 'store', 'add', store).trim().split('\n').at(-1);
    return kit.openPage(browser, town, `/store#token=${token}`, options);
}

async function openCourier(browser, town, id) {
    const page = await kit.openPage(browser, town, `/courier#token=${kit.addCourier(town, id)}`, kit.phone);
    await page.locator('#sign-on').click();
    await kit.shows(page, '#work', 'Waiting for orders');
    return page;
}

// proofsOfTheChain: whose order it is fetches the pictures, nobody else does, and once erased they are gone.
async function proofsOfTheChain(town, key, order) {
    const path = `/v1/orders/${order.order_id}/proofs`;
    const get = (key, path) => fetch(town.intake + path, {headers: {Authorization: `Bearer ${key}`}});
    assert.deepEqual(await (await get(key, path)).json(), {proofs: ['photo', 'signature']});
    for (const [kind, type] of [['photo', 'image/jpeg'], ['signature', 'image/png']]) {
        const answer = await get(key, `${path}/${kind}`);
        assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, type]);
        assert.ok((await answer.arrayBuffer()).byteLength > 50);
    }
    const other = await kit.addChain(town, 'nosy');
    for (const [name, who] of [['', other], ['/photo', other], ['/photo', 'nobody']])
        assert.equal((await get(who, path + name)).status, who === other ? 404 : 401);
    const gone = await fetch(`${town.intake}/v1/orders/${order.order_id}/personal-data`, {method: 'DELETE', headers: {Authorization: `Bearer ${key}`}});
    assert.equal(gone.status, 204);
    assert.deepEqual(await (await get(key, path)).json(), {proofs: []});
    assert.equal((await get(key, `${path}/photo`)).status, 404);
}

test('the operator sees an order appear, move and finish', async ({town, browser, key}) => {
    const ops = await openOps(browser, town, kit.desk);
    const courier = await openCourier(browser, town, 'cleo');
    await kit.shows(ops, '#on-shift', '1');
    await kit.canDeliver(town, key);
    const order = await kit.placeOrder(town, key);
    const name = `corner/${order.external_order_id}`;
    await kit.shows(ops, '#panel', name);
    await kit.sound(ops, 'ops-city');
    await ops.locator('#query').fill(order.external_order_id);
    await ops.locator('#found button').first().click();
    await kit.shows(ops, '#why', 'Chosen:');
    await kit.shows(ops, '#timeline', 'placed');
    await kit.sound(ops, 'ops-order');
    await courier.locator('#accept').click();
    await kit.shows(ops, '#order-state', /courier to the store|confirmed/);
    await ops.locator('#ready').click();
    await kit.shows(ops, '#timeline', /goods ready.*operator: Olga/);
    await kit.shows(ops, '#timeline', 'chosen of 1 on shift, 1 could');
    await courier.locator('#arrived').click();
    await courier.locator('#picked-up').click();
    await kit.shows(ops, '#order-state', 'courier to the customer');
    await kit.until('the way of one leg', () => ops.heard.way?.legs.length === 1);
    await kit.onStreets(ops.heard.way);
    await kit.until('the line', async () => (await kit.drawn(ops)) > 2);
    await kit.shot(ops, 'ops-way');
    await courier.locator('#arrived').click();
    await courier.locator('#photo').setInputFiles({name: 'door.png', mimeType: 'image/png', buffer: Buffer.from(
        'iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC', 'base64')});
    await kit.shows(courier, 'label[for="photo"]', '✓');
    await courier.locator('#sign').click();
    const box = await courier.locator('#signature').boundingBox();
    await courier.mouse.move(box.x + 40, box.y + 60);
    await courier.mouse.down();
    await courier.mouse.move(box.x + 200, box.y + 30, {steps: 8});
    await courier.mouse.up();
    await kit.sound(courier, 'courier-signature');
    await courier.locator('#signed').click();
    await kit.shows(courier, '#sign', '✓');
    await kit.sound(courier, 'courier-door');
    const seen = await (await fetch(town.notifier + order.tracking_url)).json();
    await courier.locator('#pin').fill(seen.pin === '0000' ? '1111' : '0000');
    await courier.locator('#delivered').click();
    await kit.shows(courier, '#notices', '4 tries are left');
    await courier.locator('#pin').fill(seen.pin);
    await courier.locator('#delivered').click();
    await kit.shows(ops, '#order-state', 'delivered');
    await kit.shows(ops, '#timeline', /delivered.*cleo/);
    for (const kind of ['photo', 'signature']) await ops.locator(`[data-proof="${kind}"]`).click();
    await kit.until('the pictures', () => ops.evaluate(() =>
        [...document.querySelectorAll('img.proof')].filter((image) => image.naturalWidth > 0).length === 2));
    await kit.sound(ops, 'ops-proofs');
    await proofsOfTheChain(town, key, order);
    await ops.locator('#query').fill(order.external_order_id);
    await kit.shows(ops, '#found', /web-\d+ delivered$/); // and nothing to spare any more
    await ops.locator('#back').click();
    await kit.until('the figures', async () => (await kit.text(ops, '#delivered')) === '1');
    await kit.shows(ops, '#on-time', '100 %');
    await kit.shows(ops, '#chart-door', 'Highest: ');
    await ops.emulateMedia({colorScheme: 'dark'});
    await kit.sound(ops, 'ops-city-dark');
    await courier.locator('#sign-off').click();
    await courier.context().close();

    // without a network it says so, and what changed meanwhile is there afterwards
    await ops.context().setOffline(true);
    await ops.locator('#stale').waitFor();
    await kit.shot(ops, 'ops-stale');
    const other = await kit.placeOrder(town, key);
    await ops.context().setOffline(false);
    await kit.shows(ops, '#panel', `corner/${other.external_order_id}`);
    await ops.locator(`[data-order="${other.external_order_id}"]`).click();
    await ops.locator('#cancel').click();
    await ops.locator('#cancel-yes').click();
    await kit.shows(ops, '#order-state', 'cancelled');
    await kit.shows(ops, '#timeline', 'operator: Olga');
    assert.deepEqual(ops.wrong, []);
    await ops.context().close();
});

test('the operator says what became of what a lost courier carried', async ({town, browser, key}) => {
    const ops = await openOps(browser, town, kit.desk);
    const courier = await openCourier(browser, town, 'eve');
    await kit.canDeliver(town, key);
    const order = await kit.placeOrder(town, key);
    await courier.locator('#accept').click();
    await courier.locator('#arrived').click();
    await courier.locator('#picked-up').click();
    await kit.shows(ops, '#panel', `corner/${order.external_order_id}`);
    await ops.locator(`[data-order="${order.external_order_id}"]`).click();
    await kit.shows(ops, '#order-state', 'courier to the customer');
    kit.lcctl(town, 'courier', 'revoke', 'eve');
    await courier.context().close();
    await kit.sound(ops, 'ops-carried');
    await ops.locator('#settle-delivered').click();
    await ops.locator('#settle-why').fill('the wrong one');
    await ops.locator('#dialog').getByText('Back', {exact: true}).click();
    await ops.locator('#settle-returned').click();
    assert.equal(await ops.locator('#settle-why').inputValue(), '');
    await ops.locator('#settle-why').fill('left at the corner');
    await kit.sound(ops, 'ops-settle');
    await ops.locator('#settle-yes').click();
    await kit.shows(ops, '#order-state', 'returned');
    await kit.shows(ops, '#timeline', 'operator: Olga: left at the corner');
    await ops.locator('#carried').waitFor({state: 'detached'});
    assert.deepEqual(ops.wrong, []);
    await ops.context().close();
});

test('the operator decides who brings an order', async ({town, browser, key}) => {
    await kit.addStore(town, key, 'desk', {lat: 39.3, lng: -76.58});
    const here = {store_id: 'desk', dropoff: {lat: 39.301, lng: -76.581}};
    const ops = await openOps(browser, town, kit.desk);
    const ann = await openCourier(browser, town, 'ann');
    const ben = await openCourier(browser, town, 'ben');
    await kit.canDeliver(town, key, here);
    const order = await kit.placeOrder(town, key, here);
    const offered = async (page) => page.locator('#accept').isVisible();
    await kit.until('an offer', async () => (await offered(ann)) || offered(ben));
    const [first, second, other] = (await offered(ann)) ? [ann, ben, 'ben'] : [ben, ann, 'ann'];
    await ops.locator('#query').fill(order.external_order_id);
    await ops.locator('#found button').first().click();
    await kit.shows(ops, '#ruling', 'The plan decides');

    // pinned to the other: it goes there, and back to nobody else
    await ops.locator('#who').selectOption({label: await ops.locator('#who option', {hasText: other}).textContent()});
    await ops.locator('#pin').click();
    await kit.shows(ops, '#notice', 'Done');
    await kit.shows(ops, '#ruling', `Only for ${other}`);
    await second.locator('#accept').waitFor();
    await kit.until('the first has none', async () => !(await offered(first)));
    await kit.sound(ops, 'ops-ruling');
    const name = other === 'ben' ? 'ann' : 'ben';
    await kit.shows(ops, '#timeline', `only for ${other} · Olga`);
    await kit.shows(ops, '#timeline', `taken from ${name} · it is given to somebody else`);

    // on hold: nobody gets it, until it is released
    await ops.locator('#hold').click();
    await kit.shows(ops, '#ruling', 'On hold');
    await kit.until('nobody has it', async () => !(await offered(first)) && !(await offered(second)));
    await kit.shows(ops, '#timeline', `put on hold · Olga`);
    await kit.shows(ops, '#timeline', `taken from ${other} · an operator has put it on hold`);
    await ops.locator('#release').click();
    await kit.shows(ops, '#timeline', 'no longer on hold · Olga');
    await second.locator('#accept').click();
    await kit.shows(ops, '#order-state', /confirmed|courier to the store/);
    await ops.locator('#unpin').click();
    await kit.until('lifted', async () => !(await ops.locator('#unpin').isVisible()));

    // taken away again: the other one is asked
    await ops.locator('#reassign').click();
    await kit.shows(ops, '#ruling', `Not for ${other}`);
    await first.locator('#accept').waitFor();

    // a courier who gets nothing new
    await ops.locator('#query').fill(other);
    await ops.locator('#found button').first().click();
    await ops.locator('#freeze').click();
    await ops.locator('#unfreeze').waitFor();
    await kit.shot(ops, 'ops-courier');
    await ops.locator('#unfreeze').click();
    await ops.locator('#freeze').waitFor();
    assert.deepEqual(ops.wrong, []);
    await first.locator('#decline').click();
    await ops.locator('#back').click();
    await ops.locator(`[data-order="${order.external_order_id}"]`).click();
    await ops.locator('#cancel').click();
    await ops.locator('#cancel-yes').click();
    await kit.shows(ops, '#order-state', 'cancelled');
    for (const page of [ops, ann, ben]) await page.context().close();
});

test('the operator says where an order goes that has a street alone', async ({town, browser, key}) => {
    const ops = await openOps(browser, town, kit.desk);
    await kit.addStore(town, key, 'fleet', {lat: 39.285, lng: -76.586});
    const courier = await openCourier(browser, town, 'finn'); // somebody must be able to bring it
    await kit.canDeliver(town, key);
    const order = await kit.placeOrder(town, key, {dropoff: {address: 'Fleet Street, Baltimore, MD'}});
    assert.deepEqual([order.status, order.reason, order.dropoff.precision], ['held', 'address_not_confirmed', 'street']);
    await kit.shows(ops, '#attention', 'the address is not clear');
    await ops.locator(`[data-order="${order.external_order_id}"]`).click();
    await kit.shows(ops, '#where', /Fleet Street.*Only the street is known, within \d+ m/s);
    await ops.locator('.pin-here').waitFor();
    await kit.sound(ops, 'ops-where');
    await ops.locator('#place').fill('somewhere');
    await ops.locator('#confirm').click();
    await kit.shows(ops, '#notice', 'That is no place');

    // a click on the map moves the pin and fills the field; then the operator knows better and types
    const before = await ops.locator('#place').inputValue();
    const box = await ops.locator('#map').boundingBox();
    const [x, y] = [box.x + box.width / 2 + 90, box.y + box.height / 2 + 40];
    await ops.mouse.click(x, y);
    await kit.until('the pin has moved', async () => (await ops.locator('#place').inputValue()) !== before);
    assert.match(await ops.locator('#place').inputValue(), /^39\.28\d+, -76\.5\d+$/);
    const pin = await ops.locator('.pin-here').boundingBox();
    assert.ok(Math.hypot(pin.x + pin.width / 2 - x, pin.y + 34 - y) < 3, `the pin stands on ${JSON.stringify(pin)}, not on ${[x, y]}`);
    await kit.shot(ops, 'ops-where-moved');
    await ops.locator('#place').fill('39.28515, -76.58602');
    await ops.locator('#confirm').click();
    await kit.shows(ops, '#notice', 'Done');
    await kit.until('the order goes on', async () => (await kit.orderNow(town, key, order.order_id)).status !== 'held');
    const now = await kit.orderNow(town, key, order.order_id);
    assert.deepEqual([now.dropoff.precision, now.dropoff.lat, now.dropoff.lng], ['confirmed', 39.28515, -76.58602]);
    await kit.shows(ops, '#timeline', 'Olga: address confirmed');
    await kit.until('the pin is gone', async () => (await ops.locator('.pin-here').count()) === 0);
    await kit.sound(ops, 'ops-where-confirmed');
    await ops.locator('#cancel').click();
    await ops.locator('#cancel-yes').click();
    await kit.shows(ops, '#order-state', 'cancelled');
    for (const page of [ops, courier]) await page.context().close();
});

test('the operator works on a phone, in Chinese, and pauses a store', async ({town, browser, key}) => {
    const token = kit.lcctl(town, 'operator', 'add', 'Li').trim().split('\n').at(-1);
    const ops = await kit.openPage(browser, town, `/ops#token=${token}`, {...kit.phone, locale: 'zh-CN'});
    await kit.shows(ops, '#link', '在线');
    await kit.sound(ops, 'ops-phone-zh');
    await kit.addStore(town, key, 'pause-me', {lat: 39.29, lng: -76.6});
    await ops.locator('#query').fill('pause-me');
    await kit.shows(ops, '#found', 'pause-me');
    await ops.locator('#found button').first().click();
    await ops.locator('#pause').click();
    await kit.shows(ops, '#store-state', '已暂停');
    await ops.locator('#open').click();
    await kit.shows(ops, '#store-state', '营业中');
    const id = kit.lcctl(town, 'operator', 'list').split('\n').find((l) => l.includes(' Li ')).split(' ')[0];
    kit.lcctl(town, 'operator', 'revoke', id);
    await kit.shows(ops, '#panel', '登录'); // shown out within seconds
    await ops.context().close();
});

test('a store works its tickets', async ({town, browser, key}) => {
    await kit.addStore(town, key, 'tickets', {lat: 39.27, lng: -76.57});
    await openCourier(browser, town, 'dora'); // stays, and lets every offer pass
    const here = {store_id: 'tickets', dropoff: {lat: 39.271, lng: -76.571}};
    const page = await openStore(browser, town, 'corner/tickets', kit.desk);
    await kit.shows(page, '#tickets', 'Nothing to do');
    await kit.canDeliver(town, key, here);
    const first = await kit.placeOrder(town, key, {...here, lines: [{sku: 'COFFEE', quantity: 3}]});
    const second = await kit.placeOrder(town, key, {...here, fulfilment: 'collection'});
    await kit.shows(page, '#tickets', second.external_order_id);
    await kit.shows(page, '#tickets', 'New (2)');
    await kit.sound(page, 'store-tickets');
    await page.locator(`[data-order="${first.external_order_id}"] .accept`).click();
    await kit.shows(page, '#tickets', /New \(1\).*To prepare \(1\)/s);
    await page.reload(); // it is not this page alone that knows
    await kit.shows(page, '#tickets', /New \(1\).*To prepare \(1\)/s);
    await page.locator(`[data-order="${first.external_order_id}"] .ready`).click();
    await kit.shows(page, '#tickets', 'Ready (1)');
    await page.locator('#delay-10').click();
    await kit.shows(page, '#mode', '10 min');

    await page.locator(`[data-order="${second.external_order_id}"] .ready`).click();
    const ticket = page.locator(`[data-order="${second.external_order_id}"]`);
    await ticket.locator('input').waitFor();
    await page.setViewportSize(kit.phone.viewport);
    await kit.sound(page, 'store-hand-over-phone');
    await page.setViewportSize(kit.desk.viewport);
    await ticket.locator('input').fill('222222');
    await ticket.locator('form button').click();
    await kit.shows(page, '#notices', 'not the customer’s code');
    const seen = await (await fetch(town.notifier + second.tracking_url)).json();
    await ticket.locator('input').fill(seen.collection_code);
    await ticket.locator('form button').click();
    await kit.until('collected', async () => (await kit.orderNow(town, key, second.order_id)).status === 'collected');

    await page.locator('#delay-20').click();
    await kit.shows(page, '#mode', '20 min');
    await page.locator('#pause').click();
    await kit.shows(page, '#mode', 'Paused');
    await page.locator('#open').click();
    await kit.shows(page, '#mode', 'Open');

    await page.locator('[aria-label="COFFEE is sold out"]').first().click();
    await page.locator('#sold-out-yes').click();
    await kit.shows(page, '#notices', 'marked as sold out');
    const quote = await kit.post(town, key, '/v1/quotes', {...here, currency: 'USD', fulfilment: 'collection', lines: [{sku: 'COFFEE', quantity: 1}]});
    assert.equal(quote.serviceable, false);
    assert.match(kit.lcctl(town, 'audit'), /adds up|ok/i);
    assert.deepEqual(page.wrong, []);
    await page.context().close();
});

test('a store sees nothing of another chain', async ({town, browser, key}) => {
    const other = await kit.addChain(town, 'rival');
    await kit.addStore(town, other, 'theirs', {lat: 39.275, lng: -76.55});
    const page = await openStore(browser, town, 'rival/theirs', kit.phone);
    await kit.shows(page, '#tickets', 'Nothing to do');
    const ours = await kit.placeOrder(town, key, {store_id: 'fleet-st'});
    const theirs = await kit.placeOrder(town, other, {store_id: 'theirs', dropoff: {lat: 39.276, lng: -76.551}});
    await kit.shows(page, '#tickets', theirs.external_order_id);
    const everything = await page.content();
    assert.ok(!everything.includes(ours.external_order_id) && !everything.includes('fleet-st'));
    await kit.sound(page, 'store-phone');
    await page.context().close();
});

await kit.runWithOneStore();
