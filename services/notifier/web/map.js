// map: Leaflet with the city's own lines below; nothing from elsewhere, unless the city has named a tile server, whose
// pictures then lie above the lines. Works without Leaflet: no map then.
const L = window.L;

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// baseMap: a map in the element; the city's GeoJSON is drawn when it has come. null without Leaflet.
export function baseMap(element, options) {
    if (!L) return null;
    const map = L.map(element, {
        preferCanvas: true, zoomControl: options?.zoom ?? true, attributionControl: true, keyboard: true, ...options?.leaflet,
    });
    map.attributionControl.setPrefix('');
    map.setView(options?.centre ?? [39.285, -76.58], options?.level ?? 14);
    map.createPane('lines').style.zIndex = 150; // below tiles: where one does not come, in a tunnel, lines are seen
    city(map);
    tiles(map);
    return map;
}

let tileServer = null;

async function tiles(map) {
    tileServer ??= fetch('/web/tiles.json').then((r) => (r.ok ? r.json() : {})).catch(() => ({}));
    const {url, credit} = await tileServer;
    if (!url) return;
    const plain = document.createElement('span');
    plain.textContent = credit;
    map.hasTiles = true;
    L.tileLayer(url, {attribution: plain.innerHTML, maxZoom: 19}).addTo(map);
}

let cityData = null;

async function city(map) {
    cityData ??= fetch('/web/city.geojson').then((r) => (r.ok ? r.json() : null)).catch(() => null);
    const data = await cityData;
    if (!data) return;
    const weights = {motorway: 4, trunk: 4, primary: 3, secondary: 2.5, tertiary: 2};
    const draw = () => L.geoJSON(data, {
        interactive: false,
        pane: 'lines',
        style: (f) => (f.properties?.water || f.geometry.type.includes('Polygon')
            ? {stroke: false, fillColor: style('--water'), fillOpacity: 1}
            : {color: style('--road'), weight: weights[f.properties?.class] ?? 1.2}),
        pointToLayer: () => L.layerGroup(),
    });
    let layer = draw().addTo(map);
    layer.getLayers().forEach((l) => l.bringToBack?.());
    map.attributionControl.addAttribution('© OpenStreetMap contributors');
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
        layer.remove();
        layer = draw().addTo(map);
        layer.getLayers().forEach((l) => l.bringToBack?.());
    });
}

export const dot = (at, colour, radius = 8) =>
    L.circleMarker(at, {radius, color: style('--card'), weight: 2, fillColor: colour, fillOpacity: 1});

// drawWay: the legs of way.js, the next one strong, those after it fainter; straight lines, which are no way, dashed.
// As SVG, so that the stylesheet has their colours.
export function drawWay(map, group, legs) {
    map.ways ??= L.svg();
    legs.forEach((leg, i) => L.polyline(leg.line, {
        renderer: map.ways, interactive: false, className: `way${leg.straight ? ' straight' : ''}${i === 0 ? ' next' : ''}`,
    }).addTo(group));
}

// routeMap: the courier's own: where I am, and the way through the stops.
export async function routeMap(element) {
    const map = baseMap(element);
    if (!map) return null;
    const group = L.layerGroup().addTo(map);
    let me = null;
    let shown = '';
    let fitted = '';
    function self(at) {
        if (!me) me = dot(at, style('--accent'), 9).addTo(map);
        me.setLatLng(at);
    }
    return {
        self,
        // legs: as follow() of way.js makes them; places: the stops
        route(at, legs, places) {
            if (at) self(at);
            const key = JSON.stringify([places, legs.map((l) => [l.line.length, l.line[0], l.straight])]);
            if (key === shown) return;
            shown = key;
            group.clearLayers();
            drawWay(map, group, legs);
            places.forEach((p, i) => dot(p, style(i === 0 ? '--bad' : '--warn')).addTo(group));
            const all = [...(at ? [at] : []), ...places, ...legs.flatMap((l) => l.line)];
            const stops = JSON.stringify([places, legs.map((l) => l.straight)]);
            if (stops === fitted || places.length === 0) return;
            fitted = stops; // not with every step: somebody may be looking elsewhere
            map.fitBounds(L.latLngBounds(all).pad(0.2), {maxZoom: 16});
        },
    };
}

// followMap: the customer's: home, store, and the courier while there is one.
export function followMap(element) {
    const map = baseMap(element);
    if (!map) return null;
    const marks = {};
    let fitted = '';
    return {
        show(places) {
            for (const [name, at] of Object.entries(places)) {
                if (!at) {
                    marks[name]?.remove();
                    delete marks[name];
                } else if (marks[name]) {
                    marks[name].setLatLng(at);
                } else {
                    const colour = {courier: '--accent', home: '--good', store: '--warn'}[name];
                    marks[name] = dot(at, style(colour), name === 'courier' ? 10 : 7).addTo(map);
                }
            }
            const all = Object.values(places).filter(Boolean);
            const key = Object.keys(marks).sort().join();
            map.invalidateSize();
            if (all.length > 0 && key !== fitted) map.fitBounds(L.latLngBounds(all).pad(0.3), {maxZoom: 16});
            fitted = key;
        },
    };
}
