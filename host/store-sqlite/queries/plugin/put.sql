insert into plugin (digest, name, version, kind, staged) values (?1, ?2, ?3, ?4, ?5)
on conflict (digest) do update set
    name = excluded.name, version = excluded.version, kind = excluded.kind, staged = excluded.staged
