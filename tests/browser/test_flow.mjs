// One order from the chain's POST to the door, with a courier and a customer in two browsers.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import * as kit from './kit.mjs';

const {test} = kit;

async function signOn(page, town, key) {
    await page.locator('#sign-on').click();
    await kit.shows(page, '#work', 'Waiting for orders');
    await kit.canDeliver(town, key);
}

test('the app has all of its files with it in a tunnel', () => {
    const read = (name) => readFileSync(new URL(`../../services/notifier/web/${name}`, import.meta.url), 'utf8');
    const kept = new Set([...read('sw.js').matchAll(/'([a-z_0-9.-]+\.(?:js|css|svg|png|webmanifest))'/g)].map((m) => m[1]));
    const needed = new Set(['courier.js']);
    for (const name of needed) for (const [, other] of read(name).matchAll(/(?:from|import\()\s*'\.\/([a-z_]+\.js)'/g)) needed.add(other);
    for (const [, name] of read('courier.html').matchAll(/"\/web\/([^"]+)"/g)) needed.add(name);
    assert.ok(needed.size > 10);
    assert.deepEqual([...needed].filter((name) => !kept.has(name)), []);
});

test('a courier works an order through a tunnel, and the customer follows', async ({town, browser, key}) => {
    const token = kit.addCourier(town, 'ada');
    const courier = await kit.openPage(browser, town, `/courier#token=${token}`, kit.phone);
    await kit.shows(courier, '#link', 'Live');
    assert.ok(!courier.url().includes(token), 'the token does not stay in the address');
    await kit.sound(courier, 'courier-sign-on');
    await signOn(courier, town, key);
    await kit.sound(courier, 'courier-waiting');

    const order = await kit.placeOrder(town, key);
    assert.equal(order.status, 'placed');
    const customer = await kit.openPage(browser, town, order.tracking_url, kit.phone);
    await kit.shows(customer, '#status', 'Being prepared');
    await kit.sound(customer, 'customer-placed');
    const heard = await customer.locator('body').ariaSnapshot();
    assert.match(heard, /status "Connection": Live/);
    assert.match(heard, /list "What happened":\n\s+- listitem "Being prepared, \d\d:\d\d"/);
    const pin = await kit.text(customer, '#pin');
    assert.match(pin, /^\d{4}$/);

    await courier.locator('#accept').waitFor();
    await kit.shows(courier, '#in-all', /^\d+(\.\d)? k?m in all$/);
    const earns = (await kit.text(courier, '#earns')).match(/\$4\.\d\d$/)[0]; // 4.00, and 0.60 a kilometre
    await kit.sound(courier, 'courier-offer');
    await courier.locator('#accept').press('Enter');
    await kit.until('the next stop has the focus', () => courier.evaluate(() => document.activeElement.matches('.next h2.who')));
    await kit.shows(customer, '#status', /Courier (found|on the way to the store)/);
    await kit.sound(courier, 'courier-pickup');
    await kit.until('the way', () => courier.heard.way?.version === courier.heard.route.version);
    await kit.onStreets(courier.heard.way);
    await courier.locator('#arrived').click();
    await kit.shows(customer, '#status', 'Courier at the store');

    // the tunnel begins: picked up, on the way, at the door, a wrong PIN is for later
    await courier.context().setOffline(true);
    await kit.shows(courier, '#link', 'Offline');
    await courier.locator('#code').fill('another-one');
    await courier.locator('#picked-up').click();
    await kit.shows(courier, '#notices', `another-one is not this order: it is ${order.external_order_id}`);
    await courier.locator('#code').fill(order.external_order_id.toUpperCase());
    await courier.locator('#picked-up').click();
    await kit.shows(courier, '.next', '2036 Eastern Ave');
    await kit.shows(courier, '#streets', /Street|Avenue/); // the line and its streets stay in the tunnel
    await courier.locator('#show-map').click();
    await kit.until('the line', async () => (await kit.drawn(courier)) > 2);
    await kit.sound(courier, 'courier-way-offline');
    await courier.locator('#arrived').click();
    await courier.locator('#pin').fill(pin);
    await kit.sound(courier, 'courier-door-offline');
    await courier.locator('#delivered').click();
    await kit.shows(courier, '#work', 'Waiting for orders');
    await kit.shows(courier, '#link', /\d to send/);
    await courier.reload(); // the app opens in the tunnel, and nothing is forgotten
    await kit.shows(courier, '#link', /\d to send/);
    assert.equal((await kit.orderNow(town, key, order.order_id)).status, 'arrived_at_pickup');

    await courier.context().setOffline(false);
    await kit.until('delivered', async () => (await kit.orderNow(town, key, order.order_id)).status === 'delivered');
    await kit.shows(courier, '#count', '1');
    await kit.shows(courier, '#earned', earns);
    await courier.locator('#stops').click();
    await kit.shows(courier, '#done', new RegExp(`Delivered${order.external_order_id}.*Picked up${order.external_order_id}`, 's'));
    await kit.sound(courier, 'courier-stops');
    await courier.locator('dialog button').click();
    await kit.shows(customer, '#status', 'Delivered');
    await kit.sound(customer, 'customer-delivered');
    const steps = kit.lcctl(town, 'order', order.order_id).split('\n').filter((l) => /courier \d/.test(l));
    const states = steps.map((l) => l.trim().split(/\s+/)[1]);
    assert.equal(new Set(states).size, states.length, `each step once: ${states}`);

    await customer.locator('#star-5').check({force: true});
    await customer.locator('#comment').fill('Still warm');
    await customer.locator('#send-rating').click();
    await kit.shows(customer, '#rate', 'Thank you');
    assert.deepEqual([...courier.wrong, ...customer.wrong], []);
    await courier.locator('#sign-off').click();
    await kit.shows(courier, '#work', 'Begin your shift');
    await courier.context().close();
    await customer.context().close();
});

test('the customer sees the courier only on the way to them', async ({town, browser, key}) => {
    const courier = await kit.openPage(browser, town, `/courier#token=${kit.addCourier(town, 'bea')}`, kit.phone);
    await signOn(courier, town, key);
    const order = await kit.placeOrder(town, key);
    const customer = await kit.openPage(browser, town, order.tracking_url, {...kit.desk, colorScheme: 'dark'});
    await courier.locator('#accept').click();
    await courier.locator('#arrived').click();
    await kit.shows(customer, '#status', 'Courier at the store');
    assert.ok(await customer.locator('#where').isHidden());
    await courier.locator('#picked-up').click();
    await courier.context().setGeolocation({latitude: 39.2856, longitude: -76.5895});
    await kit.shows(customer, '#status', 'On the way to you');
    await customer.locator('#map canvas, #map svg').first().waitFor();
    await kit.sound(customer, 'customer-on-the-way-dark');
    await courier.locator('#arrived').click();
    await kit.shows(customer, '#eta', 'Your courier is there');
    await kit.sound(customer, 'customer-at-the-door-dark');
    await courier.locator('#problem').click();
    await kit.sound(courier, 'courier-problem');
    await courier.getByText('Nobody is there').click();
    await kit.shows(courier, '.next', 'Bring back');
    await kit.shows(customer, '#status', 'Being brought back');
    await courier.locator('#arrived').click();
    await courier.locator('#brought-back').click();
    await kit.shows(customer, '#status', 'Brought back');
    assert.deepEqual([...courier.wrong, ...customer.wrong], []);
    await courier.locator('#sign-off').click();
    await courier.context().close();
    await customer.context().close();
});

test('the customer cancels, in Chinese', async ({town, browser, key}) => {
    const courier = await kit.openPage(browser, town, `/courier#token=${kit.addCourier(town, 'cleo')}`, kit.phone);
    await signOn(courier, town, key);
    const order = await kit.placeOrder(town, key);
    const page = await kit.openPage(browser, town, order.tracking_url, {...kit.phone, locale: 'zh-CN'});
    await kit.shows(page, '#status', '备货中');
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-Hans');
    page.on('dialog', (dialog) => dialog.accept());
    await page.locator('#cancel').click();
    await kit.shows(page, '#status', '已取消');
    await kit.sound(page, 'customer-cancelled-zh');
    assert.equal((await kit.orderNow(town, key, order.order_id)).reason, 'customer_cancelled');
    await courier.context().close();
    await page.context().close();
});

test('a collection has a code as a picture', async ({town, browser, key}) => {
    const order = await kit.placeOrder(town, key, {fulfilment: 'collection'});
    const page = await kit.openPage(browser, town, order.tracking_url, kit.phone);
    await kit.shows(page, '#code', /^[2-9A-Z]{6}$/);
    await kit.until('the picture', () => page.locator('.qr').evaluate((image) => image.naturalWidth > 0));
    await kit.sound(page, 'customer-collection');
    await page.context().close();
});

test('a wrong link says so', async ({town, browser}) => {
    const page = await kit.openPage(browser, town, '/t/nonsense', kit.phone);
    await kit.shows(page, '#state', 'no order behind this link');
    await page.context().close();
});

await kit.runWithOneStore();
