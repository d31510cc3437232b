-- Addresses: a person says where an order goes whose address nobody was sure of.
-- Registers order_confirm.

local CONFIRMED_PLACE = 5 -- AddressPrecision

-- with_place: an Order with this Point as its drop-off, said to be confirmed
local function with_place(order, point)
    local out, at = {}, 1
    while at <= #order do
        local from, tag, v = at, nil, nil
        tag, at = unvarint(order, at)
        local field, wire = floor((tag or 0) / 8), (tag or 7) % 8
        if wire == 0 or wire == 2 then
            v, at = unvarint(order, at)
        elseif wire ~= 1 and wire ~= 5 then
            return nil
        end
        if not at then
            return nil
        end
        at = at + (wire == 1 and 8 or wire == 5 and 4 or wire == 2 and v or 0)
        if field ~= 5 and field ~= 29 and field ~= 30 then
            out[#out + 1] = sub(order, from, at - 1)
        end
    end
    return concat(out) .. '\42' .. char(#point) .. point .. varint(29 * 8) .. char(CONFIRMED_PLACE)
end

-- confirm: outcome and record of one order
local function confirm(record, point)
    local rest = HEAD_SIZE + LINE_SIZE * sunpack('<I2', record, 29)
    local order = sub(record, rest + 1)
    if byte(record, 2) ~= HELD or byte(record, 3) ~= ADDRESS_NOT_CONFIRMED then
        local same = field_of(order, 29, 0) == CONFIRMED_PLACE and field_of(order, 5, 2) == point
        return same and ALREADY or NOT_ALLOWED, record
    end
    local after = with_place(order, point)
    if not after then
        return NOT_ALLOWED, record
    end
    return DONE, moved(sub(record, 1, rest), HELD, 0, byte(record, 4), 0) .. after
end

-- order_confirm: where an order that is held for its address really goes; it is matched at once
local function order_confirm(keys, args)
    begin(keys, args[1])
    local n, asked, ids, answers = count(args, 2, 4, 128), {}, {}, {}
    for i = 1, n do
        local b = 4 * i - 1
        local lat, lng = number(args[b + 1], 'lat', -900000000, 900000000),
            number(args[b + 2], 'lng', -1800000000, 1800000000)
        if #args[b + 3] < 1 or #args[b + 3] > 64 then
            refuse('who: expected 1 to 64 bytes')
        end
        ids[i] = uuid(args[b])
        asked[i] = {point = '\13' .. spack('<i4', lat) .. '\21' .. spack('<i4', lng), who = args[b + 3]}
    end
    local records = load_records(ids)
    for i = 1, n do
        local id = ids[i]
        local record = records[id]
        if not record then
            answers[i] = char(UNKNOWN)
        else
            local outcome, after = confirm(record, asked[i].point)
            if outcome == DONE then
                records[id] = after
                put_record(id, p .. 'order:' .. id, after)
                put_event(id, sub(after, 1, HEAD_SIZE))
                put_history(id, after, asked[i].who .. ': address confirmed')
                put_due('held', now_text, id)
            end
            answers[i] = char(outcome) .. after
        end
    end
    flush()
    return answers
end
register('order_confirm', order_confirm)
