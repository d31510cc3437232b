// dom: small helpers to make elements without a framework, and without HTML in strings.

// Handlers are kept beside the element, so that an element that stays can be given those of its successor.
const handlers = new WeakMap();

function hear(event) {
    handlers.get(this)?.[event.type]?.call(this, event);
}

function handle(element, types) {
    const before = handlers.get(element) ?? {};
    for (const type of Object.keys(types)) if (!(type in before)) element.addEventListener(type, hear);
    handlers.set(element, types);
}

// h('div', {class: 'card', onclick: f}, 'text', child, [more]): an element; null children are left out.
export function h(tag, props, ...children) {
    const e = document.createElement(tag);
    const types = {};
    for (const [key, value] of Object.entries(props ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (key.startsWith('on')) types[key.slice(2)] = value;
        else if (key in e && key !== 'list' && key !== 'form') e[key] = value;
        else e.setAttribute(key, value === true ? '' : value);
    }
    if (Object.keys(types).length > 0) handle(e, types);
    e.append(...children.flat(3).filter((c) => c !== null && c !== undefined && c !== false));
    return e;
}

export const $ = (selector, root = document) => root.querySelector(selector);

// become: makes an element look and act like another one, keeping what is the same: what a finger is on, what has the
// focus and what somebody types stay where they are.
function become(old, fresh) {
    for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (old.type === 'radio') old.checked = fresh.checked;
    if (handlers.has(old) || handlers.has(fresh)) handle(old, handlers.get(fresh) ?? {});
    settle(old, [...fresh.childNodes]);
}

function settle(parent, fresh) {
    const there = [...parent.childNodes];
    fresh.forEach((node, i) => {
        const old = there[i];
        if (!old) parent.append(node);
        else if (old === node) return;
        else if (old.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) {
            if (old.data !== node.data) old.data = node.data;
        } else if (old.nodeName === node.nodeName && old.id === node.id && old.namespaceURI === node.namespaceURI) {
            become(old, node);
        } else {
            old.replaceWith(node);
        }
    });
    for (const old of there.slice(fresh.length)) old.remove();
}

// fill: what is in an element becomes these.
export function fill(element, ...children) {
    settle(element, children.flat(3).filter((c) => c !== null && c !== undefined && c !== false)
        .map((c) => (typeof c === 'string' ? document.createTextNode(c) : c)));
}

const SVG = 'http://www.w3.org/2000/svg';
export function svg(tag, attributes, ...children) {
    const e = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes ?? {})) e.setAttribute(key, value);
    e.append(...children);
    return e;
}

// stored: a small state that survives the page: stored('name', {default}) → {get, set}.
export function stored(name, fallback) {
    let value = fallback;
    try {
        value = {...fallback, ...JSON.parse(localStorage.getItem(name) ?? '{}')};
    } catch {
        // unreadable: begin anew
    }
    return {
        get: () => value,
        set(change) {
            value = {...value, ...change};
            localStorage.setItem(name, JSON.stringify(value));
            return value;
        },
    };
}

// secretFromAddress: takes #token=… out of the address, so that it is neither kept in the history nor shown.
export function secretFromAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    if (words.size > 0) history.replaceState(null, '', location.pathname);
    return words;
}
