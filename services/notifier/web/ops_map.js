// ops_map: what moves and what waits, on one canvas above the base map: thousands of dots without an element each.
import {baseMap, drawWay} from './map.js';

const MOVE_MS = 1000; // a courier glides to the next position for so long
const FRAME_MS = 40;
const REACH_PX = 16; // how far from a dot a click may be

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// cityMap(element, {chosen}): chosen(kind, id) is called for a click on a dot, but while a place is picked. Null without
// Leaflet.
export function cityMap(element, {chosen}) {
    const map = baseMap(element);
    if (!map) return null;
    const L = window.L;
    const canvas = L.DomUtil.create('canvas', 'dots', map.getContainer());
    canvas.setAttribute('aria-hidden', 'true');
    const pen = canvas.getContext('2d');
    const dots = {store: new Map(), order: new Map(), courier: new Map()};
    const zones = L.layerGroup().addTo(map); // of all stores in view, when somebody wants them
    const extra = L.layerGroup().addTo(map); // the route or zone of what is looked at
    let colours = {};
    const sprites = new Map();
    let selected = null;
    let wanted = false;
    let last = 0;
    let pin = null; // of the place that is picked
    let picked = null; // who is told

    const project = (lat, lng) => L.CRS.EPSG3857.latLngToPoint(L.latLng(lat, lng), 0);

    function readColours() {
        sprites.clear();
        colours = {good: css('--good'), warn: '#d98f00', bad: css('--bad'), wait: css('--soft'), courier: css('--accent'),
            store: css('--ink'), short: css('--ink'), card: css('--card'), idle: css('--soft')};
        draw();
    }

    function draw() {
        if (wanted) return;
        wanted = true;
        requestAnimationFrame(paint);
    }

    function where(dot, now) {
        const part = Math.min(1, (now - dot.since) / MOVE_MS);
        return part >= 1 ? dot.to : {x: dot.from.x + (dot.to.x - dot.from.x) * part, y: dot.from.y + (dot.to.y - dot.from.y) * part};
    }

    function paint(now) {
        wanted = false;
        if (now - last < FRAME_MS) {
            draw();
            return;
        }
        last = now;
        const size = map.getSize();
        const ratio = devicePixelRatio || 1;
        if (canvas.width !== Math.round(size.x * ratio) || canvas.height !== Math.round(size.y * ratio)) {
            canvas.width = Math.round(size.x * ratio);
            canvas.height = Math.round(size.y * ratio);
            canvas.style.width = `${size.x}px`;
            canvas.style.height = `${size.y}px`;
        }
        pen.setTransform(ratio, 0, 0, ratio, 0, 0);
        pen.clearRect(0, 0, size.x, size.y);
        const scale = 2 ** map.getZoom();
        const corner = map.getPixelBounds().min;
        let moving = false;
        for (const kind of ['store', 'order', 'courier']) {
            for (const [id, dot] of dots[kind]) {
                const at = where(dot, now);
                if (at !== dot.to) moving = true;
                const x = at.x * scale - corner.x;
                const y = at.y * scale - corner.y;
                dot.x = x;
                dot.y = y;
                if (x < -10 || y < -10 || x > size.x + 10 || y > size.y + 10) continue;
                one(kind, dot, x, y, selected?.kind === kind && selected.id === id);
            }
        }
        if (moving) draw();
    }

    // sprite: a dot is drawn once for each look and then copied: paths are slow by the thousand.
    function sprite(kind, colour, is) {
        const ratio = devicePixelRatio || 1;
        const name = `${kind} ${colour} ${is} ${ratio}`;
        const known = sprites.get(name);
        if (known) return known;
        const r = kind === 'store' ? (is ? 7 : 4) : is ? 10 : kind === 'courier' ? 5.5 : 6;
        const side = 2 * Math.ceil(r + 2);
        const picture = document.createElement('canvas');
        picture.width = picture.height = side * ratio;
        const p = picture.getContext('2d');
        p.scale(ratio, ratio);
        const hollow = colour === 'short'; // a store that has little left
        p.fillStyle = hollow ? colours.card : colours[colour];
        p.strokeStyle = is || hollow ? colours.store : colours.card;
        p.lineWidth = is || hollow ? 2 : 1.5;
        p.beginPath();
        if (kind === 'store') p.rect(side / 2 - r, side / 2 - r, 2 * r, 2 * r);
        else p.arc(side / 2, side / 2, r, 0, 7);
        p.fill();
        p.stroke();
        const made = {picture, side};
        sprites.set(name, made);
        return made;
    }

    function one(kind, dot, x, y, is) {
        const {picture, side} = sprite(kind, dot.colour, is);
        pen.drawImage(picture, Math.round(x - side / 2), Math.round(y - side / 2), side, side);
    }

    map.on('move zoomend resize viewreset', draw);
    map.on('zoomstart', () => { canvas.hidden = true; });
    map.on('zoomend', () => { canvas.hidden = false; });
    map.on('click', (event) => {
        if (pin) {
            pin.setLatLng(event.latlng);
            picked([event.latlng.lat, event.latlng.lng]);
            return;
        }
        const p = event.containerPoint;
        let best = null;
        let reach = REACH_PX;
        for (const kind of ['courier', 'order', 'store']) {
            for (const [id, dot] of dots[kind]) {
                const d = Math.hypot(dot.x - p.x, dot.y - p.y);
                if (d < reach) [best, reach] = [{kind, id}, d];
            }
            if (best) break;
        }
        if (best) chosen(best.kind, best.id);
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', readColours);
    new ResizeObserver(() => map.invalidateSize()).observe(element);
    readColours();

    return {
        put(kind, id, lat, lng, colour) {
            const to = project(lat, lng);
            const now = performance.now();
            const dot = dots[kind].get(id);
            if (!dot) dots[kind].set(id, {from: to, to, since: 0, colour, x: -99, y: -99});
            else if (dot.to.x !== to.x || dot.to.y !== to.y) Object.assign(dot, {from: where(dot, now), to, since: now, colour});
            else dot.colour = colour;
            draw();
        },
        drop(kind, id) {
            if (dots[kind].delete(id)) draw();
        },
        // fit: as near as all fit in; whole steps of zoom, which pictures of a tile server need, leave half of it empty
        fit(places) {
            if (places.length === 0) return;
            const step = map.options.zoomSnap;
            if (!map.hasTiles) map.options.zoomSnap = 0.25;
            map.fitBounds(L.latLngBounds(places).pad(0.05), {maxZoom: 16});
            map.options.zoomSnap = step;
        },
        see(at) {
            if (at && !map.getBounds().pad(-0.1).contains(at)) map.panTo(at);
        },
        select(what) {
            selected = what;
            extra.clearLayers();
            draw();
        },
        way(legs) {
            extra.clearLayers();
            drawWay(map, extra, legs);
        },
        // pick: a pin to be put where something is, by a click or by dragging it; null: no more
        pick(at, tell) {
            picked = tell;
            if (!at) {
                pin?.remove();
                pin = null;
            } else if (pin) {
                pin.setLatLng(at);
            } else {
                pin = L.marker(at, {draggable: true, keyboard: false, icon: L.divIcon({className: 'pin-here', iconSize: [28, 28], iconAnchor: [14, 34]})}).addTo(map);
                pin.on('dragend', () => picked([pin.getLatLng().lat, pin.getLatLng().lng]));
                if (map.getZoom() < 16 || !map.getBounds().pad(-0.1).contains(at)) map.setView(at, Math.max(16, map.getZoom()));
            }
        },
        // seen: what the map shows now, and to be told when that changes
        seen: () => map.getBounds(),
        onMoved: (told) => map.on('moveend', told),
        // zones: [polygons, …], one a store, faint; [] takes them away
        zones(all) {
            zones.clearLayers();
            for (const polygons of all)
                for (const rings of polygons)
                    L.polygon(rings, {color: css('--accent'), weight: 1, opacity: 0.7, fillOpacity: 0.04, interactive: false}).addTo(zones);
        },
        zone(polygons) {
            extra.clearLayers();
            for (const rings of polygons)
                L.polygon(rings, {color: css('--accent'), weight: 2, fillOpacity: 0.08, interactive: false}).addTo(extra);
        },
        size: () => dots.courier.size,
    };
}
