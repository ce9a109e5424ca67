-- name: counts
SELECT (SELECT count(*) FROM raw_executions), (SELECT count(*) FROM raw_log_records),
       (SELECT count(*) FROM raw_scheduled_jobs), (SELECT count(*) FROM raw_listeners),
       (SELECT count(*) FROM raw_schedules), (SELECT count(*) FROM raw_sessions);

-- name: executions_to_look_at
-- How many per status; the successes are the rest.
SELECT status, count(*) FROM raw_executions WHERE status <> 1 GROUP BY status;

-- name: newest_execution
SELECT execution_start_ts FROM raw_executions ORDER BY id DESC LIMIT 1;
