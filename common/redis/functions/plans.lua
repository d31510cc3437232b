-- Plans: routes and shifts of couriers and the steps that follow from them, whole or not at all, as rulings allow.
-- And what couriers have done. Registers plan_commit and courier_work.

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
