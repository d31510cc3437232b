// Pages at their edges: opened without a link, with a wrong or withdrawn one; an order that was filed away; one that an
// operator takes off a courier's route; why this courier; and the camera at the bag.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as kit from './kit.mjs';

const {test} = kit;

const token = (town, ...words) => kit.lcctl(town, ...words).trim().split('\n').at(-1);

async function onShift(town, page) {
    await page.locator('#sign-on').click();
    await kit.shows(page, '#work', 'Waiting for orders');
}

const looks = [['phone', kit.phone], ['desk-dark', {...kit.desk, colorScheme: 'dark'}], ['phone-zh', {...kit.phone, locale: 'zh-CN'}]];

test('a page without its link says what is missing and where it comes from', async ({town, browser}) => {
    for (const [path, prefix] of [['/courier', 'lc_courier_'], ['/store', 'lc_store_'], ['/ops', 'lc_operator_']]) {
        for (const [look, options] of looks) {
            const page = await kit.openPage(browser, town, path, options);
            const zh = options.locale === 'zh-CN';
            await kit.shows(page, '#link', zh ? '未登录' : 'Not signed in');
            await kit.shows(page, '#sign-in-how', `#token=${prefix}`);
            await kit.sound(page, `door${path.replace('/', '-')}-${look}`);
            await page.context().close();
        }
    }
});

test('the whole link may be pasted, and what is none is told', async ({town, browser}) => {
    const good = kit.addCourier(town, 'pasted'); // the notifier has heard of it by the time it is pasted
    const page = await kit.openPage(browser, town, '/courier', kit.phone);
    const paste = async (text) => {
        await page.locator('#token').fill(text);
        await page.locator('#sign-in button').click();
    };
    await paste('hello');
    await kit.shows(page, '#not-a-token', 'a token begins with lc_courier_');
    await paste(`${town.notifier}/store#token=lc_store_1_x`);
    await kit.shows(page, '#not-a-token', 'it opens /store');
    await kit.sound(page, 'door-courier-wrong');
    await paste('lc_courier_1_wrong');
    await kit.shows(page, '#sign-in', 'not accepted any more');
    await kit.shows(page, '#link', 'Not signed in');
    await kit.sound(page, 'door-courier-refused');
    await paste(`${town.notifier}/courier#token=${good}`);
    await kit.shows(page, '#link', 'Live');
    await page.locator('#sign-on').waitFor();
    await page.context().close();
});

test('a courier hears who took an order off the route, and why; the operator why this courier', async ({town, browser, key}) => {
    await kit.addStore(town, key, 'why', {lat: 39.3, lng: -76.58});
    const here = {store_id: 'why', dropoff: {lat: 39.301, lng: -76.581}};
    const courier = await kit.openPage(browser, town, `/courier#token=${kit.addCourier(town, 'hana')}`, kit.phone);
    await onShift(town, courier);
    const ops = await kit.openPage(browser, town, `/ops#token=${token(town, 'operator', 'add', 'Olga')}`, kit.desk);
    await kit.shows(ops, '#link', 'Live');
    await kit.canDeliver(town, key, here);
    const order = await kit.placeOrder(town, key, here);
    await courier.locator('#accept').click();
    await kit.shows(courier, '.next', 'Corner Shop, why');
    await ops.locator('#query').fill(order.external_order_id);
    await ops.locator('#found button').first().click();
    await kit.shows(ops, '#why-courier', /hana.*at the customer \d\d:\d\d/s);
    await kit.shows(ops, '#panel', /offered to hana.*One courier was on shift; 1 could.*Why then: the goods are ready at/s);
    await kit.shows(ops, '#panel', 'one store was considered');

    // in a tunnel, and still told
    await courier.context().setOffline(true);
    await kit.shows(courier, '#link', 'Offline');
    await ops.locator('#ruling-why').fill('The kitchen is flooded 厨房');
    await ops.locator('#hold').click();
    await kit.shows(ops, '#ruling', 'On hold');
    await kit.shows(ops, '#why-courier ~ *, #panel', 'Why this courier');
    await kit.sound(ops, 'ops-why-courier');
    await kit.until('nobody has it', async () => (await kit.orderNow(town, key, order.order_id)).status === 'placed');
    await courier.context().setOffline(false);
    await kit.shows(courier, '.gone', `Order ${order.external_order_id} is off your route. The operator has put it on hold. “The kitchen is flooded 厨房”`);
    await kit.sound(courier, 'courier-off-route');
    await courier.reload(); // it stays until it was read
    await courier.locator('.gone button').click();
    await kit.until('read', async () => (await courier.locator('.gone').count()) === 0);

    // the customer cancels: that is said, too
    await ops.locator('#release').click();
    await courier.locator('#accept').click();
    await kit.shows(courier, '.next', 'Corner Shop, why');
    await kit.post(town, key, `/v1/orders/${order.order_id}/cancel`, {reason: 'customer_cancelled'});
    await kit.shows(courier, '.gone', 'Why: cancelled by the customer.');
    for (const page of [ops, courier]) {
        assert.deepEqual(page.wrong, []);
        await page.context().close();
    }
});

