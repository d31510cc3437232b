#!lua name=lifecircle
--[[ Lifecircle's Redis Functions: the only code that writes. The contract is docs/redis.md.

One file of more than 600 lines, because Redis loads a library whole.

Rules in here:
 * No clock, no chance: the time is an argument, stream ids rise by one. The same calls leave the same bytes.
 * A call checks its arguments, reads, decides, and only then writes (flush), so that an error leaves no trace.
 * What a call has decided but not yet written is kept in a working set; the second order of a batch sees what the
   first has done. Only order_place takes stock at once: nothing behind it can fail.
 * Redis calls cost 0.5 to 1 us each, and so do a table that grows, a number made text, a long struct.pack. So: one
   MGET, MSET, ZADD per queue and XADD per stream whatever the size of the batch, tables that are used again, and
   slices of what came in instead of packing it once more.
 * A level and its price are read and written as one 64-bit number, available * 2^32 + price. Levels stay within 21
   bits, so the number fits a Lua double exactly. ]]

local VERSION = '1'

-- Bound at the first call: while a library is loaded none of this is there.
local call, spack, sunpack, sub, byte, char, rep, find, format, floor, concat

local B32 = 4294967296
local SKU_MAX = 1048575      -- the highest SKU index: a store's string stays within 8 MiB
local QUANTITY_MAX = 1000000 -- on hand of one SKU
local SAFETY_MAX = 10000
local PRICE_MAX = 2147483647
local DAY_MS = 86400000
local NUMBER_MAX = 9007199254740992

-- OrderState and Reason of proto/order.proto
local NONE, CREATED, HELD, PLACED, CONFIRMED, ENROUTE_TO_PICKUP = 0, 1, 2, 3, 4, 5
local ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF = 6, 7, 8, 9
local DELIVERED, READY_FOR_COLLECTION, COLLECTED, CANCELLED = 10, 11, 12, 13
local RETURNED, REJECTED, RETURNING = 14, 15, 16
local IS_END = {[DELIVERED] = true, [COLLECTED] = true, [CANCELLED] = true, [RETURNED] = true,
    [REJECTED] = true}
local OUT_OF_STOCK, HOLD_EXPIRED, PRICE_CHANGED, RESERVATION_EXPIRED = 10, 12, 13, 52
local ADDRESS_NOT_CONFIRMED = 14

-- the head's flags
local F_COLLECTION, F_PARTIAL, F_SUBSTITUTED, F_PRICE, F_TAKEN, F_COMMITTED, F_READY =
    1, 4, 8, 16, 32, 64, 128

-- causes of ledger entries
local RESERVE, RELEASE, COMMIT, FEED, RETURN = 1, 2, 3, 4, 5

-- PlaceResult.Outcome
local PLACED_AT, HELD_OR_REJECTED, EXHAUSTED, DUPLICATE, CONFLICT, PRICE_DIFFERS = 1, 2, 3, 4, 5, 6

local HEAD_SIZE, LINE_SIZE = 224, 16
local ACCEPTED = 32768 -- beside the attempts at matching, below it: the store has accepted the order
local KEY_SIZE = 88 -- of a wrapped key, in front of what is sealed (base/personal.h)
local FIRST, ZERO4, ZERO8 = '\1\0\0\0', '\0\0\0\0', '\0\0\0\0\0\0\0\0'

---------------------------------------------------------------------------------------------------
-- registering

local function bind()
    call, spack, sunpack = redis.call, struct.pack, struct.unpack
    sub, byte, char, rep, find = string.sub, string.byte, string.char, string.rep, string.find
    format, floor, concat = string.format, math.floor, table.concat
end

-- allow-oom: what is under way goes on when memory is full: orders come to their end and can be archived, tokens can be revoked.
-- What the router writes by itself too: a call that is LOST has it load the whole city anew.
-- Only what brings something new (orders, feeds, pictures) is refused then, and it is what fills the memory.
local function register(name, fn, flags)
    redis.register_function({function_name = name, flags = flags or {}, callback =
        function(keys, args)
            if not call then
                bind()
            end
            return fn(keys, args)
        end})
end

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
-- the working set: what this call has decided and not yet written
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

---------------------------------------------------------------------------------------------------
-- placing (in a block of its own, as all that follow: Lua has room for 200 locals)
do

-- placing: arguments
--
-- `plan` is what is decided by. `record` is what is to be written in the usual case: a new order, all of every line at
-- the first candidate, at the prices asked. It is written as it came; with another candidate it is put together from
-- slices of it, and only what differs from that is packed here.

local PLAN_HEAD, PLAN_LINE = 16, 28 -- PLAN_LINE: SKU, quantity; what must be left; the ledger's change
local LINE_FORMAT = {}              -- by number of lines
local NOT_SAID = 4294967295         -- as a price
local ACCEPT = 12                   -- mode: create only, by order_accept

local function parse_substitutes(s, at, n)
    local subs = {}
    while at <= #s do
        if at + 3 > #s then
            refuse('plan: substitutes cut short')
        end
        local line, count = sunpack('<I2I2', s, at)
        if line >= n or count < 1 or count > 5 or at + 3 + 4 * count > #s then
            refuse('plan: expected up to 5 substitutes of a line')
        end
        local list = {sunpack('<' .. rep('I4', count), s, at + 4)}
        list[count + 1] = nil -- the position behind
        for i = 1, count do
            if list[i] > SKU_MAX then
                refuse('plan: expected SKU indexes up to ', SKU_MAX)
            end
        end
        subs[line + 1] = list
        at = at + 4 + 4 * count
    end
    return subs
end

-- parse_lines: SKU and quantity of each line, then of each line the number that the stock must have left:
-- quantity * 2^32 + price asked
local function parse_lines(plan, n)
    local f = LINE_FORMAT[n]
    if not f then
        f = '<' .. rep('I4', n + n) .. rep('i8', n)
        LINE_FORMAT[n] = f
    end
    local v, last = {sunpack(f, plan, PLAN_HEAD + 1)}, -1
    for i = 1, n + n, 2 do
        local sku, quantity = v[i], v[i + 1]
        if sku <= last or sku > SKU_MAX then
            refuse('plan: expected SKU indexes rising, up to ', SKU_MAX)
        end
        if quantity < 1 or quantity > 65535 then
            refuse('plan: expected quantities of 1 to 65535')
        end
        last = sku
    end
    return v
end

local ORDER = {} -- tables for the orders of a call, used again

