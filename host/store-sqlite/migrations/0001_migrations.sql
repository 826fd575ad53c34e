-- Which migrations ran, and what they were: one that was changed afterwards is noticed.
create table migration (
    number   integer not null primary key,
    name     text    not null,
    checksum text    not null,
    at       integer not null
) strict;
