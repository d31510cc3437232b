-- The working set: what this call has decided and not yet written, from begin to flush.
-- It owns the keys that several subjects write: due rows, ledger, events, catalogue stream, load, histories.
--
-- One call runs at a time, so it lives in tables that are used again (a table that grows to 25 costs 2 us, as much as
-- a small command). Each has a count beside it: what lies behind the count is left over from another call.

local p, now, now_text, now8       -- "{city}:"; the time as number, text and 8 bytes
local written, bound               -- uuid -> record, idempotency key -> uuid, as this call leaves them
local sets, n_sets = {}, 0         -- MSET's arguments
local events, n_events = {}, 0     -- XADD's
local catalogue, n_catalogue = {}, 0
local ledger, n_ledger = {}, 0
local reserved, n_reserved = {}, 0 -- the ledger's entries of placed orders: uuid, store, the rest
local heads, n_heads = {}, 0       -- uuids and heads of an event's field `o` or `e`
local heads_field = 'o'
local keys_set, personal_set, n_sealed = {'HSET', ''}, {'HSET', ''}, 0 -- of the hashes `keys` and `personal`
local loads, load_stores, n_loads = {}, {}, 0 -- store -> change, and the stores in their order
local load_args = {'BITFIELD', '', 'OVERFLOW', 'SAT'} -- never below 0
local history, bitfields, sold, over = {}, {}, {}, {}
local moved_stock = {stock = {}, shelf = {}}
local put_due, drop_due, flush_due, forget_due

local function begin(keys, time)
    if #keys ~= 1 or not find(keys[1], '^{[^{}]+}$') then
        refuse('key: expected one, the tag {city}')
    end
    now = number(time or '', 'now', 1, NUMBER_MAX)
    p, now_text, now8 = keys[1] .. ':', time, spack('<i8', now)
    written, bound, loads = {}, {}, {}
    n_sets, n_events, n_catalogue, n_ledger, n_loads = 0, 0, 0, 0, 0
    n_reserved, n_heads, n_sealed, heads_field = 0, 0, 0, 'o'
    forget_due()
    -- most calls leave these empty, and a new table costs as much as ten instructions of Lua's
    if history[1] then
        history = {}
    end
    if sold[1] then
        sold = {}
    end
    if over[1] then
        over = {}
    end
    if bitfields[1] then
        bitfields, moved_stock = {}, {stock = {}, shelf = {}}
    end
end

-- Numbers as text: Lua's own way prints a double, which takes most of a microsecond. The tables stay small, as every
-- collection looks through them.
local PLAIN, THREE, PAIR, LEVEL = {}, {}, {}, {}

local function text(v)
    local t = PLAIN[v]
    if not t then
        if v >= 4096 and v < 4096000 then -- of two texts that are there: half of what format takes
            local low = v % 1000
            if not THREE[low] then
                THREE[low] = format('%03d', low)
            end
            return text((v - low) / 1000) .. THREE[low]
        end
        t = format('%d', v)
        if v > -1000 and v < 4096 then
            PLAIN[v] = t
        end
    end
    return t
end

-- pair_of: where BITFIELD finds a SKU as one i64: its level and its price (or safety)
local function pair_of(sku)
    local t = PAIR[sku]
    if not t then
        t = '#' .. text(sku)
        if sku < 4096 then
            PAIR[sku] = t
        end
    end
    return t
end

-- level_of: where BITFIELD finds its level alone, as i32. BITFIELD goes bit by bit: half as many, half as long.
local function level_of(sku)
    local t = LEVEL[sku]
    if not t then
        t = '#' .. text(2 * sku)
        if sku < 4096 then
            LEVEL[sku] = t
        end
    end
    return t
end

do
    local function queues()
        return {match = {n = 0, name = 'match'}, held = {n = 0, name = 'held'},
            dispatch = {n = 0, name = 'dispatch'}, expire = {n = 0, name = 'expire'}}
    end

    local due, done = queues(), queues() -- ZADD's and ZREM's arguments
    local adds, drops = {n = 0}, {n = 0} -- those of them that have any

    local function begun(queues, q)
        local n = queues.n + 1
        queues[n], queues.n = q, n
    end

    function put_due(queue, score, member)
        local q = due[queue]
        local n = q.n
        if n == 0 then
            begun(adds, q)
        end
        q[n + 1], q[n + 2], q.n = score, member, n + 2
    end

    function drop_due(queue, member)
        local q = done[queue]
        local n = q.n
        if n == 0 then
            begun(drops, q)
        end
        q[n + 1], q.n = member, n + 1
    end

    local function tell(command, queues)
        for i = 1, queues.n do
            local q = queues[i]
            call(command, p .. 'due:' .. q.name, unpack(q, 1, q.n))
        end
    end

    function flush_due()
        tell('ZADD', adds)
        tell('ZREM', drops)
    end

    local function empty(queues)
        for i = 1, queues.n do
            queues[i].n = 0
        end
        queues.n = 0
    end

    function forget_due()
        empty(adds)
        empty(drops)
    end
end

local function put_set(key, value)
    sets[n_sets + 1], sets[n_sets + 2] = key, value
    n_sets = n_sets + 2
end

local function put_record(id, key, record)
    written[id] = record
    put_set(key, record)
end

