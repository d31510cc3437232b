// ops_zones: where stores deliver, for all that the map shows, when the operator wants to see it. Each is asked for once.
const MOST = 80; // stores at once: more outlines than that say nothing

export class Zones {
    // city: stores by number; ask(store): the server is asked for one; map(): the map, or null
    constructor({city, ask, map}) {
        this.city = city;
        this.ask = ask;
        this.map = map;
        this.known = new Map();
        this.wanted = false;
    }

    on() {
        return this.wanted;
    }

    toggle() {
        this.wanted = !this.wanted;
        this.show();
    }

    got(store, polygons) {
        this.known.set(store, polygons);
        if (this.wanted) this.show();
    }

    show() {
        const map = this.map();
        if (!map) return;
        if (!this.wanted) {
            map.zones([]);
            return;
        }
        const view = map.seen();
        const here = [...this.city.stores.values()].filter((s) => view.contains([s.lat, s.lng])).slice(0, MOST);
        for (const s of here) {
            if (this.known.has(s.store)) continue;
            this.known.set(s.store, []);
            this.ask(s.store);
        }
        map.zones(here.map((s) => this.known.get(s.store)));
    }
}