test('the operator sees zones, and what a store is out of', async ({town, browser, key}) => {
    await kit.post(town, key, '/v1/stock', 'store_id,sku,quantity,price\nfleet-st,COFFEE,0,219\nfleet-st,BAGEL,3,149\n', 'text/csv');
    const ops = await kit.openPage(browser, town, `/ops#token=${token(town, 'operator', 'add', 'Zoe')}`, kit.desk);
    await kit.shows(ops, '#link', 'Live');
    await ops.locator('#query').focus();
    for (const what of ['[data-language]', '#map', '.leaflet-control-zoom-in']) { // by keys alone, and one sees where
        await ops.keyboard.press('Tab');
        assert.equal(await ops.locator(what).evaluate((e) => e === document.activeElement && getComputedStyle(e).outlineStyle), 'solid', what);
    }
    await ops.locator('#zones').click();
    await kit.until('outlines', async () => (await ops.locator('#zones').getAttribute('aria-pressed')) === 'true');
    await kit.until('the shelf of the store', () => ops.heard.shelves?.shelves.some(([, out, of]) => out === 1 && of === 2));
    await kit.until('its zone', () => ops.heard.zone);
    await ops.locator('#legend').scrollIntoViewIfNeeded();
    await kit.sound(ops, 'ops-zones');
    await ops.locator('#query').fill('fleet-st');
    await ops.locator('#found button', {hasText: 'Corner Shop, fleet-st'}).click();
    await kit.shows(ops, '#shelf', /Sold out: 1 of 2 articles.*COFFEE/s);
    await kit.sound(ops, 'ops-store');
    await kit.post(town, key, '/v1/stock', 'store_id,sku,quantity,price\nfleet-st,COFFEE,50,219\nfleet-st,BAGEL,50,149\n', 'text/csv');
    assert.deepEqual(ops.wrong, []);
    await ops.context().close();
});

