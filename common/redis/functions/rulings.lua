-- Rulings: what people decide over the plan's head, each action once; and why orders were offered to whom, or wait.
-- Registers dispatch_rule and dispatch_explain.

local RULED, RULED_ALREADY, NOT_NOW, NO_ORDER, NO_COURIER, CONTRADICTS = 1, 2, 3, 4, 5, 6
local BANS_MAX = 64
local LOG_MAX = 10000

local function pack_ruling(r)
    if r.pinned == 0 and not r.held and r.n == 0 then
        return ''
    end
    local s = spack('<I4', r.pinned) .. char(r.held and 1 or 0, r.n, 0, 0)
    for i = 1, r.n do
        s = s .. spack('<I4', r[i])
    end
    return s
end

-- Each takes the ruling and the courier, and gives the outcome and what was done in words.
local RULE = {}

function RULE.pin(r, courier)
    if r.banned[courier] then
        return CONTRADICTS
    end
    local same = r.pinned == courier
    r.pinned = courier
    return same and RULED_ALREADY or RULED, 'pinned to courier ' .. courier
end

function RULE.unpin(r)
    local none = r.pinned == 0
    r.pinned = 0
    return none and RULED_ALREADY or RULED, 'no longer pinned'
end

function RULE.ban(r, courier)
    if r.banned[courier] then
        return RULED_ALREADY
    end
    if r.pinned == courier or r.n == BANS_MAX then
        return CONTRADICTS
    end
    r.n = r.n + 1
    r[r.n] = courier
    return RULED, 'not for courier ' .. courier
end

function RULE.unban(r, courier)
    if not r.banned[courier] then
        return RULED_ALREADY
    end
    for i = 1, r.n do
        if r[i] == courier then
            table.remove(r, i)
            break
        end
    end
    r.n = r.n - 1
    return RULED, 'courier ' .. courier .. ' may have it again'
end

function RULE.hold(r)
    local was = r.held
    r.held = true
    return was and RULED_ALREADY or RULED, 'on hold'
end

function RULE.release(r)
    local was = r.held
    r.held = false
    return was and RULED or RULED_ALREADY, 'released'
end

local OF_COURIER = set('freeze', 'unfreeze')
local NAMES_COURIER = set('pin', 'ban', 'unban', 'freeze', 'unfreeze')
local LIFTS = set('unpin', 'unban', 'release')

local function rule_courier(a)
    local key = p .. 'frozen'
    local was = call('HEXISTS', key, a.courier) == 1
    if was == (a.kind == 'freeze') then
        return RULED_ALREADY, 0, was and '\1' or '\0'
    end
    if was then
        call('HDEL', key, a.courier)
    else
        call('HSET', key, a.courier, now8 .. a.who)
    end
    put_field('f', spack('<I4', a.courier) .. (was and '\0' or '\1'))
    return RULED, 0, was and '\0' or '\1'
end

local function rule_order(a)
    local record = call('GET', p .. 'order:' .. a.order)
    if not record then
        return NO_ORDER, 0, ''
    end
    local state, packed = byte(record, 2), call('HGET', p .. 'rulings', a.order)
    if flag(byte(record, 4), F_COLLECTION) or IS_END[state] or
        (not LIFTS[a.kind] and state >= PICKED_UP) then
        return NOT_NOW, state, packed or ''
    end
    local r = read_ruling(packed)
    local outcome, done = RULE[a.kind](r, a.courier)
    if outcome ~= RULED then
        return outcome, state, packed or ''
    end
    packed = pack_ruling(r)
    if packed == '' then
        call('HDEL', p .. 'rulings', a.order)
    else
        call('HSET', p .. 'rulings', a.order, packed)
    end
    put_field('d', a.order .. packed)
    put_history(a.order, record, a.who .. ': ' .. done .. (a.words == '' and '' or ': ' .. a.words))
    return RULED, state, packed
end

local function parse_action(args, b)
    local a = {id = args[b], kind = args[b + 1], order = args[b + 2],
        courier = number(args[b + 3], 'courier', 0, B32 - 1), who = args[b + 4], words = args[b + 5]}
    if a.id == '' or #a.id > 64 then
        refuse('action_id: expected 1 to 64 bytes')
    end
    if not OF_COURIER[a.kind] and not RULE[a.kind] then
        refuse('kind: expected pin, unpin, ban, unban, hold, release, freeze or unfreeze')
    end
    if OF_COURIER[a.kind] ~= (a.order == '' or nil) then
        refuse('order: expected a uuid, or nothing with freeze and unfreeze')
    end
    if not OF_COURIER[a.kind] then
        uuid(a.order)
    end
    if (NAMES_COURIER[a.kind] or false) ~= (a.courier > 0) then
        refuse('courier: expected a number with pin, ban, unban, freeze and unfreeze, else 0')
    end
    if a.who == '' or #a.who > 64 or #a.words > 120 then
        refuse('who, words: expected 1 to 64 and up to 120 bytes')
    end
    return a
end

-- dispatch_rule: each action once, whoever repeats it
local function dispatch_rule(keys, args)
    begin(keys, args[1])
    local n, actions, answers = count(args, 2, 6, 64), {}, {}
    for i = 1, n do
        actions[i] = parse_action(args, 6 * i - 3)
    end
    local seen = p .. 'rulings:seen'
    call('ZREMRANGEBYSCORE', seen, '-inf', text(now - DAY_MS))
    for i, a in ipairs(actions) do
        local outcome, state, rest = RULED_ALREADY, 0, ''
        if not call('ZSCORE', seen, a.id) then
            if a.courier > 0 and call('HEXISTS', p .. 'couriers', a.courier) == 0 then
                outcome = NO_COURIER
            elseif OF_COURIER[a.kind] then
                outcome, state, rest = rule_courier(a)
            else
                outcome, state, rest = rule_order(a)
            end
        end
        if outcome == RULED then
            call('ZADD', seen, now_text, a.id)
            call('XADD', p .. 'rulings:log', 'MAXLEN', '~', text(LOG_MAX), '1-*', 'time', now_text, 'who', a.who,
                'kind', a.kind, 'order', a.order, 'courier', text(a.courier), 'action', a.id)
        end
        answers[i] = char(outcome, state) .. rest
    end
    flush()
    return answers
end
register('dispatch_rule', dispatch_rule)

-- dispatch_explain: why orders were offered to whom, or wait; the last word counts
local function dispatch_explain(keys, args)
    begin(keys, args[1])
    local n = count(args, 2, 2, 256)
    for i = 1, n do
        if #args[2 * i + 2] > 8192 then
            refuse('bytes: expected up to 8192')
        end
        put_set(p .. 'dispatch:' .. uuid(args[2 * i + 1]), args[2 * i + 2])
    end
    flush()
    return n
end
register('dispatch_explain', dispatch_explain, {'allow-oom'})
