// What pages may cost: bytes of the first view, and the main thread while 2,000 couriers move.
import assert from 'node:assert/strict';
import * as kit from './kit.mjs';

const {test} = kit;
const FIRST_VIEW_BYTES = 300 * 1024; // without the city's roads
const BLOCKED_MS = 100;
const COURIERS = 2000;
const SECONDS = 8;

test('the first view of each page is small', async ({town, browser}) => {
    for (const path of ['/', '/courier', '/store', '/ops', '/t/none']) {
        const page = await kit.openPage(browser, town, path);
        await kit.shows(page, '[data-language]', /./); // the page's own code ran
        await page.waitForLoadState('load');
        const bytes = await page.evaluate(() => performance.getEntries()
            .filter((e) => ['navigation', 'resource'].includes(e.entryType) && !e.name.endsWith('city.geojson'))
            .reduce((sum, e) => sum + e.encodedBodySize, 0));
        console.log(`      ${path}: ${Math.round(bytes / 1024)} KiB`);
        assert.ok(bytes > 1000 && bytes < FIRST_VIEW_BYTES, `${path}: ${bytes} bytes`);
        await page.context().close();
    }
});

// longestTask: of the pages' main threads, in CPU time: what else the machine does is not the page's fault.
function longestTask(events) {
    const main = new Set(events.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain')
        .map((e) => `${e.pid} ${e.tid}`));
    const tasks = events.filter((e) => e.name === 'RunTask' && main.has(`${e.pid} ${e.tid}`)).map((e) => e.tdur ?? e.dur).filter(Number.isFinite);
    assert.ok(tasks.length > 100, 'tasks were traced');
    return Math.round(Math.max(...tasks) / 1000);
}

test('the map stays smooth with 2,000 couriers', async ({town, browser}) => {
    const page = await kit.openPage(browser, town, '/favicon.ico', kit.desk);
    let socket = null;
    await page.routeWebSocket('**/v1/ops', (ws) => {
        socket = ws;
        ws.onMessage(() => {});
    });
    await page.goto(`${town.notifier}/ops#token=lc_operator_0_none`);
    await kit.until('the socket', () => socket);
    const say = (message) => socket.send(JSON.stringify(message));
    const places = Array.from({length: COURIERS}, (_, i) => [i + 1, 39.26 + (i % 45) / 1000, -76.6 + Math.floor(i / 45) / 650]);
    say({type: 'welcome', city: 'bal', name: 'x', time: Date.now()});
    for (let i = 0; i < COURIERS; i += 100)
        say({type: 'couriers', couriers: places.slice(i, i + 100).map(([courier]) => (
            {courier, courier_id: `c-${courier}`, name: `Courier ${courier}`, vehicle: 'bicycle', on: true, stops: []}))});
    say({type: 'positions', positions: places});
    say({type: 'synced'});
    await kit.shows(page, '#on-shift', String(COURIERS));
    await page.waitForTimeout(1000);
    await page.evaluate(() => {
        window.frames = 0;
        const frame = () => {
            window.frames++;
            requestAnimationFrame(frame);
        };
        frame();
    });
    await browser.startTracing(page, {categories: ['disabled-by-default-devtools.timeline', 'devtools.timeline', 'toplevel']});
    for (let s = 0; s < SECONDS; s++) {
        for (const p of places) {
            p[1] += (Math.random() - 0.5) / 2000;
            p[2] += (Math.random() - 0.5) / 2000;
        }
        say({type: 'positions', positions: places});
        await page.waitForTimeout(1000);
    }
    const frames = await page.evaluate(() => window.frames);
    const worst = longestTask(JSON.parse(await browser.stopTracing()).traceEvents);
    console.log(`      ${COURIERS} couriers: longest task ${worst} ms of CPU, ${Math.round(frames / SECONDS)} frames a second`);
    await kit.shot(page, 'ops-2000-couriers');
    assert.deepEqual(page.wrong, []);
    assert.ok(worst > 0 && worst <= BLOCKED_MS, `the main thread was blocked for ${worst} ms`);
    await page.context().close();
});

await kit.runAll(
    async () => ({town: await kit.openTown(), browser: await kit.openBrowser()}),
    async ({town, browser}) => {
        await browser.close();
        await kit.closeTown(town);
    });
