rollback to txn
