// kit: a town of real daemons (deploy/demo --orders 0), a real Chromium, and what the tests say about pages.
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';

const top = new URL('../..', import.meta.url).pathname;
const modules = createRequire(join(process.env.LC_NPM ?? '.', 'package.json'));
const {chromium} = modules('playwright-core');
const axeSource = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.LC_SHOTS ?? '/tmp';
const PATIENCE_MS = 60000; // only what fails takes it; a busy machine needs 20 s to show a first page

export const phone = {viewport: {width: 360, height: 640}, isMobile: true, hasTouch: true, deviceScaleFactor: 2};
export const desk = {viewport: {width: 1440, height: 900}};
export const square = {lat: 39.285, lng: -76.592};

// ---- the town ----

export async function openTown() {
    const demo = spawn(join(top, 'deploy/demo'), ['--orders', '0'], {detached: true, stdio: ['ignore', 'pipe', 'inherit']});
    const town = {demo, keys: {}};
    let text = '';
    await new Promise((resolve, reject) => {
        demo.on('exit', () => reject(new Error(`the demo ended:\n${text}`)));
        demo.stdout.on('data', (piece) => {
            text += piece;
            if (/LIFECIRCLE_CITY=/.test(text)) resolve();
        });
    });
    town.intake = text.match(/INTAKE=(\S+)/)[1];
    town.notifier = text.match(/NOTIFIER=(\S+)/)[1];
    town.redis = text.match(/LIFECIRCLE_REDIS=(\S+)/)[1];
    town.bin = text.match(/PATH=([^:]+):/)[1];
    return town;
}

export async function closeTown(town) {
    const gone = new Promise((resolve) => town.demo.once('exit', resolve));
    town.demo.kill('SIGINT');
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 15000))]);
}

export function lcctl(town, ...words) {
    return execFileSync(join(town.bin, 'lcctl'), ['--redis', town.redis, '--city', 'bal', ...words], {encoding: 'utf8'});
}

const lastLine = (text) => text.trim().split('\n').at(-1);

