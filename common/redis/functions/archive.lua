-- What was written elsewhere goes: ended orders with all that belongs to them, and the ledger's oldest entries.
-- Registers order_retire and ledger_fold.

-- unprove: the pictures of a hand-over go
local function unprove(id)
    local photo, signature = id .. ':photo', id .. ':signature'
    local n = call('HSTRLEN', p .. 'proofs', photo) + call('HSTRLEN', p .. 'proofs', signature)
    call('HDEL', p .. 'keys', photo, signature)
    call('HDEL', p .. 'proofs', photo, signature, id .. ':times')
    if n > 0 then
        call('DECRBY', p .. 'proofs_bytes', n)
    end
end

-- order_retire: orders that have ended, and were written elsewhere, go: record, decision, history, idempotency key.
-- One that is not as it was read stays.
local function order_retire(keys, args)
    begin(keys, args[1])
    local answers = {}
    for i = 1, count(args, 2, 3, 512) do
        local id, version, idem = uuid(args[3 * i]), number(args[3 * i + 1], 'version', 1, NUMBER_MAX), args[3 * i + 2]
        local key = p .. 'order:' .. id
        local record = call('GET', key)
        answers[i] = 0
        if record and IS_END[byte(record, 2)] and sunpack('<I4', record, 5) == version then
            call('UNLINK', key, p .. 'explain:' .. id, p .. 'dispatch:' .. id, p .. 'history:' .. id)
            call('HDEL', p .. 'keys', id)
            call('HDEL', p .. 'personal', id)
            unprove(id)
            if idem ~= '' and call('GET', p .. 'idem:' .. idem) == id then
                call('UNLINK', p .. 'idem:' .. idem)
            end
            answers[i] = 1
        end
    end
    return answers
end
register('order_retire', order_retire, {'allow-oom'}) -- it makes room

local FOLD_BLOCKS = 51200 -- that one entry can touch: a call steps at most 512 orders of 100 lines
-- ledger_fold: the oldest entries of the ledger, which were written elsewhere, go; what they came to is in ledger:base.
-- Somebody was faster, when the first is not there any more: nothing changes.
local function ledger_fold(keys, args)
    begin(keys, '1')
    local first, stays, key, base = args[1], args[2], p .. 'ledger', p .. 'ledger:base'
    local oldest = call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
    if not oldest or oldest[1] ~= first then
        return 0
    end
    if #call('XRANGE', key, stays, stays) == 0 then
        refuse('stays: expected an entry of the ledger')
    end
    local last = 3 + 2 * count(args, 3, 2, FOLD_BLOCKS)
    for i = 4, last, 2 do
        local store, block = string.match(args[i], '^(%d+):?(%d*)$')
        number(store or '', 'store', 0, NUMBER_MAX)
        number(block == '' and '0' or block, 'block', 0, NUMBER_MAX)
    end
    for i = 4, last, 2 do
        if args[i + 1] == '' then
            call('HDEL', base, args[i])
        else
            call('HSET', base, args[i], args[i + 1])
        end
    end
    return call('XTRIM', key, 'MINID', stays)
end
register('ledger_fold', ledger_fold, {'allow-oom'}) -- it makes room
