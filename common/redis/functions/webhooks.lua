-- What passes between us and chains: ids of signed requests, webhooks with their tries, and how far events are kept.
-- Registers nonce_take, webhook_enqueue, webhook_done, webhook_told, webhook_claim and events_trim.

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
-- URL is forgotten. A 410 disables the chain's webhooks (field 11 of `Chain`): until they are on again, what else fails
-- does not cover when and why that was.
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
    elseif code == 410 and status ~= 410 and field_of(call('HGET', p .. 'chains', chain) or '', 11, 0) == 1 then
        row = row + 1
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
