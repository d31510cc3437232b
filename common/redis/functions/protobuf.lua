-- Protobuf messages: only as much of them as the functions need.
-- Varints, and a field of a message.

local function unvarint(s, at)
    local v, m = 0, 1
    while true do
        local b = byte(s, at)
        if not b or m > 2 ^ 63 then
            return nil
        end
        v = v + b % 128 * m
        at, m = at + 1, m * 128
        if b < 128 then
            return v, at
        end
    end
end

-- field_of: a protobuf message's string (wire type 2) or number (0); nil when it is not there or the bytes are no
-- message. The last one counts.
local function field_of(s, field, of_wire)
    local at, found = 1, nil
    while at <= #s do
        local tag, v
        tag, at = unvarint(s, at)
        if not tag then
            return nil
        end
        local wire = tag % 8
        if wire == 0 or wire == 2 then
            v, at = unvarint(s, at)
            if not v or (wire == 2 and at + v - 1 > #s) then
                return nil
            end
        elseif wire ~= 1 and wire ~= 5 then
            return nil
        end
        if floor(tag / 8) == field and wire == of_wire then
            found = wire == 0 and v or sub(s, at, at + v - 1)
        end
        at = at + (wire == 1 and 8 or wire == 5 and 4 or wire == 2 and v or 0)
    end
    return found
end

local function varint(v)
    if v < 0 then -- two's complement in ten bytes; v is small
        local out = {}
        v = -v - 1
        for i = 1, 9 do
            out[i] = char(255 - v % 128)
            v = floor(v / 128)
        end
        return concat(out) .. '\1'
    end
    if v < 128 then
        return char(v)
    end
    return char(128 + v % 128) .. varint(floor(v / 128))
end
