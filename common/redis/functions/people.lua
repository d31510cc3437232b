-- People: where couriers are, whose token lets them in, what customers think of an order.
-- Registers courier_seen, courier_gone, access_put and order_rate.

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
