-- Following: the events that change what readers are given are those with tags (entry-change.ts), so two partial indexes find them without
-- reading the drafts between them: in order of position, and in that order within a type, whose tag is the second of an entry's event.
-- Not an expression over the data: only what is leakproof is looked up in an index under a row-level policy, and a subscript is.
-- On large logs, make the same indexes on each partition with CREATE INDEX CONCURRENTLY first and attach them.
create index events_told on events (space, position) where tags <> '{}';
create index events_told_of_type on events (space, (tags[2]), position) where tags <> '{}';
