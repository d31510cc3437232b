-- Personal data: what is sealed is read, pictures of a hand-over are kept, and an order's key is destroyed for good.
-- Registers order_read, order_proof, proof_read and order_forget.

-- order_read: records, and what is sealed with its key in front; both empty when there is none
local function order_read(keys, args)
    begin(keys, '1')
    local n, out, ids = count(args, 1, 1, 4000), {}, {}
    for i = 1, n do
        ids[i] = uuid(args[1 + i])
    end
    if n == 0 then
        return out
    end
    local records = load_records(ids)
    local wrapped = call('HMGET', p .. 'keys', unpack(ids))
    local sealed = call('HMGET', p .. 'personal', unpack(ids))
    for i = 1, n do
        out[i + i - 1] = records[ids[i]] or ''
        out[i + i] = wrapped[i] and sealed[i] and wrapped[i] .. sealed[i] or ''
    end
    return out
end
register('order_read', order_read, {'no-writes'})

-- coarse: a Point within about a kilometre
local function coarse(point)
    local out = {}
    for at = 1, #point - 4, 5 do
        local v = sunpack('<i4', point, at + 1)
        out[#out + 1] = sub(point, at, at) .. spack('<i4', floor(v / 100000 + 0.5) * 100000)
    end
    return concat(out)
end

-- blank: an Order without address, instructions, customer and fingerprint, and with a drop-off that is no address
local function blank(order)
    local out, at = {}, 1
    while at <= #order do
        local from, tag, v = at, nil, nil
        tag, at = unvarint(order, at)
        local field, wire = floor((tag or 0) / 8), (tag or 7) % 8
        if wire == 0 or wire == 2 then
            v, at = unvarint(order, at)
        elseif wire ~= 1 and wire ~= 5 then
            return ''
        end
        local body = at
        at = at + (wire == 1 and 8 or wire == 5 and 4 or wire == 2 and v or 0)
        if field == 5 and wire == 2 then
            local point = coarse(sub(order, body, at - 1))
            out[#out + 1] = '\42' .. char(#point) .. point
        elseif field ~= 6 and field ~= 7 and field ~= 8 and field ~= 22 and field ~= 28 then
            out[#out + 1] = sub(order, from, at - 1)
        end
    end
    return concat(out)
end

-- silence: what people said about the order, in its history and their rating
local function silence(id)
    local key = p .. 'history:' .. id
    local entries = call('LRANGE', key, 0, -1)
    for i = 1, #entries do
        local colon = find(entries[i], ': ', 25, true)
        if colon then
            call('LSET', key, i - 1, sub(entries[i], 1, colon - 1))
        end
    end
    local rating = call('HGET', p .. 'ratings', id)
    if rating and #rating > 9 then
        call('HSET', p .. 'ratings', id, sub(rating, 1, 9))
    end
end

-- order_proof: a picture that the courier took at the door, or a signature, sealed. Until the order has ended the last
-- of a kind counts, then the first: what was shown is not exchanged in a dispute. `room`: bytes for all orders' pictures.
local PROVEN = set(PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF, DELIVERED, RETURNING, RETURNED)
local NO_ROOM, PROOF_TIMES = 5, 20
local function order_proof(keys, args)
    begin(keys, args[1])
    local id, courier, kind, sealed = uuid(args[2]), number(args[3] or '', 'courier', 1, B32 - 1), args[4], args[5] or ''
    local room = number(args[6] or '', 'room', 0, NUMBER_MAX)
    if kind ~= 'photo' and kind ~= 'signature' then
        refuse('kind: expected photo or signature')
    end
    if #sealed <= KEY_SIZE or #sealed > 160000 then
        refuse('sealed: expected a key of ', KEY_SIZE, ' bytes and up to 160000 in all')
    end
    local head, name = call('GETRANGE', p .. 'order:' .. id, 0, HEAD_SIZE - 1), id .. ':' .. kind
    if #head < HEAD_SIZE then
        return UNKNOWN
    end
    if not PROVEN[byte(head, 2)] or sunpack('<I4', head, 25) ~= courier or sub(head, 9, 16) == ZERO8 then
        return NOT_ALLOWED
    end
    local before = call('HSTRLEN', p .. 'proofs', name)
    if before > 0 and IS_END[byte(head, 2)] then
        return ALREADY
    end
    local more = #sealed - KEY_SIZE - before
    if tonumber(call('GET', p .. 'proofs_bytes') or 0) + more > room then
        return NO_ROOM
    end
    if call('HINCRBY', p .. 'proofs', id .. ':times', 1) > PROOF_TIMES then
        return NOT_ALLOWED
    end
    call('INCRBY', p .. 'proofs_bytes', more)
    call('HSET', p .. 'keys', name, sub(sealed, 1, KEY_SIZE))
    call('HSET', p .. 'proofs', name, sub(sealed, KEY_SIZE + 1))
    put_history(id, head, kind .. ' kept')
    flush()
    return DONE
end
register('order_proof', order_proof)

-- proof_read: one of them, its key in front; empty when there is none
local function proof_read(keys, args)
    begin(keys, '1')
    local field = uuid(args[1]) .. ':' .. (args[2] or '')
    local wrapped, sealed = call('HGET', p .. 'keys', field), call('HGET', p .. 'proofs', field)
    return wrapped and sealed and wrapped .. sealed or ''
end
register('proof_read', proof_read, {'no-writes'})

-- order_forget: destroys the key of an order that has ended, and whatever else says who it was for
local function order_forget(keys, args)
    begin(keys, args[1])
    local n, answers, any = count(args, 2, 2, 512), {}, false
    for i = 1, n do
        uuid(args[1 + i + i])
        if #args[2 + i + i] > 64 then
            refuse('who: expected up to 64 bytes')
        end
    end
    for i = 1, n do
        local id, who = args[1 + i + i], args[2 + i + i]
        local key = p .. 'order:' .. id
        local record = call('GET', key)
        if not record then
            answers[i] = UNKNOWN
        elseif not IS_END[byte(record, 2)] then
            answers[i] = NOT_ALLOWED
        elseif sub(record, 9, 16) == ZERO8 then
            answers[i] = ALREADY
        else
            local rest = HEAD_SIZE + LINE_SIZE * sunpack('<I2', record, 29)
            local after = sub(record, 1, 8) .. ZERO8 .. sub(record, 17, rest) .. blank(sub(record, rest + 1))
            call('HDEL', p .. 'keys', id)
            call('HDEL', p .. 'personal', id)
            unprove(id)
            call('SET', key, after)
            call('UNLINK', p .. 'explain:' .. id) -- how far each store was tells where the customer is
            silence(id)
            put_history(id, sub(after, 1, HEAD_SIZE), who .. ': personal data erased')
            answers[i], any = DONE, true
        end
    end
    if any then -- the append-only file still has them: who may, rewrites it (lcctl forget, lcctl archive)
        call('SET', p .. 'forgotten', now_text)
    end
    flush()
    return answers
end
register('order_forget', order_forget, {'allow-oom'})
