// The service worker of the courier's app: the app opens in a tunnel. What the server gives counts; what was kept is
// used when it does not answer in time. Only pages and their files: never an API, never a token.
const CACHE = 'lifecircle-courier-5';
const PATIENCE_MS = 2500;
const FILES = [
    '/courier',
    ...['base.css', 'courier.css', 'courier.js', 'courier_view.js', 'courier.webmanifest', 'dom.js', 'en.js', 'i18n.js',
        'icon-192.png', 'icon-512.png', 'icon.svg', 'leaflet.css', 'leaflet.min.js', 'live.js', 'map.js', 'proofs.js', 'queue.js', 'route.js', 'signin.js', 'way.js', 'zh.js',
    ].map((name) => `/web/${name}`),
];

// Kept once somebody has looked at a map: large, and some have none.
const MAPS = ['/web/city.geojson', '/web/tiles.json'];

self.addEventListener('install', (event) => {
    self.skipWaiting();
    event.waitUntil(caches.open(CACHE).then((cache) => Promise.allSettled(FILES.map((f) => cache.add(f)))));
});

self.addEventListener('activate', (event) => {
    event.waitUntil((async () => {
        for (const name of await caches.keys()) if (name !== CACHE) await caches.delete(name);
        await self.clients.claim();
    })());
});

async function answer(request, path) {
    const cache = await caches.open(CACHE);
    const kept = await cache.match(path);
    const fresh = fetch(request).then((response) => {
        if (response.ok) cache.put(path, response.clone());
        return response;
    });
    if (!kept) return fresh;
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
    return Promise.race([fresh.catch(() => kept), late]);
}

self.addEventListener('fetch', (event) => {
    const url = new URL(event.request.url);
    if (event.request.method !== 'GET' || url.origin !== location.origin || ![...FILES, ...MAPS].includes(url.pathname)) return;
    event.respondWith(answer(event.request, url.pathname));
});
