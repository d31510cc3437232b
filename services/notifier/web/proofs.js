// proofs: photos and signatures of hand-overs. Each is written down on the phone first and posted when there is a
// network, until it is kept or refused for good; the last of a kind counts, so sending one twice does no harm.
import {stored} from './dom.js';

const LONGEST = 1280; // pixels of a photo's longer side
const MOST = 140000; // bytes
const AGAIN_MS = 5000;

const kept = stored('lc.proofs', {waiting: [], done: []});

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const nameOf = (p) => `${p.order_id} ${p.kind}`;

// smaller: a photo as JPEG of at most so many bytes, as base64.
async function smaller(file) {
    const picture = await createImageBitmap(file);
    for (let side = LONGEST; ; side *= 0.7) {
        const scale = Math.min(1, side / Math.max(picture.width, picture.height));
        const canvas = document.createElement('canvas');
        canvas.width = Math.max(1, Math.round(picture.width * scale));
        canvas.height = Math.max(1, Math.round(picture.height * scale));
        canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height);
        const text = canvas.toDataURL('image/jpeg', 0.6).split(',')[1];
        if (text.length * 0.75 <= MOST) return text;
    }
}

export class Proofs {
    constructor({token, changed, refused}) {
        this.token = token;
        this.changed = changed;
        this.refused = refused;
        this.busy = false;
    }

    // of(stop): the kinds that there are for it, sent or not.
    of(stop) {
        return ['photo', 'signature'].filter((kind) => this.names().includes(`${stop.order_id} ${kind}`));
    }

    names() {
        return [...kept.get().waiting.map(nameOf), ...kept.get().done];
    }

    async photo(stop, file) {
        try {
            this.add(stop, 'photo', await smaller(file));
        } catch {
            this.refused();
        }
    }

    add(stop, kind, picture) {
        const fresh = {order_id: stop.order_id, kind, picture};
        kept.set({waiting: [...kept.get().waiting.filter((p) => nameOf(p) !== nameOf(fresh)), fresh]});
        this.changed();
        this.pump();
    }

    // pump: posts the oldest, one at a time.
    async pump() {
        const [next] = kept.get().waiting;
        if (this.busy || !next || !this.token()) return;
        this.busy = true;
        const answer = await fetch(`/v1/courier/proof/${next.order_id}/${next.kind}`, {
            method: 'POST', body: bytesOf(next.picture), headers: {Authorization: `Bearer ${this.token()}`},
        }).catch(() => null);
        this.busy = false;
        // what was done before it in a tunnel may not have arrived yet: not allowed is tried again, too
        if (!answer || answer.status >= 500 || answer.status === 429 || (answer.status === 409 && (next.tries ?? 0) < 20)) {
            next.tries = (next.tries ?? 0) + (answer ? 1 : 0);
            setTimeout(() => this.pump(), AGAIN_MS);
            return;
        }
        kept.set({
            waiting: kept.get().waiting.filter((p) => p !== next),
            done: answer.ok ? [...kept.get().done.slice(-40), nameOf(next)] : kept.get().done,
        });
        if (!answer.ok) this.refused();
        this.changed();
        this.pump();
    }
}
