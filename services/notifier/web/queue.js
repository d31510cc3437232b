// queue: what was done, in order, kept on the phone until the server has said that it is durable. One action is under
// way at a time, so the order holds; its id is made once, so the server applies it once, however often it is sent.
// No DOM and no socket in here: `send` and `keep` are given.

const AGAIN_MS = 1000;

export function newId() {
    const bytes = crypto.getRandomValues(new Uint8Array(12));
    return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

// Queue({actions, send, keep, settled}): send(action) → was it handed to the socket? keep(actions): writes them down;
// settled(action, reply): the server's answer.
export class Queue {
    constructor({actions = [], send, keep, settled}) {
        this.actions = actions;
        this.send = send;
        this.keep = keep;
        this.settled = settled;
        this.open = false; // may send
        this.waiting = null; // id under way on this connection
    }

    add(action) {
        const made = {id: newId(), at: new Date().toISOString(), ...action};
        this.actions = [...this.actions, made];
        this.keep(this.actions);
        this.pump();
        return made;
    }

    // connected: after the server's welcome. What was under way when the connection broke is sent again.
    connected() {
        this.open = true;
        this.waiting = null;
        this.pump();
    }

    away() {
        this.open = false;
        this.waiting = null;
    }

    pump() {
        const next = this.actions[0];
        if (!this.open || this.waiting || !next) return;
        if (this.send(next)) this.waiting = next.id;
    }

    // answered: {id, outcome, detail}. `unavailable` keeps the action and sends it again soon.
    answered(reply) {
        const first = this.actions[0];
        if (!first || reply.id !== first.id) return; // answered twice
        this.waiting = null;
        if (reply.outcome === 'unavailable') {
            setTimeout(() => this.pump(), AGAIN_MS);
            return;
        }
        this.actions = this.actions.slice(1);
        this.keep(this.actions);
        this.settled(first, reply);
        this.pump();
    }
}
