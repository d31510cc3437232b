-- Due rows: what still has to happen to an order, and when: rows are claimed, hastened and set, and late ones shown.
-- Registers due_claim, due_hasten, due_set and due_overdue.

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
