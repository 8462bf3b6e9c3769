// The commands that change nothing: Upstash may answer them from a replica, and read-only scripts may use them.

export const READS: ReadonlySet<string> = new Set(
  `get mget getrange strlen exists touch ttl pttl type hget hmget hgetall hlen hkeys hvals hexists hscan zrange zrangebyscore
   zrevrange zrevrangebyscore zrangebylex zscore zmscore zcard zcount zlexcount zrank zrevrank zscan smembers sismember
   smismember scard sscan lrange llen lindex keys scan dbsize eval_ro evalsha_ro ping echo time`.split(/\s+/),
);
