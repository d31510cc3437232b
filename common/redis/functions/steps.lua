-- Steps of an order's life: which action each state allows, and what it does besides the record.
-- Others step orders too, with try and effects (plans). Registers order_step.

-- load_records: uuid -> record; false = there is none
local function load_records(ids)
    local keys, records = {'MGET'}, {}
    if #ids == 0 then
        return records
    end
    for i = 1, #ids do
        keys[i + 1] = p .. 'order:' .. ids[i]
    end
    local got = call(unpack(keys))
    for i = 1, #ids do
        records[ids[i]] = got[i]
    end
    return records
end

-- moved: the record one version on; a state that it was in before keeps its stamp
local function moved(record, state, reason, flags, courier)
    local at = 88 + 8 * state
    return char(1, state, reason, flags) .. spack('<I4', sunpack('<I4', record, 5) + 1) ..
        sub(record, 9, 24) .. spack('<I4', courier) .. sub(record, 29, 80) .. now8 ..
        sub(record, 89, at) .. (byte(record, 2) == state and sub(record, at + 1, at + 8) or now8) ..
        sub(record, at + 9)
end

-- restock: what taking back, selling or returning an order's lines does
local function restock(id, record, cause)
    local store, n = sunpack('<I4', record, 21), sunpack('<I2', record, 29)
    local avail = cause == COMMIT and 0 or 1
    local shelf = cause == COMMIT and -1 or cause == RETURN and 1 or 0
    local v, m, left = {}, 0, {}
    for i = 1, n do
        local sku, _, taken, _, instead = sunpack('<I4I2I2I4I4', record, 209 + 16 * i)
        if taken > 0 then
            sku = instead > 0 and instead - 1 or sku
            if avail ~= 0 then
                change('stock', store, sku, taken)
            end
            if shelf ~= 0 then
                change('shelf', store, sku, shelf * taken)
                left[#left + 1] = spack('<I4i4', sku, -shelf * taken)
            end
            v[m + 1], v[m + 2], v[m + 3] = sku, avail * taken, shelf * taken
            m = m + 3
        end
    end
    put_ledger(id .. spack('<I4BBI2' .. rep('I4i4i4', m / 3), store, cause, 0, m / 3, unpack(v)))
    if #left > 0 then
        sold[#sold + 1] = {p .. 'sold:' .. text(store), char(cause) .. id .. concat(left)}
    end
    if cause ~= RETURN then
        change_load(text(store), -1)
    end
end

local function set(...)
    local s, list = {}, {...}
    for i = 1, #list do
        s[list[i]] = true
    end
    return s
end

-- What each action does: `from` the states that allow it, `past` those in which it has been done already.
local ACTIONS = {
    assign = {to = PLACED, from = set(PLACED), past = set(CONFIRMED, ENROUTE_TO_PICKUP,
        ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED)},
    unassign = {to = PLACED, from = set(PLACED, CONFIRMED, ENROUTE_TO_PICKUP, ARRIVED_AT_PICKUP),
        past = {}},
    confirm = {to = CONFIRMED, from = set(PLACED), past = set(CONFIRMED, ENROUTE_TO_PICKUP,
        ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING,
        RETURNED)},
    enroute_pickup = {to = ENROUTE_TO_PICKUP, from = set(CONFIRMED), past = set(ENROUTE_TO_PICKUP,
        ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING,
        RETURNED)},
    arrive_pickup = {to = ARRIVED_AT_PICKUP, from = set(CONFIRMED, ENROUTE_TO_PICKUP),
        past = set(ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED,
            RETURNING, RETURNED)},
    pickup = {to = PICKED_UP, from = set(CONFIRMED, ENROUTE_TO_PICKUP, ARRIVED_AT_PICKUP),
        past = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING,
            RETURNED), stock = COMMIT, work = 1},
    enroute_dropoff = {to = ENROUTE_TO_DROPOFF, from = set(PICKED_UP), past = set(
        ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING, RETURNED)},
    arrive_dropoff = {to = ARRIVED_AT_DROPOFF, from = set(PICKED_UP, ENROUTE_TO_DROPOFF),
        past = set(ARRIVED_AT_DROPOFF, DELIVERED, RETURNING, RETURNED)},
    deliver = {to = DELIVERED, from = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF),
        past = set(DELIVERED), work = 2},
    returning = {to = RETURNING, from = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF),
        past = set(RETURNING, RETURNED)},
    returned = {to = RETURNED, from = set(RETURNING), past = set(RETURNED), stock = RETURN, work = 3},
    -- the same of somebody who heard of it: the courier cannot say so any more
    handed_over = {to = DELIVERED, from = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF,
        RETURNING), past = set(DELIVERED), work = 2},
    taken_back = {to = RETURNED, from = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF,
        RETURNING), past = set(RETURNED), stock = RETURN, work = 3},
    cancel = {to = CANCELLED, from = set(CREATED, HELD, PLACED, CONFIRMED, ENROUTE_TO_PICKUP,
        ARRIVED_AT_PICKUP, READY_FOR_COLLECTION), past = set(CANCELLED), stock = RELEASE},
    expire = {to = CANCELLED, from = set(PLACED, READY_FOR_COLLECTION), past = set(CANCELLED),
        stock = RELEASE},
    ready = {to = READY_FOR_COLLECTION, from = set(PLACED), past = set(READY_FOR_COLLECTION,
        COLLECTED), collection = true},
    accept = {from = set(PLACED, CONFIRMED, ENROUTE_TO_PICKUP, ARRIVED_AT_PICKUP, READY_FOR_COLLECTION)},
    collected = {to = COLLECTED, from = set(PLACED, READY_FOR_COLLECTION), past = set(COLLECTED),
        stock = COMMIT, collection = true},
}
local BY_ANYBODY = set('cancel', 'expire', 'ready', 'collected', 'accept', 'handed_over', 'taken_back')
local BY_ROUTER = set('assign', 'unassign', 'confirm', 'enroute_pickup', 'arrive_pickup', 'pickup',
    'enroute_dropoff', 'arrive_dropoff', 'deliver', 'returning', 'returned', 'eta')

