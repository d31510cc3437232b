// docs/api/openapi.yaml: valid, complete (each route that the daemons serve, and no other), and true: its examples get
// the documented answers from the real daemons, with the documented fields.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {createServer} from 'node:http';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import * as kit from './kit.mjs';

const {test} = kit;
const top = new URL('../..', import.meta.url).pathname;
const npm = process.env.LC_NPM ?? '.';
const file = join(top, 'docs/api/openapi.yaml');
const api = createRequire(join(npm, 'package.json'))('yaml').parse(readFileSync(file, 'utf8'));
const methods = ['get', 'put', 'post', 'delete'];
const pages = ['/', '/courier', '/store', '/ops', '/favicon.ico', '/sw.js']; // for eyes, not for programs

test('a public linter finds it valid', () => {
    execFileSync(join(npm, 'node_modules/.bin/redocly'), ['lint', '--extends=spec', file],
        {encoding: 'utf8', stdio: 'pipe', env: {...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true'}});
});

test('it names the routes that are served, and no other', () => {
    const read = (name) => readFileSync(join(top, 'services', name), 'utf8');
    const all = (text, pattern) => [...text.matchAll(pattern)];
    const intake = all(read('intake/route.c'), /\{"([A-Z]+)", "(\/v1[^"]*)"/g).map((m) => `${m[1]} ${m[2]}`);
    const notifier = read('notifier/notifier.c');
    const sockets = new Set(all(notifier, /path_is\(ev, "([^"]+)"\)/g).map((m) => `GET ${m[1]}`));
    const tracking = ['GET /t/*', 'GET /t/*/events', 'GET /t/*/code.svg', 'POST /t/*/cancel', 'POST /t/*/rating'];
    const served = [...intake, ...sockets, ...tracking, 'POST /v1/osmand', 'POST /v1/courier/proof/*/*'].sort();
    const written = Object.entries(api.paths).flatMap(([path, item]) => methods.filter((m) => m in item)
        .map((m) => `${m.toUpperCase()} ${path.replace(/\{[^}]+\}/g, '*')}`)).sort();
    assert.ok(intake.length > 10 && sockets.size === 4);
    assert.deepEqual(written, served);
    const drawn = all(read('notifier/pages.c'), /\{"(\/[^"]*)", "[^"]+"\}/g).map((m) => m[1]);
    assert.deepEqual(drawn.sort(), [...pages].sort());
});

const resolve = (x) => (x?.$ref ? x.$ref.slice(2).split('/').reduce((at, key) => at[key], api) : x);

// fits: the schema's types, required fields, enumerations and patterns; enough for what is written there.
function fits(schema, value, where) {
    const s = resolve(schema);
    const type = value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
    const types = [s.type ?? []].flat();
    if (types.length > 0) assert.ok(types.includes(type) || (type === 'integer' && types.includes('number')), `${where}: ${type}, not ${types}`);
    if (s.enum) assert.ok(s.enum.includes(value), `${where}: ${value}`);
    if (s.pattern) assert.match(value, new RegExp(s.pattern), where);
    if (s.format === 'date-time') assert.ok(!Number.isNaN(Date.parse(value)), where);
    if (type === 'object') for (const name of s.required ?? []) assert.ok(name in value, `${where}.${name} is missing`);
    if (type === 'object' && s.properties) for (const [name, child] of Object.entries(value)) {
        assert.ok(name in s.properties, `${where}.${name} is not documented`);
        fits(s.properties[name], child, `${where}.${name}`);
    }
    if (type === 'array' && s.items) value.forEach((child, i) => fits(s.items, child, `${where}[${i}]`));
}

async function send(town, key, method, path, type, body) {
    const operation = api.paths[Object.keys(api.paths).find((p) => new RegExp(`^${p.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path.split('?')[0]))][method];
    const host = path.startsWith('/t/') ? town.notifier : town.intake;
    const answer = await fetch(host + path, {
        method: method.toUpperCase(), body, headers: {...(type ? {'Content-Type': type} : {}), Authorization: `Bearer ${key}`, Accept: 'application/json'},
    });
    const said = resolve(operation.responses[answer.status]);
    assert.ok(said, `${method} ${path}: ${answer.status} is not documented: ${await answer.clone().text()}`);
    const media = (answer.headers.get('content-type') ?? '').split(';')[0];
    if (answer.status === 204) return null;
    assert.ok(said.content[media], `${method} ${path}: ${media} is not documented`);
    if (!media.endsWith('json') || media.includes('ndjson')) return answer.text();
    const json = await answer.json();
    fits(said.content[media].schema, json, `${method} ${path}`);
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
}

async function examples(town, key, method, path, to = path) {
    const answers = [];
    for (const [type, media] of Object.entries(api.paths[path][method].requestBody.content))
        for (const {value} of Object.values(media.examples ?? {}))
            answers.push(await send(town, key, method, to, type, typeof value === 'string' ? value : JSON.stringify(value)));
    assert.ok(answers.length > 0, `${method} ${path} has an example`);
    return answers;
}

test('its examples get the documented answers', async ({town, key}) => {
    await examples(town, key, 'put', '/v1/stores');
    await examples(town, key, 'post', '/v1/stock');
    await kit.until('the store counts', async () => (await examples(town, key, 'post', '/v1/quotes'))[0].reason !== 'no_store_in_range');
    const [delivery, collection] = await examples(town, key, 'post', '/v1/orders');
    const one = `/v1/orders/${delivery.order_id}`;
    await send(town, key, 'get', one);
    await send(town, key, 'get', '/v1/orders?external_order_id=example-1');
    assert.match((await examples(town, key, 'post', '/v1/orders:batch'))[0], /"done": ?true/);
    await send(town, key, 'get', delivery.tracking_url);
    const seen = await send(town, key, 'get', collection.tracking_url);
    assert.match(await send(town, key, 'get', `${collection.tracking_url}/code.svg`), /^<svg/);
    await kit.until('placed', async () => (await kit.orderNow(town, key, collection.order_id)).status === 'placed');
    await send(town, key, 'post', `/v1/orders/${collection.order_id}/ready`);
    await send(town, key, 'post', `/v1/orders/${collection.order_id}/collected`, 'application/json', JSON.stringify({code: seen.collection_code}));
    await send(town, key, 'post', `${collection.tracking_url}/rating`, 'application/json', '{"stars": 4}');
    await examples(town, key, 'post', '/v1/orders/{order_id}/cancel', `${one}/cancel`);
    await send(town, key, 'get', '/v1/stores/nearby?lat=39.2861&lng=-76.5877&sku=COFFEE');
    await send(town, key, 'get', '/v1/stores/fleet-st');
    await examples(town, key, 'post', '/v1/stores/{store_id}/busy', '/v1/stores/fleet-st/busy');
    const [hook] = await examples(town, key, 'put', '/v1/webhook');
    assert.match(hook.secret, /^whsec_/);
    assert.equal((await send(town, key, 'get', '/v1/webhook')).state, 'active');
    await send(town, key, 'delete', '/v1/webhook');
});

test('a webhook verifies with the reference library', async ({town}) => {
    const {Webhook} = createRequire(join(npm, 'package.json'))('standardwebhooks');
    const key = await kit.addChain(town, 'hooked');
    await kit.addStore(town, key, 'hooks');
    let heard = null;
    const server = createServer((request, response) => {
        let body = '';
        request.on('data', (piece) => { body += piece; });
        request.on('end', () => {
            heard ??= {body, headers: request.headers};
            response.writeHead(204).end();
        });
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const {secret} = await kit.post(town, key, '/v1/webhook', {url: `http://127.0.0.1:${server.address().port}/hooks`},
        'application/json', 'PUT');
    const orders = [];
    await kit.until('a webhook', async () => { // the address counts within a quarter of a second
        orders.push((await kit.placeOrder(town, key, {fulfilment: 'collection'})).order_id);
        await new Promise((resolve) => setTimeout(resolve, 500));
        return heard;
    });
    const told = async () => send(town, key, 'get', '/v1/webhook');
    await kit.until('it is told to have worked', async () => (await told()).last_success_at);
    server.close();
    await kit.placeOrder(town, key, {fulfilment: 'collection'});
    await kit.until('it is told to have failed', async () => (await told()).last_failure?.why === 'connect');
    const state = await told();
    assert.ok(state.state === 'active' && state.queued >= 1 && state.failures_in_a_row >= 1 && state.next_try_at);
    const message = new Webhook(secret).verify(heard.body, heard.headers);
    fits(api.webhooks.order.post.requestBody.content['application/json'].schema, message, 'webhook');
    assert.ok(orders.includes(message.data.order_id));
    assert.throws(() => new Webhook(secret).verify(`${heard.body} `, heard.headers));
});

await kit.runAll(
    async () => {
        const town = await kit.openTown();
        return {town, key: await kit.addChain(town, 'corner')};
    },
    ({town}) => kit.closeTown(town));
