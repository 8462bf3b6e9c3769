// Redis's Lua for the in-process Redis: fengari made to count like Lua 5.1, and the `redis` table that scripts call.
import { createRequire } from "node:module";
import { RedisError } from "./keyspace.ts";
import { PRELUDE } from "./lua-prelude.ts";
import type { Reply, Status } from "./replies.ts";

type State = { readonly __lua: unique symbol };
type Bytes = Uint8Array;
type NumberValue = { readonly value: number; ttisinteger(): boolean; setfltvalue(value: number): void };

/** The part of Lua's C interface that is used here. */
type Fengari = {
  readonly lua: {
    readonly LUA_OK: number;
    readonly LUA_MULTRET: number;
    readonly LUA_REGISTRYINDEX: number;
    readonly LUA_TNIL: number;
    readonly LUA_TBOOLEAN: number;
    readonly LUA_TNUMBER: number;
    readonly LUA_TSTRING: number;
    readonly LUA_TTABLE: number;
    lua_gettop(state: State): number;
    lua_settop(state: State, top: number): void;
    lua_type(state: State, index: number): number;
    lua_tonumber(state: State, index: number): number;
    lua_tostring(state: State, index: number): Bytes;
    lua_toboolean(state: State, index: number): boolean;
    lua_pushnumber(state: State, value: number): void;
    lua_pushboolean(state: State, value: boolean): void;
    lua_pushstring(state: State, value: Bytes): void;
    lua_pushcfunction(state: State, run: (state: State) => number): void;
    lua_createtable(state: State, items: number, fields: number): void;
    lua_rawgeti(state: State, index: number, at: number): number;
    lua_rawseti(state: State, index: number, at: number): void;
    lua_getfield(state: State, index: number, name: Bytes): number;
    lua_setfield(state: State, index: number, name: Bytes): void;
    lua_setglobal(state: State, name: Bytes): void;
    lua_pcall(state: State, args: number, results: number, handler: number): number;
  };
  readonly lauxlib: {
    luaL_newstate(): State;
    luaL_loadbuffer(state: State, code: Bytes, size: number, name: Bytes): number;
    luaL_ref(state: State, table: number): number;
  };
  readonly lualib: { luaL_openlibs(state: State): void };
};

/** Calls one command for a script. */
export type Call = (args: readonly string[]) => Reply;
export type Lua = { run(script: string, keys: readonly string[], args: readonly string[], call: Call): Reply };

const bytes = (text: string): Bytes => Buffer.from(text, "latin1");
const text = (from: Bytes): string => Buffer.from(from).toString("latin1");

/** Lua 5.1 knows only doubles, while fengari's integers have 32 bits: every numeral becomes a double and prints as in 5.1. */
function loadFengari(): Fengari {
  const require = createRequire(import.meta.url);
  process.env.FENGARICONF = JSON.stringify({ LUA_COMPAT_FLOATSTRING: true });
  const fengari = require("fengari") as Fengari;
  delete process.env.FENGARICONF;
  const objects = require("fengari/src/lobject.js") as { luaO_str2num(source: Bytes, into: NumberValue): number };
  const parse = objects.luaO_str2num;
  objects.luaO_str2num = (source, into) => {
    const size = parse(source, into);
    if (size > 0 && into.ttisinteger()) into.setfltvalue(into.value);
    return size;
  };
  return fengari;
}

