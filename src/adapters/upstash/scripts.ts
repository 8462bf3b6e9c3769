// The Lua scripts. Scores are compared here and not by ZADD's GT, and numbers are never turned into text: both differ between Redis servers.

/**
 * KEYS: digest. ARGV: from, to, limit, birth, then position and member, again and again. Answers the head.
 * What is at or below the head is already in it (or below the floor), so only later changes are written: a score can only rise, and a member that
 * is there is exact. A digest that is not there begins with floor = head: it has seen nothing.
 */
export const ADVANCE = `
local key, from, to, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local head = redis.call('ZSCORE', key, '!head')
if not head then
  redis.call('DEL', key)
  redis.call('ZADD', key, ARGV[2], '!head', ARGV[2], '!floor', ARGV[4], '!birth')
  return ARGV[2]
end
local reached = tonumber(head)
if to <= reached or from > reached + 1 then return head end
for i = 5, #ARGV, 2 do
  local at = tonumber(ARGV[i])
  if at > reached and at <= to then
    local before = redis.call('ZSCORE', key, ARGV[i + 1])
    if not before or tonumber(before) < at then redis.call('ZADD', key, ARGV[i], ARGV[i + 1]) end
  end
end
redis.call('ZADD', key, ARGV[2], '!head')
local over = redis.call('ZCARD', key) - limit
if over > 0 then
  local kept = {['!head'] = true, ['!floor'] = true, ['!birth'] = true, keys = true, settings = true}
  local oldest = redis.call('ZRANGE', key, 0, over + 4, 'WITHSCORES')
  local floor = redis.call('ZSCORE', key, '!floor')
  for i = 1, #oldest, 2 do
    if over > 0 and not kept[oldest[i]] then
      redis.call('ZREM', key, oldest[i])
      over = over - 1
      if tonumber(oldest[i + 1]) > tonumber(floor) then floor = oldest[i + 1] end
    end
  end
  redis.call('ZADD', key, floor, '!floor')
end
return ARGV[2]
`;

/** KEYS: dirty set. ARGV: score and member, again and again: each is removed if its score is still that one. Answers how many were. */
export const REMOVE_UNCHANGED = `
local removed = 0
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  if score and tonumber(score) == tonumber(ARGV[i]) then removed = removed + redis.call('ZREM', KEYS[1], ARGV[i + 1]) end
end
return removed
`;

/** KEYS: dirty set. ARGV: score and member, again and again: each score is set where there is none, or a larger one. */
export const LOWER = `
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i + 1])
  if not score or tonumber(score) > tonumber(ARGV[i]) then redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
return 0
`;