test('an order that was filed away says so, and shows what is known', async ({town, browser, key}) => {
    const order = await kit.placeOrder(town, key, {store_id: 'fleet-st', fulfilment: 'collection'});
    const seen = await (await fetch(town.notifier + order.tracking_url)).json();
    const customer = await kit.openPage(browser, town, order.tracking_url, kit.phone);
    const late = await kit.openPage(browser, town, order.tracking_url, kit.phone); // has the form open when it is filed
    const store = await kit.openPage(browser, town, `/store#token=${token(town, 'store', 'add', 'corner/fleet-st')}`, kit.desk);
    const ticket = store.locator(`[data-order="${order.external_order_id}"]`);
    await ticket.locator('.ready').click();
    await ticket.locator('input').fill(seen.collection_code);
    await ticket.locator('form button').click();
    for (const page of [customer, late]) await kit.shows(page, '#status', 'Collected');
    await customer.locator('label:has(#star-4)').click();
    await customer.locator('#comment').fill('很好，谢谢！'.repeat(30)); // a long one, three bytes a letter
    await customer.locator('#send-rating').click();
    await kit.shows(customer, '#rate', '★★★★ Thank you!');
    await late.locator('label:has(#star-1)').click();

    const dir = mkdtempSync(join(tmpdir(), 'lifecircle-archive-'));
    let filed = 0; // the first time it may be others that ended long enough ago
    await kit.until('filed', async () => {
        filed += Number(/\b(\d+) orders? archived/.exec(kit.lcctl(town, 'archive', dir, '--days', '0.00001'))[1]);
        return (await fetch(town.notifier + order.tracking_url)).status === 410;
    });
    assert.ok(filed > 0);
    rmSync(dir, {recursive: true});
    await kit.until('the open page knows, from its stream or from the answer to its form', async () => {
        if (await late.locator('#filed').count()) return true;
        await late.locator('#send-rating').click({timeout: 1000}).catch(() => {});
        return false;
    });
    assert.equal(await late.locator('#send-rating').count(), 0);
    await customer.reload();
    await kit.shows(customer, '#filed', 'filed away');
    await kit.shows(customer, '#status', 'Collected');
    await kit.shows(customer, '#rate', '★★★★');
    await kit.sound(customer, 'customer-filed');
    const stranger = await kit.openPage(browser, town, order.tracking_url, {...kit.phone, locale: 'zh-CN', colorScheme: 'dark'});
    await kit.shows(stranger, '#filed', '归档');
    await kit.sound(stranger, 'customer-filed-zh');
    for (const page of [customer, late, store, stranger]) {
        assert.deepEqual(page.wrong, []);
        await page.context().close();
    }
});

test('a tile server’s pictures lie over the lines', async ({town, browser}) => {
    const page = await kit.openPage(browser, town, '/favicon.ico', kit.desk);
    const dot = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC', 'base64');
    await page.route('**/web/tiles.json', (route) => route.fulfill({json: {url: `${town.notifier}/tile/{z}/{x}/{y}.png`, credit: '© us & them'}}));
    await page.route('**/tile/**', (route) => (route.request().url().endsWith('7.png') ? route.abort() : route.fulfill({contentType: 'image/png', body: dot})));
    await page.goto(`${town.notifier}/ops#token=${token(town, 'operator', 'add', 'Tia')}`);
    await kit.until('tiles', async () => (await page.locator('img.leaflet-tile-loaded').count()) > 4);
    await kit.shows(page, '.leaflet-control-attribution', '© us & them');
    await kit.shows(page, '.leaflet-control-attribution', '© OpenStreetMap contributors');
    await kit.shot(page, 'ops-tiles');
    assert.deepEqual(page.wrong.filter((w) => !/ERR_FAILED/.test(w)), []);
    await page.context().close();
});

test('the courier’s app can be installed', async ({town, browser}) => {
    const page = await kit.openPage(browser, town, '/courier', kit.phone);
    const cdp = await page.context().newCDPSession(page);
    await kit.until('the manifest and its pictures are good', async () => {
        const {installabilityErrors} = await cdp.send('Page.getInstallabilityErrors');
        const wrong = installabilityErrors.map((e) => e.errorId).filter((id) => id !== 'in-incognito'); // as every page of playwright's
        if (wrong.length > 0) console.log(`      ${wrong}`);
        return wrong.length === 0;
    });
    const {url, errors} = await cdp.send('Page.getAppManifest');
    assert.deepEqual([new URL(url).pathname, errors], ['/web/courier.webmanifest', []]);
    await page.context().close();
});

// ---- the camera ----

const WIDE = 320;
const HIGH = 240;

