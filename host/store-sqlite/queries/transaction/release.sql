release txn
