// live: a WebSocket that comes back by itself. The token travels as a subprotocol, so it stands in no address and no
// log. `say` sends now or not at all: whoever needs more keeps a queue (queue.js) and sends it at `onopen`.
const ALIVE_MS = 20000; // silence after which we ask
const ANSWER_MS = 8000; // and how long the answer may take
const LEAST_MS = 500;
const MOST_MS = 15000;

// live({path, token, ping, onopen, onmessage, onstate}): ping = what to ask with when it is silent.
// onstate: 'connecting' | 'open' | 'away' (trying again) | 'refused' (token) | 'elsewhere' (a newer page took over)
export function live(options) {
    let socket = null;
    let pause = LEAST_MS;
    let heard = 0;
    let asked = 0;
    let over = false;
    let timer = 0;

    function state(name) {
        options.onstate?.(name);
    }

    function open() {
        clearTimeout(timer);
        if (over || socket) return;
        state('connecting');
        const address = new URL(options.path, location.href);
        address.protocol = address.protocol.replace('http', 'ws');
        const mine = new WebSocket(address, ['lifecircle.v1.json', `lifecircle.token.${options.token}`]);
        socket = mine;
        heard = Date.now();
        asked = 0;
        mine.onopen = () => {
            heard = Date.now();
            options.onopen?.();
        };
        mine.onmessage = (event) => {
            if (mine !== socket) return;
            heard = Date.now();
            asked = 0;
            pause = LEAST_MS;
            const message = JSON.parse(event.data);
            state('open');
            options.onmessage(message);
        };
        mine.onclose = (event) => {
            if (mine !== socket) return;
            socket = null;
            if (event.code === 4003 || event.code === 4001) {
                over = true;
                state(event.code === 4003 ? 'refused' : 'elsewhere');
                return;
            }
            state('away');
            timer = setTimeout(open, pause * (0.5 + Math.random() / 2));
            pause = Math.min(pause * 2, MOST_MS);
        };
    }

    function drop() {
        const old = socket;
        socket = null;
        old?.close();
        if (!over) state('away');
    }

    function again() {
        if (over) return;
        pause = LEAST_MS;
        drop();
        open();
    }

    const watch = setInterval(() => {
        const now = Date.now();
        if (!socket) return;
        if (asked && now - asked > ANSWER_MS) again();
        else if (socket.readyState === WebSocket.CONNECTING && now - heard > ANSWER_MS) again();
        else if (!asked && now - heard > ALIVE_MS && socket.readyState === WebSocket.OPEN) {
            asked = now;
            socket.send(JSON.stringify(options.ping()));
        }
    }, 1000);

    addEventListener('online', again);
    addEventListener('offline', drop);
    document.addEventListener('visibilitychange', () => {
        if (!document.hidden && !socket && !over) again();
    });
    open();
    return {
        say(message) {
            if (socket?.readyState !== WebSocket.OPEN) return false;
            socket.send(JSON.stringify(message));
            return true;
        },
        close() {
            over = true;
            clearInterval(watch);
            clearTimeout(timer);
            const old = socket;
            socket = null;
            old?.close();
        },
    };
}