local function parse_order(i, id, idem, plan, record, explain, sealed, accept)
    if #id ~= 36 then
        refuse('uuid: expected 36 characters')
    end
    if #idem > 150 then
        refuse('idem: expected up to 150 bytes')
    end
    if #plan < PLAN_HEAD + PLAN_LINE + 4 then
        refuse('plan: cut short')
    end
    local flags, shortage, policy, mode, _, n_candidates, low, high = byte(plan, 1, 8)
    if flags > 3 or shortage > 3 or policy > 2 or mode > 7 or n_candidates > 64 then
        refuse('plan: flags, shortage, price policy, mode or number of candidates out of range')
    end
    local n = low + 256 * high
    local list = PLAN_HEAD + PLAN_LINE * n + 4 -- candidates lie behind
    local size = list + 24 * n_candidates
    if n < 1 or n > 100 or #plan < size then
        refuse('plan: expected 1 to 100 lines of ', PLAN_LINE, ' bytes, and candidates of 24')
    end
    if #record <= HEAD_SIZE + LINE_SIZE * n or byte(record, 29) ~= low or
        byte(record, 30) ~= high then
        refuse('record: expected head, lines and Order')
    end
    if sealed and sealed ~= '' and (#sealed <= KEY_SIZE or #sealed > 2048) then
        refuse('sealed: expected a key of ', KEY_SIZE, ' bytes and up to 2048 in all')
    end
    local o = ORDER[i]
    if not o then
        o = {}
        ORDER[i] = o
    end
    o.sealed = sealed ~= '' and sealed
    o.uuid, o.key, o.idem = id, p .. 'order:' .. id, idem ~= '' and p .. 'idem:' .. idem
    o.plan, o.record, o.explain, o.n, o.list, o.candidates = plan, record, explain, n, list, n_candidates
    o.values = parse_lines(plan, n)
    o.subs = #plan > size and parse_substitutes(plan, size + 1, n)
    o.flags, o.mode = flags, accept and ACCEPT or mode
    return o
end

-- What is asked less often stays in `plan` and `record`.
local function shortage(o)
    return byte(o.plan, 2)
end

local function reason_if_none(o)
    return byte(o.plan, 5)
end

local function more_follow(o)
    return o.mode % 2 == 1
end

local function sku_at(o, i)
    return o.values[i + i - 1]
end

local function wanted(o, i)
    return o.values[i + i]
end

local function asked_price(o, i)
    return (sunpack('<I4', o.record, HEAD_SIZE + 16 * i - 7))
end

-- candidate: its store's number as text
local function candidate(o, c)
    local store = sunpack('<I4', o.plan, o.list + 24 * c + 1)
    return PLAIN[store] or text(store)
end

---------------------------------------------------------------------------------------------------
-- placing: records

local STAMPS = ZERO8 .. ZERO8 .. ZERO8 .. ZERO8
STAMPS = STAMPS .. STAMPS .. STAMPS .. STAMPS -- 16 states
local HAD_ALL = '\16\255\255\255\255\255\255\255\255\255\1' -- missing_sku = -1

-- stamps_at: all stamps, with this state entered now; the same string for all new orders of a call
local stamps_now, stamps_time = {}, nil

local function stamps_at(stamps, state)
    if stamps ~= STAMPS then
        return sub(stamps, 1, 8 * state - 8) .. now8 .. sub(stamps, 8 * state + 1)
    end
    if stamps_time ~= now then
        stamps_now, stamps_time = {}, now
    end
    local made = stamps_now[state]
    if not made then
        made = sub(STAMPS, 1, 8 * state - 8) .. now8 .. sub(STAMPS, 8 * state + 1)
        stamps_now[state] = made
    end
    return made
end

local PREFIX = {} -- char(a, b, c, d) as it often comes: as a number

local function prefix(a, b, c, d)
    local at = a + 256 * b + 65536 * c + 16777216 * d
    local s = PREFIX[at]
    if not s then
        s = char(a, b, c, d)
        PREFIX[at] = s
    end
    return s
end

-- make_head: of a record not written before, or (existing) in place of its head. `times` is ready and eta.
local function make_head(o, existing, state, reason, flags, version, store, times, total)
    local from, attempts, stamps = o.record, '\1\0', STAMPS
    if existing then
        from, attempts, stamps = existing, sunpack('<I2', existing, 31), sub(existing, 97, HEAD_SIZE)
        attempts = spack('<I2', attempts < ACCEPTED - 1 and attempts + 1 or ACCEPTED - 1)
    end
    return char(1, state, reason, flags) .. version .. sub(from, 9, 20) .. store .. ZERO4 ..
        sub(from, 29, 30) .. attempts .. sub(from, 33, 56) .. times .. total .. now8 .. ZERO8 ..
        stamps_at(stamps, state)
end

-- make_lines: taken, prices, instead (SKU index + 1) may be nil: nothing taken
local function make_lines(o, taken, prices, instead)
    local v, m = {}, 0
    for i = 1, o.n do
        v[m + 1], v[m + 2] = sku_at(o, i), wanted(o, i)
        v[m + 3], v[m + 4] = taken and taken[i] or 0, prices and prices[i] or 0
        v[m + 5] = instead and instead[i] or 0
        m = m + 5
    end
    return spack('<' .. rep('I4I2I2I4I4', o.n), unpack(v))
end

-- stored: head and lines of a record
local function stored(record)
    return sub(record, 1, HEAD_SIZE + LINE_SIZE * sunpack('<I2', record, 29))
end

-- write_rest: what is kept beside the record; `verdicts` in place of the one that came with it
local function write_rest(o, verdicts)
    if o.explain ~= '' then
        put_set(p .. 'explain:' .. o.uuid, verdicts and sub(o.explain, 1, -14) .. verdicts or o.explain)
    end
    if o.idem and not bound[o.idem] then
        bound[o.idem] = o.uuid
        put_set(o.idem, o.uuid)
    end
end

-- write: a new record, or a new head and lines in front of the Order that was written first
local function write(o, existing, head, lines, verdicts)
    local from = existing or o.record
    put_record(o.uuid, o.key, head .. lines .. sub(from, #stored(from) + 1))
    if o.sealed and not existing then
        put_sealed(o.uuid, o.sealed)
    end
    write_rest(o, verdicts)
end

local function answer(outcome, candidate, rest)
    return char(outcome, candidate, 0, 0) .. rest
end

local function version_after(existing)
    return existing and spack('<I4', sunpack('<I4', existing, 5) + 1) or FIRST
end

---------------------------------------------------------------------------------------------------
-- placing: stock

local HAD = {} -- that a candidate had everything, by candidate

-- verdict: StockVerdict of proto/match.proto, as field 15 of the DecisionRecord
local function verdict(candidate, missing, available, wanted)
    local which, what = candidate > 0 and '\8' .. char(candidate) or '', HAD_ALL
    if missing then
        what = '\16' .. varint(missing) .. '\24' .. varint(available) .. '\32' .. varint(wanted)
    end
    local v = '\122' .. char(#which + #what) .. which .. what
    if not missing then
        HAD[candidate] = v
    end
    return v
end

-- BITFIELD_RO's and BITFIELD's arguments, used again
local get, take = {'BITFIELD_RO', ''}, {'BITFIELD', ''}
for i = 1, 100 do
    get[3 * i], get[3 * i + 1] = 'GET', 'i64'
    take[4 * i - 1], take[4 * i] = 'INCRBY', 'i32'
end

local avail, prices = {}, {} -- of the lines at the store looked at last, by look_closer
local stock_key -- in front of a store's number

-- look_for: the next looks are for this order's lines
local function look_for(o)
    local values, n, args, at = o.values, o.n, get, 5
    for i = 1, n + n, 2 do
        local sku = values[i]
        args[at] = PAIR[sku] or pair_of(sku)
        at = at + 3
    end
end

-- look_closer: fills avail and prices from what look has read
local function look_closer(o, got)
    for i = 1, o.n do
        local price = got[i] % B32 -- % rounds down: right for levels below 0, too
        avail[i], prices[i] = price > 0 and (got[i] - price) / B32 or 0, price -- 0: not sold here
    end
end

-- look: the first line that is short, how much is there of it, whether all prices are as asked, and what was read.
-- Where nothing is short and a price is not as asked, look_closer has been there.
local function look(o, store_text)
    local n, values, same = o.n, o.values, true
    get[2] = stock_key .. store_text
    local got, at = call(unpack(get, 1, 2 + 3 * n)), n + n
    for i = 1, n do
        local spare = got[i] - values[at + i]
        if spare < 0 or spare % B32 > 0 then
            local price = got[i] % B32
            local there = price > 0 and (got[i] - price) / B32 or 0
            if there < values[i + i] then
                return i, there, false, got
            end
            same = false
        end
    end
    if not same then
        look_closer(o, got)
    end
    return nil, nil, same, got
end

-- take_whole: the usual case, at the store looked at last
local function take_whole(o)
    local values, n, args, at = o.values, o.n, take, 5
    for i = 1, n + n, 2 do
        local sku, t = values[i], -values[i + 1]
        args[at], args[at + 1] = LEVEL[sku] or level_of(sku), PLAIN[t] or text(t)
        at = at + 4
    end
    args[2] = get[2]
    call(unpack(args, 1, 2 + 4 * n))
end

-- as_asked: the ledger's entry behind the store: cause, number and changes
local function as_asked(o)
    local at = PLAN_HEAD + 16 * o.n
    return sub(o.plan, at + 1, at + 4 + 12 * o.n)
end

-- take_some: another quantity, or something instead. Gives what as_asked gives.
local function take_some(o, store_text, taken, instead)
    local args, v, m = {'BITFIELD', p .. 'stock:' .. store_text}, {}, 0
    for i = 1, o.n do
        local t = taken[i]
        if t > 0 then
            local sku = instead and instead[i] and instead[i] - 1 or sku_at(o, i)
            local a = #args
            args[a + 1], args[a + 2], args[a + 3], args[a + 4] = 'INCRBY', 'i32', level_of(sku), text(-t)
            v[m + 1], v[m + 2], v[m + 3] = sku, -t, 0
            m = m + 3
        end
    end
    call(unpack(args))
    return spack('<BBI2' .. rep('I4i4i4', m / 3), RESERVE, 0, m / 3, unpack(v))
end

local function total_of(o, taken)
    local total = 0
    for i = 1, o.n do
        total = total + taken[i] * prices[i]
    end
    return spack('<i8', total)
end

-- some: what the store looked at last can give of an order: part of it. nil when nothing.
local function some(o)
    local taken, any = {}, false
    for i = 1, o.n do
        local t = avail[i] < wanted(o, i) and avail[i] or wanted(o, i)
        if t < 0 then
            t = 0
        end
        taken[i] = t
        any = any or t > 0
    end
    return any and taken
end

-- fill: each missing line whole by the first of its substitutes that is there, at the store looked at last. nil when one
-- cannot. What one line takes is gone for the next. Puts the substitutes' prices into prices.
local function fill(o, store_text)
    local key, used, instead = p .. 'stock:' .. store_text, {}, {}
    for i = 1, o.n do
        if avail[i] >= wanted(o, i) then
            used[sku_at(o, i)] = wanted(o, i)
        end
    end
    for i = 1, o.n do
        local need = wanted(o, i)
        local found = avail[i] >= need
        local subs = not found and o.subs and o.subs[i] or {}
        for k = 1, #subs do
            local sku = subs[k]
            local v = call('BITFIELD_RO', key, 'GET', 'i64', pair_of(sku))[1]
            local price = v % B32
            if price > 0 and (v - price) / B32 - (used[sku] or 0) >= need then
                used[sku] = (used[sku] or 0) + need
                prices[i], instead[i], found = price, sku + 1, true
                break
            end
        end
        if not found then
            return nil
        end
    end
    return instead
end

local function quantities(o)
    local q = {}
    for i = 1, o.n do
        q[i] = wanted(o, i)
    end
    return q
end

-- make_do: the order's own policy where no candidate has every line. Gives the candidate, its store, what is taken, and
-- what instead; nil when there is none either.
local function make_do(o)
    if more_follow(o) or shortage(o) < 2 then
        return nil
    end
    for c = 0, o.candidates - 1 do
        local store = candidate(o, c)
        local short, _, _, got = look(o, store)
        if not short then -- never: what is not short was taken
            return nil
        end
        look_closer(o, got)
        if shortage(o) == 2 then
            local taken = some(o)
            if taken then
                return c, store, taken, nil
            end
        else
            local instead = fill(o, store)
            if instead then
                return c, store, quantities(o), instead
            end
        end
    end
    return nil
end

---------------------------------------------------------------------------------------------------
-- placing: outcomes

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

end

---------------------------------------------------------------------------------------------------
-- steps of an order's life

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
    accept = {from = set(PLACED, CONFIRMED, ENROUTE_TO_PICKUP, ARRIVED_AT_PICKUP, READY_FOR_COLLECTION)},
    collected = {to = COLLECTED, from = set(PLACED, READY_FOR_COLLECTION), past = set(COLLECTED),
        stock = COMMIT, collection = true},
}
local BY_ANYBODY = set('cancel', 'expire', 'ready', 'collected', 'accept')
local BY_ROUTER = set('assign', 'unassign', 'confirm', 'enroute_pickup', 'arrive_pickup', 'pickup',
    'enroute_dropoff', 'arrive_dropoff', 'deliver', 'returning', 'returned', 'eta')

local DONE, ALREADY, NOT_ALLOWED, UNKNOWN = 1, 2, 3, 4

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
            refuse('action: expected accept, cancel, ready, collected or expire')
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

-- unprove: the pictures of a hand-over go
local function unprove(id)
    local photo, signature = id .. ':photo', id .. ':signature'
    local n = call('HSTRLEN', p .. 'proofs', photo) + call('HSTRLEN', p .. 'proofs', signature)
    call('HDEL', p .. 'keys', photo, signature)
    call('HDEL', p .. 'proofs', photo, signature, id .. ':times')
    if n > 0 then
        call('DECRBY', p .. 'proofs_bytes', n)
    end
end

-- order_retire: orders that have ended, and were written elsewhere, go: record, decision, history, idempotency key.
-- One that is not as it was read stays.
local function order_retire(keys, args)
    begin(keys, args[1])
    local answers = {}
    for i = 1, count(args, 2, 3, 512) do
        local id, version, idem = uuid(args[3 * i]), number(args[3 * i + 1], 'version', 1, NUMBER_MAX), args[3 * i + 2]
        local key = p .. 'order:' .. id
        local record = call('GET', key)
        answers[i] = 0
        if record and IS_END[byte(record, 2)] and sunpack('<I4', record, 5) == version then
            call('UNLINK', key, p .. 'explain:' .. id, p .. 'dispatch:' .. id, p .. 'history:' .. id)
            call('HDEL', p .. 'keys', id)
            call('HDEL', p .. 'personal', id)
            unprove(id)
            if idem ~= '' and call('GET', p .. 'idem:' .. idem) == id then
                call('UNLINK', p .. 'idem:' .. idem)
            end
            answers[i] = 1
        end
    end
    return answers
end
register('order_retire', order_retire, {'allow-oom'}) -- it makes room

local FOLD_BLOCKS = 51200 -- that one entry can touch: a call steps at most 512 orders of 100 lines
-- ledger_fold: the oldest entries of the ledger, which were written elsewhere, go; what they came to is in ledger:base.
-- Somebody was faster, when the first is not there any more: nothing changes.
local function ledger_fold(keys, args)
    begin(keys, '1')
    local first, stays, key, base = args[1], args[2], p .. 'ledger', p .. 'ledger:base'
    local oldest = call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    if not oldest or oldest[1] ~= first then
        return 0
    end
    if #call('XRANGE', key, stays, stays) == 0 then
        refuse('stays: expected an entry of the ledger')
    end
    local last = 3 + 2 * count(args, 3, 2, FOLD_BLOCKS)
    for i = 4, last, 2 do
        local store, block = string.match(args[i], '^(%d+):?(%d*)$')
        number(store or '', 'store', 0, NUMBER_MAX)
        number(block == '' and '0' or block, 'block', 0, NUMBER_MAX)
    end
    for i = 4, last, 2 do
        if args[i + 1] == '' then
            call('HDEL', base, args[i])
        else
            call('HSET', base, args[i], args[i + 1])
        end
    end
    return call('XTRIM', key, 'MINID', stays)
end
register('ledger_fold', ledger_fold, {'allow-oom'}) -- it makes room

---------------------------------------------------------------------------------------------------
-- addresses
do

local CONFIRMED_PLACE = 5 -- AddressPrecision

-- with_place: an Order with this Point as its drop-off, said to be confirmed
local function with_place(order, point)
    local out, at = {}, 1
    while at <= #order do
        local from, tag, v = at, nil, nil
        tag, at = unvarint(order, at)
        local field, wire = floor((tag or 0) / 8), (tag or 7) % 8
        if wire == 0 or wire == 2 then
            v, at = unvarint(order, at)
        elseif wire ~= 1 and wire ~= 5 then
            return nil
        end
        if not at then
            return nil
        end
        at = at + (wire == 1 and 8 or wire == 5 and 4 or wire == 2 and v or 0)
        if field ~= 5 and field ~= 29 and field ~= 30 then
            out[#out + 1] = sub(order, from, at - 1)
        end
    end
    return concat(out) .. '\42' .. char(#point) .. point .. varint(29 * 8) .. char(CONFIRMED_PLACE)
end

-- confirm: outcome and record of one order
local function confirm(record, point)
    local rest = HEAD_SIZE + LINE_SIZE * sunpack('<I2', record, 29)
    local order = sub(record, rest + 1)
    if byte(record, 2) ~= HELD or byte(record, 3) ~= ADDRESS_NOT_CONFIRMED then
        local same = field_of(order, 29, 0) == CONFIRMED_PLACE and field_of(order, 5, 2) == point
        return same and ALREADY or NOT_ALLOWED, record
    end
    local after = with_place(order, point)
    if not after then
        return NOT_ALLOWED, record
    end
    return DONE, moved(sub(record, 1, rest), HELD, 0, byte(record, 4), 0) .. after
end

-- order_confirm: where an order that is held for its address really goes; it is matched at once
local function order_confirm(keys, args)
    begin(keys, args[1])
    local n, asked, ids, answers = count(args, 2, 4, 128), {}, {}, {}
    for i = 1, n do
        local b = 4 * i - 1
        local lat, lng = number(args[b + 1], 'lat', -900000000, 900000000),
            number(args[b + 2], 'lng', -1800000000, 1800000000)
        if #args[b + 3] < 1 or #args[b + 3] > 64 then
            refuse('who: expected 1 to 64 bytes')
        end
        ids[i] = uuid(args[b])
        asked[i] = {point = '\13' .. spack('<i4', lat) .. '\21' .. spack('<i4', lng), who = args[b + 3]}
    end
    local records = load_records(ids)
    for i = 1, n do
        local id = ids[i]
        local record = records[id]
        if not record then
            answers[i] = char(UNKNOWN)
        else
            local outcome, after = confirm(record, asked[i].point)
            if outcome == DONE then
                records[id] = after
                put_record(id, p .. 'order:' .. id, after)
                put_event(id, sub(after, 1, HEAD_SIZE))
                put_history(id, after, asked[i].who .. ': address confirmed')
                put_due('held', now_text, id)
            end
            answers[i] = char(outcome) .. after
        end
    end
    flush()
    return answers
end
register('order_confirm', order_confirm)

end

---------------------------------------------------------------------------------------------------
-- personal data
do

-- order_read: records, and what is sealed with its key in front; both empty when there is none
local function order_read(keys, args)
    begin(keys, '1')
    local n, out, ids = count(args, 1, 1, 4000), {}, {}
    for i = 1, n do
        ids[i] = uuid(args[1 + i])
    end
    if n == 0 then
        return out
    end
    local records = load_records(ids)
    local wrapped = call('HMGET', p .. 'keys', unpack(ids))
    local sealed = call('HMGET', p .. 'personal', unpack(ids))
    for i = 1, n do
        out[i + i - 1] = records[ids[i]] or ''
        out[i + i] = wrapped[i] and sealed[i] and wrapped[i] .. sealed[i] or ''
    end
    return out
end
register('order_read', order_read, {'no-writes'})

-- coarse: a Point within about a kilometre
local function coarse(point)
    local out = {}
    for at = 1, #point - 4, 5 do
        local v = sunpack('<i4', point, at + 1)
        out[#out + 1] = sub(point, at, at) .. spack('<i4', floor(v / 100000 + 0.5) * 100000)
    end
    return concat(out)
end

-- blank: an Order without address, instructions, customer and fingerprint, and with a drop-off that is no address
local function blank(order)
    local out, at = {}, 1
    while at <= #order do
        local from, tag, v = at, nil, nil
        tag, at = unvarint(order, at)
        local field, wire = floor((tag or 0) / 8), (tag or 7) % 8
        if wire == 0 or wire == 2 then
            v, at = unvarint(order, at)
        elseif wire ~= 1 and wire ~= 5 then
            return ''
        end
        local body = at
        at = at + (wire == 1 and 8 or wire == 5 and 4 or wire == 2 and v or 0)
        if field == 5 and wire == 2 then
            local point = coarse(sub(order, body, at - 1))
            out[#out + 1] = '\42' .. char(#point) .. point
        elseif field ~= 6 and field ~= 7 and field ~= 8 and field ~= 22 and field ~= 28 then
            out[#out + 1] = sub(order, from, at - 1)
        end
    end
    return concat(out)
end

-- silence: what people said about the order, in its history and their rating
local function silence(id)
    local key = p .. 'history:' .. id
    local entries = call('LRANGE', key, 0, -1)
    for i = 1, #entries do
        local colon = find(entries[i], ': ', 25, true)
        if colon then
            call('LSET', key, i - 1, sub(entries[i], 1, colon - 1))
        end
    end
    local rating = call('HGET', p .. 'ratings', id)
    if rating and #rating > 9 then
        call('HSET', p .. 'ratings', id, sub(rating, 1, 9))
    end
end

-- order_proof: a picture that the courier took at the door, or a signature, sealed. Until the order has ended the last
-- of a kind counts, then the first: what was shown is not exchanged in a dispute. `room`: bytes for all orders' pictures.
local PROVEN = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING, RETURNED)
local NO_ROOM, PROOF_TIMES = 5, 20
local function order_proof(keys, args)
    begin(keys, args[1])
    local id, courier, kind, sealed = uuid(args[2]), number(args[3] or '', 'courier', 1, B32 - 1), args[4], args[5] or ''
    local room = number(args[6] or '', 'room', 0, NUMBER_MAX)
    if kind ~= 'photo' and kind ~= 'signature' then
        refuse('kind: expected photo or signature')
    end
    if #sealed <= KEY_SIZE or #sealed > 160000 then
        refuse('sealed: expected a key of ', KEY_SIZE, ' bytes and up to 160000 in all')
    end
    local head, name = call('GETRANGE', p .. 'order:' .. id, 0, HEAD_SIZE - 1), id .. ':' .. kind
    if #head < HEAD_SIZE then
        return UNKNOWN
    end
    if not PROVEN[byte(head, 2)] or sunpack('<I4', head, 25) ~= courier or sub(head, 9, 16) == ZERO8 then
        return NOT_ALLOWED
    end
    local before = call('HSTRLEN', p .. 'proofs', name)
    if before > 0 and IS_END[byte(head, 2)] then
        return ALREADY
    end
    local more = #sealed - KEY_SIZE - before
    if tonumber(call('GET', p .. 'proofs_bytes') or 0) + more > room then
        return NO_ROOM
    end
    if call('HINCRBY', p .. 'proofs', id .. ':times', 1) > PROOF_TIMES then
        return NOT_ALLOWED
    end
    call('INCRBY', p .. 'proofs_bytes', more)
    call('HSET', p .. 'keys', name, sub(sealed, 1, KEY_SIZE))
    call('HSET', p .. 'proofs', name, sub(sealed, KEY_SIZE + 1))
    put_history(id, head, kind .. ' kept')
    flush()
    return DONE
end
register('order_proof', order_proof)

-- proof_read: one of them, its key in front; empty when there is none
local function proof_read(keys, args)
    begin(keys, '1')
    local field = uuid(args[1]) .. ':' .. (args[2] or '')
    local wrapped, sealed = call('HGET', p .. 'keys', field), call('HGET', p .. 'proofs', field)
    return wrapped and sealed and wrapped .. sealed or ''
end
register('proof_read', proof_read, {'no-writes'})

-- order_forget: destroys the key of an order that has ended, and whatever else says who it was for
local function order_forget(keys, args)
    begin(keys, args[1])
    local n, answers, any = count(args, 2, 2, 512), {}, false
    for i = 1, n do
        uuid(args[1 + i + i])
        if #args[2 + i + i] > 64 then
            refuse('who: expected up to 64 bytes')
        end
    end
    for i = 1, n do
        local id, who = args[1 + i + i], args[2 + i + i]
        local key = p .. 'order:' .. id
        local record = call('GET', key)
        if not record then
            answers[i] = UNKNOWN
        elseif not IS_END[byte(record, 2)] then
            answers[i] = NOT_ALLOWED
        elseif sub(record, 9, 16) == ZERO8 then
            answers[i] = ALREADY
        else
            local rest = HEAD_SIZE + LINE_SIZE * sunpack('<I2', record, 29)
            local after = sub(record, 1, 8) .. ZERO8 .. sub(record, 17, rest) .. blank(sub(record, rest + 1))
            call('HDEL', p .. 'keys', id)
            call('HDEL', p .. 'personal', id)
            unprove(id)
            call('SET', key, after)
            call('UNLINK', p .. 'explain:' .. id) -- how far each store was tells where the customer is
            silence(id)
            put_history(id, sub(after, 1, HEAD_SIZE), who .. ': personal data erased')
            answers[i], any = DONE, true
        end
    end
    if any then -- the append-only file still has them: who may, rewrites it (lcctl forget, lcctl archive)
        call('SET', p .. 'forgotten', now_text)
    end
    flush()
    return answers
end
register('order_forget', order_forget, {'allow-oom'})

end

---------------------------------------------------------------------------------------------------
-- plans
do

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

-- read_ruling: what people said of an order (docs/redis.md): whose it is (0 = nobody said), is it on hold, and the set
-- of couriers that are not to have it.
local function read_ruling(packed)
    local r = {pinned = 0, held = false, banned = {}, n = 0}
    if packed then
        r.pinned, r.held = sunpack('<I4', packed), byte(packed, 5) == 1
        for i = 1, byte(packed, 6) do
            local c = sunpack('<I4', packed, 5 + 4 * i)
            r.n, r.banned[c], r[i] = r.n + 1, true, c
        end
    end
    return r
end

-- load_rulings: of the orders that these entries assign; and the couriers among them that are frozen
local function load_rulings(entries)
    local orders, couriers, rulings, frozen = {'HMGET', p .. 'rulings'}, {'HMGET', p .. 'frozen'}, {}, {}
    for _, e in ipairs(entries) do
        for _, s in ipairs(e.steps) do
            if s.action == 'assign' then
                orders[#orders + 1], couriers[#couriers + 1] = s.id, e.courier
            end
        end
    end
    if #orders == 2 then
        return rulings, frozen
    end
    local got, cold = call(unpack(orders)), call(unpack(couriers))
    for i = 3, #orders do
        rulings[orders[i]] = got[i - 2] and read_ruling(got[i - 2])
        frozen[couriers[i]] = cold[i - 2]
    end
    return rulings, frozen
end

local function ruled_out(s, courier, rulings, frozen)
    local r = rulings[s.id]
    return frozen[courier] or (r and (r.held or r.banned[courier] or
        (r.pinned ~= 0 and r.pinned ~= courier)))
end

-- rehearse: all steps of an entry on copies; nil when one is refused
local function rehearse(records, e, rulings, frozen)
    local own, done = {}, {}
    for _, s in ipairs(e.steps) do
        local record = own[s.id] or records[s.id]
        if not record then
            return nil
        end
        if s.action == 'assign' and sunpack('<I4', record, 25) == 0 and
            ruled_out(s, e.courier, rulings, frozen) then
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
            outcome, after = try(record, s.action, s.reason, e.courier)
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

local function load_plans(entries, key, field)
    local args, seen = {'HMGET', p .. key}, {}
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

-- worked: what a courier has done, for what the shift was worth: kind and order, by time, for a week
local WORK = {pickup = 1, deliver = 2, returned = 3}
local WEEK_MS = 7 * 86400000
local function worked(courier, action, id)
    local key = p .. 'work:' .. courier
    call('ZADD', key, now_text, char(WORK[action]) .. id)
    call('ZREMRANGEBYSCORE', key, '-inf', text(now - WEEK_MS))
end

local function commit_entry(records, e, routes, shifts, hset, rulings, frozen)
    local ok, route = versioned(routes[e.courier], e.expect_route, e.route)
    if not ok then
        return 2
    end
    local shift
    ok, shift = versioned(shifts[e.courier], e.expect_shift, e.shift)
    if not ok then
        return 2
    end
    local done = rehearse(records, e, rulings, frozen)
    if not done then
        return 2
    end
    for _, d in ipairs(done) do
        local s, from, after, outcome = unpack(d)
        records[s.id] = after
        put_record(s.id, p .. 'order:' .. s.id, after)
        put_event(s.id, sub(after, 1, HEAD_SIZE), outcome ~= DONE and 'e')
        if outcome == DONE then
            effects(s.id, from, after, ACTIONS[s.action], s.words)
            if WORK[s.action] and e.courier > 0 then
                worked(e.courier, s.action, s.id)
            end
        end
    end
    if route then
        routes[e.courier] = route
        local h = hset.routes
        h[#h + 1], h[#h + 2] = e.courier, route
        put_field('r', spack('<I4I4', e.courier, e.expect_route + 1))
    end
    if shift then
        shifts[e.courier] = shift
        local h = hset.shifts
        h[#h + 1], h[#h + 2] = e.courier, shift
        put_field('s', spack('<I4', e.courier))
    end
    return 1
end

local function plan_commit(keys, args)
    begin(keys, args[1])
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
    local held = call('HGET', p .. 'lease', 'epoch')
    if tonumber(held or 0) ~= epoch then
        return redis.error_reply('FENCED the lease has epoch ' .. (held or 0))
    end
    local records = load_records(ids)
    local routes, shifts = load_plans(entries, 'routes', 'route'),
        load_plans(entries, 'shifts', 'shift')
    local rulings, frozen = load_rulings(entries)
    local hset, answers = {routes = {}, shifts = {}}, {}
    for i, e in ipairs(entries) do
        answers[i] = commit_entry(records, e, routes, shifts, hset, rulings, frozen)
    end
    for _, key in ipairs({'routes', 'shifts'}) do
        if #hset[key] > 0 then
            call('HSET', p .. key, unpack(hset[key]))
        end
    end
    flush()
    return answers
end
register('plan_commit', plan_commit, {'allow-oom'})

-- courier_work: the shift, and what was done in it, oldest first, with the orders' records
local function courier_work(keys, args)
    begin(keys, '1')
    local courier = number(args[1] or '', 'courier', 1, B32 - 1)
    local since, limit = number(args[2] or '', 'since', 0, NUMBER_MAX), number(args[3] or '', 'limit', 1, 500)
    local shift = call('HGET', p .. 'shifts', courier) or ''
    local found = call('ZREVRANGEBYSCORE', p .. 'work:' .. courier, '+inf', since, 'WITHSCORES', 'LIMIT', 0, limit)
    local out, ids = {shift}, {}
    for i = 1, #found, 2 do
        ids[#ids + 1] = sub(found[i], 2)
    end
    local records = load_records(ids)
    for i = #found - 1, 1, -2 do
        local record = records[sub(found[i], 2)]
        out[#out + 1] = sub(found[i], 1, 1) .. spack('<i8', tonumber(found[i + 1])) .. sub(found[i], 2)
        out[#out + 1] = record or ''
    end
    return out
end
register('courier_work', courier_work, {'no-writes'})

local function lease_take(keys, args)
    begin(keys, args[1])
    local owner, ttl = args[2] or '', number(args[3] or '', 'ttl_ms', 1, 3600000)
    if owner == '' or #owner > 64 then
        refuse('owner: expected 1 to 64 bytes')
    end
    local key = p .. 'lease'
    local now_owner, epoch, till, given, bar =
        unpack(call('HMGET', key, 'owner', 'epoch', 'until', 'given', 'bar'))
    epoch, till, bar = tonumber(epoch or 0), tonumber(till or 0), tonumber(bar or 0)
    if now_owner ~= owner and now_owner and till > now then
        return {0, till}
    end
    if given == owner and bar > now then
        return {0, bar}
    end
    if now_owner ~= owner then
        epoch = epoch + 1
        call('HSET', key, 'since', now)
    end
    till = now + ttl
    call('HSET', key, 'owner', owner, 'epoch', epoch, 'until', till)
    return {epoch, till}
end
register('lease_take', lease_take, {'allow-oom'})

-- lease_release now bar_ms: ends the lease; who had it does not get it again before so long. Gives the
-- owner and the epoch, or an empty owner when nobody had it.
local function lease_release(keys, args)
    begin(keys, args[1])
    local ms = number(args[2] or '', 'bar_ms', 1, 3600000)
    local key = p .. 'lease'
    local owner, epoch, till = unpack(call('HMGET', key, 'owner', 'epoch', 'until'))
    if not owner or tonumber(till) <= now then
        return {'', 0}
    end
    call('HSET', key, 'until', now, 'given', owner, 'bar', now + ms)
    return {owner, tonumber(epoch)}
end
register('lease_release', lease_release, {'allow-oom'})

---------------------------------------------------------------------------------------------------
-- rulings: what people decide over the plan's head

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

end

---------------------------------------------------------------------------------------------------
-- speeds: what the router has learnt of couriers' rides. One writer, the lease's owner. `generation` counts how often it
-- was told to forget, so that what it knew before is not written again.
do

local MODES, HOURS = 6, 168

-- speed_field: "<mode>:<hour>", or "profile"
local function speed_field(s)
    local mode, hour = s:match('^(%d):(%d%d?%d?)$')
    if s ~= 'profile' and not (mode and tonumber(mode) < MODES and tonumber(hour) < HOURS) then
        refuse('field: expected profile, or mode and hour as 0:0 to 5:167, got ', sub(s, 1, 40))
    end
    return s
end

local function speeds_put(keys, args)
    begin(keys, args[1])
    local epoch = number(args[2] or '', 'epoch', 1, NUMBER_MAX)
    local generation = number(args[3] or '', 'generation', 0, NUMBER_MAX)
    local n, set = count(args, 4, 2, MODES * HOURS + 1), {'HSET', p .. 'speeds'}
    for i = 1, n do
        if #args[2 * i + 4] == 0 or #args[2 * i + 4] > 8192 then
            refuse('bytes: expected 1 to 8192')
        end
        set[2 * i + 1], set[2 * i + 2] = speed_field(args[2 * i + 3]), args[2 * i + 4]
    end
    local held = call('HGET', p .. 'lease', 'epoch')
    if tonumber(held or 0) ~= epoch then
        return redis.error_reply('FENCED the lease has epoch ' .. (held or 0))
    end
    if tonumber(call('HGET', p .. 'speeds', 'generation') or 0) ~= generation then
        return 0
    end
    if n > 0 then
        call(unpack(set))
    end
    return 1
end
register('speeds_put', speeds_put, {'allow-oom'})

-- speeds_reset: forgets what was learnt, of one mode or of all; gives how many hours there were
local function speeds_reset(keys, args)
    begin(keys, args[1])
    local mode, gone = number(args[2] or '', 'mode', -1, MODES - 1), {'HDEL', p .. 'speeds'}
    for _, field in ipairs(call('HKEYS', p .. 'speeds')) do
        if field:match(mode < 0 and '^%d:' or '^' .. mode .. ':') then
            gone[#gone + 1] = field
        end
    end
    local n = #gone - 2
    if n > 0 then
        call(unpack(gone))
    end
    -- A router may know rides that it has not written yet: they count for nothing, too.
    call('HDEL', p .. 'speeds', 'profile')
    put_field('v', spack('<I4', call('HINCRBY', p .. 'speeds', 'generation', 1)))
    flush()
    return n
end
register('speeds_reset', speeds_reset)

end

---------------------------------------------------------------------------------------------------
-- stock
do

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
        if has < 1 or has > 3 or quantity < -QUANTITY_MAX or quantity > QUANTITY_MAX or
            price > PRICE_MAX then
            refuse('lines: has, quantity or price out of range')
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
local function feed_order(key, kind, as_of, sequence, chunk)
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
local function sold_since(store, as_of)
    local gone = {}
    for _, m in ipairs(call('ZRANGEBYSCORE', p .. 'sold:' .. store, '(' .. as_of, '+inf')) do
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
        args[3 * i], args[3 * i + 1], args[3 * i + 2] = 'GET', 'i64', pair_of(l.sku)
    end
    return call(unpack(args))
end

local function set_pairs(key, writes)
    if #writes > 0 then
        call('BITFIELD', key, unpack(writes))
    end
end

-- feed_lines: the new numbers of a feed's lines
local function feed_lines(lines, kind, safety, gone, levels, shelves)
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
            local sku, s, h = pair_of(l.sku), f.stock, f.shelf
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
    begin(keys, args[1])
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
    local shop = call('HGET', p .. 'stores', store)
    if not shop then
        return char(4, 0, 0, 0) .. spack('<I4', 0)
    end
    if safety < 0 then -- Store.safety_stock
        safety = field_of(shop, 19, 0) or 0
        safety = safety < SAFETY_MAX and safety or SAFETY_MAX
    end
    local key = p .. 'feed:' .. store
    local outcome, remember = feed_order(key, kind, as_of, sequence, chunk)
    if outcome ~= 1 then
        return char(outcome, 0, 0, 0) .. spack('<I4', 0)
    end
    local stock, shelf = p .. 'stock:' .. store, p .. 'shelf:' .. store
    local gone = kind == 0 and sold_since(store, as_of) or nil
    local f = feed_lines(lines, kind, safety, gone, read_pairs(stock, lines),
        read_pairs(shelf, lines))
    set_pairs(stock, f.stock)
    set_pairs(shelf, f.shelf)
    call('HSET', key, unpack(remember))
    if f.n > 0 then
        put_ledger(args[8] .. spack('<I4BBI2', store, FEED, 0, f.n) .. concat(f.ledger))
    end
    if f.back == 1 then
        put_news('stock', store)
    end
    flush()
    return char(1, f.back, 0, 0) .. spack('<I4', f.changed)
end
register('stock_apply', stock_apply)

local function stock_read(keys, args)
    begin(keys, '1')
    local n, asks, total = count(args, 1, 2, 4096), {}, 0
    for i = 1, n do
        number(args[i + i], 'store', 0, B32 - 1)
        local skus = args[i + i + 1]
        local m = #skus / 4
        total = total + m
        if m ~= floor(m) or m < 1 or m > 1000 or total > 100000 then
            refuse('skus: expected 1 to 1000 of 4 bytes')
        end
        local ask = {'BITFIELD_RO', p .. 'stock:' .. args[i + i]}
        for k = 1, m do
            local sku = sunpack('<I4', skus, 4 * k - 3)
            if sku > SKU_MAX then
                refuse('skus: expected indexes up to ', SKU_MAX)
            end
            ask[3 * k], ask[3 * k + 1], ask[3 * k + 2] = 'GET', 'i64', pair_of(sku)
        end
        asks[i] = ask
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
register('stock_read', stock_read, {'no-writes'})

end

---------------------------------------------------------------------------------------------------
-- due rows
do

local WANTED = {match = function(state) return state == CREATED end,
    held = function(state) return state == HELD end,
    dispatch = function(state) return state >= PLACED and not IS_END[state] end,
    expire = function(state)
        return state == READY_FOR_COLLECTION or (state >= PLACED and state < PICKED_UP)
    end}

local function queue_key(name)
    if not WANTED[name or ''] then
        refuse('queue: expected match, held, dispatch or expire')
    end
    return p .. 'due:' .. name
end

local function due_claim(keys, args)
    begin(keys, args[1])
    local key, wanted = queue_key(args[2]), WANTED[args[2]]
    local limit = number(args[3] or '', 'limit', 1, 1000)
    local till = now + number(args[4] or '', 'visibility', 0, 86400000)
    local ids = call('ZRANGE', key, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
    if #ids == 0 then
        return {}
    end
    local records = load_records(ids)
    local out, push, drop = {}, {}, {}
    for _, id in ipairs(ids) do
        local record = records[id]
        if record and args[2] == 'held' and byte(record, 2) == HELD and
            byte(record, 3) == ADDRESS_NOT_CONFIRMED and sunpack('<i8', record, 49) > now then
            push[#push + 1], push[#push + 2] = sunpack('<i8', record, 49), id -- nobody may match it
        elseif record and wanted(byte(record, 2)) then
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
register('due_claim', due_claim, {'allow-oom'})

local function due_hasten(keys, args)
    begin(keys, args[1])
    local key, limit = queue_key(args[2]), number(args[3] or '', 'limit', 1, 1000)
    local ids = call('ZRANGE', key, '(' .. args[1], '+inf', 'BYSCORE', 'LIMIT', 0, limit)
    local push = {}
    for i, id in ipairs(ids) do
        push[i + i - 1], push[i + i] = now, id
    end
    if #push > 0 then
        call('ZADD', key, unpack(push))
    end
    return #ids
end
register('due_hasten', due_hasten, {'allow-oom'})

local function due_set(keys, args)
    begin(keys, args[1])
    local key, id = queue_key(args[2]), uuid(args[3] or '')
    return call('ZADD', key, 'XX', 'CH', number(args[4] or '', 'score', 0, NUMBER_MAX), id)
end
register('due_set', due_set, {'allow-oom'})

-- due_overdue: deliveries whose window ended by `before` and which no courier has, among `limit` rows of due:dispatch
-- from rank `from`. A look through all rows costs placing nothing, as a queue of their own would.
local function due_overdue(keys, args)
    begin(keys, args[1])
    local from = number(args[2] or '', 'from', 0, NUMBER_MAX)
    local limit = number(args[3] or '', 'limit', 1, 1000)
    local ids = call('ZRANGE', p .. 'due:dispatch', text(from), text(from + limit - 1))
    local records, out = load_records(ids), {#ids == limit and from + limit or 0}
    for i = 1, #ids do
        local record = records[ids[i]]
        if record and byte(record, 2) == PLACED and sub(record, 25, 28) == ZERO4 and
            sunpack('<i8', record, 41) <= now then
            out[#out + 1] = ids[i]
        end
    end
    return out
end
register('due_overdue', due_overdue, {'no-writes'})

end

---------------------------------------------------------------------------------------------------
-- the catalogue
do

-- put_numbered: things with a name and a number: finds or gives the number, writes what has changed. `things`:
-- {name, bytes, tag}; `topic` is told once for each change, or (once = number) once a call.
local function put_numbered(things, hash, names, counter, topic)
    local found = call('HMGET', p .. names, unpack(things.names))
    local given, last = {}, tonumber(call('HGET', p .. 'next', counter) or 0)
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
    local old, writes, now_bytes = call('HMGET', p .. hash, unpack(numbers)), {}, {}
    for i, number in ipairs(numbers) do
        local bytes = '\8' .. varint(number) .. things.bytes[i]
        if (now_bytes[number] or old[i]) ~= bytes then
            now_bytes[number] = bytes
            writes[#writes + 1], writes[#writes + 2] = number, bytes
            put_news(topic, number)
        end
    end
    if #new_names > 0 then
        call('HSET', p .. names, unpack(new_names))
        call('HSET', p .. 'next', counter, last)
    end
    if #writes > 0 then
        call('HSET', p .. hash, unpack(writes))
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
    begin(keys, args[1])
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
    local numbers = put_numbered(things, 'stores', 'storeids', 'store', 'store')
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
        call('GEOADD', p .. 'geo:stores', unpack(add))
    end
    if #drop > 0 then
        call('ZREM', p .. 'geo:stores', unpack(drop))
    end
    flush()
    return numbers
end
register('store_put', store_put)

-- named_put: chains and couriers: message field 2 is the name
local function named_put(keys, args, kind, hash)
    begin(keys, args[1])
    if #args ~= 3 and #args ~= 4 then
        refuse('arguments: expected 3 or 4')
    end
    local given, name = number(args[2], 'number', 0, B32 - 1), field_of(args[3], 2, 2)
    if not name or name == '' then
        refuse(kind, ': expected a message with ', kind, '_id')
    end
    local known = tonumber(call('HGET', p .. kind .. 'ids', name) or 0)
    if given ~= 0 and known ~= given then
        refuse(kind, '_id: ', name, ' has number ', known)
    end
    if args[4] then -- has somebody else changed it since it was read?
        local is = call('HGET', p .. hash, known)
        if is ~= args[4] and is ~= '\8' .. varint(known) .. args[3] then
            return 0
        end
    end
    local things = {names = {name}, bytes = {args[3]}}
    local numbers = put_numbered(things, hash, kind .. 'ids', kind, kind)
    flush()
    return numbers[1]
end

local function chain_put(keys, args)
    return named_put(keys, args, 'chain', 'chains')
end
register('chain_put', chain_put, {'allow-oom'})

local function courier_put(keys, args)
    return named_put(keys, args, 'courier', 'couriers')
end
register('courier_put', courier_put, {'allow-oom'})

local function sku_put(keys, args)
    begin(keys, args[1])
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
    local key = p .. 'skus:' .. chain
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
        put_news('sku', chain)
    end
    flush()
    return indexes
end
register('sku_put', sku_put)

local function courier_seen(keys, args)
    begin(keys, args[1])
    local n, add = count(args, 2, 3, 2000), {}
    for i = 1, n do
        local b = 3 * i
        place_on_earth(args[b + 1], args[b + 2])
        local courier = number(args[b], 'courier', 1, B32 - 1)
        add[b - 2], add[b - 1], add[b] = args[b + 2], args[b + 1], courier
    end
    if n > 0 then
        call('GEOADD', p .. 'geo:couriers', unpack(add))
    end
    return n
end
register('courier_seen', courier_seen, {'allow-oom'})

local function courier_gone(keys, args)
    begin(keys, '1')
    return call('ZREM', p .. 'geo:couriers', number(args[1] or '', 'courier', 1, B32 - 1))
end
register('courier_gone', courier_gone, {'allow-oom'})

-- access_put: lets a token in, by its hash; empty bytes = no longer
local function access_put(keys, args)
    begin(keys, args[1])
    if #args ~= 3 or #args[2] ~= 64 or find(args[2], '[^0-9a-f]') then
        refuse('hash: expected 64 hex digits, and bytes behind it')
    end
    if args[3] == '' then
        return call('HDEL', p .. 'access', args[2])
    end
    call('HSET', p .. 'access', args[2], args[3])
    return 1
end
register('access_put', access_put, {'allow-oom'})

-- order_rate: what the customer thinks of an order that they got; the last word counts
local function order_rate(keys, args)
    begin(keys, args[1])
    if #args ~= 4 or #args[4] > 800 then
        refuse('arguments: expected now, uuid, stars and a comment of at most 800 bytes')
    end
    local id, stars = uuid(args[2]), number(args[3], 'stars', 1, 5)
    local state = byte(call('GETRANGE', p .. 'order:' .. id, 1, 1))
    if not state then
        return 0
    end
    if state ~= DELIVERED and state ~= COLLECTED then
        return 2
    end
    call('HSET', p .. 'ratings', id, char(stars) .. now8 .. args[4])
    return 1
end
register('order_rate', order_rate)

end

---------------------------------------------------------------------------------------------------
-- webhooks and streams
do

-- nonce_take: may this id of a signed request be used? Once; and again by who has it already, whose answer got lost.
local function nonce_take(keys, args)
    begin(keys, args[1])
    number(args[2] or '', 'chain', 1, B32 - 1)
    local id, by = args[3] or '', args[5] or ''
    local till = number(args[4] or '', 'until', 1, NUMBER_MAX)
    if id == '' or #id > 64 or by == '' or #by > 64 or #args ~= 5 then
        refuse('id, by: expected 1 to 64 bytes')
    end
    local old = call('ZRANGE', p .. 'nonces', '-inf', '(' .. now, 'BYSCORE', 'LIMIT', 0, 100)
    if #old > 0 then
        call('ZREM', p .. 'nonces', unpack(old))
        call('HDEL', p .. 'nonce:by', unpack(old))
    end
    local member = args[2] .. ':' .. id
    local owner = call('HGET', p .. 'nonce:by', member)
    if owner then
        return owner == by and 1 or 0
    end
    call('ZADD', p .. 'nonces', till, member)
    call('HSET', p .. 'nonce:by', member, by)
    return 1
end
register('nonce_take', nonce_take)

-- queue_of: the chain's own queue, for showing, of what a webhook's stored bytes begin with
local function queue_of(row)
    if row and #row >= 4 then
        return p .. 'due:webhook:' .. sunpack('<I4', row)
    end
end

local function webhook_enqueue(keys, args)
    begin(keys, args[1])
    local from, to = args[2] or '', args[3] or ''
    local n, hset, zadd, own = count(args, 4, 3, 1000), {}, {}, {}
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
        own[i] = queue_of(args[b + 2])
    end
    local cursor = call('GET', p .. 'cursor:webhook')
    if (cursor or '0-0') ~= (from == '' and '0-0' or from) then
        return 0
    end
    call('SET', p .. 'cursor:webhook', to)
    if n > 0 then
        call('HSET', p .. 'webhooks', unpack(hset))
        call('ZADD', p .. 'due:webhook', unpack(zadd))
        for i = 1, n do
            if own[i] then
                call('ZADD', own[i], zadd[i + i - 1], zadd[i + i])
            end
        end
    end
    return 1
end
register('webhook_enqueue', webhook_enqueue, {'allow-oom'})

-- tell_webhook: what came of a call to this URL: layout of `webhook:told` in docs/redis.md. What was said of another
-- URL is forgotten.
local function tell_webhook(chain, url, status, why)
    local key = p .. 'webhook:told'
    local was = call('HGET', key, chain)
    local ok, failed, code, row, said = 0, 0, 0, 0, ''
    if was and sub(was, 1, 16) == url then
        ok, failed, code, row = sunpack('<i8i8I2I4', was, 17)
        said = sub(was, 39)
    end
    if status >= 200 and status < 300 then
        ok, row = now, 0
    else
        failed, code, row, said = now, status, row + 1, why
    end
    call('HSET', key, chain, url .. spack('<i8i8I2I4', ok, failed, code, row) .. said)
end

local function webhook_done(keys, args)
    begin(keys, args[1])
    local id, due = args[2] or '', number(args[3] or '', 'next_due', 0, NUMBER_MAX)
    local row = call('HGET', p .. 'webhooks', id)
    local own = queue_of(row)
    if args[4] then
        local status, why = number(args[5] or '', 'status', 0, 999), args[6] or ''
        if not find(args[4], '^%x+$') or #args[4] ~= 16 or #why > 40 then
            refuse('url: expected 16 hex digits; why: up to 40 bytes')
        end
        if own then
            tell_webhook(sunpack('<I4', row), args[4], status, why)
        end
    end
    if due > 0 then
        if own then
            call('ZADD', own, due, id)
        end
        return call('ZADD', p .. 'due:webhook', 'XX', 'CH', due, id)
    end
    if own then
        call('ZREM', own, id)
    end
    call('HDEL', p .. 'webhooks', id)
    return call('ZREM', p .. 'due:webhook', id)
end
register('webhook_done', webhook_done, {'allow-oom'})

-- webhook_told: how a chain's webhooks fare
local function webhook_told(keys, args)
    begin(keys, '1')
    local chain = number(args[1] or '', 'chain', 1, B32 - 1)
    local own = p .. 'due:webhook:' .. chain
    local first = call('ZRANGE', own, 0, 0, 'WITHSCORES')
    return {call('HGET', p .. 'chains', chain) or '', call('HGET', p .. 'webhook:told', chain) or '',
        call('ZCARD', own), first[2] and tonumber(first[2]) or 0}
end
register('webhook_told', webhook_told, {'no-writes'})

local function webhook_claim(keys, args)
    begin(keys, args[1])
    local limit = number(args[2] or '', 'limit', 1, 1000)
    local till = now + number(args[3] or '', 'visibility', 0, 86400000)
    local key = p .. 'due:webhook'
    local ids = call('ZRANGE', key, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
    if #ids == 0 then
        return {}
    end
    local got, out, push = call('HMGET', p .. 'webhooks', unpack(ids)), {}, {}
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
register('webhook_claim', webhook_claim, {'allow-oom'})

local function events_trim(keys, args)
    begin(keys, '1')
    local keep, key = number(args[1] or '', 'keep', 0, NUMBER_MAX), p .. 'events'
    local newest = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    local cursor = call('GET', p .. 'cursor:webhook')
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
register('events_trim', events_trim, {'allow-oom'})

end

---------------------------------------------------------------------------------------------------

register('lib_version', function() return VERSION end, {'no-writes'})