export function createLua(): Lua {
  const { lua, lauxlib, lualib } = loadFengari();
  const state = lauxlib.luaL_newstate();
  lualib.luaL_openlibs(state);
  const compiled = new Map<string, number>();
  let calling: Call = () => null;

  const push = (reply: Reply): void => {
    if (typeof reply === "number") lua.lua_pushnumber(state, reply);
    else if (typeof reply === "string") lua.lua_pushstring(state, bytes(reply));
    else if (reply === null) lua.lua_pushboolean(state, false);
    else if (isStatus(reply)) pushField("ok", reply.ok);
    else pushList(reply);
  };
  const pushField = (name: "ok" | "err", value: string): void => {
    lua.lua_createtable(state, 0, 1);
    lua.lua_pushstring(state, bytes(value));
    lua.lua_setfield(state, -2, bytes(name));
  };
  const pushList = (items: readonly Reply[]): void => {
    lua.lua_createtable(state, items.length, 0);
    for (const [at, item] of items.entries()) {
      push(item);
      lua.lua_rawseti(state, -2, at + 1);
    }
  };
  const field = (name: "ok" | "err"): string | undefined => {
    const found = lua.lua_getfield(state, -1, bytes(name)) === lua.LUA_TSTRING;
    const value = found ? text(lua.lua_tostring(state, -1)) : undefined;
    lua.lua_settop(state, -2);
    return value;
  };
  /** Takes the value on top of the stack as Redis answers it. */
  const pop = (): Reply => {
    const reply = read();
    lua.lua_settop(state, -2);
    return reply;
  };
  const read = (): Reply => {
    switch (lua.lua_type(state, -1)) {
      case lua.LUA_TNUMBER:
        return Math.trunc(lua.lua_tonumber(state, -1));
      case lua.LUA_TSTRING:
        return text(lua.lua_tostring(state, -1));
      case lua.LUA_TBOOLEAN:
        return lua.lua_toboolean(state, -1) ? 1 : null;
      case lua.LUA_TTABLE:
        return readTable();
      default:
        return null;
    }
  };
  const readTable = (): Reply => {
    const refusal = field("err");
    if (refusal !== undefined) throw new RedisError(refusal);
    const status = field("ok");
    if (status !== undefined) return { ok: status };
    const items: Reply[] = [];
    while (lua.lua_rawgeti(state, -1, items.length + 1) !== lua.LUA_TNIL) items.push(pop());
    lua.lua_settop(state, -2);
    return items;
  };
  const argument = (at: number): string => {
    const type = lua.lua_type(state, at);
    if (type === lua.LUA_TSTRING) return text(lua.lua_tostring(state, at));
    if (type === lua.LUA_TNUMBER) return String(lua.lua_tonumber(state, at));
    throw new RedisError("ERR Lua redis lib command arguments must be strings or integers");
  };
  const callBack = (): number => {
    try {
      push(calling(Array.from({ length: lua.lua_gettop(state) }, (_, at) => argument(at + 1))));
    } catch (error) {
      if (!(error instanceof RedisError)) throw error;
      pushField("err", error.message);
    }
    return 1;
  };
  /** Runs the function on top of the stack. */
  const call = (args: number): Reply => {
    if (lua.lua_pcall(state, args, 1, 0) === lua.LUA_OK) return pop();
    if (lua.lua_type(state, -1) === lua.LUA_TSTRING) throw new RedisError(`ERR ${text(lua.lua_tostring(state, -1))}`);
    return pop();
  };
  const load = (script: string, name: string): void => {
    const code = bytes(script);
    if (lauxlib.luaL_loadbuffer(state, code, code.length, bytes(name)) === lua.LUA_OK) return;
    throw new RedisError(`ERR Error compiling script (new function): ${text(lua.lua_tostring(state, -1))}`);
  };

  load(PRELUDE, "@prelude");
  lua.lua_pushcfunction(state, callBack);
  call(1);
  return {
    run(script, keys, args, with_) {
      const outer = calling;
      const top = lua.lua_gettop(state);
      calling = with_;
      try {
        let reference = compiled.get(script);
        if (reference === undefined) {
          load(script, "@user_script");
          reference = lauxlib.luaL_ref(state, lua.LUA_REGISTRYINDEX);
          compiled.set(script, reference);
        }
        pushList(keys);
        lua.lua_setglobal(state, bytes("KEYS"));
        pushList(args);
        lua.lua_setglobal(state, bytes("ARGV"));
        lua.lua_rawgeti(state, lua.LUA_REGISTRYINDEX, reference);
        const reply = call(0);
        return reply;
      } finally {
        calling = outer;
        lua.lua_settop(state, top);
      }
    },
  };
}

export const isStatus = (reply: Reply): reply is Status =>
  typeof reply === "object" && reply !== null && !Array.isArray(reply);
