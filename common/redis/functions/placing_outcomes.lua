-- Placing: what becomes of an order: placed, held, rejected, refused for its price, or had already.
-- Takes its stock. Registers order_place and order_accept.

-- settle: an order that is not placed: written as created, held or rejected, and due again
local function settle(o, existing, state, reason, verdicts, lines)
    local was = existing and byte(existing, 2) or NONE
    local same = was == state and byte(existing, 3) == reason
    local version = same and sub(existing, 5, 8) or version_after(existing)
    local head = make_head(o, existing, state, reason, o.flags, version, ZERO4, ZERO8 .. ZERO8, ZERO8)
    if o.mode == ACCEPT then -- nobody has looked for a store yet
        head = sub(head, 1, 30) .. '\0\0' .. sub(head, 33)
    end
    if was == HELD and state == REJECTED then -- keeps why it was held
        put_history(o.uuid, sub(existing, 1, HEAD_SIZE), '')
    end
    lines = lines or make_lines(o)
    write(o, existing, head, lines, verdicts)
    if not same then
        put_event(o.uuid, head)
        if existing then
            put_history(o.uuid, head, '')
        end
    end
    if was == CREATED and state ~= CREATED then
        drop_due('match', o.uuid)
    elseif was == HELD and state ~= HELD then
        drop_due('held', o.uuid)
    end
    local hold_until, at = sunpack('<i8', o.record, 49), sunpack('<i8', o.plan, 9)
    if o.mode == ACCEPT then
        at = now
    elseif at <= now then
        at = now + 1000
    end
    if state == CREATED then
        put_due('match', text(at), o.uuid)
    elseif state == HELD then
        put_due('held', text(at < hold_until and at or hold_until), o.uuid)
    end
    return answer(HELD_OR_REJECTED, 0, head .. lines)
end

-- none: no store can have it
local function none(o, existing, verdicts)
    local reason = o.candidates > 0 and OUT_OF_STOCK or reason_if_none(o)
    local held = existing and byte(existing, 2) == HELD
    if reason ~= ADDRESS_NOT_CONFIRMED and (o.mode % 4 > 1 or shortage(o) == 1) then
        return settle(o, existing, REJECTED, reason, verdicts)
    end
    if now >= sunpack('<i8', o.record, 49) then
        return settle(o, existing, REJECTED, held and HOLD_EXPIRED or reason, verdicts)
    end
    return settle(o, existing, HELD, reason, verdicts)
end

-- differs: is a price not the one that the chain has shown? A substitute may be cheaper.
local function differs(o, taken, instead)
    for i = 1, o.n do
        local asked, price = asked_price(o, i), prices[i]
        if asked ~= NOT_SAID and asked ~= price and (not taken or taken[i] > 0) and
            not (price < asked and instead and instead[i]) then
            return true
        end
    end
    return false
end

local function refuse_price(o, existing, c, store, verdicts, taken, instead)
    local lines = make_lines(o, taken or quantities(o), prices, instead)
    if existing then -- it was accepted before, so it must end somewhere
        return settle(o, existing, REJECTED, PRICE_CHANGED, verdicts,
            make_lines(o, nil, prices, instead))
    end
    local head = make_head(o, nil, 1, PRICE_CHANGED, o.flags + F_PRICE, ZERO4, store, ZERO8 .. ZERO8,
        ZERO8)
    return answer(PRICE_DIFFERS, c, char(1, NONE) .. sub(head, 3, 96) .. STAMPS .. lines)
end

-- due_next: deliveries want a courier, collections end with their window
local function due_next(o, head)
    if o.flags % 2 == 0 then
        put_due('dispatch', now_text, o.uuid)
    else
        put_due('expire', text(sunpack('<i8', head, 41)), o.uuid)
    end
end

