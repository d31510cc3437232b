--[[ What all parts of Lifecircle's Redis Functions share: constants, registering, checking arguments. The Functions are
the only code that writes; docs/redis.md is the contract, and ../functions.cmake has the order of the parts.

Rules in here:
 * No clock, no chance: the time is an argument, stream ids rise by one. The same calls leave the same bytes.
 * A call checks its arguments, reads, decides, and only then writes (flush), so that an error leaves no trace.
 * What a call has decided but not yet written is kept in a working set; the second order of a batch sees what the
   first has done. Only order_place takes stock at once: nothing behind it can fail.
 * Redis calls cost 0.5 to 1 us each, and so do a table that grows, a number made text, a long struct.pack. So: one
   MGET, MSET, ZADD per queue and XADD per stream whatever the size of the batch, tables that are used again, and
   slices of what came in instead of packing it once more.
 * A level and its price are read and written as one 64-bit number, available * 2^32 + price. Levels stay within 21
   bits, so the number fits a Lua double exactly. ]]

local VERSION = '1'

-- Bound at the first call: while a library is loaded none of this is there.
local call, spack, sunpack, sub, byte, char, rep, find, format, floor, concat

local B32 = 4294967296
local SKU_MAX = 1048575      -- the highest SKU index: a store's string stays within 8 MiB
local QUANTITY_MAX = 1000000 -- on hand of one SKU
local SAFETY_MAX = 10000
local PRICE_MAX = 2147483647
local DAY_MS = 86400000
local NUMBER_MAX = 9007199254740992

-- OrderState and Reason of proto/order.proto
local NONE, CREATED, HELD, PLACED, CONFIRMED, ENROUTE_TO_PICKUP = 0, 1, 2, 3, 4, 5
local ARRIVED_AT_PICKUP, PICKED_UP, ENROUTE_TO_DROPOFF, ARRIVED_AT_DROPOFF = 6, 7, 8, 9
local DELIVERED, READY_FOR_COLLECTION, COLLECTED, CANCELLED = 10, 11, 12, 13
local RETURNED, REJECTED, RETURNING = 14, 15, 16
local IS_END = {[DELIVERED] = true, [COLLECTED] = true, [CANCELLED] = true, [RETURNED] = true,
    [REJECTED] = true}
local OUT_OF_STOCK, HOLD_EXPIRED, PRICE_CHANGED, RESERVATION_EXPIRED = 10, 12, 13, 52
local ADDRESS_NOT_CONFIRMED = 14

-- the head's flags
local F_COLLECTION, F_PARTIAL, F_SUBSTITUTED, F_PRICE, F_TAKEN, F_COMMITTED, F_READY =
    1, 4, 8, 16, 32, 64, 128

-- causes of ledger entries
local RESERVE, RELEASE, COMMIT, FEED, RETURN = 1, 2, 3, 4, 5

-- PlaceResult.Outcome
local PLACED_AT, HELD_OR_REJECTED, EXHAUSTED, DUPLICATE, CONFLICT, PRICE_DIFFERS = 1, 2, 3, 4, 5, 6

local HEAD_SIZE, LINE_SIZE = 224, 16
local ACCEPTED = 32768 -- beside the attempts at matching, below it: the store has accepted the order
local KEY_SIZE = 88 -- of a wrapped key, in front of what is sealed (base/personal.h)
local FIRST, ZERO4, ZERO8 = '\1\0\0\0', '\0\0\0\0', '\0\0\0\0\0\0\0\0'

---------------------------------------------------------------------------------------------------
-- registering

local function bind()
    call, spack, sunpack = redis.call, struct.pack, struct.unpack
    sub, byte, char, rep, find = string.sub, string.byte, string.char, string.rep, string.find
    format, floor, concat = string.format, math.floor, table.concat
end

-- allow-oom: what is under way goes on when memory is full: orders come to their end and can be archived, tokens can be revoked.
-- What the router writes by itself too: a call that is LOST has it load the whole city anew.
-- Only what brings something new (orders, feeds, pictures) is refused then, and it is what fills the memory.
local function register(name, fn, flags)
    redis.register_function({function_name = name, flags = flags or {}, callback =
        function(keys, args)
            if not call then
                bind()
            end
            return fn(keys, args)
        end})
end

---------------------------------------------------------------------------------------------------
-- arguments

local function refuse(...)
    error({err = 'INVALID ' .. concat({...})})
end

local function number(s, what, low, high)
    local v = tonumber(s)
    if not v or v ~= floor(v) or v < low or v > high then
        refuse(what, ': expected an integer from ', low, ' to ', high)
    end
    return v
end

local function count(args, at, each, max)
    local n = number(args[at] or '', 'count', 0, max)
    if #args ~= at + n * each then
        refuse('arguments: expected ', n, ' times ', each, ' behind the count')
    end
    return n
end

local function uuid(s)
    if #s ~= 36 or find(s, '[^%x-]') then
        refuse('uuid: expected 36 characters')
    end
    return s
end

-- flag(flags, bit): is it set? Arithmetic, as bit.band is no faster and sign-extends.
local function flag(flags, b)
    return flags % (b + b) >= b
end
