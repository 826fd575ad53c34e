-- Store time is the machine's time since boot plus `offset_us`, fixed once for each boot. No instant that was ever
-- stored lies above `ceiling_us`, so the next boot's time begins there at the earliest.
create table clock (
    id         integer not null primary key check (id = 1),
    boot_id    text    not null,
    offset_us  integer not null,
    ceiling_us integer not null
) strict;

insert into clock (id, boot_id, offset_us, ceiling_us) values (1, '', 0, 0);
