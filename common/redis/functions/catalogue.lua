-- The catalogue: stores, chains, couriers and SKUs, by name and number.
-- Registers store_put, chain_put, courier_put and sku_put.

-- put_numbered: things with a name and a number: finds or gives the number, writes what has changed. `things`:
-- {name, bytes, tag}; `topic` is told once for each change, or (once = number) once a call.
local function put_numbered(things, hash, names, counter, topic)
    local found = call('HMGET', p .. names, unpack(things.names))
    local given, last = {}, tonumber(call('HGET', p .. 'next', counter) or 0)
    local new_names, numbers = {}, {}
    for i, name in ipairs(things.names) do
        local number = tonumber(found[i] or given[name] or 0)
        if number == 0 then
            last = last + 1
            number = last
            given[name] = number
            new_names[#new_names + 1], new_names[#new_names + 2] = name, number
        end
        numbers[i] = number
    end
    local old, writes, now_bytes = call('HMGET', p .. hash, unpack(numbers)), {}, {}
    for i, number in ipairs(numbers) do
        local bytes = '\8' .. varint(number) .. things.bytes[i]
        if (now_bytes[number] or old[i]) ~= bytes then
            now_bytes[number] = bytes
            writes[#writes + 1], writes[#writes + 2] = number, bytes
            put_news(topic, number)
        end
    end
    if #new_names > 0 then
        call('HSET', p .. names, unpack(new_names))
        call('HSET', p .. 'next', counter, last)
    end
    if #writes > 0 then
        call('HSET', p .. hash, unpack(writes))
    end
    return numbers
end

local function place_on_earth(lat, lng)
    lat, lng = tonumber(lat), tonumber(lng)
    if not lat or not lng or not (lat >= -85 and lat <= 85 and lng >= -180 and lng <= 180) then
        refuse('lat, lng: expected -85 to 85 and -180 to 180 degrees')
    end
end

local function store_put(keys, args)
    begin(keys, args[1])
    local n, things = count(args, 2, 6, 500), {names = {}, bytes = {}}
    if n == 0 then
        return {}
    end
    for i = 1, n do
        local b = 6 * i - 3
        number(args[b], 'chain', 1, B32 - 1)
        if args[b + 1] == '' or #args[b + 1] > 64 then
            refuse('store_id: expected 1 to 64 bytes')
        end
        place_on_earth(args[b + 3], args[b + 4])
        number(args[b + 5], 'open', 0, 1)
        things.names[i], things.bytes[i] = args[b] .. ':' .. args[b + 1], args[b + 2]
    end
    local numbers = put_numbered(things, 'stores', 'storeids', 'store', 'store')
    local add, drop = {}, {}
    for i, store in ipairs(numbers) do
        local b = 6 * i - 3
        if args[b + 5] == '1' then
            add[#add + 1], add[#add + 2], add[#add + 3] = args[b + 4], args[b + 3], store
        else
            drop[#drop + 1] = store
        end
    end
    if #add > 0 then
        call('GEOADD', p .. 'geo:stores', unpack(add))
    end
    if #drop > 0 then
        call('ZREM', p .. 'geo:stores', unpack(drop))
    end
    flush()
    return numbers
end
register('store_put', store_put)

-- named_put: chains and couriers: message field 2 is the name
local function named_put(keys, args, kind, hash)
    begin(keys, args[1])
    if #args ~= 3 and #args ~= 4 then
        refuse('arguments: expected 3 or 4')
    end
    local given, name = number(args[2], 'number', 0, B32 - 1), field_of(args[3], 2, 2)
    if not name or name == '' then
        refuse(kind, ': expected a message with ', kind, '_id')
    end
    local known = tonumber(call('HGET', p .. kind .. 'ids', name) or 0)
    if given ~= 0 and known ~= given then
        refuse(kind, '_id: ', name, ' has number ', known)
    end
    if args[4] then -- has somebody else changed it since it was read?
        local is = call('HGET', p .. hash, known)
        if is ~= args[4] and is ~= '\8' .. varint(known) .. args[3] then
            return 0
        end
    end
    local things = {names = {name}, bytes = {args[3]}}
    local numbers = put_numbered(things, hash, kind .. 'ids', kind, kind)
    flush()
    return numbers[1]
end

local function chain_put(keys, args)
    return named_put(keys, args, 'chain', 'chains')
end
register('chain_put', chain_put, {'allow-oom'})

local function courier_put(keys, args)
    return named_put(keys, args, 'courier', 'couriers')
end
register('courier_put', courier_put, {'allow-oom'})

local function sku_put(keys, args)
    begin(keys, args[1])
    local chain = number(args[2] or '', 'chain', 1, B32 - 1)
    local n, names = count(args, 3, 2, 2000), {}
    if n == 0 then
        return {}
    end
    for i = 1, n do
        names[i] = args[2 + i + i]
        if names[i] == '' or #names[i] > 64 then
            refuse('sku: expected 1 to 64 bytes')
        end
    end
    local key = p .. 'skus:' .. chain
    local old, total = call('HMGET', key, unpack(names)), call('HLEN', key)
    local now_bytes, writes, indexes = {}, {}, {}
    for i, name in ipairs(names) do
        local was = now_bytes[name] or old[i]
        local index = was and unvarint(was, 2)
        if not index then
            index = total
            total = total + 1
        end
        if index > SKU_MAX then
            refuse('sku: expected at most ', SKU_MAX + 1, ' in a chain')
        end
        local bytes = '\16' .. varint(index) .. args[3 + i + i]
        if was ~= bytes then
            now_bytes[name] = bytes
            writes[#writes + 1], writes[#writes + 2] = name, bytes
        end
        indexes[i] = index
    end
    if #writes > 0 then
        call('HSET', key, unpack(writes))
        put_news('sku', chain)
    end
    flush()
    return indexes
end
register('sku_put', sku_put)
