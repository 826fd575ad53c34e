-- Durable state of plugins. Versions come from one counter, so that a key that was removed and came back never has a
-- version that somebody remembers.
create table kv (
    tenant     text    not null,
    binding    text    not null,
    key        text    not null,
    value      blob    not null,
    version    integer not null,
    expires_at integer,
    primary key (tenant, binding, key)
) strict;

create index kv_by_expiry on kv (expires_at) where expires_at is not null;

create table counter (
    name  text    not null primary key,
    value integer not null
) strict;

insert into counter (name, value) values ('kv', 0);