-- placed: what else a placed order makes due, tells and counts. `entry` is the ledger's behind the store.
local function placed(o, head, store, store_text, entry)
    reserved[n_reserved + 1], reserved[n_reserved + 2], reserved[n_reserved + 3] = o.uuid, store, entry
    n_reserved = n_reserved + 3
    put_event(o.uuid, head)
    change_load(store_text, 1)
    due_next(o, head)
end

-- place_as_asked: the usual case: a new order, and all of every line at the price asked. What put_record, put_sealed,
-- write_rest and placed would do, in one: six calls fewer are 2 % of an order.
local function place_as_asked(o, c, store_text, verdicts)
    local id, plan, record, explain = o.uuid, o.plan, o.record, o.explain
    local store, n, m = sub(record, 21, 24), n_sets, n_reserved
    take_whole(o)
    if c > 0 then
        local at = o.list + 24 * c
        store = sub(plan, at + 1, at + 4)
        record = sub(record, 1, 20) .. store .. sub(record, 25, 56) .. sub(plan, at + 9, at + 24) ..
            sub(record, 73)
        explain = explain ~= '' and sub(explain, 1, -14) .. verdicts or ''
    end
    written[id] = record
    local set = sets
    set[n + 1], set[n + 2] = o.key, record
    n = n + 2
    if explain ~= '' then
        set[n + 1], set[n + 2] = p .. 'explain:' .. id, explain
        n = n + 2
    end
    if o.idem and not bound[o.idem] then
        bound[o.idem] = id
        set[n + 1], set[n + 2] = o.idem, id
        n = n + 2
    end
    n_sets = n
    if o.sealed then
        put_sealed(id, o.sealed)
    end
    set = reserved
    set[m + 1], set[m + 2], set[m + 3] = id, store, as_asked(o)
    n_reserved = m + 3
    set, m = heads, n_heads
    set[m + 1], set[m + 2] = id, sub(record, 1, HEAD_SIZE)
    n_heads = m + 2
    due_next(o, record)
    change_load(store_text, 1)
    return PREFIX[PLACED_AT + 256 * c] or prefix(PLACED_AT, c, 0, 0)
end

-- place: takes the stock of a candidate. `taken` is nil when it is all of every line.
local function place(o, existing, c, store_text, verdicts, same, taken, instead)
    if same and not existing then
        return place_as_asked(o, c, store_text, verdicts)
    end
    local at = o.list + 24 * c
    local store, times = sub(o.plan, at + 1, at + 4), sub(o.plan, at + 9, at + 24)
    local flags = o.flags + F_TAKEN + (not taken and 0 or instead and F_SUBSTITUTED or F_PARTIAL)
    local other_price = not same and differs(o, taken, instead)
    if other_price then
        if byte(o.plan, 3) ~= 2 then
            return refuse_price(o, existing, c, store, verdicts, taken, instead)
        end
        flags = flags + F_PRICE
    end
    local q, entry = taken or quantities(o), nil
    if taken then
        entry = take_some(o, store_text, taken, instead)
    else
        entry = as_asked(o)
        take_whole(o)
    end
    local total = same and sub(o.record, 73, 80) or total_of(o, q)
    local lines = same and sub(o.record, HEAD_SIZE + 1, HEAD_SIZE + LINE_SIZE * o.n) or
        make_lines(o, q, prices, instead)
    local head = make_head(o, existing, PLACED, 0, flags, version_after(existing), store, times, total)
    write(o, existing, head, lines, verdicts)
    placed(o, head, store, store_text, entry)
    if existing then
        put_history(o.uuid, head, '')
        drop_due(byte(existing, 2) == CREATED and 'match' or 'held', o.uuid)
    end
    return prefix(PLACED_AT, c, 0, 0) .. head .. lines
end

local function find_store(o, existing)
    local verdicts = ''
    look_for(o)
    for c = 0, o.candidates - 1 do
        local store = candidate(o, c)
        local short, there, same = look(o, store)
        if not short then
            return place(o, existing, c, store, c > 0 and verdicts .. (HAD[c] or verdict(c)), same)
        end
        verdicts = verdicts .. verdict(c, sku_at(o, short), there, wanted(o, short))
    end
    local c, store, taken, instead = make_do(o)
    if c then
        return place(o, existing, c, store, verdicts, false, taken, instead)
    end
    if more_follow(o) then
        return answer(EXHAUSTED, 0, '')
    end
    return none(o, existing, verdicts)
