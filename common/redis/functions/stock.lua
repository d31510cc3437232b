-- Stock: what stores say they have. A feed of levels and prices is applied once, less what was sold since the count.
-- Registers stock_apply and stock_read.

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