local DONE, ALREADY, NOT_ALLOWED, UNKNOWN = 1, 2, 3, 4

-- worked: what a courier has done, for what the shift was worth: kind and order, by time, for a week
local WEEK_MS = 7 * 86400000
local function worked(courier, kind, id)
    local key = p .. 'work:' .. courier
    call('ZADD', key, now_text, char(kind) .. id)
    call('ZREMRANGEBYSCORE', key, '-inf', text(now - WEEK_MS))
end

-- effects: what a transition does besides the record; `from` is the state before
local function effects(id, from, record, a, words)
    local state = byte(record, 2)
    if a.stock and flag(byte(from, 4), F_TAKEN) then
        restock(id, from, a.stock)
    end
    if state == CANCELLED then
        if byte(from, 2) == CREATED then
            drop_due('match', id)
        elseif byte(from, 2) == HELD then
            drop_due('held', id)
        end
    end
    if IS_END[state] then
        drop_due(flag(byte(record, 4), F_COLLECTION) and 'expire' or 'dispatch', id)
    end
    local his = sunpack('<I4', record, 25)
    if a.work and his > 0 then
        worked(text(his), a.work, id)
    end
    put_history(id, record, words)
end

local function flags_after(flags, cause)
    if cause and flag(flags, F_TAKEN) then
        if cause == COMMIT then
            return flags + F_COMMITTED
        end
        flags = flags - F_TAKEN
        return flag(flags, F_COMMITTED) and flags - F_COMMITTED or flags
    end
    return flags
end

