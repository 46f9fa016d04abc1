-- Indexes are not used, whatever is set for the role or the database; the planner
-- resorts to a sequential scan and a sort. A row that a policy would hide from the role
-- is an error. No timeout ends the audit.
select set_config(name, value, true)
  from (values
    ('enable_indexscan', 'off'),
    ('enable_indexonlyscan', 'off'),
    ('enable_bitmapscan', 'off'),
    ('enable_seqscan', 'on'),
    ('enable_sort', 'on'),
    -- It takes memory for each stream, and the result must be sorted anyway.
    ('enable_hashagg', 'off'),
    ('row_security', 'off'),
    ('search_path', 'pg_catalog'),
    ('work_mem', '64MB'),
    ('jit', 'off'),
    ('statement_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0')
  ) settings(name, value)
