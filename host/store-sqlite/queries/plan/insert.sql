insert into plan (digest, body) values (?1, ?2) on conflict (digest) do nothing