-- try: one action on one record. Gives the outcome and the record as it is then (the same string when unchanged).
local function try(record, action, reason, courier)
    local a, state, flags = ACTIONS[action], byte(record, 2), byte(record, 4)
    local his = sunpack('<I4', record, 25)
    local collection = flag(flags, F_COLLECTION)
    if action == 'ready' and not collection then -- a note for the router, not a state
        if flag(flags, F_READY) or not (a.from[state] or (state >= CONFIRMED and
            state <= DELIVERED)) then
            return flag(flags, F_READY) and ALREADY or NOT_ALLOWED, record
        end
        return DONE, moved(record, state, byte(record, 3), flags + F_READY, his)
    end
    if action == 'accept' then -- the store has seen it and prepares it: a note, not a state
        local attempts = sunpack('<I2', record, 31)
        if attempts >= ACCEPTED or not a.from[state] then
            return attempts >= ACCEPTED and ALREADY or NOT_ALLOWED, record
        end
        local after = moved(record, state, byte(record, 3), flags, his)
        return DONE, sub(after, 1, 30) .. spack('<I2', attempts + ACCEPTED) .. sub(after, 33)
    end
    if a.collection and not collection then
        return NOT_ALLOWED, record
    end
    if BY_ROUTER[action] and (collection or (courier > 0 and his > 0 and his ~= courier)) then
        return NOT_ALLOWED, record
    end
    if action == 'assign' then
        if (state == PLACED or a.past[state]) and his == courier and courier > 0 then
            return ALREADY, record
        end
        if state ~= PLACED or his ~= 0 or courier == 0 then
            return NOT_ALLOWED, record
        end
        his = courier
    elseif action == 'unassign' then
        if state == PLACED and his == 0 then
            return ALREADY, record
        end
        his = 0
    elseif action == 'confirm' and his == 0 then
        return NOT_ALLOWED, record
    end
    if a.past[state] then
        return ALREADY, record
    end
    if not a.from[state] then
        return NOT_ALLOWED, record
    end
    if action == 'expire' and reason == 0 then
        reason = RESERVATION_EXPIRED
    end
    if action == 'unassign' then -- its own flag goes with the courier, the store's "ready" stays
        return DONE, moved(record, PLACED, reason, flags, 0)
    end
    return DONE, moved(record, a.to, reason, flags_after(flags, a.stock), his)
end

-- noted: who did it, what it was where the state does not tell, and what they said
local function noted(s, before, after)
    local words = s.who
    if byte(before, 2) == byte(after, 2) then
        words = words .. (s.action == 'accept' and ': accepted by the store' or ': goods ready')
    end
    return s.words == '' and words or words .. ': ' .. s.words
end

local function order_step(keys, args)
    begin(keys, args[1])
    local n, ids, steps = count(args, 2, 5, 512), {}, {}
    for i = 1, n do
        local b = 5 * i - 2
        local s = {id = uuid(args[b]), action = args[b + 1],
            reason = number(args[b + 2], 'reason', 0, 255), who = args[b + 3], words = args[b + 4]}
        if not BY_ANYBODY[s.action] then
            refuse('action: expected accept, cancel, ready, collected, expire, handed_over or taken_back')
        end
        if #s.who > 64 or #s.words > 200 then
            refuse('who, words: expected up to 64 and 200 bytes')
        end
        ids[i], steps[i] = s.id, s
    end
    local records, answers = load_records(ids), {}
    for i, s in ipairs(steps) do
        local record = records[s.id]
        if not record then
            answers[i] = char(UNKNOWN)
        else
            local outcome, after = try(record, s.action, s.reason, 0)
            if outcome == DONE then
                records[s.id] = after
                put_record(s.id, p .. 'order:' .. s.id, after)
                put_event(s.id, sub(after, 1, HEAD_SIZE))
                effects(s.id, record, after, ACTIONS[s.action], noted(s, record, after))
            end
            answers[i] = char(outcome) .. sub(after, 1, HEAD_SIZE)
        end
    end
    flush()
    return answers
end
register('order_step', order_step, {'allow-oom'})
