-- Placing: what comes in. Reads and checks the arguments of order_place and order_accept into ORDER,
-- and says what is asked of it: lines, candidates, prices.
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
