// i18n: the page's language: chosen once, or the browser's. A language is one file of words; English fills gaps.
import en from './en.js';

export const languages = {en: 'English', zh: '中文'};

function choose() {
    const wanted = [localStorage.getItem('lc.language'), ...(navigator.languages ?? [])];
    for (const tag of wanted) {
        const short = (tag ?? '').toLowerCase().split('-')[0];
        if (short in languages) return short;
    }
    return 'en';
}

export const language = choose();
const words = language === 'en' ? en : (await import(`./${language}.js`)).default;
document.documentElement.lang = language === 'zh' ? 'zh-Hans' : language;

// t: the words for a key, with {name} filled in. Where {n} is 1, those of key.one, in languages that have them.
export function t(key, values) {
    const one = values?.n === 1 ? words[`${key}.one`] : undefined;
    const text = one ?? words[key] ?? en[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (_, name) => values?.[name] ?? '');
}

const locale = language === 'zh' ? 'zh-CN' : undefined;
const clock = new Intl.DateTimeFormat(locale, {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'});
const exact = new Intl.DateTimeFormat(locale, {hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23'});
export const time = (iso) => (iso ? clock.format(new Date(iso)) : '–');
export const timeExact = (iso) => (iso ? exact.format(new Date(iso)) : '–');
export const minutes = (ms) => t('minutes', {n: Math.round(ms / 60000)});

// translate: fills elements that name their words: data-t (text), data-t-label (aria-label).
export function translate(root = document) {
    for (const e of root.querySelectorAll('[data-t]')) e.textContent = t(e.dataset.t);
    for (const e of root.querySelectorAll('[data-t-label]')) e.setAttribute('aria-label', t(e.dataset.tLabel));
    for (const e of root.querySelectorAll('button[data-language]')) {
        const other = language === 'en' ? 'zh' : 'en';
        e.textContent = languages[other];
        e.lang = other === 'zh' ? 'zh-Hans' : other;
        e.onclick = () => {
            localStorage.setItem('lc.language', other);
            location.reload();
        };
    }
    const title = document.querySelector('title[data-t]');
    if (title) document.title = t(title.dataset.t);
}
