-- No index is believed, whatever the role or the database has set; the planner
-- falls back on a sequential scan and a sort. A row that a policy would hide from
-- the role is an error. And nothing ends the audit but the one who runs it.
select set_config(name, value, true)
  from (values
    ('enable_indexscan', 'off'),
    ('enable_indexonlyscan', 'off'),
    ('enable_bitmapscan', 'off'),
    ('enable_seqscan', 'on'),
    ('enable_sort', 'on'),
    -- It would take memory for each stream, and then the result must be sorted.
    ('enable_hashagg', 'off'),
    ('row_security', 'off'),
    ('search_path', 'pg_catalog'),
    ('work_mem', '64MB'),
    ('jit', 'off'),
    ('statement_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0')
  ) settings(name, value)
