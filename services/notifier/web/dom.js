// dom: small helpers to make elements without a framework, and without HTML in strings.

// h('div', {class: 'card', onclick: f}, 'text', child, [more]): an element; null children are left out.
export function h(tag, props, ...children) {
    const e = document.createElement(tag);
    for (const [key, value] of Object.entries(props ?? {})) {
        if (value === null || value === undefined || value === false) continue;
        if (key.startsWith('on')) e.addEventListener(key.slice(2), value);
        else if (key in e && key !== 'list' && key !== 'form') e[key] = value;
        else e.setAttribute(key === 'class' ? 'class' : key, value === true ? '' : value);
    }
    if (props?.class) e.className = props.class;
    e.append(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
    return e;
}

export const $ = (selector, root = document) => root.querySelector(selector);

// fill: replaces what is in an element; keeps the focus on the element of the same id.
export function fill(element, ...children) {
    const id = document.activeElement?.id;
    element.replaceChildren(...children.flat(2).filter(Boolean));
    if (id && document.activeElement?.id !== id) element.querySelector(`#${CSS.escape(id)}`)?.focus();
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
