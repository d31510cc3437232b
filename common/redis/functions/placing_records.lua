-- Placing: what is written of an order. Puts head, lines and the rest together, mostly from slices of what came in,
-- and the answer to who asked.

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
