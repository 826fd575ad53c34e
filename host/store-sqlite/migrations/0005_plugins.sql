-- What staging found out about each component, as JSON.
create table plugin (
    digest  text not null primary key,
    name    text not null,
    version text not null,
    kind    text not null,
    staged  text not null
) strict;
