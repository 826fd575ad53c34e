savepoint txn
