-- Speeds: what the router has learnt of couriers' rides. One writer, the lease's owner.
-- Registers speeds_put and speeds_reset.
--
-- `generation` counts how often the router was told to forget, so that what it knew before is not written again.

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
