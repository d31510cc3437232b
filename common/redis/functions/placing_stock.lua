-- Placing: what the stores have. Looks for a candidate that has everything, or enough of it,
-- and says of each that has not what was missing.

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
