select digest, staged from plugin order by name, version, digest
