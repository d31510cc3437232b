#!lua name=lifecircle
--[[ Lifecircle's Redis Functions: the only code that writes. The contract is docs/redis.md.

One file of more than 600 lines, because Redis loads a library whole.

Rules in here:
 * No clock, no chance: the time is an argument, stream ids rise by one. The same calls leave the same bytes.
 * A call checks its arguments, reads, decides, and only then writes (flush), so that an error leaves no trace.
 * What a call has decided but not yet written is kept in a working set `w`, so that the second order of a batch
   sees what the first has taken.
 * Redis calls are dear (over 1 us each): one MGET, one BITFIELD per store, one MSET, one ZADD per queue, one XADD per
   stream, whatever the size of the batch.
 * A level and its price are read and written as one 64-bit number, available * 2^32 + price. Levels stay within 21
   bits, so the number fits a Lua double exactly. ]]

local VERSION = '1'

-- Bound at the first call: while a library is loaded none of this is there.
local call, spack, sunpack, sub, byte, char, rep, find, floor, concat

local B32 = 4294967296
local SKU_MAX = 1048575      -- the highest SKU index: a store's string stays within 8 MiB
local QUANTITY_MAX = 1000000 -- on hand of one SKU
local SAFETY_MAX = 10000
local NUMBER_MAX = 9007199254740992

-- OrderState and Reason of proto/order.proto
local NONE, CREATED, HELD, PLACED, CONFIRMED, ENROUTE_TO_PICKUP = 0, 1, 2, 3, 4, 5
local ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF = 6, 7, 8, 9
local DELIVERED, READY_FOR_COLLECTION, COLLECTED, CANCELLED = 10, 11, 12, 13
local RETURNED, REJECTED, RETURNING = 14, 15, 16
local IS_END = {[DELIVERED] = true, [COLLECTED] = true, [CANCELLED] = true, [RETURNED] = true,
    [REJECTED] = true}
local OUT_OF_STOCK, HOLD_EXPIRED, PRICE_CHANGED, RESERVATION_EXPIRED = 10, 12, 13, 52

-- the head's flags
local F_COLLECTION, F_PARTIAL, F_SUBSTITUTED, F_PRICE, F_TAKEN, F_COMMITTED, F_READY =
    1, 4, 8, 16, 32, 64, 128

-- causes of ledger entries
local RESERVE, RELEASE, COMMIT, FEED, RETURN = 1, 2, 3, 4, 5

-- PlaceResult.Outcome
local PLACED_AT, HELD_OR_REJECTED, EXHAUSTED, DUPLICATE, CONFLICT, PRICE_DIFFERS = 1, 2, 3, 4, 5, 6

local HEAD = '<BBBBI4c8I4I4I4I2I2i8i8i8i8i8i8i8i8'
local HEAD_SIZE, LINE_SIZE = 224, 16

---------------------------------------------------------------------------------------------------
-- arguments

local function refuse(...)
    error({err = 'INVALID ' .. concat({...})})
end

local function number(s, what, low, high)
    local v = tonumber(s)
    if not v or v ~= floor(v) or v < low or v > high then
        refuse(what, ': expected an integer from ', low, ' to ', high)
    end
    return v
end

local function count(args, at, each, max)
    local n = number(args[at] or '', 'count', 0, max)
    if #args ~= at + n * each then
        refuse('arguments: expected ', n, ' times ', each, ' behind the count')
    end
    return n
end

local function uuid(s)
    if #s ~= 36 or find(s, '[^%x-]') then
        refuse('uuid: expected 36 characters')
    end
    return s
end

-- flag(flags, bit): is it set? Arithmetic, as bit.band is no faster and sign-extends.
local function flag(flags, b)
    return flags % (b + b) >= b
end

---------------------------------------------------------------------------------------------------
-- the working set of one call

local function begin(keys, now)
    if #keys ~= 1 or not find(keys[1], '^{[^{}]+}$') then
        refuse('key: expected one, the tag {city}')
    end
    now = number(now or '', 'now', 1, NUMBER_MAX)
    return {
        p = keys[1] .. ':', now = now, now8 = spack('<i8', now),
        records = {},  -- uuid -> record, as this call leaves it; false = there is none
        sets = {},     -- MSET's arguments
        stock = {},    -- store -> BITFIELD's arguments on available levels
        shelf = {},    -- the same on hand
        bitfields = {}, -- those two in the order they came up
        delta = {},    -- store * 2^20 + sku -> change of available by this call
        gained = {},   -- stores where available rises
        load = {}, loads = {},
        queue = {}, queues = {}, -- queue -> ZADD's arguments
        done = {}, dones = {},   -- queue -> ZREM's arguments
        ledger = {}, events = {}, history = {}, sold = {}, catalogue = {},
    }
end