end

-- unconfirmed: an order whose place is not known is not matched, whoever asks; it ends as others that are held
local function unconfirmed(o, existing)
    local hold_until = sunpack('<i8', existing, 49)
    if now >= hold_until then
        return settle(o, existing, REJECTED, HOLD_EXPIRED, '', sub(stored(existing), HEAD_SIZE + 1))
    end
    put_due('held', text(hold_until), o.uuid)
    return answer(DUPLICATE, 0, stored(existing))
end

local function place_or_hold(o, existing, named)
    if named and named ~= o.uuid then
        return answer(CONFLICT, 0, '')
    end
    if existing then
        local fingerprint = sub(existing, 9, 16)
        if (fingerprint ~= sub(o.record, 9, 16) and fingerprint ~= ZERO8) or -- ZERO8: erased
            sub(existing, 29, 30) ~= sub(o.record, 29, 30) then
            return answer(CONFLICT, 0, stored(existing))
        end
        if o.mode == ACCEPT or byte(existing, 2) > HELD then
            return answer(DUPLICATE, 0, stored(existing))
        end
        if byte(existing, 3) == ADDRESS_NOT_CONFIRMED then
            return unconfirmed(o, existing)
        end
        if o.candidates == 0 and reason_if_none(o) == ADDRESS_NOT_CONFIRMED then -- it is confirmed by now
            return answer(DUPLICATE, 0, stored(existing))
        end
    end
    if o.mode > 3 then
        return settle(o, existing, existing and byte(existing, 2) or CREATED,
            o.mode == ACCEPT and 0 or reason_if_none(o), '')
    end
    return find_store(o, existing)
end

-- load_orders: one MGET of all records and idempotency keys that this call may touch
local function load_orders(orders, n)
    local keys, m = {'MGET'}, n + 1
    for i = 1, n do
        keys[i + 1] = orders[i].key
    end
    for i = 1, n do
        if orders[i].idem then
            m = m + 1
            keys[m] = orders[i].idem
        end
    end
    return call(unpack(keys, 1, m))
end

local function run_orders(orders, n)
    if n == 0 then
        return {}
    end
    local got, answers, at = load_orders(orders, n), {}, n
    stock_key = p .. 'stock:'
    for i = 1, n do
        local o, named = orders[i], nil
        if o.idem then
            at = at + 1
            named = got[at] or bound[o.idem]
            bound[o.idem] = named
        end
        answers[i] = place_or_hold(o, written[o.uuid] or got[i], named)
    end
    flush()
    return answers
end

-- count_orders: how many, and of how many arguments each: one more with what is sealed, which daemons of one version
-- before do not send
local function count_orders(args, each)
    if #args == 2 + (each + 1) * (tonumber(args[2]) or -1) then
        each = each + 1
    end
    return count(args, 2, each, 128), each
end

local function order_place(keys, args)
    begin(keys, args[1])
    local n, each = count_orders(args, 5)
    for i = 1, n do
        local b = each * (i - 1) + 2
        parse_order(i, args[b + 1], args[b + 2], args[b + 3], args[b + 4], args[b + 5],
            each > 5 and args[b + 6], false)
    end
    return run_orders(ORDER, n)
end
register('order_place', order_place)

local function order_accept(keys, args)
    begin(keys, args[1])
    local n, each = count_orders(args, 4)
    for i = 1, n do
        local b = each * (i - 1) + 2
        parse_order(i, args[b + 1], args[b + 2], args[b + 3], args[b + 4], '',
            each > 4 and args[b + 5], true)
    end
    return run_orders(ORDER, n)
end
register('order_accept', order_accept)
