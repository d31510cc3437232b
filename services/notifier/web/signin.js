// signin: what somebody sees who opened a page without the link that signs them in: what is missing, where it comes from,
// and a field that takes the whole link as well as the token in it.
import {h} from './dom.js';
import {t} from './i18n.js';

// tokenIn(text, kind): the token of this kind ('courier', 'store', 'operator') in what was pasted; '' when there is none.
export function tokenIn(text, kind) {
    return new RegExp(`lc_${kind}_[A-Za-z0-9_-]+`).exec(text)?.[0] ?? '';
}

let trouble = ''; // what was wrong with what was pasted last: pages draw the form anew all the time

// signIn({kind, refused, submit}): the form. refused: the last token was not accepted. submit(token): a token that looks
// like one; what does not is answered in the form itself.
export function signIn({kind, refused, submit}) {
    const wrong = h('p', {class: 'note bad', id: 'not-a-token', role: 'alert', hidden: trouble === ''}, trouble);
    return h('form', {class: 'card stack', id: 'sign-in', onsubmit: (e) => {
        e.preventDefault();
        const text = e.target.token.value;
        const token = tokenIn(text, kind);
        const other = /lc_(courier|store|operator|chain)_/.exec(text)?.[1];
        trouble = token ? '' : other && other !== kind ? t(`sign_in.is.${other}`) : t('sign_in.none', {kind});
        const note = e.target.querySelector('#not-a-token');
        note.hidden = trouble === '';
        note.textContent = trouble;
        if (token) submit(token);
    }},
    h('h2', {}, t('sign_in')),
    refused ? h('p', {class: 'note bad', role: 'alert'}, t('sign_in.refused')) : null,
    h('p', {id: 'sign-in-how'}, t(`sign_in.how.${kind}`)),
    h('div', {}, h('label', {for: 'token'}, t('sign_in.field')),
        h('input', {id: 'token', name: 'token', autocomplete: 'off', autocapitalize: 'off', spellcheck: false, required: true, 'aria-describedby': 'sign-in-how'})),
    wrong,
    h('button', {class: 'primary thumb'}, t('sign_in')));
}