-- put_sealed: what is known of a new order's customer, apart from the order, and its key apart from that
local function put_sealed(id, sealed)
    local n = n_sealed + 2
    keys_set[n + 1], keys_set[n + 2] = id, sub(sealed, 1, KEY_SIZE)
    personal_set[n + 1], personal_set[n + 2] = id, sub(sealed, KEY_SIZE + 1)
    n_sealed = n
end

-- end_orders: what orders were told of since the last other field becomes one field
local function end_orders()
    if n_heads > 0 then
        events[n_events + 1], events[n_events + 2] = heads_field, concat(heads, '', 1, n_heads)
        n_events, n_heads = n_events + 2, 0
    end
end

-- put_event: field is `o`, or `e` when nothing of the order has changed but when it is expected
local function put_event(id, head, field)
    if heads_field ~= (field or 'o') then
        end_orders()
        heads_field = field or 'o'
    end
    heads[n_heads + 1], heads[n_heads + 2] = id, head
    n_heads = n_heads + 2
    if IS_END[byte(head, 2)] then
        over[#over + 1] = id
    end
end

local function put_field(name, value)
    end_orders()
    events[n_events + 1], events[n_events + 2] = name, value
    n_events = n_events + 2
end

local function put_ledger(entry)
    ledger[n_ledger + 1], ledger[n_ledger + 2] = 'l', entry
    n_ledger = n_ledger + 2
end

local function put_news(topic, number)
    catalogue[n_catalogue + 1], catalogue[n_catalogue + 2] = topic, spack('<I4', number)
    n_catalogue = n_catalogue + 2
end

local function put_history(id, head, words)
    local state, reason = byte(head, 2, 3)
    history[#history + 1] = {p .. 'history:' .. id, char(state, reason, 0, 0) .. sub(head, 21, 28) ..
        sub(head, 5, 8) .. now8 .. words}
end

local function change_load(store_text, by)
    local l = loads[store_text]
    if not l then
        l, n_loads = 0, n_loads + 1
        load_stores[n_loads] = store_text
    end
    loads[store_text] = l + by
end

-- change: adds to a SKU's level; `kind` is stock or shelf. Flush tells when something is back on the shelf.
local function change(kind, store, sku, by)
    local f = moved_stock[kind][store]
    if not f or #f > 4000 then -- unpack takes some 8000
        f = {'BITFIELD', p .. kind .. ':' .. text(store)}
        moved_stock[kind][store] = f
        bitfields[#bitfields + 1] = {f, kind == 'stock' and store}
    end
    local n = #f
    f[n + 1], f[n + 2], f[n + 3], f[n + 4] = 'INCRBY', 'i32', level_of(sku), text(by)
end

-- back_on_shelf: did one of these changes bring something back?
local function back_on_shelf(args, levels)
    for i = 1, #levels do
        if levels[i] > 0 and levels[i] - args[2 + 4 * i] <= 0 then
            return true
        end
    end
    return false
end

local function flush_stock()
    local told = {}
    for i = 1, #bitfields do
        local f, store = bitfields[i][1], bitfields[i][2]
        local levels = call(unpack(f))
        if store and not told[store] and back_on_shelf(f, levels) then
            told[store] = true
            put_news('stock', store)
        end
    end
    for i = 1, #sold do
        call('ZADD', sold[i][1], now_text, sold[i][2])
        call('ZREMRANGEBYSCORE', sold[i][1], '-inf', text(now - DAY_MS))
    end
end

local function flush_load()
    local n = 4
    for i = 1, n_loads do
        local store = load_stores[i]
        load_args[n + 1], load_args[n + 2] = 'INCRBY', 'u32'
        load_args[n + 3], load_args[n + 4] = '#' .. store, text(loads[store])
        n = n + 4
    end
    load_args[2] = p .. 'load'
    call(unpack(load_args, 1, n))
end

-- begin_at_one: who has read nothing yet asks for what is behind 1-0, where Redis would begin
local function begin_at_one(key, fields, n)
    call('XDEL', key, '1-0')
    call('XADD', key, '1-1', unpack(fields, 1, n))
end

local function flush()
    end_orders()
    if n_reserved > 0 then
        put_ledger(concat(reserved, '', 1, n_reserved))
    end
    flush_stock()
    if n_sets > 0 then
        call('MSET', unpack(sets, 1, n_sets))
    end
    if n_sealed > 0 then
        keys_set[2], personal_set[2] = p .. 'keys', p .. 'personal'
        call(unpack(keys_set, 1, 2 + n_sealed))
        call(unpack(personal_set, 1, 2 + n_sealed))
    end
    for i = 1, #history do
        call('RPUSH', history[i][1], history[i][2])
    end
    flush_due()
    if n_loads > 0 then
        flush_load()
    end
    if #over > 0 then
        call('HDEL', p .. 'rulings', unpack(over))
    end
    if n_ledger > 0 then
        call('XADD', p .. 'ledger', '1-*', unpack(ledger, 1, n_ledger))
    end
    if n_events > 0 then
        local key = p .. 'events'
        if call('XADD', key, '1-*', unpack(events, 1, n_events)) == '1-0' then
            begin_at_one(key, events, n_events)
        end
    end
    if n_catalogue > 0 then
        local key = p .. 'catalogue'
        if call('XADD', key, 'MAXLEN', '~', '10000', '1-*',
            unpack(catalogue, 1, n_catalogue)) == '1-0' then
            begin_at_one(key, catalogue, n_catalogue)
        end
    end
end
