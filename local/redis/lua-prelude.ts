// What a script finds when it begins on Redis: the `redis` table, Lua 5.1's names, and globals that cannot be made.

/** Gets the function that carries out a command and answers its reply, or a table with `err`. */
export const PRELUDE = `
local call = ...
local floor, ceil, format, gsub = math.floor, math.ceil, string.format, string.gsub

redis = {
  pcall = call,
  call = function(...)
    local reply = call(...)
    if type(reply) == 'table' and reply.err then error(reply, 0) end
    return reply
  end,
  error_reply = function(text)
    text = gsub(text, '^%-', '')
    if not text:find(' ', 1, true) then text = 'ERR ' .. text end
    return { err = text }
  end,
  status_reply = function(text) return { ok = text } end,
  log = function() end,
  setresp = function() end,
  replicate_commands = function() return true end,
  LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
}

-- Whole numbers stay doubles: integers would overflow at 32 bits.
math.floor = function(x) return floor(x) + 0.0 end
math.ceil = function(x) return ceil(x) + 0.0 end
math.pow = function(x, y) return x ^ y end
math.mod = math.fmod
string.format = function(pattern, ...) return format(gsub(pattern, '%%([-+ 0]*%d*)d', '%%%1.0f'), ...) end
table.getn = function(list) return #list + 0.0 end
unpack, loadstring = table.unpack, load
os = { clock = os.clock }
io, require, package, dofile, loadfile, debug, print, utf8, coroutine = nil
KEYS, ARGV = {}, {}

setmetatable(_G, {
  __newindex = function() error('Attempt to modify a readonly table', 2) end,
  __index = function(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
  end,
})
`;
