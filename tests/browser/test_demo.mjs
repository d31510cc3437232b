// deploy/demo --keep: every page that it prints opens, signed in, with the token in its address.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import * as kit from './kit.mjs';

const {test} = kit;
const top = new URL('../..', import.meta.url).pathname;
const PATIENCE_MS = 120000; // an hour at 120 times its speed, and what is looked at afterwards

function played() {
    const demo = spawn(join(top, 'deploy/demo'), ['--orders', '30', '--speed', '120', '--keep'],
        {detached: true, stdio: ['ignore', 'pipe', 'inherit']});
    let text = '';
    return new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`no pages after ${PATIENCE_MS} ms:\n${text}`)), PATIENCE_MS);
        demo.on('exit', () => reject(new Error(`the demo ended:\n${text}`)));
        demo.stdout.on('data', (piece) => {
            text += piece;
            if (!/ audit\n/.test(text)) return; // the last line
            clearTimeout(late);
            resolve({demo, text});
        });
    });
}

// page: opens the address behind these words; the notifier it is at is the town of the kit.
async function page({text, browser}, words, options = kit.phone) {
    const address = new URL(text.match(new RegExp(`${words}\\s+(http\\S+)`))[1]);
    const opened = await kit.openPage(browser, {notifier: address.origin}, address.pathname + address.hash, options);
    return {opened, end: async () => {
        assert.deepEqual(opened.wrong, []);
        await opened.context().close();
    }};
}

test('the operator’s page', async (world) => {
    const {opened, end} = await page(world, 'the page of an operator:');
    await kit.shows(opened, '#link', 'Live');
    await kit.until('the stores', async () => opened.evaluate(() => document.querySelectorAll('#map canvas').length > 0));
    await kit.sound(opened, 'demo-ops-phone');
    await end();
});

test('the courier’s page', async (world) => {
    const {opened, end} = await page(world, 'a courier\'s page');
    await kit.shows(opened, '#link', 'Live');
    await kit.sound(opened, 'demo-courier');
    await end();
});

test('the store’s page', async (world) => {
    const {opened, end} = await page(world, 'a store\'s page');
    await kit.shows(opened, '#link', 'Live');
    await kit.shows(opened, '#mode', /Open|Busy|Paused/);
    await kit.sound(opened, 'demo-store');
    await end();
});

test('the customer’s page', async (world) => {
    const {opened, end} = await page(world, 'a customer\'s page');
    await kit.shows(opened, '#status', /\S/);
    await kit.sound(opened, 'demo-customer');
    await end();
});

test('all of them at a desk, in Chinese', async (world) => {
    for (const [who, name] of [['operator', 'ops'], ['courier', 'courier'], ['store', 'store'], ['customer', 'customer']]) {
        const {opened, end} = await page(world, who === 'operator' ? 'the page of an operator:' : `a ${who}'s page`, {...kit.desk, locale: 'zh-CN'});
        await kit.shows(opened, '#link', '在线');
        await kit.sound(opened, `demo-${name}-zh`);
        await end();
    }
});

test('the chain’s key and the customer’s link, by HTTP', async ({text}) => {
    const [, key] = text.match(/^ *export KEY=(\S+)$/m); // pasted, it is what the line below needs
    const [, order] = text.match(/Bearer \$KEY" (http\S+)/);
    const answer = await fetch(order, {headers: {Authorization: `Bearer ${key}`}});
    assert.equal(answer.status, 200);
    const tracked = await fetch(text.match(/curl (http\S+\/t\/\S+)/)[1]);
    assert.equal((await tracked.json()).external_order_id, (await answer.json()).external_order_id);
});

await kit.runAll(
    async () => ({...await played(), browser: await kit.openBrowser()}),
    async ({browser, demo}) => {
        await browser.close();
        await kit.closeTown({demo});
    });
