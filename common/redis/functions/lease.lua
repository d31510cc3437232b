-- The lease: which router owns the city, with an epoch that rises with each owner.
-- Registers lease_take and lease_release.

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