local function put_due(w, queue, score, member)
    local q = w.queue[queue]
    if not q then
        q = {'ZADD', w.p .. 'due:' .. queue}
        w.queue[queue] = q
        w.queues[#w.queues + 1] = q
    end
    local n = #q
    q[n + 1], q[n + 2] = score, member
end

local function drop_due(w, queue, member)
    local q = w.done[queue]
    if not q then
        q = {'ZREM', w.p .. 'due:' .. queue}
        w.done[queue] = q
        w.dones[#w.dones + 1] = q
    end
    q[#q + 1] = member
end

-- change: adds `by` to the 32 upper bits of a SKU's number; `kind` is stock or shelf.
local function change(w, kind, store, sku_text, by)
    local f = w[kind][store]
    if not f or #f > 4000 then -- unpack takes some 8000
        f = {'BITFIELD', w.p .. kind .. ':' .. store}
        w[kind][store] = f
        w.bitfields[#w.bitfields + 1] = {f, kind == 'stock' and store}
    end
    local n = #f
    f[n + 1], f[n + 2], f[n + 3], f[n + 4] = 'INCRBY', 'i64', sku_text, by * B32
end

local function change_load(w, store, by)
    local l = w.load[store]
    if not l then
        l = 0
        w.loads[#w.loads + 1] = store
    end
    w.load[store] = l + by
end

local function put_event(w, id, head)
    local n = #w.events
    w.events[n + 1], w.events[n + 2] = 'o', id .. head
end

local function put_history(w, id, head, words)
    local state, reason = byte(head, 2, 3)
    w.history[#w.history + 1] = {w.p .. 'history:' .. id, char(state, reason, 0, 0) ..
        sub(head, 21, 28) .. sub(head, 5, 8) .. w.now8 .. words}
end

local function put_record(w, id, record)
    w.records[id] = record
    local n = #w.sets
    w.sets[n + 1], w.sets[n + 2] = w.p .. 'order:' .. id, record
end

-- load_records: one MGET of everything this call may touch; ids may repeat.
local function load_records(w, ids, idems)
    local keys, n = {'MGET'}, #ids
    if n == 0 then
        return
    end
    local p = w.p .. 'order:'
    for i = 1, n do
        keys[i + 1] = p .. ids[i]
    end
    for i = 1, #idems do
        keys[n + 1 + i] = w.p .. 'idem:' .. idems[i]
    end
    local got = call(unpack(keys))
    for i = 1, n do
        w.records[ids[i]] = got[i]
    end
    w.idem = {}
    for i = 1, #idems do
        w.idem[idems[i]] = got[n + i]
    end
end


-- gained: did one of these changes bring something back on the shelf?
local function back_on_shelf(args, levels)
    for i = 1, #levels do
        local now = floor(levels[i] / B32)
        if now > 0 and now - args[2 + 4 * i] / B32 <= 0 then
            return true
        end
    end
    return false
end

local function flush_stock(w)
    local told = {}
    for _, f in ipairs(w.bitfields) do
        local levels = call(unpack(f[1]))
        local store = f[2]
        if store and w.gained[store] and not told[store] and back_on_shelf(f[1], levels) then
            told[store] = true
            w.catalogue[#w.catalogue + 1] = 'stock'
            w.catalogue[#w.catalogue + 1] = spack('<I4', store)
        end
    end
    for _, s in ipairs(w.sold) do
        call('ZADD', s[1], w.now, s[2])
        call('ZREMRANGEBYSCORE', s[1], '-inf', w.now - 86400000)
    end
end

local function flush_load(w)
    local stores = w.loads
    if #stores == 0 then
        return
    end
    local key = w.p .. 'load'
    local got = call('HMGET', key, unpack(stores))
    local args = {'HSET', key}
    for i = 1, #stores do
        local v = (tonumber(got[i] or 0) or 0) + w.load[stores[i]]
        args[i + i + 1], args[i + i + 2] = stores[i], v > 0 and v or 0
    end
    call(unpack(args))
end

local function flush(w)
    flush_stock(w)
    if #w.sets > 0 then
        call('MSET', unpack(w.sets))
    end
    for _, h in ipairs(w.history) do
        call('RPUSH', h[1], h[2])
    end
    for _, q in ipairs(w.queues) do
        call(unpack(q))
    end
    for _, q in ipairs(w.dones) do
        call(unpack(q))
    end
    flush_load(w)
    if #w.ledger > 0 then
        call('XADD', w.p .. 'ledger', '1-*', 'l', concat(w.ledger))
    end
    if #w.events > 0 then
        call('XADD', w.p .. 'events', '1-*', unpack(w.events))
    end
    if #w.catalogue > 0 then
        call('XADD', w.p .. 'catalogue', 'MAXLEN', '~', 10000, '1-*', unpack(w.catalogue))
    end
end

---------------------------------------------------------------------------------------------------
-- placing

local function parse_lines(o, s)
    local len, pos, n, last = #s, 9, 0, -1
    local skus, qtys, asked, subs, get = {}, {}, {}, {}, {'BITFIELD_RO', ''}
    while pos <= len do
        if pos + 11 > len then
            refuse('lines: cut short')
        end
        local sku, qty, nsub, price
        sku, qty, nsub, price, pos = sunpack('<I4I2I2i4', s, pos)
        n = n + 1
        if sku <= last or sku > SKU_MAX then
            refuse('lines: expected SKU indexes rising, up to ', SKU_MAX)
        end
        if qty == 0 then
            refuse('lines: expected a quantity of at least 1')
        end
        if nsub > 0 then
            if nsub > 5 or pos + 4 * nsub - 1 > len then
                refuse('lines: expected up to 5 substitutes')
            end
            local list = {sunpack('<' .. rep('I4', nsub), s, pos)}
            list[nsub + 1] = nil -- the position behind
            subs[n] = list
            pos = pos + 4 * nsub
        end
        last = sku
        skus[n], qtys[n], asked[n] = sku, qty, price
        get[3 * n], get[3 * n + 1], get[3 * n + 2] = 'GET', 'i64', '#' .. sku
    end
    if n == 0 or n > 100 then
        refuse('lines: expected 1 to 100')
    end
    o.n, o.skus, o.qtys, o.asked, o.subs, o.get = n, skus, qtys, asked, subs, get
    o.window_start = sunpack('<i8', s)
end

local function parse_order(id, idem, fixed, lines)
    local o = {uuid = uuid(id), idem = idem ~= '' and idem}
    if #fixed ~= 48 then
        refuse('fixed: expected 48 bytes')
    end
    if #idem > 150 then
        refuse('idem: expected up to 150 bytes')
    end
    local mode
    o.flags, o.shortage, o.price_policy, mode, o.reason, o.chain, o.fingerprint, o.window_end,
        o.hold_until, o.retry_at = sunpack('<BBBBBxxxI4xxxxc8i8i8i8', fixed)
    if o.flags > 3 or o.shortage > 3 or o.price_policy > 2 or mode > 7 then
        refuse('fixed: flags, shortage, price policy or mode out of range')
    end
    o.more, o.reject, o.create = flag(mode, 1), flag(mode, 2), flag(mode, 4)
    parse_lines(o, lines)
    return o
end

-- make_head: head of an order that no store has; state and reason as given.
local function make_head(o, w, state, reason, flags, version, attempts, store, ready, eta, total,
                         stamps)
    return spack(HEAD, 1, state, reason, flags, version, o.fingerprint, o.chain, store, 0, o.n,
        attempts, o.window_start, o.window_end, o.hold_until, ready, eta, total, w.now, 0) ..
        sub(stamps, 1, 8 * state - 8) .. w.now8 .. sub(stamps, 8 * state + 1)
end

local NO_STAMPS -- 128 zero bytes

-- make_lines: taken, prices, instead (SKU index + 1) may be nil: nothing taken.
local function make_lines(o, taken, prices, instead)
    local v, m = {}, 0
    for i = 1, o.n do
        v[m + 1], v[m + 2], v[m + 3] = o.skus[i], o.qtys[i], taken and taken[i] or 0
        v[m + 4], v[m + 5] = prices and prices[i] or 0, instead and instead[i] or 0
        m = m + 5
    end
    return spack('<' .. rep('I4I2I2I4I4', o.n), unpack(v))
end

local function varint(v)
    if v < 0 then -- two's complement in ten bytes; v is small
        local out = {}
        v = -v - 1
        for i = 1, 9 do
            out[i] = char(255 - v % 128)
            v = floor(v / 128)
        end
        return concat(out) .. '\1'
    end
    if v < 128 then
        return char(v)
    end
    return char(128 + v % 128) .. varint(floor(v / 128))
end

local HAD_ALL -- missing_sku = -1

-- verdict: StockVerdict of proto/match.proto, as field 15 of the DecisionRecord
local function verdict(candidate, missing, available, wanted)
    local v = candidate > 0 and '\8' .. char(candidate) or ''
    if missing then
        v = v .. '\16' .. varint(missing) .. '\24' .. varint(available) .. '\32' .. varint(wanted)
    else
        v = v .. HAD_ALL
    end
    return '\122' .. char(#v) .. v
end

-- look: available and price of each line at a store, as this call has left them
local function look(w, o, store)
    o.get[2] = w.p .. 'stock:' .. store
    local got = call(unpack(o.get))
    local base = w.stock[store] and store * 1048576
    local avail, prices, short = {}, {}, nil
    for i = 1, o.n do
        local v = got[i]
        local a = floor(v / B32)
        local price = v - a * B32
        if base then
            a = a + (w.delta[base + o.skus[i]] or 0)
        end
        if price == 0 then
            a = 0 -- not sold here
        end
        if not short and a < o.qtys[i] then
            short = i
        end
        avail[i], prices[i] = a, price
    end
    return avail, prices, short
end

-- some: what a store can give of an order: part of it. nil when nothing.
local function some(o, avail)
    local taken, any = {}, false
    for i = 1, o.n do
        local t = avail[i] < o.qtys[i] and avail[i] or o.qtys[i]
        if t < 0 then
            t = 0
        end
        taken[i] = t
        any = any or t > 0
    end
    return any and taken
end

-- fill: each missing line whole by the first of its substitutes that is there. nil when one cannot. What one line
-- takes is gone for the next.
local function fill(w, o, store, avail, prices)
    local key, used, instead = w.p .. 'stock:' .. store, {}, {}
    for i = 1, o.n do
        if avail[i] >= o.qtys[i] then
            used[o.skus[i]] = o.qtys[i]
        end
    end
    for i = 1, o.n do
        if avail[i] < o.qtys[i] then
            local found
            for _, sku in ipairs(o.subs[i] or {}) do
                local v = call('BITFIELD_RO', key, 'GET', 'i64', '#' .. sku)[1]
                local a = floor(v / B32)
                local price = v - a * B32
                a = a + (w.delta[store * 1048576 + sku] or 0) - (used[sku] or 0)
                if price > 0 and a >= o.qtys[i] then
                    used[sku] = (used[sku] or 0) + o.qtys[i]
                    prices[i], instead[i], found = price, sku + 1, true
                    break
                end
            end
            if not found then
                return nil
            end
        end
    end
    return instead
end

-- choose: the candidate to take, and what of it; nil when none. Verdicts are for the decision record.
local function choose(w, o, verdicts)
    local looked = {}
    for c = 0, o.candidates - 1 do
        local store = sunpack('<I4', o.list, 24 * c + 1)
        local avail, prices, short = look(w, o, store)
        if not short then
            verdicts[c + 1] = verdict(c)
            return {c = c, store = store, taken = o.qtys, prices = prices, flags = 0}
        end
        verdicts[c + 1] = verdict(c, o.skus[short], avail[short], o.qtys[short])
        looked[c + 1] = {store, avail, prices}
    end
    if o.more or o.shortage < 2 then
        return nil
    end
    for c = 0, o.candidates - 1 do
        local store, avail, prices = unpack(looked[c + 1])
        if o.shortage == 2 then
            local taken = some(o, avail)
            if taken then
                return {c = c, store = store, taken = taken, prices = prices, flags = F_PARTIAL}
            end
        else
            local instead = fill(w, o, store, avail, prices)
            if instead then
                return {c = c, store = store, taken = o.qtys, prices = prices, instead = instead,
                    flags = F_SUBSTITUTED}
            end
        end
    end
    return nil
end

local function answer(outcome, candidate, rest)
    return char(outcome, candidate, 0, 0) .. rest
end

-- stored: head and lines of a record
local function stored(record)
    return sub(record, 1, HEAD_SIZE + LINE_SIZE * sunpack('<I2', record, 29))
end

-- write: a new record, or a new head and lines in front of the Order that was written first
local function write(w, o, existing, head, lines, verdicts)
    local order = o.order
    if existing then
        order = sub(existing, #stored(existing) + 1)
    end
    put_record(w, o.uuid, head .. lines .. order)
    local n = #w.sets
    if o.explain and o.explain ~= '' then
        w.sets[n + 1], w.sets[n + 2] = w.p .. 'explain:' .. o.uuid, o.explain .. concat(verdicts)
        n = n + 2
    end
    if o.idem and not w.idem[o.idem] then
        w.idem[o.idem] = o.uuid
        w.sets[n + 1], w.sets[n + 2] = w.p .. 'idem:' .. o.idem, o.uuid
    end
end

-- before: version, attempts and stamps of what is there
local function before(existing)
    if not existing then
        return 0, 0, NO_STAMPS
    end
    local version = sunpack('<I4', existing, 5)
    local attempts = sunpack('<I2', existing, 31)
    return version, attempts < 65535 and attempts or 65534, sub(existing, 97, HEAD_SIZE)
end

-- settle: an order that is not placed: written as created, held or rejected, and due again
local function settle(w, o, existing, state, reason, verdicts, lines)
    local version, attempts, stamps = before(existing)
    local was = existing and byte(existing, 2) or NONE
    local same = was == state and byte(existing, 3) == reason
    if same then
        stamps = sub(stamps, 1, 8 * state - 8) .. w.now8 .. sub(stamps, 8 * state + 1)
    else
        version = version + 1
    end
    local head = make_head(o, w, state, reason, o.flags, version, attempts + (o.accept and 0 or 1),
        0, 0, 0, 0, stamps)
    if was == HELD and state == REJECTED then -- keeps why it was held
        put_history(w, o.uuid, sub(existing, 1, HEAD_SIZE), '')
    end
    lines = lines or make_lines(o)
    write(w, o, existing, head, lines, verdicts)
    if not same then
        put_event(w, o.uuid, head)
        if existing then
            put_history(w, o.uuid, head, '')
        end
    end
    if was == CREATED and state ~= CREATED then
        drop_due(w, 'match', o.uuid)
    elseif was == HELD and state ~= HELD then
        drop_due(w, 'held', o.uuid)
    end
    local at = o.retry_at > w.now and o.retry_at or w.now + (o.accept and 0 or 1000)
    if state == CREATED then
        put_due(w, 'match', at, o.uuid)
    elseif state == HELD then
        put_due(w, 'held', at < o.hold_until and at or o.hold_until, o.uuid)
    end
    return answer(HELD_OR_REJECTED, 0, head .. lines)
end

-- none: no store can have it
local function none(w, o, existing, verdicts)
    local reason = o.candidates > 0 and OUT_OF_STOCK or o.reason
    local held = existing and byte(existing, 2) == HELD
    if o.reject or o.shortage == 1 then
        return settle(w, o, existing, REJECTED, reason, verdicts)
    end
    if w.now >= o.hold_until then
        return settle(w, o, existing, REJECTED, held and HOLD_EXPIRED or reason, verdicts)
    end
    return settle(w, o, existing, HELD, reason, verdicts)
end

-- take: the stock of a chosen candidate
local function take(w, o, at)
    local store, base = at.store, at.store * 1048576
    local v, m, total = {}, 0, 0
    for i = 1, o.n do
        local t = at.taken[i]
        if t > 0 then
            local sku, text = o.skus[i], o.get[3 * i + 2]
            local other = at.instead and at.instead[i]
            if other then
                sku, text = other - 1, '#' .. other - 1
            end
            change(w, 'stock', store, text, -t)
            w.delta[base + sku] = (w.delta[base + sku] or 0) - t
            v[m + 1], v[m + 2], v[m + 3] = sku, -t, 0
            m = m + 3
            total = total + t * at.prices[i]
        end
    end
    w.ledger[#w.ledger + 1] = o.uuid .. spack('<I4BBI2' .. rep('I4i4i4', m / 3), store, RESERVE, 0,
        m / 3, unpack(v))
    return total
end

-- differs: is a price not the one the chain has shown? A substitute may be cheaper.
local function differs(o, at)
    for i = 1, o.n do
        local asked, price = o.asked[i], at.prices[i]
        if asked >= 0 and asked ~= price and at.taken[i] > 0 and
            not (price < asked and at.instead and at.instead[i]) then
            return true
        end
    end
    return false
end

local function place(w, o, existing, at, verdicts)
    local price_differs = differs(o, at)
    local lines = make_lines(o, at.taken, at.prices, at.instead)
    if price_differs and o.price_policy ~= 2 then
        if existing then -- it was accepted before, so it must end somewhere
            return settle(w, o, existing, REJECTED, PRICE_CHANGED, verdicts,
                make_lines(o, nil, at.prices, at.instead))
        end
        local head = make_head(o, w, 1, PRICE_CHANGED, o.flags + F_PRICE, 0, 0, at.store, 0, 0, 0,
            NO_STAMPS)
        return answer(PRICE_DIFFERS, at.c, char(1, NONE) .. sub(head, 3, 96) .. NO_STAMPS .. lines)
    end
    local version, attempts, stamps = before(existing)
    local _, _, ready, eta = sunpack('<I4I4i8i8', o.list, 24 * at.c + 1)
    local total = take(w, o, at)
    local flags = o.flags + at.flags + F_TAKEN + (price_differs and F_PRICE or 0)
    local head = make_head(o, w, PLACED, 0, flags, version + 1, attempts + 1, at.store, ready, eta,
        total, stamps)
    write(w, o, existing, head, lines, verdicts)
    put_event(w, o.uuid, head)
    change_load(w, at.store, 1)
    if existing then
        put_history(w, o.uuid, head, '')
        drop_due(w, byte(existing, 2) == CREATED and 'match' or 'held', o.uuid)
    end
    if o.flags % 2 == 0 then
        put_due(w, 'dispatch', w.now, o.uuid)
    end
    put_due(w, 'expire', o.window_end, o.uuid)
    return answer(PLACED_AT, at.c, head .. lines)
end

local function place_or_hold(w, o)
    local existing = w.records[o.uuid]
    local named = o.idem and w.idem[o.idem]
    if named and named ~= o.uuid then
        return answer(CONFLICT, 0, '')
    end
    if existing then
        if sub(existing, 9, 16) ~= o.fingerprint then
            return answer(CONFLICT, 0, stored(existing))
        end
        if o.accept or byte(existing, 2) > HELD then
            return answer(DUPLICATE, 0, stored(existing))
        end
    end
    if o.create then
        local state = existing and byte(existing, 2) or CREATED
        return settle(w, o, existing, state, o.reason, {})
    end
    local verdicts = {}
    local at = choose(w, o, verdicts)
    if at then
        return place(w, o, existing, at, verdicts)
    end
    if o.more then
        return answer(EXHAUSTED, 0, '')
    end
    return none(w, o, existing, verdicts)
end

local function run_orders(w, orders)
    local ids, idems, answers = {}, {}, {}
    for i, o in ipairs(orders) do
        ids[i] = o.uuid
        if o.idem then
            idems[#idems + 1] = o.idem
        end
    end
    load_records(w, ids, idems)
    for i, o in ipairs(orders) do
        answers[i] = place_or_hold(w, o)
    end
    flush(w)
    return answers
end

local function order_place(keys, args)
    local w = begin(keys, args[1])
    local n, orders = count(args, 2, 7, 128), {}
    for i = 1, n do
        local b = 7 * i - 4
        local o = parse_order(args[b], args[b + 1], args[b + 2], args[b + 3])
        o.list, o.order, o.explain = args[b + 4], args[b + 5], args[b + 6]
        o.candidates = #o.list / 24
        if o.candidates ~= floor(o.candidates) or o.candidates > 64 then
            refuse('candidates: expected up to 64 of 24 bytes')
        end
        if o.order == '' then
            refuse('order: expected bytes')
        end
        orders[i] = o
    end
    return run_orders(w, orders)
end

local function order_accept(keys, args)
    local w = begin(keys, args[1])
    local n, orders = count(args, 2, 5, 128), {}
    for i = 1, n do
        local b = 5 * i - 2
        local o = parse_order(args[b], args[b + 1], args[b + 2], args[b + 3])
        o.order, o.accept, o.create, o.reason, o.retry_at = args[b + 4], true, true, 0, 0
        if o.order == '' then
            refuse('order: expected bytes')
        end
        orders[i] = o
    end
    return run_orders(w, orders)
end

---------------------------------------------------------------------------------------------------
-- steps of an order's life

-- moved: the record in a new state
local function moved(w, record, state, reason, flags, courier)
    return char(1, state, reason, flags) .. spack('<I4', sunpack('<I4', record, 5) + 1) ..
        sub(record, 9, 24) .. spack('<I4', courier) .. sub(record, 29, 80) .. w.now8 ..
        sub(record, 89, 88 + 8 * state) .. w.now8 .. sub(record, 97 + 8 * state)
end

-- restock: what taking back, selling or returning an order's lines does
local function restock(w, id, record, cause)
    local store, n = sunpack('<I4', record, 21), sunpack('<I2', record, 29)
    local avail = cause == COMMIT and 0 or 1
    local shelf = cause == COMMIT and -1 or cause == RETURN and 1 or 0
    local v, m, sold = {}, 0, {}
    for i = 1, n do
        local sku, _, taken, _, instead = sunpack('<I4I2I2I4I4', record, 209 + 16 * i)
        if taken > 0 then
            sku = instead > 0 and instead - 1 or sku
            local text = '#' .. sku
            if avail ~= 0 then
                change(w, 'stock', store, text, taken)
                w.gained[store] = true
            end
            if shelf ~= 0 then
                change(w, 'shelf', store, text, shelf * taken)
                sold[#sold + 1] = spack('<I4i4', sku, -shelf * taken)
            end
            v[m + 1], v[m + 2], v[m + 3] = sku, avail * taken, shelf * taken
            m = m + 3
        end
    end
    w.ledger[#w.ledger + 1] = id .. spack('<I4BBI2' .. rep('I4i4i4', m / 3), store, cause, 0, m / 3,
        unpack(v))
    if #sold > 0 then
        w.sold[#w.sold + 1] = {w.p .. 'sold:' .. store, char(cause) .. id .. concat(sold)}
    end
    if cause ~= RETURN then
        change_load(w, store, -1)
        drop_due(w, 'expire', id)
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
            RETURNED), stock = COMMIT},
    enroute_dropoff = {to = ENROUTE_TO_DROPOFF, from = set(PICKED_UP), past = set(
        ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING, RETURNED)},
    arrive_dropoff = {to = ARRIVED_AT_DROPOFF, from = set(PICKED_UP, ENROUTE_TO_DROPOFF),
        past = set(ARRIVED_AT_DROPOFF, DELIVERED, RETURNING, RETURNED)},
    deliver = {to = DELIVERED, from = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF),
        past = set(DELIVERED)},
    returning = {to = RETURNING, from = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF),
        past = set(RETURNING, RETURNED)},
    returned = {to = RETURNED, from = set(RETURNING), past = set(RETURNED), stock = RETURN},
    cancel = {to = CANCELLED, from = set(CREATED, HELD, PLACED, CONFIRMED, ENROUTE_TO_PICKUP,
        ARRIVED_AT_PICKUP, READY_FOR_COLLECTION), past = set(CANCELLED), stock = RELEASE},
    expire = {to = CANCELLED, from = set(PLACED, READY_FOR_COLLECTION), past = set(CANCELLED),
        stock = RELEASE},
    ready = {to = READY_FOR_COLLECTION, from = set(PLACED), past = set(READY_FOR_COLLECTION,
        COLLECTED), collection = true},
    collected = {to = COLLECTED, from = set(PLACED, READY_FOR_COLLECTION), past = set(COLLECTED),
        stock = COMMIT, collection = true},
}
local BY_ANYBODY = set('cancel', 'expire', 'ready', 'collected')
local BY_ROUTER = set('assign', 'unassign', 'confirm', 'enroute_pickup', 'arrive_pickup', 'pickup',
    'enroute_dropoff', 'arrive_dropoff', 'deliver', 'returning', 'returned', 'eta')

local DONE, ALREADY, NOT_ALLOWED, UNKNOWN = 1, 2, 3, 4

-- effects: what a transition does besides the record; `from` is the state before
local function effects(w, id, from, record, a, words)
    local state = byte(record, 2)
    if a.stock and flag(byte(from, 4), F_TAKEN) then
        restock(w, id, from, a.stock)
    end
    if state == CANCELLED then
        if byte(from, 2) == CREATED then
            drop_due(w, 'match', id)
        elseif byte(from, 2) == HELD then
            drop_due(w, 'held', id)
        end
    end
    if IS_END[state] and not flag(byte(record, 4), F_COLLECTION) then
        drop_due(w, 'dispatch', id)
    end
    put_history(w, id, record, words)
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
local function try(w, record, action, reason, courier)
    local a, state, flags = ACTIONS[action], byte(record, 2), byte(record, 4)
    local his = sunpack('<I4', record, 25)
    local collection = flag(flags, F_COLLECTION)
    if action == 'ready' and not collection then -- a note for the router, not a state
        if flag(flags, F_READY) or not (a.from[state] or (state >= CONFIRMED and
            state <= DELIVERED)) then
            return flag(flags, F_READY) and ALREADY or NOT_ALLOWED, record
        end
        return DONE, moved(w, record, state, byte(record, 3), flags + F_READY, his)
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
        return DONE, moved(w, record, PLACED, reason, flags, 0)
    end
    return DONE, moved(w, record, a.to, reason, flags_after(flags, a.stock), his)
end

local function order_step(keys, args)
    local w = begin(keys, args[1])
    local n, ids, steps = count(args, 2, 5, 512), {}, {}
    for i = 1, n do
        local b = 5 * i - 2
        local s = {id = uuid(args[b]), action = args[b + 1],
            reason = number(args[b + 2], 'reason', 0, 255), who = args[b + 3], words = args[b + 4]}
        if not BY_ANYBODY[s.action] then
            refuse('action: expected cancel, ready, collected or expire')
        end
        if #s.who > 64 or #s.words > 200 then
            refuse('who, words: expected up to 64 and 200 bytes')
        end
        ids[i], steps[i] = s.id, s
    end
    load_records(w, ids, {})
    local answers = {}
    for i, s in ipairs(steps) do
        local record = w.records[s.id]
        if not record then
            answers[i] = char(UNKNOWN)
        else
            local outcome, after = try(w, record, s.action, s.reason, 0)
            if outcome == DONE then
                put_record(w, s.id, after)
                put_event(w, s.id, sub(after, 1, HEAD_SIZE))
                effects(w, s.id, record, after, ACTIONS[s.action],
                    s.words == '' and s.who or s.who .. ': ' .. s.words)
            end
            answers[i] = char(outcome) .. sub(after, 1, HEAD_SIZE)
        end
    end
    flush(w)
    return answers
end

---------------------------------------------------------------------------------------------------
-- plans

local function parse_plan(args, at)
    local e = {courier = number(args[at] or '', 'courier', 0, B32 - 1),
        expect_route = number(args[at + 1] or '', 'expect_route', 0, B32 - 2),
        route = args[at + 2], expect_shift = number(args[at + 3] or '', 'expect_shift', 0, B32 - 2),
        shift = args[at + 4], steps = {}}
    local n = number(args[at + 5] or '', 'nsteps', 0, 1000)
    at = at + 6
    if #args < at + 5 * n - 1 then
        refuse('arguments: expected ', n, ' steps of 5')
    end
    if e.courier == 0 and (e.route ~= '' or e.shift ~= '') then
        refuse('courier: expected a number with a route or shift')
    end
    for i = 1, n do
        local s = {id = uuid(args[at]), action = args[at + 1],
            reason = number(args[at + 2], 'reason', 0, 255), words = args[at + 4]}
        s.eta = args[at + 3] ~= '' and number(args[at + 3], 'live_eta', 0, NUMBER_MAX)
        if not BY_ROUTER[s.action] then
            refuse('action: unknown: ', sub(s.action, 1, 40))
        end
        if #s.words > 200 then
            refuse('words: expected up to 200 bytes')
        end
        e.steps[i] = s
        at = at + 5
    end
    return e, at
end

-- versioned: may these bytes be written behind what is there? Gives whether, and what to write (nil = nothing new).
local function versioned(current, expect, bytes)
    if bytes == '' then
        return true, nil
    end
    local version = current and sunpack('<I4', current) or 0
    local fresh = spack('<I4', expect + 1) .. bytes
    if version == expect then
        return true, fresh
    end
    return current == fresh, nil
end

-- rehearse: all steps of an entry on copies; nil when one is refused
local function rehearse(w, e)
    local own, done = {}, {}
    for _, s in ipairs(e.steps) do
        local record = own[s.id] or w.records[s.id]
        if not record then
            return nil
        end
        local outcome, after
        if s.action == 'eta' then
            local his = sunpack('<I4', record, 25)
            local state = byte(record, 2)
            if IS_END[state] or state < PLACED or (e.courier > 0 and his > 0 and
                his ~= e.courier) then
                return nil
            end
            outcome, after = ALREADY, record
        else
            outcome, after = try(w, record, s.action, s.reason, e.courier)
            if outcome == NOT_ALLOWED then
                return nil
            end
        end
        if s.eta and (outcome == DONE or s.action == 'eta') then
            after = sub(after, 1, 88) .. spack('<i8', s.eta) .. sub(after, 97)
        end
        if after ~= record then
            own[s.id] = after
            done[#done + 1] = {s, record, after, outcome}
        end
    end
    return done
end

local function load_plans(w, entries, key, field)
    local args, seen = {'HMGET', w.p .. key}, {}
    for _, e in ipairs(entries) do
        if e[field] ~= '' then
            args[#args + 1] = e.courier
        end
    end
    if #args == 2 then
        return seen
    end
    local got = call(unpack(args))
    for i = 3, #args do
        seen[args[i]] = got[i - 2]
    end
    return seen
end

local function commit_entry(w, e, routes, shifts, hset)
    local ok, route = versioned(routes[e.courier], e.expect_route, e.route)
    if not ok then
        return 2
    end
    local shift
    ok, shift = versioned(shifts[e.courier], e.expect_shift, e.shift)
    if not ok then
        return 2
    end
    local done = rehearse(w, e)
    if not done then
        return 2
    end
    for _, d in ipairs(done) do
        local s, from, after, outcome = unpack(d)
        put_record(w, s.id, after)
        put_event(w, s.id, sub(after, 1, HEAD_SIZE))
        if outcome == DONE then
            effects(w, s.id, from, after, ACTIONS[s.action], s.words)
        end
    end
    local n = #w.events
    if route then
        routes[e.courier] = route
        local h = hset.routes
        h[#h + 1], h[#h + 2] = e.courier, route
        w.events[n + 1], w.events[n + 2] = 'r', spack('<I4I4', e.courier, e.expect_route + 1)
        n = n + 2
    end
    if shift then
        shifts[e.courier] = shift
        local h = hset.shifts
        h[#h + 1], h[#h + 2] = e.courier, shift
        w.events[n + 1], w.events[n + 2] = 's', spack('<I4', e.courier)
    end
    return 1
end

local function plan_commit(keys, args)
    local w = begin(keys, args[1])
    local epoch = number(args[2] or '', 'epoch', 1, NUMBER_MAX)
    local n, at, entries, ids = number(args[3] or '', 'count', 0, 512), 4, {}, {}
    for i = 1, n do
        entries[i], at = parse_plan(args, at)
        for _, s in ipairs(entries[i].steps) do
            ids[#ids + 1] = s.id
        end
    end
    if at ~= #args + 1 or #ids > 2000 then
        refuse('arguments: expected ', n, ' entries, at most 2000 steps')
    end
    local held = call('HGET', w.p .. 'lease', 'epoch')
    if tonumber(held or 0) ~= epoch then
        return redis.error_reply('FENCED the lease has epoch ' .. (held or 0))
    end
    load_records(w, ids, {})
    local routes, shifts = load_plans(w, entries, 'routes', 'route'),
        load_plans(w, entries, 'shifts', 'shift')
    local hset, answers = {routes = {}, shifts = {}}, {}
    for i, e in ipairs(entries) do
        answers[i] = commit_entry(w, e, routes, shifts, hset)
    end
    for _, key in ipairs({'routes', 'shifts'}) do
        if #hset[key] > 0 then
            call('HSET', w.p .. key, unpack(hset[key]))
        end
    end
    flush(w)
    return answers
end

local function lease_take(keys, args)
    local w = begin(keys, args[1])
    local owner, ttl = args[2] or '', number(args[3] or '', 'ttl_ms', 1, 3600000)
    if owner == '' or #owner > 64 then
        refuse('owner: expected 1 to 64 bytes')
    end
    local key = w.p .. 'lease'
    local now_owner, epoch, till = unpack(call('HMGET', key, 'owner', 'epoch', 'until'))
    epoch, till = tonumber(epoch or 0), tonumber(till or 0)
    if now_owner ~= owner then
        if now_owner and till > w.now then
            return {0, till}
        end
        epoch = epoch + 1
    end
    till = w.now + ttl
    call('HSET', key, 'owner', owner, 'epoch', epoch, 'until', till)
    return {epoch, till}
end

---------------------------------------------------------------------------------------------------
-- protobuf messages: only as much as is needed of them

local function unvarint(s, at)
    local v, m = 0, 1
    while true do
        local b = byte(s, at)
        if not b or m > 2 ^ 63 then
            return nil
        end
        v = v + b % 128 * m
        at, m = at + 1, m * 128
        if b < 128 then
            return v, at
        end
    end
end

-- field_of: a protobuf message's string (wire type 2) or number (0); nil when it is not there or the bytes are no
-- message. The last one counts.
local function field_of(s, field, of_wire)
    local at, found = 1, nil
    while at <= #s do
        local tag, v
        tag, at = unvarint(s, at)
        if not tag then
            return nil
        end
        local wire = tag % 8
        if wire == 0 or wire == 2 then
            v, at = unvarint(s, at)
            if not v or (wire == 2 and at + v - 1 > #s) then
                return nil
            end
        elseif wire ~= 1 and wire ~= 5 then
            return nil
        end
        if floor(tag / 8) == field and wire == of_wire then
            found = wire == 0 and v or sub(s, at, at + v - 1)
        end
        at = at + (wire == 1 and 8 or wire == 5 and 4 or wire == 2 and v or 0)
    end
    return found
end

---------------------------------------------------------------------------------------------------
-- stock

local function parse_feed(s)
    local n = #s / 16
    if n ~= floor(n) or n < 1 or n > 1000 then
        refuse('lines: expected 1 to 1000 of 16 bytes')
    end
    local lines, last = {}, -1
    for i = 1, n do
        local sku, has, quantity, price = sunpack('<I4Bxxxi4I4', s, 16 * i - 15)
        if sku <= last or sku > SKU_MAX then
            refuse('lines: expected SKU indexes rising, up to ', SKU_MAX)
        end
        if has < 1 or has > 3 or quantity < -QUANTITY_MAX or quantity > QUANTITY_MAX then
            refuse('lines: has or quantity out of range')
        end
        lines[i] = {sku = sku, quantity = flag(has, 1) and quantity, price = flag(has, 2) and price}
        last = sku
    end
    return lines
end

-- A feed is named by its sequence, or by its time where it has none; the two kinds are kept apart. `applied` holds the
-- last names and chunks, so that what comes late but is still missing can be told from what came before.
local FEED_WINDOW = 200

-- feed_order: may this chunk be applied? Gives the outcome (1 applied, 2 repeated, 3 late), and what to remember.
local function feed_order(w, key, kind, as_of, sequence, chunk)
    local space = sequence > 0 and 's' or 'a'
    local name = sequence > 0 and sequence or as_of
    local newest, snapshot, least, applied = unpack(call('HMGET', key, space .. '_newest',
        space .. '_snapshot', space .. '_floor', space .. '_applied'))
    newest, snapshot = tonumber(newest or 0), tonumber(snapshot or 0)
    least, applied = tonumber(least or 0), applied or ''
    local entry = spack('<i8I4', name, chunk)
    for at = 1, #applied, 12 do
        if sub(applied, at, at + 11) == entry then
            return 2
        end
    end
    if name <= least or name < snapshot or (kind == 0 and name < newest) then
        return 3
    end
    applied = applied .. entry
    if #applied > 12 * FEED_WINDOW then
        local gone = sunpack('<i8', applied)
        least = gone > least and gone or least
        applied = sub(applied, 13)
    end
    if kind == 0 and name > snapshot then
        snapshot = name
    end
    return 1, {space .. '_newest', name > newest and name or newest, space .. '_snapshot', snapshot,
        space .. '_floor', least, space .. '_applied', applied}
end

-- sold_since: SKU -> quantity that has left the shelf after as_of
local function sold_since(w, store, as_of)
    local gone = {}
    for _, m in ipairs(call('ZRANGEBYSCORE', w.p .. 'sold:' .. store, '(' .. as_of, '+inf')) do
        for at = 38, #m, 8 do
            local sku, quantity = sunpack('<I4i4', m, at)
            gone[sku] = (gone[sku] or 0) + quantity
        end
    end
    return gone
end

local function clamp(v)
    return v > QUANTITY_MAX and QUANTITY_MAX or v < -QUANTITY_MAX / 10 and -QUANTITY_MAX / 10 or v
end

local function read_pairs(key, lines)
    local args = {'BITFIELD_RO', key}
    for i, l in ipairs(lines) do
        args[3 * i], args[3 * i + 1], args[3 * i + 2] = 'GET', 'i64', '#' .. l.sku
    end
    return call(unpack(args))
end

local function set_pairs(key, writes)
    if #writes > 0 then
        call('BITFIELD', key, unpack(writes))
    end
end

-- feed_lines: the new numbers of a feed's lines
local function feed_lines(w, lines, kind, safety, gone, levels, shelves)
    local f = {stock = {}, shelf = {}, ledger = {}, n = 0, changed = 0, back = 0}
    for i, l in ipairs(lines) do
        local avail, hand = floor(levels[i] / B32), floor(shelves[i] / B32)
        local price, old_safety = levels[i] - avail * B32, shelves[i] - hand * B32
        local to_avail, to_hand, to_price = avail, hand, l.price or price
        if l.quantity then
            to_hand = clamp(kind == 0 and l.quantity - (gone[l.sku] or 0) or hand + l.quantity)
            -- open reservations = on hand - available - safety, and they stay
            to_avail = avail + (to_hand - hand) - (safety - old_safety)
        end
        if to_avail ~= avail or to_hand ~= hand or to_price ~= price or
            (l.quantity and safety ~= old_safety) then
            local sku, s, h = '#' .. l.sku, f.stock, f.shelf
            f.changed = f.changed + 1
            s[#s + 1], s[#s + 2], s[#s + 3], s[#s + 4] = 'SET', 'i64', sku, to_avail * B32 + to_price
            if l.quantity then
                h[#h + 1], h[#h + 2], h[#h + 3], h[#h + 4] = 'SET', 'i64', sku, to_hand * B32 + safety
            end
            if to_avail ~= avail or to_hand ~= hand then
                f.n = f.n + 1
                f.ledger[f.n] = spack('<I4i4i4', l.sku, to_avail - avail, to_hand - hand)
            end
            if to_avail > 0 and to_price > 0 and (avail <= 0 or price == 0) then
                f.back = 1
            end
        end
    end
    return f
end

local function stock_apply(keys, args)
    local w = begin(keys, args[1])
    if #args ~= 9 then
        refuse('arguments: expected 9')
    end
    local store = number(args[2], 'store', 1, B32 - 1)
    local kind = number(args[3], 'kind', 0, 1)
    local as_of = number(args[4], 'as_of', 0, NUMBER_MAX)
    local sequence = number(args[5], 'sequence', 0, NUMBER_MAX)
    local chunk = number(args[6], 'chunk', 0, 1000000)
    local safety = number(args[7], 'safety', -1, SAFETY_MAX)
    if #args[8] ~= 36 then
        refuse('feedid: expected 36 bytes')
    end
    if sequence == 0 and as_of == 0 then
        refuse('as_of: expected a time where there is no sequence')
    end
    local lines = parse_feed(args[9])
    local shop = call('HGET', w.p .. 'stores', store)
    if not shop then
        return char(4, 0, 0, 0) .. spack('<I4', 0)
    end
    if safety < 0 then -- Store.safety_stock
        safety = field_of(shop, 19, 0) or 0
        safety = safety < SAFETY_MAX and safety or SAFETY_MAX
    end
    local key = w.p .. 'feed:' .. store
    local outcome, remember = feed_order(w, key, kind, as_of, sequence, chunk)
    if outcome ~= 1 then
        return char(outcome, 0, 0, 0) .. spack('<I4', 0)
    end
    local stock, shelf = w.p .. 'stock:' .. store, w.p .. 'shelf:' .. store
    local gone = kind == 0 and sold_since(w, store, as_of) or nil
    local f = feed_lines(w, lines, kind, safety, gone, read_pairs(stock, lines),
        read_pairs(shelf, lines))
    set_pairs(stock, f.stock)
    set_pairs(shelf, f.shelf)
    call('HSET', key, unpack(remember))
    if f.n > 0 then
        w.ledger[1] = args[8] .. spack('<I4BBI2', store, FEED, 0, f.n) .. concat(f.ledger)
    end
    if f.back == 1 then
        w.catalogue = {'stock', spack('<I4', store)}
    end
    flush(w)
    return char(1, f.back, 0, 0) .. spack('<I4', f.changed)
end

local function stock_read(keys, args)
    local p = begin(keys, '1').p .. 'stock:'
    local n, asks, total = count(args, 1, 2, 4096), {}, 0
    for i = 1, n do
        local store, skus = number(args[i + i], 'store', 0, B32 - 1), args[i + i + 1]
        local m = #skus / 4
        total = total + m
        if m ~= floor(m) or m < 1 or m > 1000 or total > 100000 then
            refuse('skus: expected 1 to 1000 of 4 bytes')
        end
        local get = {'BITFIELD_RO', p .. store}
        for k = 1, m do
            local sku = sunpack('<I4', skus, 4 * k - 3)
            if sku > SKU_MAX then
                refuse('skus: expected indexes up to ', SKU_MAX)
            end
            get[3 * k], get[3 * k + 1], get[3 * k + 2] = 'GET', 'i64', '#' .. sku
        end
        asks[i] = get
    end
    for i = 1, n do
        local got, out = call(unpack(asks[i])), {}
        for k, v in ipairs(got) do
            local a = floor(v / B32)
            out[k] = spack('<i4I4', a, v - a * B32)
        end
        asks[i] = concat(out)
    end
    return asks
end

---------------------------------------------------------------------------------------------------
-- due rows

local QUEUES = {match = function(state) return state == CREATED end,
    held = function(state) return state == HELD end,
    dispatch = function(state) return state >= PLACED and not IS_END[state] end,
    expire = function(state)
        return state == READY_FOR_COLLECTION or (state >= PLACED and state < PICKED_UP)
    end}

local function queue_key(w, name)
    if not QUEUES[name or ''] then
        refuse('queue: expected match, held, dispatch or expire')
    end
    return w.p .. 'due:' .. name
end

local function due_claim(keys, args)
    local w = begin(keys, args[1])
    local key, wanted = queue_key(w, args[2]), QUEUES[args[2]]
    local limit = number(args[3] or '', 'limit', 1, 1000)
    local till = w.now + number(args[4] or '', 'visibility', 0, 86400000)
    local ids = call('ZRANGE', key, '-inf', w.now, 'BYSCORE', 'LIMIT', 0, limit)
    if #ids == 0 then
        return {}
    end
    load_records(w, ids, {})
    local out, push, drop = {}, {}, {}
    for _, id in ipairs(ids) do
        local record = w.records[id]
        if record and wanted(byte(record, 2)) then
            out[#out + 1], out[#out + 2] = id, record
            push[#push + 1], push[#push + 2] = till, id
        else
            drop[#drop + 1] = id
        end
    end
    if #drop > 0 then
        call('ZREM', key, unpack(drop))
    end
    if #push > 0 then
        call('ZADD', key, unpack(push))
    end
    return out
end

local function due_hasten(keys, args)
    local w = begin(keys, args[1])
    local key, limit = queue_key(w, args[2]), number(args[3] or '', 'limit', 1, 1000)
    local ids = call('ZRANGE', key, '(' .. args[1], '+inf', 'BYSCORE', 'LIMIT', 0, limit)
    local push = {}
    for i, id in ipairs(ids) do
        push[i + i - 1], push[i + i] = w.now, id
    end
    if #push > 0 then
        call('ZADD', key, unpack(push))
    end
    return #ids
end

local function due_set(keys, args)
    local w = begin(keys, args[1])
    local key, id = queue_key(w, args[2]), uuid(args[3] or '')
    return call('ZADD', key, 'XX', 'CH', number(args[4] or '', 'score', 0, NUMBER_MAX), id)
end

---------------------------------------------------------------------------------------------------
-- the catalogue

-- put_numbered: things with a name and a number: finds or gives the number, writes what has changed. `things`:
-- {name, bytes, tag}; `topic` is told once for each change, or (once = number) once a call.
local function put_numbered(w, things, hash, names, counter, topic)
    local found = call('HMGET', w.p .. names, unpack(things.names))
    local given, last = {}, tonumber(call('HGET', w.p .. 'next', counter) or 0)
    local new_names, numbers = {}, {}
    for i, name in ipairs(things.names) do
        local number = tonumber(found[i] or given[name] or 0)
        if number == 0 then
            last = last + 1
            number = last
            given[name] = number
            new_names[#new_names + 1], new_names[#new_names + 2] = name, number
        end
        numbers[i] = number
    end
    local old, writes, now_bytes = call('HMGET', w.p .. hash, unpack(numbers)), {}, {}
    for i, number in ipairs(numbers) do
        local bytes = '\8' .. varint(number) .. things.bytes[i]
        if (now_bytes[number] or old[i]) ~= bytes then
            now_bytes[number] = bytes
            writes[#writes + 1], writes[#writes + 2] = number, bytes
            local c = w.catalogue
            c[#c + 1], c[#c + 2] = topic, spack('<I4', number)
        end
    end
    if #new_names > 0 then
        call('HSET', w.p .. names, unpack(new_names))
        call('HSET', w.p .. 'next', counter, last)
    end
    if #writes > 0 then
        call('HSET', w.p .. hash, unpack(writes))
    end
    return numbers
end

local function place_on_earth(lat, lng)
    lat, lng = tonumber(lat), tonumber(lng)
    if not lat or not lng or not (lat >= -85 and lat <= 85 and lng >= -180 and lng <= 180) then
        refuse('lat, lng: expected -85 to 85 and -180 to 180 degrees')
    end
end

local function store_put(keys, args)
    local w = begin(keys, args[1])
    local n, things = count(args, 2, 6, 500), {names = {}, bytes = {}}
    if n == 0 then
        return {}
    end
    for i = 1, n do
        local b = 6 * i - 3
        number(args[b], 'chain', 1, B32 - 1)
        if args[b + 1] == '' or #args[b + 1] > 64 then
            refuse('store_id: expected 1 to 64 bytes')
        end
        place_on_earth(args[b + 3], args[b + 4])
        number(args[b + 5], 'open', 0, 1)
        things.names[i], things.bytes[i] = args[b] .. ':' .. args[b + 1], args[b + 2]
    end
    local numbers = put_numbered(w, things, 'stores', 'storeids', 'store', 'store')
    local add, drop = {}, {}
    for i, store in ipairs(numbers) do
        local b = 6 * i - 3
        if args[b + 5] == '1' then
            add[#add + 1], add[#add + 2], add[#add + 3] = args[b + 4], args[b + 3], store
        else
            drop[#drop + 1] = store
        end
    end
    if #add > 0 then
        call('GEOADD', w.p .. 'geo:stores', unpack(add))
    end
    if #drop > 0 then
        call('ZREM', w.p .. 'geo:stores', unpack(drop))
    end
    flush(w)
    return numbers
end

-- named_put: chains and couriers: message field 2 is the name
local function named_put(keys, args, kind, hash)
    local w = begin(keys, args[1])
    if #args ~= 3 then
        refuse('arguments: expected 3')
    end
    local given, name = number(args[2], 'number', 0, B32 - 1), field_of(args[3], 2, 2)
    if not name or name == '' then
        refuse(kind, ': expected a message with ', kind, '_id')
    end
    local known = tonumber(call('HGET', w.p .. kind .. 'ids', name) or 0)
    if given ~= 0 and known ~= given then
        refuse(kind, '_id: ', name, ' has number ', known)
    end
    local things = {names = {name}, bytes = {args[3]}}
    local numbers = put_numbered(w, things, hash, kind .. 'ids', kind, kind)
    flush(w)
    return numbers[1]
end

local function chain_put(keys, args)
    return named_put(keys, args, 'chain', 'chains')
end

local function courier_put(keys, args)
    return named_put(keys, args, 'courier', 'couriers')
end

local function sku_put(keys, args)
    local w = begin(keys, args[1])
    local chain = number(args[2] or '', 'chain', 1, B32 - 1)
    local n, names = count(args, 3, 2, 2000), {}
    if n == 0 then
        return {}
    end
    for i = 1, n do
        names[i] = args[2 + i + i]
        if names[i] == '' or #names[i] > 64 then
            refuse('sku: expected 1 to 64 bytes')
        end
    end
    local key = w.p .. 'skus:' .. chain
    local old, total = call('HMGET', key, unpack(names)), call('HLEN', key)
    local now_bytes, writes, indexes = {}, {}, {}
    for i, name in ipairs(names) do
        local was = now_bytes[name] or old[i]
        local index = was and unvarint(was, 2)
        if not index then
            index = total
            total = total + 1
        end
        if index > SKU_MAX then
            refuse('sku: expected at most ', SKU_MAX + 1, ' in a chain')
        end
        local bytes = '\16' .. varint(index) .. args[3 + i + i]
        if was ~= bytes then
            now_bytes[name] = bytes
            writes[#writes + 1], writes[#writes + 2] = name, bytes
        end
        indexes[i] = index
    end
    if #writes > 0 then
        call('HSET', key, unpack(writes))
        w.catalogue = {'sku', spack('<I4', chain)}
    end
    flush(w)
    return indexes
end

local function courier_seen(keys, args)
    local w = begin(keys, args[1])
    local n, add = count(args, 2, 3, 2000), {}
    for i = 1, n do
        local b = 3 * i
        place_on_earth(args[b + 1], args[b + 2])
        local courier = number(args[b], 'courier', 1, B32 - 1)
        add[b - 2], add[b - 1], add[b] = args[b + 2], args[b + 1], courier
    end
    if n > 0 then
        call('GEOADD', w.p .. 'geo:couriers', unpack(add))
    end
    return n
end

local function courier_gone(keys, args)
    local w = begin(keys, '1')
    return call('ZREM', w.p .. 'geo:couriers', number(args[1] or '', 'courier', 1, B32 - 1))
end

---------------------------------------------------------------------------------------------------
-- webhooks and streams

local function webhook_enqueue(keys, args)
    local w = begin(keys, args[1])
    local from, to = args[2] or '', args[3] or ''
    local n, hset, zadd = count(args, 4, 3, 1000), {}, {}
    if not find(to, '^%d+%-%d+$') then
        refuse('to: expected a stream id')
    end
    for i = 1, n do
        local b = 3 * i + 2
        if args[b] == '' or #args[b] > 100 then
            refuse('id: expected 1 to 100 bytes')
        end
        zadd[i + i - 1], zadd[i + i] = number(args[b + 1], 'due', 0, NUMBER_MAX), args[b]
        hset[i + i - 1], hset[i + i] = args[b], args[b + 2]
    end
    local cursor = call('GET', w.p .. 'cursor:webhook')
    if (cursor or '0-0') ~= (from == '' and '0-0' or from) then
        return 0
    end
    call('SET', w.p .. 'cursor:webhook', to)
    if n > 0 then
        call('HSET', w.p .. 'webhooks', unpack(hset))
        call('ZADD', w.p .. 'due:webhook', unpack(zadd))
    end
    return 1
end

local function webhook_done(keys, args)
    local w = begin(keys, args[1])
    local id, due = args[2] or '', number(args[3] or '', 'next_due', 0, NUMBER_MAX)
    if due > 0 then
        return call('ZADD', w.p .. 'due:webhook', 'XX', 'CH', due, id)
    end
    call('HDEL', w.p .. 'webhooks', id)
    return call('ZREM', w.p .. 'due:webhook', id)
end

local function webhook_claim(keys, args)
    local w = begin(keys, args[1])
    local limit = number(args[2] or '', 'limit', 1, 1000)
    local till = w.now + number(args[3] or '', 'visibility', 0, 86400000)
    local key = w.p .. 'due:webhook'
    local ids = call('ZRANGE', key, '-inf', w.now, 'BYSCORE', 'LIMIT', 0, limit)
    if #ids == 0 then
        return {}
    end
    local got, out, push = call('HMGET', w.p .. 'webhooks', unpack(ids)), {}, {}
    for i, id in ipairs(ids) do
        if got[i] then
            out[#out + 1], out[#out + 2] = id, got[i]
            push[#push + 1], push[#push + 2] = till, id
        else
            call('ZREM', key, id)
        end
    end
    if #push > 0 then
        call('ZADD', key, unpack(push))
    end
    return out
end

local function events_trim(keys, args)
    local w = begin(keys, '1')
    local keep, key = number(args[1] or '', 'keep', 0, NUMBER_MAX), w.p .. 'events'
    local newest = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    local cursor = call('GET', w.p .. 'cursor:webhook')
    if not newest or not cursor then
        return 0
    end
    local last = tonumber(string.match(newest[1], '%-(%d+)$'))
    local read = find(cursor, '^1%-') and tonumber(string.match(cursor, '%-(%d+)$')) or -1
    local first = last - keep + 1
    if first > read + 1 then
        first = read + 1
    end
    if first < 1 then
        return 0
    end
    return call('XTRIM', key, 'MINID', '1-' .. first)
end

---------------------------------------------------------------------------------------------------

local function bind()
    call, spack, sunpack = redis.call, struct.pack, struct.unpack
    sub, byte, char, rep, find = string.sub, string.byte, string.char, string.rep, string.find
    floor, concat = math.floor, table.concat
    NO_STAMPS = rep('\0', 128)
    HAD_ALL = '\16' .. varint(-1)
end

local function register(name, fn, flags)
    redis.register_function({function_name = name, flags = flags or {}, callback =
        function(keys, args)
            if not call then
                bind()
            end
            return fn(keys, args)
        end})
end

register('order_place', order_place)
register('order_accept', order_accept)
register('order_step', order_step)
register('plan_commit', plan_commit)
register('lease_take', lease_take)
register('stock_apply', stock_apply)
register('stock_read', stock_read, {'no-writes'})
register('due_claim', due_claim)
register('due_hasten', due_hasten)
register('due_set', due_set)
register('store_put', store_put)
register('chain_put', chain_put)
register('courier_put', courier_put)
register('sku_put', sku_put)
register('courier_seen', courier_seen)
register('courier_gone', courier_gone)
register('webhook_enqueue', webhook_enqueue)
register('webhook_done', webhook_done)
register('webhook_claim', webhook_claim)
register('events_trim', events_trim)
register('lib_version', function() return VERSION end, {'no-writes'})