export async function post(town, key, path, body, type = 'application/json', method = 'POST') {
    const answer = await fetch(town.intake + path, {
        method, headers: {Authorization: `Bearer ${key}`, 'Content-Type': type},
        body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
}

export async function addChain(town, id) {
    const key = lastLine(lcctl(town, 'chain', 'add', id, '--name', `Chain ${id}`));
    await until('the key counts', async () => (await fetch(`${town.intake}/v1/orders?external_order_id=x`,
        {headers: {Authorization: `Bearer ${key}`}})).status === 404);
    return key;
}

export async function addStore(town, key, id, {lat, lng} = square, more = {}) {
    const d = 0.03;
    const ring = [[lng - d, lat - d], [lng + d, lat - d], [lng + d, lat + d], [lng - d, lat + d], [lng - d, lat - d]];
    await post(town, key, '/v1/stores', {
        type: 'Feature', geometry: {type: 'Point', coordinates: [lng, lat]},
        properties: {store_id: id, name: `Corner Shop, ${id}`, address: `2400 ${id}`, prep_seconds: 30, collects: true,
            zone: {type: 'Polygon', coordinates: [ring]}, ...more},
    }, 'application/geo+json', 'PUT');
    await post(town, key, '/v1/stock', `store_id,sku,quantity,price\n${id},COFFEE,50,219\n${id},BAGEL,50,149\n`, 'text/csv');
    await until('the store counts', async () => (await post(town, key, '/v1/quotes', {
        currency: 'USD', store_id: id, fulfilment: 'collection', dropoff: {lat, lng}, lines: [{sku: 'COFFEE', quantity: 1}]})).serviceable);
}

export function addCourier(town, id) {
    return lastLine(lcctl(town, 'courier', 'add', id, '--name', id));
}

// canDeliver: until the matcher has heard of a courier who could.
export async function canDeliver(town, key, more = {}) {
    await until('a courier counts', async () => (await post(town, key, '/v1/quotes', {
        currency: 'USD', dropoff: {lat: 39.2861, lng: -76.5877}, lines: [{sku: 'COFFEE', quantity: 1}], ...more})).serviceable);
}

let orders = 0;
export async function placeOrder(town, key, more = {}) {
    const order = await post(town, key, '/v1/orders', {
        external_order_id: `web-${++orders}`, currency: 'USD',
        dropoff: {lat: 39.2861, lng: -76.5877, address: '2036 Eastern Ave', instructions: 'Second floor, ring twice'},
        customer: {name: 'Grace H.', phone: '+14105550123'},
        lines: [{sku: 'COFFEE', quantity: 2}, {sku: 'BAGEL', quantity: 1}], ...more,
    });
    return order;
}

export async function orderNow(town, key, id) {
    const answer = await fetch(`${town.intake}/v1/orders/${id}`, {headers: {Authorization: `Bearer ${key}`}});
    return answer.json();
}

export async function until(what, met) {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
        const got = await met();
        if (got) return got;
        if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

// ---- the browser ----

// openBrowser: with more of its switches, if any.
export async function openBrowser(more = []) {
    return chromium.launch({
        executablePath: process.env.LC_CHROMIUM ?? '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', ...more],
    });
}

// openPage: a page of its own browser profile; whatever goes wrong in it fails the test that looks at `page.wrong`.
// init: a function that runs in the page before its own code.
export async function openPage(browser, town, path, {init, ...options} = {}) {
    const context = await browser.newContext({
        locale: 'en-GB', timezoneId: 'America/New_York', colorScheme: 'light', permissions: ['geolocation'],
        geolocation: {latitude: square.lat, longitude: square.lng}, ...options,
    });
    if (init) await context.addInitScript(init);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    page.wrong = [];
    page.heard = {}; // the last message of each type
    page.on('websocket', (socket) => socket.on('framereceived', ({payload}) => {
        const message = JSON.parse(payload);
        page.heard[message.type] = message;
    }));
    page.on('pageerror', (error) => page.wrong.push(String(error.stack ?? error)));
    page.on('console', (m) => {
        if (m.type() === 'error' && !/ERR_INTERNET_DISCONNECTED|Failed to load resource/.test(m.text()))
            page.wrong.push(m.text());
    });
    page.on('request', (request) => {
        const url = new URL(request.url());
        if (!['data:', 'blob:'].includes(url.protocol) && url.host !== new URL(town.notifier).host)
            page.wrong.push(`third party: ${url}`);
    });
    await page.goto(town.notifier + path);
    return page;
}

export async function shot(page, name) {
    mkdirSync(shots, {recursive: true});
    await page.screenshot({path: join(shots, `${name}.png`)});
}

// tooSmall: what a finger has to hit on a phone and is under 48 px in either direction. Links in running text may be.
const tooSmall = (page) => page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea, .button, .stars label, .leaflet-bar a')]
    .filter((e) => e.getClientRects().length > 0 && getComputedStyle(e).opacity !== '0')
    .map((e) => [e, e.getBoundingClientRect()]).filter(([, {width, height}]) => width < 48 || height < 48)
    .map(([e, {width, height}]) => `${e.outerHTML.slice(0, 80)}: ${Math.round(width)} x ${Math.round(height)}`));

// sound: nothing went wrong on the page, nothing stands out of it at the side, on a phone all can be hit, and axe finds
// nothing serious.
export async function sound(page, name) {
    await shot(page, name);
    assert.deepEqual(page.wrong, [], `${name}: errors on the page`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    const room = page.viewportSize().width; // a phone would zoom out and say that all of it fits
    assert.ok(wide <= room, `${name}: ${wide} wide in ${room}`);
    if (room < 500) assert.deepEqual(await tooSmall(page), [], `${name}: too small for a thumb`);
    await page.evaluate(axeSource);
    const result = await page.evaluate(() => window.axe.run(document, {resultTypes: ['violations']}));
    const serious = result.violations.filter((v) => ['serious', 'critical'].includes(v.impact));
    assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`), [],
        `${name}: axe`);
}

export const text = async (page, selector) => (await page.locator(selector).first().textContent()).trim();

export async function shows(page, selector, pattern) {
    let last = '';
    await until(`${selector} shows ${pattern}, not ${last}`, async () => {
        last = (await page.locator(selector).allTextContents()).join('\n');
        return typeof pattern === 'string' ? last.includes(pattern) : pattern.test(last);
    }).catch((error) => {
        throw new Error(`${error.message} (last: ${last})`);
    });
}

// ---- ways along streets ----

// roads: the city's, as lines of [lng, lat].
const roads = () => JSON.parse(readFileSync(join(top, 'tests/city/data/map.geojson'), 'utf8')).features
    .flatMap(({geometry: g}) => (g.type === 'LineString' ? [g.coordinates] : g.type === 'MultiLineString' ? g.coordinates : []))
    .map((line) => line.map(([lng, lat]) => [lat, lng]));

// onStreets: a way that was told leads along streets: each leg has more places than its ends, at least half on a road of the
// drawn map, which has no paths (that all lie on the compiled map says tests/integration/test_roads_map.c).
export async function onStreets(way) {
    const {along, decode} = await import(new URL('../../services/notifier/web/way.js', import.meta.url));
    const lines = roads();
    for (const leg of way.legs.filter((l) => l.metres > 150)) {
        const line = decode(leg.line);
        assert.equal(leg.straight, false);
        assert.ok(line.length > 2, `${leg.kind}: ${leg.line}`);
        assert.ok(leg.streets.length > 0 && leg.streets.some((s) => s.name !== ''), JSON.stringify(leg.streets));
        const near = line.filter((at) => lines.some((road) => along(road, at).off < 10));
        assert.ok(2 * near.length >= line.length, `${near.length} of ${line.length} places of ${leg.line} are on roads`);
    }
    assert.ok(way.legs.some((l) => l.metres > 150), 'the way leads somewhere');
}

// drawn: how many corners the lines on a page's map have, straight lines left out.
export const drawn = (page) => page.evaluate(() =>
    [...document.querySelectorAll('#map path.way:not(.straight)')].reduce((n, p) => n + (p.getAttribute('d').match(/L/g) ?? []).length, 0));

// ---- the runner ----

const tests = [];
export const test = (name, run) => tests.push({name, run});

export async function runAll(setup, teardown) {
    let failed = 0;
    const world = await setup();
    const only = process.argv[2];
    for (const {name, run} of tests) {
        if (only && !name.includes(only)) continue;
        const start = Date.now();
        try {
            await run(world);
            console.log(`ok    ${name} (${Date.now() - start} ms)`);
        } catch (error) {
            failed++;
            console.log(`FAIL  ${name}\n${error.stack}`);
        }
    }
    await teardown(world);
    process.exitCode = failed ? 1 : 0;
}

// runWithOneStore: runAll in a town with one chain, one store and a browser; tests get {town, key, browser}.
export async function runWithOneStore() {
    await runAll(
        async () => {
            const town = await openTown();
            const key = await addChain(town, 'corner');
            await addStore(town, key, 'fleet-st');
            return {town, key, browser: await openBrowser()};
        },
        async ({town, browser}) => {
            await browser.close();
            await closeTown(town);
        });
}