// film: what the camera sees, as Chromium plays it for a camera: eight stripes, one a bit of `number`.
function film(path, number) {
    const luma = Buffer.alloc(WIDE * HIGH);
    for (let y = 0; y < HIGH; y++)
        for (let x = 0; x < WIDE; x++) luma[y * WIDE + x] = (number >> Math.floor((x * 8) / WIDE)) & 1 ? 235 : 16;
    const frame = Buffer.concat([Buffer.from('FRAME\n'), luma, Buffer.alloc((WIDE * HIGH) / 2, 128)]);
    writeFileSync(path, Buffer.concat([Buffer.from(`YUV4MPEG2 W${WIDE} H${HIGH} F10:1 Ip A1:1 C420jpeg\n`), ...Array(10).fill(frame)]));
}

// stripes: a BarcodeDetector for such a film: Debian's Chromium has none. The picture it reads went all the way through
// the camera, the stream and the page's own <video>.
function stripes() {
    window.BarcodeDetector = class {
        async detect(video) {
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
            if (canvas.width === 0) return [];
            const pen = canvas.getContext('2d');
            pen.drawImage(video, 0, 0);
            let number = 0;
            for (let bit = 0; bit < 8; bit++) {
                const [red] = pen.getImageData(Math.floor(((bit + 0.5) * canvas.width) / 8), canvas.height / 2, 1, 1).data;
                if (red > 128) number |= 1 << bit;
            }
            return number === 0 ? [] : [{rawValue: `scan-${number}`}];
        }
    };
}

test('the camera reads the code on the bag; without one it is typed', async ({town, key}) => {
    const dir = mkdtempSync(join(tmpdir(), 'lifecircle-film-'));
    const filmed = join(dir, 'bag.y4m');
    film(filmed, 77);
    const browser = await kit.openBrowser(['--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${filmed}`]);
    await kit.addStore(town, key, 'bags', {lat: 39.27, lng: -76.57});
    const here = {store_id: 'bags', dropoff: {lat: 39.271, lng: -76.571}};
    const courier = await kit.openPage(browser, town, `/courier#token=${kit.addCourier(town, 'scanner')}`,
        {...kit.phone, geolocation: {latitude: 39.27, longitude: -76.57}, init: stripes});
    await onShift(town, courier);
    await kit.canDeliver(town, key, here);
    await kit.placeOrder(town, key, {...here, external_order_id: 'scan-77'});
    await courier.locator('#accept').click();
    await courier.locator('#arrived').click();

    // not allowed: it says so, and leaves no camera on
    await courier.locator('#scan').click();
    await kit.shows(courier, '#dialog', 'The camera cannot be used. Type the code.');
    await kit.sound(courier, 'courier-no-camera');
    await courier.locator('#dialog button').click();

    await courier.context().grantPermissions(['geolocation', 'camera']);
    await courier.locator('#scan').click();
    await kit.until('the code', async () => (await courier.locator('#code').inputValue()) === 'scan-77');
    await kit.until('closed', async () => !(await courier.locator('#dialog').isVisible()));
    await kit.shot(courier, 'courier-scanned');
    await courier.locator('#picked-up').click();
    await kit.shows(courier, '.next', 'Deliver');
    assert.deepEqual(courier.wrong, []);
    await browser.close();
    rmSync(dir, {recursive: true});
});

test('a browser that reads no codes shows no camera', async ({town, browser, key}) => {
    const here = {store_id: 'bags', dropoff: {lat: 39.271, lng: -76.571}};
    const courier = await kit.openPage(browser, town, `/courier#token=${kit.addCourier(town, 'typist')}`,
        {...kit.phone, geolocation: {latitude: 39.27, longitude: -76.57}});
    if (await courier.evaluate(() => 'BarcodeDetector' in window)) return; // this one does
    await onShift(town, courier);
    await kit.canDeliver(town, key, here);
    const order = await kit.placeOrder(town, key, here);
    await courier.locator('#accept').click();
    await courier.locator('#arrived').click();
    await courier.locator('#code').fill(order.external_order_id);
    assert.equal(await courier.locator('#scan').count(), 0);
    await courier.locator('#picked-up').click();
    await kit.shows(courier, '.next', 'Deliver');
    await courier.context().close();
});

await kit.runWithOneStore();
